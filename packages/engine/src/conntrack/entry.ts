/**
 * The conntrack entry: 32 words (128 bytes, two cache lines) of one growing typed array, named by its index, and 16
 * words of another where its protocol keeps its own. Flat records instead of an object for each connection keep the
 * packet path free of allocation and a million connections in 192 MB. What few entries have stands beside: counters and
 * time stamps here, where one asks for them, NAT's chains with NAT. Models `struct nf_conn`,
 * include/net/netfilter/nf_conntrack.h, and of its extensions event cache, accounting and time stamps.
 */
import { TUPLE_WORDS } from "./tuple.js";

/** The shift from a handle to its first word in {@link EntrySlab.words}. */
export const ENTRY_SHIFT = 5;
/**
 * The shift from a handle to the first word that its protocol may use in {@link EntrySlab.own}, and to the first byte.
 */
export const OWN_SHIFT = 4;
export const OWN_BYTE_SHIFT = 6;
/** From a handle to its counters in {@link EntrySlab.counters}. */
export const COUNTERS_SHIFT = 3;

/** The tuple of packets in the direction of the first one. */
export const E_ORIGINAL = 0;
/** The tuple that answers have. */
export const E_REPLY: number = TUPLE_WORDS;
/** Next node of the hash chain, by direction (two words). Models `tuplehash[].hnnode`. */
export const E_NEXT = 20;
/** The full hash of each tuple, by direction (two words). */
export const E_HASH = 22;
/** When it expires, in jiffies; relative until it is confirmed. */
export const E_TIMEOUT = 24;
/** Bits `IPS_*`. */
export const E_STATUS = 25;
/** References: the table's one and one for each packet attached. Models `ct_general.use`. */
export const E_USE = 26;
/** The zone, as zone.ts has it. */
export const E_ZONE = 27;
/** Which extensions the entry has, `EXT_*`. Models `ct->ext`. */
export const E_EXT = 28;
/** The device a masqueraded connection left by. Models `nf_conn_nat.masq_index`. */
export const E_MASQ_IFINDEX = 29;
/**
 * Bits `1 << IPCT_*` that wait for delivery, and shifted up by 16 those that are not wanted alone. Models
 * `nf_conntrack_ecache.cache` and (turned round) `ctmask`.
 */
export const E_EVENTS = 30;
/** `-j CONNMARK`'s mark. */
export const E_MARK = 31;

/** Places of the counters: packets by direction, then bytes by direction. Models `struct nf_conn_acct`. */
export const C_PACKETS = 0;
export const C_BYTES = 2;
/** Microseconds of virtual time. Models `struct nf_conn_tstamp`. */
export const C_START = 4;
export const C_STOP = 5;

export const EXT_ACCT: number = 1 << 0;
export const EXT_TSTAMP: number = 1 << 1;
export const EXT_ECACHE: number = 1 << 2;
/** A timeout policy, kept beside the entry: few have one. Models `struct nf_conn_timeout`. */
export const EXT_TIMEOUT: number = 1 << 8;
/** Labels, kept beside the entry. Models `struct nf_conn_labels`. */
export const EXT_LABELS: number = 1 << 9;

/** Where entries live. Freed ones are used again, last freed first; index 0 is never one. */
export class EntrySlab {
  /** All entries' words. Read it anew after {@link allocate}: growing replaces it. */
  words: Int32Array = new Int32Array(0);
  /** What protocols keep: TCP 16 words, UDP one. The same memory as bytes. Models `union nf_conntrack_proto`. */
  own: Int32Array = new Int32Array(0);
  ownBytes: Uint8Array = new Uint8Array(0);
  /** Counters and time stamps, `C_*`; empty until {@link keepCounters}. */
  counters: Float64Array = new Float64Array(0);
  #capacity = 0;
  #fresh = 1;
  #free: number[] = [];

  /** A zeroed entry's handle. */
  allocate(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) {
      this.words.fill(0, freed << ENTRY_SHIFT, (freed + 1) << ENTRY_SHIFT);
      this.own.fill(0, freed << OWN_SHIFT, (freed + 1) << OWN_SHIFT);
      return freed;
    }
    if (this.#fresh >= this.#capacity) this.#grow();
    return this.#fresh++;
  }

  /** Takes an entry back. */
  free(handle: number): void {
    this.#free.push(handle);
  }

  /** Makes room for an entry's counters and time stamps, all zero. */
  keepCounters(handle: number): void {
    if (this.counters.length === 0) this.counters = new Float64Array(this.#capacity << COUNTERS_SHIFT);
    else this.counters.fill(0, handle << COUNTERS_SHIFT, (handle + 1) << COUNTERS_SHIFT);
  }

  /** How many entries there is room for now. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Bytes of memory held, used or not. */
  get byteLength(): number {
    return this.words.byteLength + this.own.byteLength + this.counters.byteLength;
  }

  #grow(): void {
    this.#capacity = Math.max(64, this.#capacity * 2);
    const words = new Int32Array(this.#capacity << ENTRY_SHIFT);
    words.set(this.words);
    this.words = words;
    const own = new Int32Array(this.#capacity << OWN_SHIFT);
    own.set(this.own);
    this.own = own;
    this.ownBytes = new Uint8Array(own.buffer);
    if (this.counters.length === 0) return;
    const counters = new Float64Array(this.#capacity << COUNTERS_SHIFT);
    counters.set(this.counters);
    this.counters = counters;
  }
}
