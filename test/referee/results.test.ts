/** What runs of the referee left, and that the committed results are of kinds and breaks that there are. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { BREAKS } from "./broken-engine.js";
import { KINDS } from "./kinds/index.js";
import { type BrokenResult, type KindResults, type Run, recordRun } from "./results.js";

const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));

function committed<T>(folder: string): [string, T][] {
  return readdirSync(join(RESULTS, folder)).map((name) => [
    name,
    JSON.parse(readFileSync(join(RESULTS, folder, name), "utf8")) as T,
  ]);
}

const run = (seed: number, packets: number): Run => ({
  seed,
  packets,
  scenarios: 3,
  agreeing: 3,
  disagreeing: 0,
  unrepeated: 0,
  notComparable: 0,
  kernel: "6.18.0",
  tools: { iptables: "1.8.9" },
  date: "2026-11-22",
});

it("keeps runs by seed, the last one of each", () => {
  const folder = mkdtempSync(join(tmpdir(), "netfilter-lab-results-"));
  const kind = KINDS[0];
  for (const [seed, packets] of [
    [7, 100],
    [2, 100],
    [7, 300],
  ])
    recordRun(folder, kind, run(seed, packets));
  const kept = JSON.parse(readFileSync(join(folder, "referee", `${kind.name}.json`), "utf8")) as KindResults;
  rmSync(folder, { recursive: true });
  expect(kept).toEqual({ kind: kind.name, about: kind.about, runs: [run(2, 100), run(7, 300)] });
});

it.each(committed<KindResults>("referee"))(
  "%s is of a kind that there is, and adds up",
  (name, { kind, about, runs }) => {
    expect(name).toBe(`${kind}.json`);
    expect(KINDS.find((each) => each.name === kind)?.about).toBe(about);
    expect(runs.length).toBeGreaterThan(0);
    for (const { packets, scenarios, agreeing, disagreeing, unrepeated, notComparable, kernel, date } of runs) {
      expect(agreeing + disagreeing + unrepeated + notComparable).toBe(scenarios);
      expect(packets).toBeGreaterThan(0);
      expect(kernel).toMatch(/^\d+\.\d+/);
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  },
);

it.each(committed<BrokenResult>("broken"))("%s is of a break that there is, and was made small", (name, result) => {
  expect(name).toBe(`${result.break}.json`);
  const { file, from, to } = BREAKS.find((each) => each.name === result.break) ?? {};
  expect(result.change).toEqual({ file, from, to });
  expect(result.finding.minimised?.steps.length).toBeGreaterThan(0);
});
