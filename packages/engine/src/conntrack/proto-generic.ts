/**
 * Every protocol without a tracker of its own: told apart by its addresses (and ports, where it has them), alive for
 * ten minutes. SCTP, GRE and UDP-Lite, which have trackers in the kernel, are handled here too for now.
 * Models net/netfilter/nf_conntrack_proto_generic.c.
 */
import { NF_ACCEPT } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import type { Conntrack } from "./conntrack.js";
import type { CtHandle } from "./status.js";

/** One packet. Models `generic_packet()`. */
export function genericPacket(ct: Conntrack, entry: CtHandle, skb: SkBuff, ctinfo: number): number {
  ct.refreshAcct(entry, ctinfo, skb, ct.genericTimeout);
  return NF_ACCEPT;
}
