/**
 * The labs of this program, for whoever runs lessons: on real Linux more time passes than a lesson asks for, and a
 * comparison of seconds has to know how much. Held weakly: to be in this list keeps no lab alive.
 */
import type { Backend } from "./backend.js";

/**
 * Under this symbol of the global object stands a function that tells each lab's time in seconds, in the order of
 * making; null: nobody uses it any more.
 */
const TIMES: unique symbol = Symbol.for("netfilter-lab.times") as never;

interface Teller {
  [TIMES]?: () => (number | null)[];
}

const labs: WeakRef<Backend>[] = [];

/** Puts a lab on the list. */
export function noteLab(backend: Backend): void {
  labs.push(new WeakRef(backend));
  (globalThis as Teller)[TIMES] ??= () => labs.map((each) => secondsOf(each.deref()));
}

function secondsOf(backend: Backend | undefined): number | null {
  return backend === undefined ? null : backend.nowMicros / 1_000_000;
}
