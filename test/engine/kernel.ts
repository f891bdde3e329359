/** Scenarios sent to the running kernel by test/kernel/record.py, and recordings of such answers read back. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hex, type StepResult } from "./compare.js";
import type { Scenario } from "./scenarios.js";

/** What record.py wrote. */
export interface Answers {
  readonly kernel: string;
  /** By scenario, in order. */
  readonly results: readonly { readonly name: string; readonly results: readonly StepResult[] }[];
  /** The table afterwards, sorted. */
  readonly entries: readonly string[];
}

function parseAnswers(text: string): Answers {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    kernel: String(lines[0].kernel),
    results: lines.slice(1, -1) as unknown as Answers["results"],
    entries: (lines.at(-1) as { entries: string[] }).entries,
  };
}

/** Asks the kernel. Needs root; returns its answers and their text. */
export function askKernel(scenarios: readonly Scenario[], args: readonly string[]): { answers: Answers; text: string } {
  const input = scenarios
    .map(({ name, steps }) => JSON.stringify({ name, steps: steps.map(({ from, bytes }) => [from, hex(bytes)]) }))
    .join("\n");
  const script = fileURLToPath(new URL("../kernel/record.py", import.meta.url));
  const run = spawnSync("python3", [script, ...args], { input: `${input}\n`, encoding: "utf8", maxBuffer: 1 << 30 });
  if (run.status !== 0) throw new Error(`record.py: ${run.stderr}`);
  return { answers: parseAnswers(run.stdout), text: run.stdout };
}

/** Where a recording lies. */
export function recordingPath(name: string): string {
  return fileURLToPath(new URL(`../recordings/${name}`, import.meta.url));
}

export function readRecording(name: string): string {
  return readFileSync(recordingPath(name), "utf8");
}

export function readAnswers(name: string): Answers {
  return parseAnswers(readRecording(`${name}.linux-6.18.jsonl`));
}
