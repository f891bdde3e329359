/**
 * Every protocol without a tracker of its own: told apart by its addresses, alive for ten minutes.
 * Models net/netfilter/nf_conntrack_proto_generic.c.
 */
import { NF_ACCEPT } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import type { Conntrack } from "./conntrack.js";
import type { CtHandle } from "./status.js";

/** One packet. Models `generic_packet()`. */
export function genericPacket(ct: Conntrack, entry: CtHandle, skb: SkBuff, ctinfo: number): number {
  ct.refreshAcct(entry, ctinfo, skb, ct.timeoutsOf(entry, ct.generic)[0]);
  return NF_ACCEPT;
}
