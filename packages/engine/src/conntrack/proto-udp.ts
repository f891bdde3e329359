/**
 * UDP: no states, but a request waits 30 seconds for its answer, and traffic both ways for more than two seconds makes
 * a stream, which is assured and may rest 120. Models net/netfilter/nf_conntrack_proto_udp.c.
 */
import { HZ } from "../clock.js";
import { type HookState, NF_ACCEPT, NF_INET_PRE_ROUTING } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import { IPPROTO_UDP } from "../wire/ipv4.js";
import { checkUdp, UDP_HEADER_LENGTH, udpChecksum } from "../wire/udp.js";
import { l4ChecksumOk } from "./checksum.js";
import type { Conntrack } from "./conntrack.js";
import { E_STATUS, ENTRY_SHIFT, OWN_SHIFT } from "./entry.js";
import { IPCT_ASSURED } from "./events.js";
import { type CtHandle, IPS_ASSURED, IPS_CONFIRMED, IPS_NAT_CLASH, IPS_SEEN_REPLY } from "./status.js";

/** Places in the timeouts. Models `enum udp_conntrack`. */
export const UDP_CT_UNREPLIED = 0;
export const UDP_CT_REPLIED = 1;

/** Default timeouts in jiffies. */
export const UDP_DEFAULT_TIMEOUTS: readonly number[] = [30 * HZ, 120 * HZ];

/** When traffic both ways begins to count as a stream, in jiffies. */
const STREAM_TS = 0;

/** Why a datagram is broken, or null. Models `udp_error()`. */
function udpError(ct: Conntrack, skb: SkBuff, at: number, length: number, hook: number): string | null {
  if (length < UDP_HEADER_LENGTH) return "short packet";
  if (!checkUdp(skb.data, at, length)) return "truncated/malformed packet";
  if (udpChecksum(skb.data, at) === 0) return null;
  if (hook === NF_INET_PRE_ROUTING && ct.checksum !== 0 && !l4ChecksumOk(skb, at, length, IPPROTO_UDP))
    return "bad checksum";
  return null;
}

/**
 * Marks an entry that no datagram began, but a tool: in Linux its `stream_ts` stays 0, a moment long gone, and its
 * first datagram after an answer is a stream's.
 */
export function udpBegunLongAgo(ct: Conntrack, entry: CtHandle): void {
  ct.slab.own[(entry << OWN_SHIFT) + STREAM_TS] = ct.net.clock.jiffies - 1;
}

/** One datagram of a flow. Models `nf_conntrack_udp_packet()`. */
export function udpPacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  at: number,
  ctinfo: number,
  state: HookState,
): number {
  const error = udpError(ct, skb, at, skb.len - at, state.hook);
  if (error !== null) {
    ct.logInvalid(skb, state, IPPROTO_UDP, error);
    return -NF_ACCEPT;
  }
  const { slab } = ct;
  const status = slab.words[(entry << ENTRY_SHIFT) + E_STATUS];
  const own = (entry << OWN_SHIFT) + STREAM_TS;
  const { jiffies } = ct.net.clock;
  if ((status & IPS_CONFIRMED) === 0) slab.own[own] = jiffies + 2 * HZ;
  const timeouts = ct.timeoutsOf(entry, ct.udp);
  if ((status & IPS_SEEN_REPLY) === 0) {
    ct.refreshAcct(entry, ctinfo, skb, timeouts[UDP_CT_UNREPLIED]);
    return NF_ACCEPT;
  }
  const stream = ((slab.own[own] - jiffies) | 0) < 0;
  ct.refreshAcct(entry, ctinfo, skb, timeouts[stream ? UDP_CT_REPLIED : UDP_CT_UNREPLIED]);
  if (stream && (status & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) assured(ct, entry);
  return NF_ACCEPT;
}

function assured(ct: Conntrack, entry: CtHandle): void {
  ct.slab.words[(entry << ENTRY_SHIFT) + E_STATUS] |= IPS_ASSURED;
  ct.cacheEvent(entry, IPCT_ASSURED);
}
