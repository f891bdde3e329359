/**
 * What the referee found, kept: a file of JSON for each kind below test/results/referee and for each engine broken on
 * purpose below test/results/broken. The site's page "How do you know it is right?" takes its figures from them; nobody
 * types any. A run replaces the one with the same seed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Break } from "./broken-engine.js";
import type { Kind } from "./kinds/router.js";
import type { Machine } from "./machine.js";
import type { Finding, Tally } from "./referee.js";

/** One run of a kind. */
export interface Run extends Readonly<Tally>, Machine {
  readonly seed: number;
  /** The day, `2026-11-22`. */
  readonly date: string;
}

/** A kind's file. */
export interface KindResults {
  readonly kind: string;
  readonly about: string;
  /** By seed, in rising order. */
  readonly runs: readonly Run[];
}

/** How a broken engine was caught: the first disagreement that was made small. */
export interface BrokenResult extends Machine {
  readonly break: string;
  readonly about: string;
  /** The change to the engine. */
  readonly change: { readonly file: string; readonly from: string; readonly to: string };
  readonly seed: number;
  readonly date: string;
  readonly finding: Finding;
}

/** A kind's results with one more run. */
export function withRun(results: KindResults, run: Run): KindResults {
  const runs = [...results.runs.filter(({ seed }) => seed !== run.seed), run].sort((a, b) => a.seed - b.seed);
  return { ...results, runs };
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Adds a run to a kind's file below `folder`. */
export function recordRun(folder: string, { name, about }: Kind, run: Run): void {
  const path = join(folder, "referee", `${name}.json`);
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as KindResults).runs : [];
  write(path, withRun({ kind: name, about, runs: before }, run));
}

/** Writes how a broken engine was caught below `folder`. */
export function recordBroken(folder: string, result: BrokenResult): void {
  write(join(folder, "broken", `${result.break}.json`), result);
}

/** A broken engine and what it disagreed in, as {@link recordBroken} takes them. */
export function brokenResult(
  { name, about, file, from, to }: Break,
  finding: Finding,
  run: Machine & { readonly seed: number; readonly date: string },
): BrokenResult {
  return { break: name, about, change: { file, from, to }, ...run, finding };
}
