import { describe, expect, test } from "vitest";
import { isCi, selectSuites } from "../../scripts/test.mjs";

describe("--only", () => {
  const names = (only: string | undefined): string[] => selectSuites(only).map(({ name }) => name);

  test("keeps the suites' own order", () => {
    expect(names("vitest, lint")).toEqual(["lint", "vitest"]);
  });

  test("left out means all", () => {
    expect(names(undefined)).toEqual([
      "lint",
      "types",
      "vitest",
      "lessons",
      "site",
      "firefox",
      "lighthouse",
      "sizes",
      "kernel",
    ]);
  });

  test.each(["vitests", "", "lint,"])("refuses %j by naming what there is", (only) => {
    expect(() => names(only)).toThrow(/There is no suite "\w*"; there are lint, types, vitest/);
  });
});

test.each([
  [{}, false],
  [{ CI: "" }, false],
  [{ CI: "false" }, false],
  [{ CI: "0" }, false],
  [{ CI: "true" }, true],
  [{ CI: "1" }, true],
])("environment %j is CI: %s", (env, expected) => {
  expect(isCi(env)).toBe(expected);
});
