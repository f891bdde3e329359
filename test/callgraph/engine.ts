/** The engine's run of a scenario, as a recording tells the kernel's. */
import type { PacketTrace } from "../../packages/engine/src/index.js";
import { callsOnly, type GraphCall } from "../../packages/lab/src/draw/call-graph.js";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import type { Scenario } from "../../packages/lab/src/scenario/model.js";
import { resultLines } from "./recording.js";

/** One step: what it gave, and the calls of each passage in the order in which they began. */
export interface EngineStep {
  readonly result: readonly string[];
  readonly passages: readonly (readonly GraphCall[])[];
}

/** Runs a scenario with its packets traced. */
export function runOnEngine(scenario: Scenario): EngineStep[] {
  const traced: { passage: PacketTrace; step: number }[] = [];
  const runner = new EngineRunner({ passage: (passage, step) => traced.push({ passage, step }) });
  const { steps } = runner.run(scenario);
  return steps.map((result, step) => ({
    result: resultLines(scenario, result),
    passages: traced
      .filter((each) => each.step === step)
      .map(({ passage }) => passage)
      .sort((a, b) => a.order - b.order)
      .map(({ calls }) => callsOnly(calls)),
  }));
}
