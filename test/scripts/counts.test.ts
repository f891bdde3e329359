import { describe, expect, test } from "vitest";
import {
  addCounts,
  closingLine,
  countsFromClosingLine,
  countsFromVitest,
  formatTable,
  settleCounts,
} from "../../scripts/counts.mjs";

const counts = (passed: number, failed: number, skipped = 0) => ({ passed, failed, skipped });

describe("a closing line is read", () => {
  test.each([
    ["8 passed, 0 failed\n", counts(8, 0)],
    ["8 passed, 1 failed, 2 skipped\n", counts(8, 1, 2)],
    ["lessons: 8 passed, 0 failed\n", counts(8, 0)],
    ["1 passed, 0 failed\nmore\n3 passed, 0 failed\r\n", counts(3, 0)],
    ["Test Files  8 passed, 0 failed (8)\n", undefined],
    ["8 passed\n", undefined],
    ["", undefined],
  ])("%j", (output, expected) => {
    expect(countsFromClosingLine(output)).toEqual(expected);
  });

  test("as it was written", () => {
    for (const told of [counts(0, 0), counts(12, 0), counts(12, 3, 4)]) {
      expect(countsFromClosingLine(closingLine(told))).toEqual(told);
    }
  });
});

describe("vitest's report", () => {
  const report = (change: object) => ({
    success: true,
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ status: "passed", assertionResults: [{ status: "passed" }] }],
    ...change,
  });
  const broken = { status: "failed", assertionResults: [] };
  const failing = { status: "failed", assertionResults: [{ status: "failed" }] };
  test.each([
    ["all passed", {}, counts(5, 0)],
    ["skipped and to do", { numPendingTests: 2, numTodoTests: 1 }, counts(5, 0, 3)],
    ["a failed test", { success: false, numFailedTests: 1, testResults: [failing] }, counts(5, 1)],
    ["a file that does not load", { success: false, testResults: [broken] }, counts(5, 1)],
    ["both", { success: false, numFailedTests: 1, testResults: [failing, broken] }, counts(5, 2)],
    ["an error outside of tests", { success: false }, counts(5, 1)],
  ])("%s", (_, change, expected) => {
    expect(countsFromVitest(report(change))).toEqual(expected);
  });
});

describe("a suite's counts come to", () => {
  test.each([
    ["what it counted", counts(3, 0, 1), 0, false, counts(3, 0, 1)],
    ["its own failures", counts(3, 2), 1, false, counts(3, 2)],
    ["a failure where it broke off without one", counts(3, 0), 1, false, counts(3, 1)],
    ["one passed where it counts nothing", undefined, 0, false, counts(1, 0)],
    ["one failed where it counts nothing and fails", undefined, 2, false, counts(0, 1)],
    ["a failure for each skip on CI", counts(3, 0, 2), 0, true, counts(3, 2)],
    ["both on CI", counts(3, 1, 2), 1, true, counts(3, 3)],
  ])("%s", (_, told, status, ci, expected) => {
    expect(settleCounts(told, { status, ci })).toEqual(expected);
  });
});

test("the total is the sum, and skips are told only where there are any", () => {
  expect(closingLine(addCounts([counts(2, 0), counts(10, 1)]))).toBe("12 passed, 1 failed");
  expect(closingLine(addCounts([counts(2, 0), counts(0, 0, 1)]))).toBe("2 passed, 0 failed, 1 skipped");
  expect(closingLine(addCounts([]))).toBe("0 passed, 0 failed");
});

test("the table has one aligned row a suite, and its note", () => {
  const rows = [
    { name: "lint", ...counts(2, 0), note: "", milliseconds: 900 },
    { name: "kernel", ...counts(0, 0, 1), note: "not run: this machine lacks root", milliseconds: 0 },
  ];
  expect(formatTable(rows, (milliseconds) => `${milliseconds} ms`)).toBe(
    [
      "suite   passed  failed  skipped    time",
      "lint         2       0        0  900 ms",
      "kernel       0       0        1    0 ms  not run: this machine lacks root",
    ].join("\n"),
  );
});
