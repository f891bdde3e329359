/**
 * Recordings of the kernel's answers: a file of JSON lines a group below test/recordings. Its first line says which
 * kernel and which tools answered, and when; each other one has a scenario and the answer, the kernel's draws of ports
 * in the scenario's `random`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Machine } from "../machine.js";
import type { Answer, Scenario } from "../scenario.js";

/** The kernel that behaviour is judged by. */
export const REFERENCE_KERNEL = "6.18";

/** A scenario and what Linux answered. */
export interface Recorded {
  readonly scenario: Scenario;
  readonly linux: Answer;
}

/** The first line of a file. */
export interface Heading extends Machine {
  readonly group: string;
  readonly about: string;
  /** The day, `2026-11-22`. */
  readonly date: string;
}

export interface Recording {
  readonly heading: Heading;
  readonly recorded: readonly Recorded[];
}

/** Where a group's recording lies. */
export function recordingPath(folder: string, group: string): string {
  return join(folder, `${group}.linux-${REFERENCE_KERNEL}.jsonl`);
}

/** Reads a file; null where there is none. */
export function readRecording(path: string): Recording | null {
  if (!existsSync(path)) return null;
  const [heading, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  return { heading: JSON.parse(heading) as Heading, recorded: lines.map((line) => JSON.parse(line) as Recorded) };
}

export function writeRecording(path: string, { heading, recorded }: Recording): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, [heading, ...recorded].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** A scenario as it was asked, without what the kernel drew. */
export function undrawn(scenario: Scenario): Scenario {
  const asked: { random?: readonly number[] } & Scenario = { ...scenario };
  delete asked.random;
  return asked;
}
