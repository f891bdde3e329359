/**
 * The size of conntrack's hash table, which is one for the whole machine. Listing a table and taking down a namespace
 * walk all of it: a run with many small tables is ten times as fast with few buckets. What is lowered is put back when
 * the run is over, however it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** The tunable. It can be written outside network namespaces only. */
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
/** Enough for a scenario's table. */
const FEW = 1024;

/** Writes, waits for the one who started it to end, and puts back; in a session of its own, which Ctrl-C spares. */
const KEEPER = 'printf %s "$3" > "$1"; read -r _; printf %s "$2" > "$1"';

/** A tunable of the machine until {@link restore} is called or this process ends, whichever comes first. */
export interface Held {
  restore(): Promise<void>;
}

/** Holds the machine's tunable at `path` at a value, soon. */
export function held(path: string, value: number): Held {
  const before = readFileSync(path, "utf8").trim();
  const keeper: ChildProcess = spawn("bash", ["-c", KEEPER, "bash", path, before, String(value)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const over = new Promise<void>((resolve) => keeper.on("close", () => resolve()));
  keeper.unref();
  (keeper.stdin as Socket | null)?.unref();
  return {
    restore: () => {
      keeper.ref();
      keeper.stdin?.end();
      return over;
    },
  };
}

/**
 * Lowers the number of buckets, or leaves it as it is where it is low already (another run's doing, who puts it back).
 */
export function fewBuckets(path: string = BUCKETS): Held {
  // Without the tunable nobody has used conntrack yet, or nobody can.
  const before = existsSync(path) ? readFileSync(path, "utf8").trim() : "0";
  return Number(before) <= FEW ? { restore: () => Promise.resolve() } : held(path, FEW);
}
