/**
 * The referee against this machine's Linux: scenarios of every kind, from fixed seeds and from a fresh one that the log
 * tells, and engines broken on purpose. Needs root, the tools and the built packages. With UPDATE_RECORDINGS=1 what
 * caught the broken engines is written to test/recordings, for machines without root.
 */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BREAKS, breakEngine } from "../referee/broken-engine.js";
import { fewBuckets } from "../referee/buckets.js";
import { FrontDoor } from "../referee/front-door.js";
import { KINDS } from "../referee/kinds/index.js";
import { KNOWN_DIFFERENCES } from "../referee/known-differences.js";
import { Pool } from "../referee/pool.js";
import { HANDFUL, type RecordedBreak } from "../referee/recorded-break.js";
import { type Finding, makeScenario, referee, type Tally } from "../referee/referee.js";
import { packetCount } from "../referee/scenario.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = fileURLToPath(new URL("../../packages/lab/bin/netfilter-lab.mjs", import.meta.url));
const door = (bin: string, backend: string): FrontDoor =>
  new FrontDoor(["node", bin, "scenario", "--backend", backend]);

// A kernel that waits (kind `time`) answers others meanwhile.
const kernels = Array.from({ length: 4 }, () => door(program, "linux"));
const linux = new Pool(kernels);
const engine = door(program, "engine");
const buckets = fewBuckets();
afterAll(async () => {
  await Promise.all([...kernels, engine].map((each) => each.close()));
  await buckets.restore();
});

/** A finding with what only one side has first: a log may show no more than the end of a long list. */
function toldShortly({ difference, ...finding }: Finding): unknown {
  const without = (one: unknown, other: unknown): unknown =>
    Array.isArray(one) && Array.isArray(other) ? one.filter((line) => !other.includes(line)) : one;
  const { engine: ours, linux: theirs } = difference;
  return { ...finding, ...difference, engine: without(ours, theirs), linux: without(theirs, ours) };
}

/** A scenario of many packets may take a while on a machine that has others to serve. */
const PATIENCE = 300_000;

const FRESH = Number(process.env.REFEREE_SEED ?? randomInt(2 ** 31));

describe.each([
  { seed: 1, packets: 20_000, which: "fixed seed" },
  { seed: FRESH, packets: 5000, which: "fresh seed" },
])("$packets packets of $which $seed agree", ({ seed, packets, which }) => {
  const tallies: Record<string, Tally> = {};

  beforeAll(() => {
    console.log(`referee: ${which} ${seed}; again: REFEREE_SEED=${seed}, or npm run referee -- --seed ${seed}`);
  });

  test.each(KINDS.map((kind) => [kind.name, kind] as const))(
    "%s",
    async (name, kind) => {
      const findings: Finding[] = [];
      const found = (finding: Finding): void => {
        findings.push(finding);
      };
      const share = Math.ceil(packets / KINDS.length);
      const tally = await referee(kind, { engine, linux, seed, packets: share, minimised: 2, found });
      tallies[name] = tally;
      expect(findings.map(toldShortly)).toEqual([]);
      expect(tally.disagreeing).toBe(0);
    },
    PATIENCE,
  );

  test("the count, kind by kind", () => {
    const notComparable = Object.keys(tallies).filter(
      (name) => tallies[name].notComparable === tallies[name].scenarios,
    );
    console.log(
      `referee: ${JSON.stringify({ seed, notComparable, kinds: tallies, knownDifferences: KNOWN_DIFFERENCES.map(({ name }) => name) })}`,
    );
    expect(Object.keys(tallies)).toEqual(KINDS.map(({ name }) => name));
    const compared = Object.values(tallies).filter((tally) => tally.agreeing > 0);
    const sent = compared.reduce((sum, tally) => sum + tally.packets, 0);
    expect(sent).toBeGreaterThanOrEqual(packets * (1 - notComparable.length / KINDS.length));
  });
});

describe("an engine broken on purpose is caught and told in a handful of packets", () => {
  const recorded: RecordedBreak[] = [];

  test.each(BREAKS.map((each) => [each.name, each.kind] as const))(
    "%s",
    async (name, kindName) => {
      const kind = KINDS.find((each) => each.name === kindName);
      if (kind === undefined) throw new Error(`there is no kind "${kindName}"`);
      const broken = breakEngine(root, name);
      const spoilt = door(broken.bin, "engine");
      try {
        const findings: Finding[] = [];
        const found = (finding: Finding): void => {
          findings.push(finding);
        };
        await referee(kind, { engine: spoilt, linux, seed: 1, packets: 100, minimised: 1, found });
        const first = findings.find(({ minimised }) => minimised !== null);
        if (first === undefined || first.minimised === null) throw new Error("not caught");
        expect(packetCount(first.minimised)).toBeLessThanOrEqual(HANDFUL);
        const scenario = makeScenario(kind, 1, Number(/\d+$/.exec(first.name)));
        const answered = async (each: typeof scenario) => ({ scenario: each, linux: await linux.ask(each) });
        recorded.push({ name, found: await answered(scenario), least: await answered(first.minimised) });
      } finally {
        await spoilt.close();
        broken.remove();
      }
    },
    PATIENCE,
  );

  // None unless asked for: a skipped test is a failure on CI.
  test.each(process.env.UPDATE_RECORDINGS === "1" ? ["referee-breaks.linux-6.18.jsonl"] : [])(
    "%s is written",
    (file) => {
      expect(recorded).toHaveLength(BREAKS.length);
      const lines = recorded.map((each) => `${JSON.stringify(each)}\n`);
      writeFileSync(new URL(`../recordings/${file}`, import.meta.url), lines.join(""));
    },
  );
});
