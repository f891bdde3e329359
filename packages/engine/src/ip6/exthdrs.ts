/**
 * Hop-by-hop and destination options: padding, router alerts (which nobody here asks for), jumbograms (which no device
 * here carries), and what is unknown, whose first two bits say what becomes of the packet; and routing headers, of
 * which none is followed. Security labels (CALIPSO) are of no domain known here; in-situ measurements (IOAM), segment
 * routing and RPL are off, as Linux begins (`ioam6_enabled`, `seg6_enabled`, `rpl_seg_enabled`), and so is Mobile IPv6,
 * which a kernel may be built without. Models ip6_parse_tlv() and ipv6_rthdr_rcv(), net/ipv6/exthdrs.c.
 */
import { PACKET_HOST, type SkBuff } from "../skb.js";
import { get16, get32 } from "../wire/bytes.js";
import { ICMPV6_HDR_FIELD, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION } from "../wire/icmpv6.js";
import { IPV6_DST, IPV6_MAX_PAYLOAD, IPV6_PAYLOAD_LENGTH } from "../wire/ipv6.js";
import { drop6 } from "./input.js";
import type { Ip6Stack } from "./stack.js";

const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;
const CALIPSO = 7;
const IOAM = 0x31;
const JUMBO = 0xc2;
/** The most options besides padding in a header: `net.ipv6.max_hbh_opts_number`, `max_dst_opts_number`. */
const MAX_OPTIONS = 8;
/** The most padding between two options. */
const MAX_PADDING = 7;

/**
 * Reads the options header at `at`. Returns its length in bytes, or -1 when the packet was given up (and, where an
 * option wants it so, its sender told).
 */
export function parseOptions(ip: Ip6Stack, skb: SkBuff, at: number, kind: "hop" | "destination"): number {
  const { data } = skb;
  const length = headerLength(skb, at);
  if (length === 0) return giveUp(ip, skb, "options header cut off");
  const end = at + length;
  let padding = 0;
  let options = 0;
  for (let i = at + 2; i < end; ) {
    if (data[i] === PAD1) {
      if (++padding > MAX_PADDING) return giveUp(ip, skb, "too much padding");
      i++;
      continue;
    }
    const size = i + 1 < end ? data[i + 1] + 2 : 0;
    if (size === 0 || i + size > end) return giveUp(ip, skb, "option runs past its header");
    if (data[i] === PADN) {
      padding += size;
      if (padding > MAX_PADDING) return giveUp(ip, skb, "too much padding");
      for (let j = 2; j < size; j++) if (data[i + j] !== 0) return giveUp(ip, skb, "padding that is not zero");
    } else {
      if (++options > MAX_OPTIONS) return giveUp(ip, skb, "too many options");
      padding = 0;
      const refusal = kind === "hop" ? hopRefusal(ip, skb, i) : unknownRefusal(ip, skb, i);
      if (refusal !== null) return giveUp(ip, skb, refusal);
    }
    i += size;
  }
  return length;
}

/** Routing headers that are Linux's own to switch on, see above. */
const RPL = 3;
const SEGMENT_ROUTING = 4;

/**
 * Reads the routing header at `at` of a packet for this host, which passes when no segment is left. Returns its length
 * in bytes, or -1 when the packet was given up.
 */
export function passRouting(ip: Ip6Stack, skb: SkBuff, at: number): number {
  const { data } = skb;
  const length = headerLength(skb, at);
  if (length === 0) return giveUp(ip, skb, "routing header cut off");
  if (data[IPV6_DST] === 0xff || skb.packetType !== PACKET_HOST) return giveUp(ip, skb, "a routing header to a group");
  const type = data[at + 2];
  if (type === RPL || type === SEGMENT_ROUTING) return giveUp(ip, skb, "segment routing is off");
  return data[at + 3] === 0 ? length : giveUp(ip, skb, headerProblem(ip, skb, at + 2, "a route that is not followed"));
}

/** Of an extension header, in bytes; 0 where the packet ends before it does. */
function headerLength({ data, len }: SkBuff, at: number): number {
  const length = at + 8 <= len ? (data[at + 1] + 1) * 8 : 0;
  return at + length > len ? 0 : length;
}

function giveUp(ip: Ip6Stack, skb: SkBuff, reason: string): -1 {
  drop6(ip, skb, reason);
  return -1;
}

/** Tells a packet's sender which field is wrong; returns the reason why it is given up. */
function headerProblem(ip: Ip6Stack, skb: SkBuff, pointer: number, reason: string): string {
  ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, pointer);
  return reason;
}

/** Why a packet does not go on with the hop-by-hop option at `at`; null when it does. */
function hopRefusal(ip: Ip6Stack, skb: SkBuff, at: number): string | null {
  switch (skb.data[at]) {
    case ROUTER_ALERT:
      return skb.data[at + 1] === 2 ? null : "router alert of a wrong length";
    case CALIPSO:
      return "a security label of no known domain";
    case IOAM:
      return (at & 3) === 0 ? null : "a measurement out of place";
    case JUMBO:
      return jumboRefusal(ip, skb, at);
    default:
      return unknownRefusal(ip, skb, at);
  }
}

/** The same of a length beyond what the header can say: no device here takes so much. Models `ipv6_hop_jumbo()`. */
function jumboRefusal(ip: Ip6Stack, skb: SkBuff, at: number): string {
  const { data } = skb;
  if (data[at + 1] !== 4 || (at & 3) !== 2) return "a jumbogram's length out of place";
  if (get32(data, at + 2) <= IPV6_MAX_PAYLOAD) return headerProblem(ip, skb, at + 2, "a jumbogram that is none");
  if (get16(data, IPV6_PAYLOAD_LENGTH) !== 0) return headerProblem(ip, skb, at, "a jumbogram of two lengths");
  return "a jumbogram cut off";
}

/** The same of an option that is not known. Models `ip6_tlvopt_unknown()`. */
function unknownRefusal(ip: Ip6Stack, skb: SkBuff, at: number): string | null {
  const action = skb.data[at] >> 6;
  if (action === 0) return null;
  if (action === 2 || (action === 3 && skb.data[IPV6_DST] !== 0xff))
    ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION, at);
  return "option that forbids ignoring it";
}
