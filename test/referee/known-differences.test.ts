/** The list of known differences is true: each is still there, is kept out of its kinds, and is told to readers. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { ScenarioError } from "../../packages/lab/src/scenario/model.js";
import { compareAnswers } from "./compare.js";
import { KINDS } from "./kinds/index.js";
import { KNOWN_DIFFERENCES, knownDifferencesMarkdown, shownBy } from "./known-differences.js";
import { makeScenario } from "./referee.js";
import type { Answer, Scenario } from "./scenario.js";

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

const recorded = read("../recordings/referee-known-differences.linux-6.18.jsonl")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as { scenario: Scenario; linux: Answer });

/** Whether the engine answers a scenario otherwise than Linux did, or says by name that it cannot. */
function differs(scenario: Scenario, linux: Answer): boolean {
  try {
    return compareAnswers(scenario, new EngineRunner().run(scenario), linux) !== null;
  } catch (error) {
    if (error instanceof ScenarioError && error.message.includes("unsupported command")) return true;
    throw error;
  }
}

describe.each(KNOWN_DIFFERENCES.map((each) => [each.name, each] as const))("%s", (name, difference) => {
  const found = recorded.find(({ scenario }) => scenario.name === name);

  it("is still there: the engine does not answer what Linux answered", () => {
    if (found === undefined) throw new Error("not recorded");
    expect(found.linux.error).toBeUndefined();
    expect(differs(found.scenario, found.linux)).toBe(true);
    expect(difference.shown(found.scenario)).toBe(true);
  });

  it("has kinds that there are, whose scenarios do not show it", () => {
    for (const name of difference.kinds) {
      const kind = KINDS.find((each) => each.name === name);
      if (kind === undefined) throw new Error(`there is no kind "${name}"`);
      for (let index = 0; index < 100; index++) expect(shownBy(name, makeScenario(kind, 5, index))).toEqual([]);
    }
  });
});

it("says each name once, and records no other", () => {
  const names = KNOWN_DIFFERENCES.map(({ name }) => name);
  expect(recorded.map(({ scenario }) => scenario.name).sort()).toEqual(names.sort());
  expect(new Set(names).size).toBe(names.length);
});

it.each(["README.md", "../../website/docs/known-differences.md"])("%s has the list", (path) => {
  expect(read(path)).toContain(`\n\n${knownDifferencesMarkdown()}`);
});
