/**
 * Packet by packet the engine calls the functions that the kernel called: the recordings of test/recordings/callgraph,
 * taken on several kernels, against the engine's trace of the same scenarios, over the functions of agreement.json.
 */
import { describe, expect, test } from "vitest";
import { compareGraphs, type GraphCall } from "../../packages/lab/src/draw/call-graph.js";
import { AGREED, AGREEMENT, agreedCalls, engineCallsFor, LEFT_OUT, passagesOf, qualified } from "./agreement.js";
import { runOnEngine } from "./engine.js";
import { readRecordings } from "./recording.js";
import { SCENARIOS } from "./scenarios.js";

const recordings = readRecordings();
const kernels = [...new Set(recordings.map(({ kernel }) => kernel))];

/** The lines of a comparison that one side alone has, each below its callers. */
function disagreements(kernel: readonly GraphCall[], engine: readonly GraphCall[]): string[] {
  const { lines } = compareGraphs(kernel, engine);
  const callers: string[] = [];
  return lines.flatMap((line) => {
    callers[line.depth] = line.kernel ?? line.engine ?? "";
    if (line.kernel !== null && line.engine !== null) return [];
    return `only ${line.kernel === null ? "the engine" : "the kernel"}: ${callers.slice(0, line.depth + 1).join(" > ")}`;
  });
}

for (const scenario of SCENARIOS)
  describe(scenario.name, () => {
    const engine = runOnEngine(scenario);

    test("is recorded on every kernel", () => {
      expect(recordings.filter((each) => each.scenario === scenario.name).map(({ kernel }) => kernel)).toEqual(kernels);
    });

    for (const recording of recordings.filter((each) => each.scenario === scenario.name)) {
      const { kernel } = recording;
      test(`Linux ${kernel}`, () => {
        expect(engine.map(({ result }) => result)).toEqual(recording.steps.map(({ result }) => result));
        recording.steps.forEach((step, index) => {
          const theirs = passagesOf(agreedCalls(step.calls, kernel));
          const ours = engine[index].passages.map((calls) => engineCallsFor(calls, kernel));
          const found = theirs.flatMap((passage, at) => disagreements(passage, ours[at] ?? []));
          expect(found, `step ${index + 1}`).toEqual([]);
          expect(ours.length, `passages of step ${index + 1}`).toBe(theirs.length);
        });
      });
    }
  });
