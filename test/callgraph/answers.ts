/** From what the guest answered to the committed recordings. */
import { writeFileSync } from "node:fs";
import { functionGraphText } from "../../packages/lab/src/draw/call-graph.js";
import type { StepResult } from "../../packages/lab/src/scenario/model.js";
import { AGREEMENT } from "./agreement.js";
import type { GuestAnswer } from "./guest.js";
import { MachineError } from "./machine.js";
import { type RecordedStep, recordingName, recordingText, resultLines } from "./recording.js";
import { SCENARIOS } from "./scenarios.js";
import { readTrace } from "./tracer.js";

/** The steps of one run of a scenario. */
function stepsOf(answer: GuestAnswer): RecordedStep[] {
  const scenario = SCENARIOS.find(({ name }) => name === answer.name);
  if (scenario === undefined) throw new MachineError(`the guest ran ${answer.name}, which is no scenario`);
  return answer.traces.map((text, index) => ({
    result: resultLines(scenario, answer.results[index] as StepResult),
    calls: readTrace(text),
  }));
}

function asText(steps: readonly RecordedStep[]): string {
  return steps.map(({ result, calls }) => `${result.join("\n")}\n${functionGraphText(calls)}`).join("\n");
}

/**
 * Writes a recording for each scenario into a folder. Throws {@link MachineError} when its two runs went different
 * ways.
 */
export function writeRecordings(folder: string, answers: readonly GuestAnswer[]): void {
  for (const scenario of SCENARIOS) {
    const [first, second] = answers.filter(({ name }) => name === scenario.name);
    if (first === undefined || second === undefined) throw new MachineError(`${scenario.name} did not run twice`);
    const steps = stepsOf(first);
    if (asText(steps) !== asText(stepsOf(second)))
      throw new MachineError(`${scenario.name} on ${first.release} went another way the second time`);
    const kernel = /^\d+\.\d+/.exec(first.release)?.[0] ?? first.release;
    const shows = AGREEMENT.scenarios.find(({ name }) => name === scenario.name)?.shows ?? "";
    writeFileSync(
      `${folder}/${recordingName(scenario.name, kernel)}`,
      recordingText(scenario, shows, first.release, steps),
    );
  }
}
