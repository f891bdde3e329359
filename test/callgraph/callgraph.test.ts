/**
 * Packet by packet the engine calls the functions that the kernel called: the recordings of test/recordings/callgraph,
 * taken on several kernels, against the engine's trace of the same scenarios, over the functions of agreement.json.
 */
import { describe, expect, test } from "vitest";
import { compareGraphs, type GraphCall } from "../../packages/lab/src/draw/call-graph.js";
import {
  AGREED,
  AGREEMENT,
  agreedCalls,
  type Difference,
  engineCallsFor,
  LEFT_OUT,
  passagesOf,
  qualified,
} from "./agreement.js";
import { type EngineStep, runOnEngine } from "./engine.js";
import { type Recording, readRecordings } from "./recording.js";
import { SCENARIOS } from "./scenarios.js";

const recordings = readRecordings();
const kernels = [...new Set(recordings.map(({ kernel }) => kernel))];
const engine: ReadonlyMap<string, EngineStep[]> = new Map(SCENARIOS.map((each) => [each.name, runOnEngine(each)]));

/** The calls that one side alone has, each with its callers. */
function onOneSide(kernel: readonly GraphCall[], ours: readonly GraphCall[]): string[] {
  const callers: string[] = [];
  return compareGraphs(kernel, ours).lines.flatMap((line) => {
    callers[line.depth] = line.kernel ?? line.engine ?? "";
    if (line.kernel !== null && line.engine !== null) return [];
    return `only ${line.kernel === null ? "the engine" : "the kernel"}: ${callers.slice(0, line.depth + 1).join(" > ")}`;
  });
}

/** What engine and kernel do not share, by step and passage. */
function disagreements(recording: Recording, differences: readonly Difference[] = AGREEMENT.differences): string[] {
  const steps = engine.get(recording.scenario) ?? [];
  return recording.steps.flatMap(({ calls }, index) => {
    const theirs = passagesOf(agreedCalls(calls, recording.kernel, differences));
    const ours = steps[index].passages.map((each) => engineCallsFor(each, recording.kernel, differences));
    const passages = Array.from({ length: Math.max(theirs.length, ours.length) }, (_, at) =>
      onOneSide(theirs[at] ?? [], ours[at] ?? []),
    );
    return passages.flatMap((found, at) => found.map((line) => `step ${index + 1}, packet ${at + 1}, ${line}`));
  });
}

/** Every function of a graph. */
function functionsOf(calls: readonly GraphCall[]): string[] {
  return calls.flatMap(({ module, fn, children }) => [qualified(module, fn), ...functionsOf(children)]);
}

describe.each(recordings.map((recording) => ({ ...recording, recording })))(
  "$scenario, Linux $kernel",
  ({ scenario, recording }) => {
    test("the same packets leave and the same events come", () => {
      expect(engine.get(scenario)?.map(({ result }) => result)).toEqual(recording.steps.map(({ result }) => result));
    });

    test("the same functions are called, in the same order and nested in the same way", () => {
      expect(disagreements(recording)).toEqual([]);
    });
  },
);

describe("the recordings", () => {
  test("are of every scenario on every kernel", () => {
    const wanted = SCENARIOS.flatMap(({ name }) => kernels.map((kernel) => `${name} ${kernel}`));
    expect(recordings.map(({ scenario, kernel }) => `${scenario} ${kernel}`).sort()).toEqual(wanted.sort());
    expect(kernels).toEqual(["6.1", "6.12", "6.18"]);
  });

  test("show that a packet's table is looked up once, and that POSTROUTING looks nothing up", () => {
    const reply = recordings.filter(({ scenario }) => scenario === "snat").map(({ steps }) => steps[1].calls);
    for (const calls of reply) {
      expect(functionsOf(calls).filter((name) => name === "nf_conntrack __nf_conntrack_find_get")).toHaveLength(1);
      const output = calls[0].children.flatMap((call) => (call.fn === "ip_forward" ? functionsOf(call.children) : []));
      expect(output).toContain("nf_nat nf_nat_ipv4_out");
      expect(output).not.toContain("nf_conntrack __nf_conntrack_find_get");
    }
  });
});

describe("the agreement", () => {
  const recorded = new Set(recordings.flatMap(({ steps }) => steps.flatMap(({ calls }) => functionsOf(calls))));
  const called = new Set(
    [...engine.values()].flatMap((steps) => steps.flatMap(({ passages }) => passages.flatMap(functionsOf))),
  );

  test("says of each scenario what it shows", () => {
    expect(AGREEMENT.scenarios.map(({ name }) => name).sort()).toEqual(SCENARIOS.map(({ name }) => name).sort());
  });

  test("is over exactly the functions that the engine calls", () => {
    expect([...called].sort()).toEqual([...AGREED].sort());
  });

  test("names no function that no recording has", () => {
    expect([...AGREED, ...LEFT_OUT].filter((name) => !recorded.has(name))).toEqual([]);
  });

  test("leaves out no agreed function", () => {
    expect([...AGREED].filter((name) => LEFT_OUT.has(name))).toEqual([]);
  });

  test.each(AGREEMENT.differences.map((row, index) => ({ ...row, index })))(
    "needs its row about $agreed being $recorded in $kernels",
    ({ kernels: concerned, index }) => {
      const others = AGREEMENT.differences.filter((_, at) => at !== index);
      for (const kernel of concerned) {
        const without = (): string[] =>
          recordings.filter((each) => each.kernel === kernel).flatMap((each) => disagreements(each, others));
        let found: string[];
        try {
          found = without();
        } catch (error) {
          // A function of that kernel's own is unknown without its row.
          found = [(error as Error).message];
        }
        expect(found).not.toEqual([]);
      }
    },
  );
});
