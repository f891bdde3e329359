/**
 * The conntrack entry: 64 words (256 bytes) of one growing typed array, named by its index. A flat record instead of
 * an object for each connection keeps the packet path free of allocation and 50,000 connections in 12.8 MB.
 * Models `struct nf_conn`, include/net/netfilter/nf_conntrack.h, with the extensions (accounting, time stamps, event
 * cache, NAT) folded in.
 */
import { TUPLE_WORDS } from "./tuple.js";

/** Words of an entry, and the shift from a handle to its first word (and to its first byte). */
const ENTRY_WORDS = 64;
export const ENTRY_SHIFT = 6;
export const ENTRY_BYTE_SHIFT = 8;

/** The tuple of packets in the direction of the first one. */
export const E_ORIGINAL = 0;
/** The tuple that answers have. */
export const E_REPLY: number = TUPLE_WORDS;
/** Next node of the hash chain, by direction (two words). Models `tuplehash[].hnnode`. */
export const E_NEXT = 20;
/** The full hash of each tuple, by direction (two words). */
export const E_HASH = 22;
/** Bits `IPS_*`. */
export const E_STATUS = 24;
/** When it expires, in jiffies; relative until it is confirmed. */
export const E_TIMEOUT = 25;
/** References: the table's one and one for each packet attached. Models `ct_general.use`. */
export const E_USE = 26;
/** `-j CONNMARK`'s mark. */
export const E_MARK = 27;
/** The 32-bit id of tools. */
export const E_ID = 28;
/** The zone, as zone.ts has it. */
export const E_ZONE = 29;
/**
 * Bits `1 << IPCT_*` that wait for delivery, and shifted up by 16 those that are not wanted alone. Models
 * `nf_conntrack_ecache.cache` and (turned round) `ctmask`.
 */
export const E_EVENTS = 30;
/** Which extensions the entry has, `EXT_*`. Models `ct->ext`. */
export const E_EXT = 31;
/** Counters as doubles: packets by direction, then bytes by direction. Models `struct nf_conn_acct`. */
export const E_PACKETS = 32;
export const E_BYTES = 36;
/** Microseconds of virtual time as doubles. Models `struct nf_conn_tstamp`. */
export const E_START = 40;
export const E_STOP = 42;
/** Next entry of NAT's by-source chain. Models `nat_bysource`. */
export const E_NAT_NEXT = 44;
/** The device a masqueraded connection left by. Models `nf_conn_nat.masq_index`. */
export const E_MASQ_IFINDEX = 45;
/** Where the protocol keeps its own: TCP 16 words, UDP one. Models `union nf_conntrack_proto`. */
export const E_PROTO = 46;
/** The words a protocol may use. */
export const PROTO_WORDS = 16;

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
  /** The same memory as bytes and as doubles. */
  bytes: Uint8Array = new Uint8Array(0);
  floats: Float64Array = new Float64Array(0);
  #capacity = 0;
  #fresh = 1;
  #free: number[] = [];

  /** A zeroed entry's handle. */
  allocate(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) {
      this.words.fill(0, freed << ENTRY_SHIFT, (freed + 1) << ENTRY_SHIFT);
      return freed;
    }
    if (this.#fresh >= this.#capacity) this.#grow();
    return this.#fresh++;
  }

  /** Takes an entry back. */
  free(handle: number): void {
    this.#free.push(handle);
  }

  /** Bytes of memory held, used or not. */
  get byteLength(): number {
    return this.bytes.length;
  }

  #grow(): void {
    this.#capacity = Math.max(64, this.#capacity * 2);
    const words = new Int32Array(this.#capacity * ENTRY_WORDS);
    words.set(this.words);
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
    this.floats = new Float64Array(words.buffer);
  }
}
