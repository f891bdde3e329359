/** The engine answers every recorded scenario as Linux did, on any machine; what it does not is known by name. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EngineRunner } from "../../../packages/lab/src/scenario/engine-runner.js";
import { ScenarioError } from "../../../packages/lab/src/scenario/model.js";
import type { Answer, Scenario } from "../scenario.js";
import { GROUPS, NOT_YET } from "./index.js";
import { readRecording, recordingPath, undrawn } from "./recording.js";
import { replay } from "./refresh.js";

const RECORDINGS = fileURLToPath(new URL("../../recordings", import.meta.url));
const engine = new EngineRunner();

/** As the front door answers: a scenario that cannot run is an answer too. */
function run(scenario: Scenario): Answer {
  try {
    return engine.run(scenario);
  } catch (error) {
    if (error instanceof ScenarioError) return { error: error.message };
    throw error;
  }
}

describe.each(GROUPS.map((group) => [group.name, group] as const))("%s", (name, group) => {
  const recording = readRecording(recordingPath(RECORDINGS, name));
  if (recording === null) throw new Error(`not recorded: npm run record -- --group ${name}`);

  it("says which kernel and which tools answered, and is of the scenarios that there are", () => {
    const { heading, recorded } = recording;
    expect(heading).toMatchObject({ group: name, about: group.about });
    expect([heading.kernel, heading.tools.iptables, heading.tools.conntrack]).not.toContain(undefined);
    const asked = recorded.map(({ scenario }) => undrawn(scenario));
    expect(asked.map((each) => each.name)).toEqual(group.scenarios().map((each) => each.name));
    // A generator that was changed since has other scenarios under the old names: npm run record.
    if (name !== "generators") expect(asked).toEqual(group.scenarios());
  });

  it.each(recording.recorded.map((each) => [each.scenario.name, each] as const))("%s", (scenario, recorded) => {
    // A generator may ask for what both refuse.
    if (name !== "generators") expect(recorded.linux.error).toBeUndefined();
    const difference = replay(run, recorded);
    if (scenario in NOT_YET) expect(difference).not.toBeNull();
    else expect(difference).toBeNull();
  });
});

it("what is not there yet is recorded, and readers are told", () => {
  const names = GROUPS.flatMap((group) => group.scenarios().map(({ name }) => name));
  const page = readFileSync(new URL("../../../website/docs/known-differences.md", import.meta.url), "utf8");
  for (const [name, lacking] of Object.entries(NOT_YET)) {
    expect(names).toContain(name);
    expect(page).toContain(lacking);
  }
});

it("no two scenarios have one name, and no recording is of a group that is gone", () => {
  const names = GROUPS.flatMap((group) => group.scenarios().map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  const files = readdirSync(RECORDINGS).filter((file) => file.endsWith(".jsonl") && !file.startsWith("referee-"));
  expect(files.sort()).toEqual(GROUPS.map(({ name }) => recordingPath(".", name)).sort());
});
