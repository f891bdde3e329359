/**
 * What a running kernel does not show. The engine's trace sees every function that a packet meets; from outside, Linux
 * shows packets on devices, conntrack events and the trace of nf_tables. Whoever asks for more gets an error that names
 * what was asked, and the question is remembered, so that a runner of lessons can tell which cells need the engine.
 */

/** Under this symbol of the global object stand the names of what was asked for in vain, in order of first asking. */
const ASKED: unique symbol = Symbol.for("netfilter-lab.engine-only") as never;

interface Asked {
  [ASKED]?: Set<string>;
}

/** Thrown for what only the engine can tell. */
export class EngineOnlyError extends Error {
  override readonly name = "EngineOnlyError";
  /** What was asked for, such as `walk.packets[].lookups`. */
  readonly what: string;

  constructor(what: string, why: string) {
    super(`${what}: ${why} (backend "linux"; the backend "engine" shows it)`);
    this.what = what;
    noteEngineOnly(what);
  }
}

/** Remembers that something was asked for of which the kernel shows only a part, or nothing. */
export function noteEngineOnly(what: string): void {
  const holder = globalThis as Asked;
  holder[ASKED] ??= new Set();
  holder[ASKED].add(what);
}
