/**
 * The rewriting of packets: addresses, ports and ICMP ids, with every checksum updated by what changed; in ICMP errors
 * also the packet they carry. Models net/netfilter/nf_nat_proto.c.
 */
import type { SkBuff } from "../skb.js";
import { get16, getInt32, put16, put32 } from "../wire/bytes.js";
import { checksumReplace2, checksumReplace4 } from "../wire/checksum.js";
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
import {
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_CHECKSUM,
  IPV4_DST,
  IPV4_HEADER_LENGTH,
  IPV4_SRC,
} from "../wire/ipv4.js";
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

/** Updates a checksum over the pseudo header and a port for a changed address and port. */
function updateL4(data: Uint8Array, at: number, before: number, after: number, portBefore: number, port: number): void {
  put16(data, at, checksumReplace2(checksumReplace4(get16(data, at), before, after), portBefore, port));
}

/**
 * Rewrites the transport header at `hdroff`: source (or destination) port, or ICMP id, and the checksum that covers them
 * and the address. False when the header is not all there. Models `l4proto_manip_pkt()`.
 */
function manipL4(
  skb: SkBuff,
  iphdroff: number,
  hdroff: number,
  protonum: number,
  address: number,
  port: number,
  src: boolean,
): boolean {
  const data = skb.data;
  const addressBefore = getInt32(data, iphdroff + (src ? IPV4_SRC : IPV4_DST));
  const portAt = hdroff + (src ? SRC_PORT : DST_PORT);
  switch (protonum) {
    case IPPROTO_TCP: {
      // Inside an ICMP error there may be no more than the first eight bytes.
      const whole = skb.len >= hdroff + TCP_HEADER_LENGTH;
      if (!whole && skb.len < hdroff + 8) return false;
      const before = get16(data, portAt);
      put16(data, portAt, port);
      if (whole) updateL4(data, hdroff + TCP_CHECKSUM, addressBefore, address, before, port);
      return true;
    }
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE: {
      if (skb.len < hdroff + UDP_HEADER_LENGTH) return false;
      const before = get16(data, portAt);
      // A sender that computed no checksum gets none.
      if (get16(data, hdroff + UDP_CHECKSUM) !== 0 || protonum === IPPROTO_UDPLITE) {
        updateL4(data, hdroff + UDP_CHECKSUM, addressBefore, address, before, port);
        if (get16(data, hdroff + UDP_CHECKSUM) === 0) put16(data, hdroff + UDP_CHECKSUM, 0xffff);
      }
      put16(data, portAt, port);
      return true;
    }
    case IPPROTO_ICMP: {
      if (skb.len < hdroff + ICMP_HEADER_LENGTH) return false;
      if (!isQuery(data[hdroff + ICMP_TYPE])) return true;
      const before = get16(data, hdroff + ICMP_ID);
      put16(data, hdroff + ICMP_CHECKSUM, checksumReplace2(get16(data, hdroff + ICMP_CHECKSUM), before, port));
      put16(data, hdroff + ICMP_ID, port);
      return true;
    }
    case IPPROTO_SCTP: {
      // Inside an ICMP error there may be no more than the first eight bytes.
      const whole = skb.len >= hdroff + SCTP_HEADER_LENGTH;
      if (!whole && skb.len < hdroff + 8) return false;
      put16(data, portAt, port);
      if (whole) {
        sctpSetChecksum(data, hdroff, skb.len - hdroff);
        skb.checksumVerified = false;
      }
      return true;
    }
    case IPPROTO_GRE: {
      if (skb.len < hdroff + GRE_PPTP_HEADER_LENGTH) return false;
      // The sender's key is in no packet.
      if (src) return true;
      const version = greVersion(data, hdroff);
      if (version === GRE_VERSION_1) put16(data, hdroff + GRE_CALL_ID, port);
      return version <= GRE_VERSION_1;
    }
    default:
      return true;
  }
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
  if (!manipL4(skb, iphdroff, iphdroff + (data[iphdroff] & 15) * 4, protonum, address, port, src)) return false;
  const slot = iphdroff + (src ? IPV4_SRC : IPV4_DST);
  const sum = iphdroff + IPV4_CHECKSUM;
  put16(data, sum, checksumReplace4(get16(data, sum), getInt32(data, slot), address));
  put32(data, slot, address);
  return true;
}
