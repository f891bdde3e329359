/**
 * Does the referee notice? Engines broken in one line, against what Linux answered to the scenario that caught each and
 * to the one that was made of it (test/kernel/referee.test.ts recorded both). Needs the built packages.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { BREAKS, breakEngine } from "./broken-engine.js";
import { compareAnswers } from "./compare.js";
import { FrontDoor } from "./front-door.js";
import { minimise } from "./minimise.js";
import { HANDFUL, type RecordedBreak } from "./recorded-break.js";
import { packetCount, type Scenario } from "./scenario.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const path = new URL("../recordings/referee-breaks.linux-6.18.jsonl", import.meta.url);
const recorded = readFileSync(path, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as RecordedBreak);

it("every break was caught on Linux", () => {
  expect(recorded.map(({ name }) => name)).toEqual(BREAKS.map(({ name }) => name));
});

describe.each(recorded.map((each) => [each.name, each] as const))("%s", (name, { found, least }) => {
  const broken = breakEngine(root, name);
  const engine = new FrontDoor(["node", broken.bin, "scenario", "--backend", "engine"]);
  const sound = new EngineRunner();
  afterAll(async () => {
    await engine.close();
    broken.remove();
  });

  it("is caught by Linux's answer, which the engine as it is gives", async () => {
    for (const { scenario, linux } of [found, least]) {
      expect(compareAnswers(scenario, sound.run(scenario), linux)).toBeNull();
      expect(compareAnswers(scenario, await engine.ask(scenario), linux)).not.toBeNull();
    }
    expect(packetCount(least.scenario)).toBeLessThanOrEqual(HANDFUL);
  });

  it("is minimised to a handful of packets", async () => {
    // The engine as it is stands for Linux here: it has just given the same answers.
    const shows = async (scenario: Scenario): Promise<boolean> =>
      compareAnswers(scenario, await engine.ask(scenario), sound.run(scenario)) !== null;
    const small = await minimise(found.scenario, shows);
    expect(packetCount(small)).toBeLessThanOrEqual(HANDFUL);
    expect(await shows(small)).toBe(true);
  });
});
