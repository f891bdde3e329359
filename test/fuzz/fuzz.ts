/** Feeds a target from a worker, and watches: an input that takes too long or too much memory is a finding as well. */
import { Worker } from "node:worker_threads";
import type { TARGETS } from "./targets.js";
import type { Work } from "./worker.js";

export interface Found {
  readonly target: keyof typeof TARGETS;
  readonly seed: number;
  /** With the seed it names the input. */
  readonly index: number;
  readonly message: string;
  /** The input itself, where it could be told. */
  readonly input: unknown;
}

/** What a worker says. `fed`: packets or inputs; `longest`: milliseconds of the slowest input. */
export type Report =
  | { readonly kind: "finding"; readonly finding: Found }
  | { readonly kind: "progress" | "done"; readonly index: number; readonly fed: number; readonly longest: number };

export interface Summary {
  readonly inputs: number;
  readonly fed: number;
  readonly longest: number;
  readonly findings: readonly Found[];
}

export interface Limits {
  /** One input, in seconds. */
  readonly seconds: number;
  /** The worker's memory, in MiB. */
  readonly mebibytes: number;
}

/** How often the watch looks. */
const LOOK_MILLISECONDS = 100;

/** More findings than this are one defect shown again and again. */
const MOST_FINDINGS = 20;

/** The program of the worker, beside the command's own file. */
const PROGRAM: URL = new URL("worker.mjs", import.meta.url);

/** Feeds so much of a target. `onProgress` hears of what is done and how much was found; `program` is what does it. */
export async function fuzz(
  target: keyof typeof TARGETS,
  seed: number,
  amount: number,
  limits: Limits,
  onProgress: (fed: number, found: number) => void = () => {},
  program: URL = PROGRAM,
): Promise<Summary> {
  const findings: Found[] = [];
  const sum = { fed: 0, inputs: 0, longest: 0 };
  for (let from = 0; sum.fed < amount && findings.length < MOST_FINDINGS; ) {
    const before = sum.fed;
    const at = new Int32Array(new SharedArrayBuffer(4)).fill(from);
    const lost = await feed(program, { target, seed, from, amount: amount - before, at }, limits, (report) => {
      if (report.kind === "finding") {
        findings.push(report.finding);
        return;
      }
      sum.fed = before + report.fed;
      sum.longest = Math.max(sum.longest, report.longest);
      onProgress(sum.fed, findings.length);
    });
    const index = Atomics.load(at, 0);
    sum.inputs += index - from + 1;
    from = index + 1;
    if (lost === null) break;
    findings.push({ target, seed, index, message: lost, input: null });
  }
  return { ...sum, findings };
}

/** One worker's life. Null when it did its work, else why it did not. */
function feed(program: URL, work: Work, limits: Limits, hear: (report: Report) => void): Promise<string | null> {
  const worker = new Worker(program, {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: limits.mebibytes },
  });
  return new Promise((resolve) => {
    let [index, since] = [-1, performance.now()];
    const end = (why: string | null): void => {
      clearInterval(watch);
      void worker.terminate();
      resolve(why);
    };
    const watch = setInterval(() => {
      const now = Atomics.load(work.at, 0);
      if (now !== index) [index, since] = [now, performance.now()];
      else if (performance.now() - since > limits.seconds * 1000) end(`not over after ${limits.seconds} s`);
    }, LOOK_MILLISECONDS);
    worker.on("message", (report: Report) => {
      hear(report);
      if (report.kind === "done") end(null);
    });
    worker.on("error", (error) => end(String(error)));
    worker.on("exit", () => end("the worker ended"));
  });
}
