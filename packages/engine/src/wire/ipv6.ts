/**
 * The IPv6 header, and the chain of extension headers behind it. Models include/uapi/linux/ipv6.h and
 * net/ipv6/exthdrs_core.c. Jumbograms are not modelled: a payload length of 0 is an empty packet.
 */
import { get16 } from "./bytes.js";
import { checksumPartial } from "./checksum.js";

export const IPV6_HEADER_LENGTH = 40;
/** Least MTU of a link that carries IPv6. */
export const IPV6_MIN_MTU = 1280;
/** The most bytes that the header can say are behind it. */
export const IPV6_MAX_PAYLOAD = 0xffff;

/** Offsets inside the header. */
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SRC = 8;
export const IPV6_DST = 24;

/** Numbers of extension headers, as a next header field names them. */
export const NEXTHDR_HOP = 0;
export const NEXTHDR_ROUTING = 43;
export const NEXTHDR_FRAGMENT = 44;
export const NEXTHDR_ESP = 50;
export const NEXTHDR_AUTH = 51;
export const NEXTHDR_NONE = 59;
export const NEXTHDR_DEST = 60;
export const NEXTHDR_MOBILITY = 135;

/** Length of a fragment header, and its "more fragments" bit. */
export const FRAGMENT_HEADER_LENGTH = 8;
export const IP6_MF = 1;

/** Whether a number names an extension header, behind which another follows. Models `ipv6_ext_hdr()`. */
export function isExtensionHeader(nexthdr: number): boolean {
  return (
    nexthdr === NEXTHDR_HOP ||
    nexthdr === NEXTHDR_ROUTING ||
    nexthdr === NEXTHDR_FRAGMENT ||
    nexthdr === NEXTHDR_AUTH ||
    nexthdr === NEXTHDR_NONE ||
    nexthdr === NEXTHDR_DEST
  );
}

/** Whether the first extension header is a fragment's. Models ipv6_conntrack_local()'s and the defragmenter's test. */
export function ipv6IsFragment(data: Uint8Array, at: number): boolean {
  return data[at + IPV6_NEXT_HEADER] === NEXTHDR_FRAGMENT;
}

/** What is wrong with a packet's fixed header, or "ok". The checks of `ip6_rcv_core()` that need no device. */
export function checkIPv6(data: Uint8Array, length: number): "ok" | "too short" | "not version 6" | "truncated" {
  if (length < IPV6_HEADER_LENGTH) return "too short";
  if (data[0] >> 4 !== 6) return "not version 6";
  return IPV6_HEADER_LENGTH + get16(data, IPV6_PAYLOAD_LENGTH) > length ? "truncated" : "ok";
}

/** The packet's length as its header says. */
export function ipv6TotalLength(data: Uint8Array, at: number): number {
  return IPV6_HEADER_LENGTH + get16(data, at + IPV6_PAYLOAD_LENGTH);
}

const IPV6_TLV_PAD1 = 0;
const IPV6_TLV_JUMBO = 0xc2;

/**
 * Whether the options of every hop, which follow the header, fit into their header and that into the packet. A
 * jumbogram's length is believed by nobody: no link takes so much. Models `nf_ip6_check_hbh_len()`,
 * net/netfilter/utils.c.
 */
export function hopByHopFits(data: Uint8Array, length: number): boolean {
  let at = IPV6_HEADER_LENGTH;
  if (at + 8 > length) return false;
  const end = at + headerLength(NEXTHDR_HOP, data[at + 1]);
  if (end > length) return false;
  at += 2;
  while (at < end) {
    if (data[at] === IPV6_TLV_PAD1) {
      at++;
      continue;
    }
    if (at + 2 > end || at + 2 + data[at + 1] > end || data[at] === IPV6_TLV_JUMBO) return false;
    at += 2 + data[at + 1];
  }
  return true;
}

/** The traffic class: DSCP and ECN. */
export function ipv6TrafficClass(data: Uint8Array, at: number): number {
  return ((data[at] & 0xf) << 4) | (data[at + 1] >> 4);
}

/** Length of an extension header other than a fragment's. */
function headerLength(nexthdr: number, units: number): number {
  return nexthdr === NEXTHDR_AUTH ? (units + 2) << 2 : (units + 1) << 3;
}

/** Where {@link skipExtensionHeaders} and {@link findHeader} leave what they found; read at once, never kept. */
export const found: {
  /** The header's number. */
  nexthdr: number;
  /** Offset in bytes of the fragment within its packet; 0 for a whole one. */
  fragmentOffset: number;
  /** Where the header field stands that names {@link nexthdr}. */
  previous: number;
} = { nexthdr: 0, fragmentOffset: 0, previous: 0 };

/**
 * Walks over extension headers from `start`, where a header of kind `nexthdr` begins. Returns where the first other
 * one begins, its number and the fragment's offset in {@link found}; -1 when the packet ends before. A later fragment's
 * walk ends at its fragment header, whose payload is nobody's header. Models `ipv6_skip_exthdr()`.
 */
export function skipExtensionHeaders(data: Uint8Array, start: number, length: number, nexthdr: number): number {
  let at = start;
  let next = nexthdr;
  found.fragmentOffset = 0;
  while (isExtensionHeader(next)) {
    if (next === NEXTHDR_NONE || at + 2 > length) return -1;
    const kind = next;
    let size: number;
    if (kind === NEXTHDR_FRAGMENT) {
      if (at + 4 > length) return -1;
      found.fragmentOffset = get16(data, at + 2) & 0xfff8;
      if (found.fragmentOffset !== 0) break;
      size = FRAGMENT_HEADER_LENGTH;
    } else size = headerLength(kind, data[at + 1]);
    next = data[at];
    at += size;
  }
  found.nexthdr = next;
  return at;
}

/** The packet has no such header. */
export const HEADER_ABSENT = -2;
/** The packet ends inside an extension header. */
export const HEADER_TRUNCATED = -1;

/**
 * Finds a header: `target` by its number, or with -1 the first that is no extension header. Returns where it begins,
 * with its number and the fragment's offset in {@link found}; else {@link HEADER_ABSENT} or {@link HEADER_TRUNCATED}.
 * Models `ipv6_find_hdr()`.
 */
export function findHeader(data: Uint8Array, nhoff: number, length: number, target: number): number {
  let next = data[nhoff + IPV6_NEXT_HEADER];
  let at = nhoff + IPV6_HEADER_LENGTH;
  found.fragmentOffset = 0;
  found.previous = nhoff + IPV6_NEXT_HEADER;
  for (;;) {
    if (target >= 0 && next === target) break;
    if (!isExtensionHeader(next) || next === NEXTHDR_NONE) {
      if (target >= 0) return HEADER_ABSENT;
      break;
    }
    if (at + 2 > length) return HEADER_TRUNCATED;
    let size: number;
    if (next === NEXTHDR_FRAGMENT) {
      if (at + 4 > length) return HEADER_TRUNCATED;
      const offset = get16(data, at + 2) & 0xfff8;
      if (offset !== 0) {
        if (target >= 0 || (isExtensionHeader(data[at]) && data[at] !== NEXTHDR_NONE)) return HEADER_ABSENT;
        found.fragmentOffset = offset;
        found.nexthdr = data[at];
        return at + FRAGMENT_HEADER_LENGTH;
      }
      size = FRAGMENT_HEADER_LENGTH;
    } else size = headerLength(next, data[at + 1]);
    next = data[at];
    found.previous = at;
    at += size;
  }
  found.nexthdr = next;
  return at;
}

/**
 * One's complement sum of IPv6's pseudo header, for the transport checksum. Models `csum_ipv6_magic()`'s first part.
 */
export function pseudoHeaderSumIPv6(data: Uint8Array, nhoff: number, protocol: number, length: number): number {
  return checksumPartial(data, nhoff + IPV6_SRC, 32, protocol + (length >>> 16) + (length & 0xffff));
}
