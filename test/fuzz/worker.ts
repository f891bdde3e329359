/**
 * Feeds one target, input after input. What it is at stands in memory that the other side sees, so that an input which
 * never ends, or takes all memory, is known by its number.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Report } from "./fuzz.js";
import { Finding, TARGETS } from "./targets.js";

export interface Work {
  readonly target: keyof typeof TARGETS;
  readonly seed: number;
  readonly from: number;
  /** Ends when so much was fed. */
  readonly amount: number;
  /** The number of the input under way. */
  readonly at: Int32Array;
}

const { target, seed, from, amount, at }: Work = workerData;
const port = parentPort;
if (port === null) throw new Error("this is a worker's program");
const tell = (report: Report): void => port.postMessage(report);

let fed = 0;
let longest = 0;
for (let index = from; fed < amount; index++) {
  Atomics.store(at, 0, index);
  const begin = performance.now();
  try {
    fed += TARGETS[target].feed(seed, index);
  } catch (error) {
    const { message, input } = error instanceof Finding ? error : new Finding(String(error), null);
    tell({ kind: "finding", finding: { target, seed, index, message, input } });
    fed++;
  }
  longest = Math.max(longest, performance.now() - begin);
  if (index % 20 === 0) tell({ kind: "progress", index, fed, longest });
}
tell({ kind: "done", index: Atomics.load(at, 0), fed, longest });
