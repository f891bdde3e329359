/**
 * UDP-Lite (RFC 3828): UDP with UDP's timeouts, but for a checksum that must be there and covers as much of the
 * datagram as its sender said. The first answer makes a stream. Models nf_conntrack_udplite_packet(),
 * net/netfilter/nf_conntrack_proto_udp.c.
 */
import { type HookState, NF_ACCEPT, NF_INET_PRE_ROUTING } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import { get16 } from "../wire/bytes.js";
import { IPPROTO_UDP, IPPROTO_UDPLITE } from "../wire/ipv4.js";
import { UDP_HEADER_LENGTH, UDP_LENGTH, udpChecksum } from "../wire/udp.js";
import { l4ChecksumOk } from "./checksum.js";
import type { Conntrack } from "./conntrack.js";
import { E_STATUS, ENTRY_SHIFT } from "./entry.js";
import { IPCT_ASSURED } from "./events.js";
import { UDP_CT_REPLIED, UDP_CT_UNREPLIED } from "./proto-udp.js";
import { type CtHandle, IPS_ASSURED, IPS_NAT_CLASH, IPS_SEEN_REPLY } from "./status.js";

/** Why a datagram is broken, or null. Models `udplite_error()`. */
function udpliteError(ct: Conntrack, skb: SkBuff, at: number, length: number, hook: number): string | null {
  if (length < UDP_HEADER_LENGTH) return "short packet";
  const field = get16(skb.data, at + UDP_LENGTH);
  const coverage = field === 0 ? length : field;
  if (coverage < UDP_HEADER_LENGTH || coverage > length) return "invalid checksum coverage";
  if (udpChecksum(skb.data, at) === 0) return "checksum missing";
  // The kernel sums UDP's protocol number into the pseudo header here, not UDP-Lite's.
  if (hook === NF_INET_PRE_ROUTING && ct.checksum !== 0 && !l4ChecksumOk(skb, at, length, IPPROTO_UDP, coverage))
    return "bad checksum";
  return null;
}

/** One datagram of a flow. Models `nf_conntrack_udplite_packet()`. */
export function udplitePacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  at: number,
  ctinfo: number,
  state: HookState,
): number {
  const error = udpliteError(ct, skb, at, skb.len - at, state.hook);
  if (error !== null) {
    ct.logInvalid(skb, state, IPPROTO_UDPLITE, error);
    return -NF_ACCEPT;
  }
  const timeouts = ct.timeoutsOf(entry, ct.udp);
  const status = (entry << ENTRY_SHIFT) + E_STATUS;
  if ((ct.slab.words[status] & IPS_SEEN_REPLY) === 0) {
    ct.refreshAcct(entry, ctinfo, skb, timeouts[UDP_CT_UNREPLIED]);
    return NF_ACCEPT;
  }
  ct.refreshAcct(entry, ctinfo, skb, timeouts[UDP_CT_REPLIED]);
  if ((ct.slab.words[status] & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) {
    ct.slab.words[status] |= IPS_ASSURED;
    ct.cacheEvent(entry, IPCT_ASSURED);
  }
  return NF_ACCEPT;
}
