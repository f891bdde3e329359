import { afterEach, expect, test, vi } from "vitest";
import { main } from "./main.js";
import { output } from "./streams.js";

afterEach(() => vi.restoreAllMocks());

test.each([
  [["--backend", "gvisor"], "--backend gvisor: unknown"],
  [["--backend="], "--backend : unknown"],
  [["--backend"], "--backend: unknown"],
  [["--fast"], "--fast: unknown"],
  [["scenarios.jsonl"], "scenarios.jsonl: unknown"],
  [["--backend", "engine", "more"], "--backend engine more: unknown"],
])("a wrong command line reads nothing: %j", async (args, message) => {
  const errors: string[] = [];
  vi.spyOn(output, "error").mockImplementation((text) => void errors.push(text));
  expect(await main(["scenario", ...args])).toBe(2);
  expect(errors).toEqual([
    `netfilter-lab scenario: ${message} (usage: netfilter-lab scenario [--backend engine|linux] < scenarios.jsonl > results.jsonl)\n`,
  ]);
});

test("--help", async () => {
  const printed: string[] = [];
  vi.spyOn(output, "print").mockImplementation((text) => void printed.push(text));
  expect(await main(["scenario", "--help"])).toBe(0);
  expect(printed.join("")).toMatch(/^Usage: netfilter-lab scenario \[--backend engine\|linux\]/);
});
