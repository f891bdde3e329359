/**
 * The sweep that finds expired entries nobody asks for. An expired entry is invisible at once, but its DESTROY event
 * comes with the next sweep (or with a packet or listing that meets it), so it may be most of a minute late: the
 * interval is an average of the entries' remaining times, between 1 and 60 seconds, weighted so that a small table is
 * swept each minute. Models `gc_worker()` and `early_drop()`, net/netfilter/nf_conntrack_core.c. The kernel's worker
 * runs from boot; ours sleeps while the table is empty, and its first sweep comes 60 seconds after the first entry.
 */
import { HZ, type Timer } from "../clock.js";
import { IPPROTO_SCTP, IPPROTO_TCP } from "../wire/ipv4.js";
import type { Conntrack } from "./conntrack.js";
import { sctpCanEarlyDrop } from "./proto-sctp.js";
import { tcpCanEarlyDrop } from "./proto-tcp.js";
import { type CtHandle, IPS_ASSURED, IPS_DYING } from "./status.js";

/** Jiffies. */
const GC_SCAN_INTERVAL_MAX: number = 60 * HZ;
const GC_SCAN_INTERVAL_MIN: number = 1 * HZ;
/** A remaining time beyond this counts as this. */
const GC_SCAN_INTERVAL_CLAMP: number = 300 * HZ;
/** The average begins as if so many entries had the greatest interval left. */
const GC_SCAN_INITIAL_COUNT = 100;
/** How many chains are searched for a victim when the table is full. */
const NF_CT_EVICTION_RANGE = 8;

export class GarbageCollector {
  readonly #ct: Conntrack;
  #timer: Timer | null = null;
  /** The table was full: the next sweep also takes entries that are unanswered or closing. */
  pressed = false;

  constructor(ct: Conntrack) {
    this.#ct = ct;
  }

  /** An entry was inserted. */
  start(): void {
    if (this.#timer === null) this.#schedule(GC_SCAN_INTERVAL_MAX);
  }

  #schedule(jiffies: number): void {
    this.#timer = this.#ct.net.clock.scheduleOnWheel(jiffies * (1_000_000 / HZ), () => {
      this.#timer = null;
      this.#sweep();
    });
  }

  #sweep(): void {
    const ct = this.#ct;
    const nearlyFull = this.pressed && ct.max !== 0 ? Math.floor(ct.max / 100) * 95 : Number.POSITIVE_INFINITY;
    this.pressed = false;
    let nextRun = GC_SCAN_INTERVAL_MAX;
    let count = GC_SCAN_INITIAL_COUNT;
    let left = 0;
    for (const head of ct.table.heads) {
      let node = head;
      while (node !== 0) {
        const next = ct.table.nextOfAnother(node);
        const entry = node >>> 1;
        if (ct.isExpired(entry)) ct.collect(entry);
        else {
          const expires = Math.min(Math.max(ct.expiresJiffies(entry), GC_SCAN_INTERVAL_MIN), GC_SCAN_INTERVAL_CLAMP);
          nextRun += Math.trunc((expires - nextRun) / ++count);
          if (ct.count >= nearlyFull && this.#mayDropEarly(entry)) ct.kill(entry);
          else left++;
        }
        node = next;
      }
    }
    if (left > 0) this.#schedule(Math.min(Math.max(nextRun, GC_SCAN_INTERVAL_MIN), GC_SCAN_INTERVAL_MAX));
  }

  #mayDropEarly(entry: CtHandle): boolean {
    const ct = this.#ct;
    if ((ct.statusOf(entry) & IPS_ASSURED) === 0) return true;
    const protonum = ct.protonumOf(entry);
    return protonum === IPPROTO_TCP
      ? tcpCanEarlyDrop(ct, entry)
      : protonum === IPPROTO_SCTP && sctpCanEarlyDrop(ct, entry);
  }

  /**
   * Makes room in a full table at the expense of entries that are not assured, of the first of so many chains that has
   * any. The chains are those of a table that has its full size from the start. Models `early_drop()`.
   */
  earlyDrop(hash: number): boolean {
    const { table, stats } = this.#ct;
    for (let i = 0; i < Math.min(NF_CT_EVICTION_RANGE, table.limit); i++) {
      const drops = this.#dropChain((hash + i) & (table.limit - 1));
      if (drops > 0) {
        stats.earlyDrop += drops;
        return true;
      }
    }
    return false;
  }

  /** Drops what is not assured in a chain of the full-sized table, and says how many. Models `early_drop_list()`. */
  #dropChain(chain: number): number {
    const ct = this.#ct;
    let drops = 0;
    const { heads, limit } = ct.table;
    for (let bucket = ct.table.firstPart(chain); bucket < heads.length; bucket += limit) {
      let node = heads[bucket];
      while (node !== 0) {
        if (ct.table.fullSizeChainOf(node) !== chain) {
          node = ct.table.next(node);
          continue;
        }
        const next = ct.table.nextOfAnother(node);
        const entry = node >>> 1;
        if (ct.isExpired(entry)) ct.collect(entry);
        else if ((ct.statusOf(entry) & (IPS_ASSURED | IPS_DYING)) === 0 && ct.kill(entry)) drops++;
        node = next;
      }
    }
    return drops;
  }
}
