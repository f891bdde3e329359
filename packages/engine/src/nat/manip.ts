/**
 * The rewriting of packets: addresses, ports and ICMP ids, with every checksum updated by what changed; in ICMP errors
 * also the packet they carry. Models net/netfilter/nf_nat_proto.c.
 */
import type { SkBuff } from "../skb.js";
import { get16, getInt32, put16, put32 } from "../wire/bytes.js";
import { checksumAdjust, checksumDelta2, checksumDelta4 } from "../wire/checksum.js";
import { GRE_CALL_ID, GRE_PPTP_HEADER_LENGTH, GRE_VERSION_1, greVersion } from "../wire/gre.js";
import {
  ICMP_ADDRESS,
  ICMP_ADDRESSREPLY,
  ICMP_CHECKSUM,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_HEADER_LENGTH,
  ICMP_ID,
  ICMP_INFO_REPLY,
  ICMP_INFO_REQUEST,
  ICMP_TIMESTAMP,
  ICMP_TIMESTAMPREPLY,
  ICMP_TYPE,
} from "../wire/icmp.js";
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "../wire/icmpv6.js";
import {
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_CHECKSUM,
  IPV4_DST,
  IPV4_HEADER_LENGTH,
  IPV4_SRC,
} from "../wire/ipv4.js";
import { found, IPV6_DST, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, IPV6_SRC, skipExtensionHeaders } from "../wire/ipv6.js";
import { SCTP_HEADER_LENGTH, sctpSetChecksum } from "../wire/sctp.js";
import { TCP_CHECKSUM, TCP_HEADER_LENGTH } from "../wire/tcp.js";
import { UDP_CHECKSUM, UDP_HEADER_LENGTH } from "../wire/udp.js";
import { type ManipType, NF_NAT_MANIP_SRC } from "./range.js";

/** The offsets of source and destination port, the same in TCP, UDP and SCTP. */
const SRC_PORT = 0;
const DST_PORT = 2;

/** Whether an ICMP message has an id to rewrite. */
function isQuery(type: number): boolean {
  return (
    type === ICMP_ECHO ||
    type === ICMP_ECHOREPLY ||
    type === ICMP_TIMESTAMP ||
    type === ICMP_TIMESTAMPREPLY ||
    type === ICMP_INFO_REQUEST ||
    type === ICMP_INFO_REPLY ||
    type === ICMP_ADDRESS ||
    type === ICMP_ADDRESSREPLY
  );
}

/** Adds to what the checksum at `at` is the complement of. */
function adjust(data: Uint8Array, at: number, delta: number): void {
  put16(data, at, checksumAdjust(get16(data, at), delta));
}

/**
 * Rewrites the transport header at `hdroff`: source (or destination) port, or ICMP id, and the checksum that covers
 * them and the address, whose change adds `delta` to it. False when the header is not all there. Models
 * `l4proto_manip_pkt()`.
 */
function manipL4(skb: SkBuff, delta: number, hdroff: number, protonum: number, port: number, src: boolean): boolean {
  const portAt = hdroff + (src ? SRC_PORT : DST_PORT);
  if (protonum === IPPROTO_UDP) return manipUdp(skb, delta, hdroff, portAt, port, false);
  if (protonum === IPPROTO_TCP) return manipTcp(skb, delta, hdroff, portAt, port);
  return manipOther(skb, delta, hdroff, protonum, port, src);
}

function manipOther(skb: SkBuff, delta: number, hdroff: number, protonum: number, port: number, src: boolean): boolean {
  const portAt = hdroff + (src ? SRC_PORT : DST_PORT);
  switch (protonum) {
    case IPPROTO_UDPLITE:
      return manipUdp(skb, delta, hdroff, portAt, port, true);
    case IPPROTO_ICMP:
      return manipIcmp(skb, hdroff, port);
    case IPPROTO_SCTP:
      return manipSctp(skb, hdroff, portAt, port);
    case IPPROTO_GRE:
      return manipGre(skb, hdroff, port, src);
    case IPPROTO_ICMPV6:
      return manipIcmpv6(skb, delta, hdroff, port);
    default:
      return true;
  }
}

/** Models `tcp_manip_pkt()`. */
function manipTcp(skb: SkBuff, delta: number, hdroff: number, portAt: number, port: number): boolean {
  const { data } = skb;
  // Inside an ICMP error there may be no more than the first eight bytes.
  const whole = skb.len >= hdroff + TCP_HEADER_LENGTH;
  if (!whole && skb.len < hdroff + 8) return false;
  const before = get16(data, portAt);
  put16(data, portAt, port);
  if (whole) adjust(data, hdroff + TCP_CHECKSUM, delta + checksumDelta2(before, port));
  return true;
}

/** A sender that computed no checksum gets none; UDP-Lite always has one. Models `udp_manip_pkt()`. */
function manipUdp(skb: SkBuff, delta: number, hdroff: number, portAt: number, port: number, always: boolean): boolean {
  const { data } = skb;
  if (skb.len < hdroff + UDP_HEADER_LENGTH) return false;
  const before = get16(data, portAt);
  const at = hdroff + UDP_CHECKSUM;
  const checksum = get16(data, at);
  if (checksum !== 0 || always) {
    const adjusted = checksumAdjust(checksum, delta + checksumDelta2(before, port));
    put16(data, at, adjusted === 0 ? 0xffff : adjusted);
  }
  put16(data, portAt, port);
  return true;
}

/** Models `icmp_manip_pkt()`. */
function manipIcmp(skb: SkBuff, hdroff: number, id: number): boolean {
  const { data } = skb;
  if (skb.len < hdroff + ICMP_HEADER_LENGTH) return false;
  if (!isQuery(data[hdroff + ICMP_TYPE])) return true;
  adjust(data, hdroff + ICMP_CHECKSUM, checksumDelta2(get16(data, hdroff + ICMP_ID), id));
  put16(data, hdroff + ICMP_ID, id);
  return true;
}

/** Models `icmpv6_manip_pkt()`. */
function manipIcmpv6(skb: SkBuff, delta: number, hdroff: number, id: number): boolean {
  const { data } = skb;
  if (skb.len < hdroff + ICMP_HEADER_LENGTH) return false;
  adjust(data, hdroff + ICMP_CHECKSUM, delta);
  const type = data[hdroff + ICMP_TYPE];
  if (type !== ICMPV6_ECHO_REQUEST && type !== ICMPV6_ECHO_REPLY) return true;
  adjust(data, hdroff + ICMP_CHECKSUM, checksumDelta2(get16(data, hdroff + ICMP_ID), id));
  put16(data, hdroff + ICMP_ID, id);
  return true;
}

/** Models `sctp_manip_pkt()`. */
function manipSctp(skb: SkBuff, hdroff: number, portAt: number, port: number): boolean {
  // Inside an ICMP error there may be no more than the first eight bytes.
  const whole = skb.len >= hdroff + SCTP_HEADER_LENGTH;
  if (!whole && skb.len < hdroff + 8) return false;
  put16(skb.data, portAt, port);
  if (whole) {
    sctpSetChecksum(skb.data, hdroff, skb.len - hdroff);
    skb.checksumVerified = false;
  }
  return true;
}

/** Models `gre_manip_pkt()`. */
function manipGre(skb: SkBuff, hdroff: number, callId: number, src: boolean): boolean {
  if (skb.len < hdroff + GRE_PPTP_HEADER_LENGTH) return false;
  // The sender's key is in no packet.
  if (src) return true;
  const version = greVersion(skb.data, hdroff);
  if (version === GRE_VERSION_1) put16(skb.data, hdroff + GRE_CALL_ID, callId);
  return version <= GRE_VERSION_1;
}

/**
 * Makes the source (or destination) of the packet whose IPv4 header is at `iphdroff` this address and port (for ICMP,
 * this id). `protonum` says whose transport header follows. False when the packet is too short for it. Models
 * `nf_nat_ipv4_manip_pkt()`.
 */
export function manipIPv4(
  skb: SkBuff,
  iphdroff: number,
  protonum: number,
  address: number,
  port: number,
  manip: ManipType,
): boolean {
  const data = skb.data;
  if (skb.len < iphdroff + IPV4_HEADER_LENGTH) return false;
  const src = manip === NF_NAT_MANIP_SRC;
  const slot = iphdroff + (src ? IPV4_SRC : IPV4_DST);
  const delta = checksumDelta4(getInt32(data, slot), address);
  if (!manipL4(skb, delta, iphdroff + (data[iphdroff] & 15) * 4, protonum, port, src)) return false;
  adjust(data, iphdroff + IPV4_CHECKSUM, delta);
  put32(data, slot, address);
  return true;
}

/**
 * The same of an IPv6 packet: its address becomes the four words at `wordsAt`. Behind a later fragment's header, or in
 * a packet cut off in its extension headers, only the address is rewritten. Models `nf_nat_ipv6_manip_pkt()`.
 */
export function manipIPv6(
  skb: SkBuff,
  iphdroff: number,
  protonum: number,
  words: Int32Array,
  wordsAt: number,
  port: number,
  manip: ManipType,
): boolean {
  const { data } = skb;
  if (skb.len < iphdroff + IPV6_HEADER_LENGTH) return false;
  const src = manip === NF_NAT_MANIP_SRC;
  const slot = iphdroff + (src ? IPV6_SRC : IPV6_DST);
  let delta = 0;
  for (let i = 0; i < 4; i++) delta += checksumDelta4(getInt32(data, slot + 4 * i), words[wordsAt + i]);
  const next = data[iphdroff + IPV6_NEXT_HEADER];
  const hdroff = skipExtensionHeaders(data, iphdroff + IPV6_HEADER_LENGTH, skb.len, next);
  if (hdroff >= 0 && found.fragmentOffset === 0 && !manipL4(skb, delta, hdroff, protonum, port, src)) return false;
  for (let i = 0; i < 4; i++) put32(data, slot + 4 * i, words[wordsAt + i]);
  return true;
}
