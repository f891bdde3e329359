/**
 * GRE: a tunnel is told apart by its addresses, and PPTP's (version 1) by its call ids too. A packet bears the
 * receiver's call id alone; the sender's is known where PPTP's helper noted it in the {@link GreKeymap}. Models
 * net/netfilter/nf_conntrack_proto_gre.c.
 */
import { HZ } from "../clock.js";
import { NF_ACCEPT } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import type { Conntrack } from "./conntrack.js";
import { E_STATUS, ENTRY_SHIFT, OWN_SHIFT } from "./entry.js";
import { IPCT_ASSURED } from "./events.js";
import { type CtHandle, IPS_ASSURED, IPS_CONFIRMED, IPS_SEEN_REPLY } from "./status.js";
import { copyTuple, type SourceKeys, TUPLE_PORTS, TUPLE_WORDS } from "./tuple.js";

/** Places in the timeouts. Models `enum grep_conntrack`. */
export const GRE_CT_UNREPLIED = 0;
export const GRE_CT_REPLIED = 1;

/** Default timeouts in jiffies. */
export const GRE_DEFAULT_TIMEOUTS: readonly number[] = [30 * HZ, 180 * HZ];

/** The entry's own timeouts in jiffies: PPTP's helper makes them longer. Models `struct nf_ct_gre`. */
const TIMEOUT = 0;
const STREAM_TIMEOUT = 1;

/** The seconds that an unanswered and an answered tunnel live; /proc shows them. */
export function greTimeoutsOf(ct: Conntrack, entry: CtHandle): readonly [number, number] {
  const { own } = ct.slab;
  const first = entry << OWN_SHIFT;
  return [Math.trunc(own[first + TIMEOUT] / HZ), Math.trunc(own[first + STREAM_TIMEOUT] / HZ)];
}

/** Gives a tunnel timeouts of its own, in jiffies. */
export function greSetTimeouts(ct: Conntrack, entry: CtHandle, timeout: number, streamTimeout: number): void {
  const first = entry << OWN_SHIFT;
  ct.slab.own[first + TIMEOUT] = timeout;
  ct.slab.own[first + STREAM_TIMEOUT] = streamTimeout;
}

/** Which call id the sender of a PPTP tunnel has. Models `nf_gre_net.keymap_list`. */
export class GreKeymap implements SourceKeys {
  readonly #tuples: Int32Array[] = [];

  /** The source key of a tuple whose destination key is known; 0: nobody noted it. Models `gre_keymap_lookup()`. */
  lookup(tuple: Int32Array): number {
    for (const noted of this.#tuples) if (sameReceiver(noted, tuple)) return noted[TUPLE_PORTS] >>> 16;
    return 0;
  }

  /** Notes the tuple of a tunnel to come; the returned function forgets it. Models `nf_ct_gre_keymap_add()`. */
  add(tuple: Int32Array, at: number): () => void {
    const noted = new Int32Array(TUPLE_WORDS);
    copyTuple(tuple, at, noted, 0);
    this.#tuples.push(noted);
    return () => {
      const place = this.#tuples.indexOf(noted);
      if (place >= 0) this.#tuples.splice(place, 1);
    };
  }
}

/** Whether two tuples are the same but for the source key. */
function sameReceiver(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < TUPLE_WORDS; i++)
    if (i === TUPLE_PORTS ? (a[i] & 0xffff) !== (b[i] & 0xffff) : a[i] !== b[i]) return false;
  return true;
}

/** One packet of a tunnel. Models `nf_conntrack_gre_packet()`. */
export function grePacket(ct: Conntrack, entry: CtHandle, skb: SkBuff, ctinfo: number): number {
  const { own, words } = ct.slab;
  const base = entry << ENTRY_SHIFT;
  const first = entry << OWN_SHIFT;
  if ((words[base + E_STATUS] & IPS_CONFIRMED) === 0) {
    const timeouts = ct.timeoutsOf(entry, ct.gre);
    greSetTimeouts(ct, entry, timeouts[GRE_CT_UNREPLIED], timeouts[GRE_CT_REPLIED]);
  }
  if ((words[base + E_STATUS] & IPS_SEEN_REPLY) === 0) {
    ct.refreshAcct(entry, ctinfo, skb, own[first + TIMEOUT]);
    return NF_ACCEPT;
  }
  ct.refreshAcct(entry, ctinfo, skb, own[first + STREAM_TIMEOUT]);
  if ((words[base + E_STATUS] & IPS_ASSURED) === 0) {
    words[base + E_STATUS] |= IPS_ASSURED;
    ct.cacheEvent(entry, IPCT_ASSURED);
  }
  return NF_ACCEPT;
}
