/**
 * The tuple: who talks to whom, as conntrack sees it in one direction. Ten 32-bit words in a typed array, wide enough
 * for 128-bit addresses; nothing here knows about entries or the table.
 * Models `struct nf_conntrack_tuple` and its functions in net/netfilter/nf_conntrack_core.c.
 */
import { NFPROTO_IPV4, NFPROTO_IPV6, type NfProto } from "../hooks.js";
import type { TupleText } from "../trace.js";
import { formatIPv4, formatIPv6 } from "../wire/address.js";
import { get16, getInt32 } from "../wire/bytes.js";
import {
  GRE_CALL_ID,
  GRE_HEADER_LENGTH,
  GRE_PPTP_HEADER_LENGTH,
  GRE_PROTO_PPP,
  GRE_PROTOCOL,
  GRE_VERSION_1,
  greVersion,
} from "../wire/gre.js";
import {
  ICMP_ADDRESS,
  ICMP_ADDRESSREPLY,
  ICMP_CODE,
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
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST, ICMPV6_NI_QUERY, ICMPV6_NI_REPLY } from "../wire/icmpv6.js";
import {
  IP_OFFSET,
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_PROTOCOL,
  IPV4_SRC,
} from "../wire/ipv4.js";
import { found, IPV6_DST, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, IPV6_SRC, skipExtensionHeaders } from "../wire/ipv6.js";

/** Word offsets inside a tuple. Addresses take four words, IPv4 uses the first; words hold signed 32-bit values. */
export const TUPLE_SRC = 0;
export const TUPLE_DST = 4;
/** Source port (GRE: key) in the upper half, destination port in the lower. ICMP: id above, type and code below. */
export const TUPLE_PORTS = 8;
/** Address family times 256, plus the protocol number. */
export const TUPLE_PROTO = 9;
export const TUPLE_WORDS = 10;

/** The type that answers an ICMP query, plus 1; 0 where nothing answers. */
const ICMP_INVERSE = new Uint8Array(256);
ICMP_INVERSE[ICMP_ECHO] = ICMP_ECHOREPLY + 1;
ICMP_INVERSE[ICMP_ECHOREPLY] = ICMP_ECHO + 1;
ICMP_INVERSE[ICMP_TIMESTAMP] = ICMP_TIMESTAMPREPLY + 1;
ICMP_INVERSE[ICMP_TIMESTAMPREPLY] = ICMP_TIMESTAMP + 1;
ICMP_INVERSE[ICMP_INFO_REQUEST] = ICMP_INFO_REPLY + 1;
ICMP_INVERSE[ICMP_INFO_REPLY] = ICMP_INFO_REQUEST + 1;
ICMP_INVERSE[ICMP_ADDRESS] = ICMP_ADDRESSREPLY + 1;
ICMP_INVERSE[ICMP_ADDRESSREPLY] = ICMP_ADDRESS + 1;

/** The same of ICMPv6. Models `nf_conntrack_proto_icmpv6.c`'s `invmap`. */
const ICMPV6_INVERSE = new Uint8Array(256);
ICMPV6_INVERSE[ICMPV6_ECHO_REQUEST] = ICMPV6_ECHO_REPLY + 1;
ICMPV6_INVERSE[ICMPV6_ECHO_REPLY] = ICMPV6_ECHO_REQUEST + 1;
ICMPV6_INVERSE[ICMPV6_NI_QUERY] = ICMPV6_NI_REPLY + 1;
ICMPV6_INVERSE[ICMPV6_NI_REPLY] = ICMPV6_NI_QUERY + 1;

/** The address family of a tuple, `NFPROTO_*`. */
export function tupleL3num(words: Int32Array, at: number): number {
  return words[at + TUPLE_PROTO] >>> 8;
}

/** The transport protocol's number of a tuple. */
export function tupleProtonum(words: Int32Array, at: number): number {
  return words[at + TUPLE_PROTO] & 0xff;
}

/** Whether a protocol's tuple carries two ports. */
export function protocolHasPorts(protonum: number): boolean {
  return (
    protonum === IPPROTO_TCP || protonum === IPPROTO_UDP || protonum === IPPROTO_UDPLITE || protonum === IPPROTO_SCTP
  );
}

/**
 * Where the transport header of an IPv4 packet begins, or -1 when conntrack cannot tell: a later fragment, or a header
 * that runs past the packet. Models `ipv4_get_l4proto()`.
 */
export function ipv4TransportOffset(data: Uint8Array, nhoff: number, length: number): number {
  if (nhoff + 20 > length) return -1;
  if ((get16(data, nhoff + IPV4_FRAGMENT) & IP_OFFSET) !== 0) return -1;
  const dataoff = nhoff + (data[nhoff] & 15) * 4;
  return dataoff > length ? -1 : dataoff;
}

/** Knows the call id of a PPTP tunnel's sender, which is in no packet. */
export interface SourceKeys {
  /** The source key of a tuple whose other words are there; 0: unknown. */
  lookup(tuple: Int32Array): number;
}

/**
 * Reads the keys into a tuple whose addresses are there. False for what no tracker knows. Models `gre_pkt_to_tuple()`.
 */
function greTuple(data: Uint8Array, at: number, length: number, tuple: Int32Array, keymap: SourceKeys): boolean {
  tuple[TUPLE_PORTS] = 0;
  if (at + GRE_HEADER_LENGTH > length || greVersion(data, at) !== GRE_VERSION_1) return true;
  if (at + GRE_PPTP_HEADER_LENGTH > length) return true;
  if (get16(data, at + GRE_PROTOCOL) !== GRE_PROTO_PPP) return false;
  tuple[TUPLE_PORTS] = get16(data, at + GRE_CALL_ID);
  tuple[TUPLE_PORTS] |= keymap.lookup(tuple) << 16;
  return true;
}

/**
 * The same of an IPv6 packet: behind its extension headers, the last of which names the protocol in {@link found}.
 * Models `ipv6_get_l4proto()`.
 */
function ipv6TransportOffset(data: Uint8Array, nhoff: number, length: number): number {
  if (nhoff + IPV6_HEADER_LENGTH > length) return -1;
  const at = skipExtensionHeaders(data, nhoff + IPV6_HEADER_LENGTH, length, data[nhoff + IPV6_NEXT_HEADER]);
  return at > length || found.fragmentOffset !== 0 ? -1 : at;
}

/** Where the transport header of a packet of a family begins, or -1. Models `get_l4proto()`. */
export function transportOffset(data: Uint8Array, nhoff: number, length: number, pf: NfProto): number {
  return pf === NFPROTO_IPV4 ? ipv4TransportOffset(data, nhoff, length) : ipv6TransportOffset(data, nhoff, length);
}

/** The protocol of the packet that {@link transportOffset} was asked about last. */
export function transportProtonum(data: Uint8Array, nhoff: number, pf: NfProto): number {
  return pf === NFPROTO_IPV4 ? data[nhoff + IPV4_PROTOCOL] : found.nexthdr;
}

/**
 * Reads the tuple of a packet of a family into `tuple`. `nhoff` and `dataoff` are where its network and transport
 * headers begin, `length` where its bytes end; `keymap` knows PPTP's call ids. False when the transport header is too
 * short. Models `nf_ct_get_tuple()`.
 */
export function getTuple(
  data: Uint8Array,
  nhoff: number,
  dataoff: number,
  length: number,
  protonum: number,
  tuple: Int32Array,
  keymap: SourceKeys,
  pf: NfProto = NFPROTO_IPV4,
): boolean {
  if (pf === NFPROTO_IPV4) {
    tuple[TUPLE_SRC] = getInt32(data, nhoff + IPV4_SRC);
    tuple[TUPLE_SRC + 1] = 0;
    tuple[TUPLE_SRC + 2] = 0;
    tuple[TUPLE_SRC + 3] = 0;
    tuple[TUPLE_DST] = getInt32(data, nhoff + IPV4_DST);
    tuple[TUPLE_DST + 1] = 0;
    tuple[TUPLE_DST + 2] = 0;
    tuple[TUPLE_DST + 3] = 0;
  } else {
    for (let i = 0; i < 4; i++) {
      tuple[TUPLE_SRC + i] = getInt32(data, nhoff + IPV6_SRC + 4 * i);
      tuple[TUPLE_DST + i] = getInt32(data, nhoff + IPV6_DST + 4 * i);
    }
  }
  tuple[TUPLE_PROTO] = (pf << 8) | protonum;
  if (protocolHasPorts(protonum)) {
    if (dataoff + 4 > length) return false;
    tuple[TUPLE_PORTS] = getInt32(data, dataoff);
  } else if (protonum === IPPROTO_ICMP || (protonum === IPPROTO_ICMPV6 && pf === NFPROTO_IPV6)) {
    if (dataoff + ICMP_HEADER_LENGTH > length) return false;
    tuple[TUPLE_PORTS] =
      (get16(data, dataoff + ICMP_ID) << 16) | (data[dataoff + ICMP_TYPE] << 8) | data[dataoff + ICMP_CODE];
  } else if (protonum === IPPROTO_GRE) {
    return greTuple(data, dataoff, length, tuple, keymap);
  } else {
    // ICMPv6 in IPv4 has no tuple: its types have no answers, but for a few that are not modelled.
    if (protonum === IPPROTO_ICMPV6) return false;
    tuple[TUPLE_PORTS] = 0;
  }
  return true;
}

/**
 * The tuple that an answer has. False for an ICMP type that nothing answers. The two places must not overlap.
 * Models `nf_ct_invert_tuple()`.
 */
export function invertTuple(from: Int32Array, at: number, to: Int32Array, toAt: number): boolean {
  for (let i = 0; i < 4; i++) {
    to[toAt + TUPLE_SRC + i] = from[at + TUPLE_DST + i];
    to[toAt + TUPLE_DST + i] = from[at + TUPLE_SRC + i];
  }
  const proto = from[at + TUPLE_PROTO];
  const ports = from[at + TUPLE_PORTS];
  to[toAt + TUPLE_PROTO] = proto;
  const protonum = proto & 0xff;
  if (protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6) {
    const inverse = (protonum === IPPROTO_ICMP ? ICMP_INVERSE : ICMPV6_INVERSE)[(ports >>> 8) & 0xff];
    if (inverse === 0) return false;
    to[toAt + TUPLE_PORTS] = (ports & 0xffff00ff) | ((inverse - 1) << 8);
    return true;
  }
  to[toAt + TUPLE_PORTS] = (ports << 16) | (ports >>> 16);
  return true;
}

/** Whether two tuples are the same. Models `nf_ct_tuple_equal()`. */
export function tupleEqual(a: Int32Array, at: number, b: Int32Array, bt: number): boolean {
  return (
    a[at + TUPLE_SRC] === b[bt + TUPLE_SRC] &&
    a[at + TUPLE_DST] === b[bt + TUPLE_DST] &&
    a[at + TUPLE_PORTS] === b[bt + TUPLE_PORTS] &&
    a[at + TUPLE_PROTO] === b[bt + TUPLE_PROTO] &&
    (a[at + TUPLE_PROTO] >>> 8 === NFPROTO_IPV4 || restEqual(a, at, b, bt))
  );
}

/** Compares the words of the addresses that IPv4 does not use. */
function restEqual(a: Int32Array, at: number, b: Int32Array, bt: number): boolean {
  for (let i = 1; i < 4; i++)
    if (a[at + TUPLE_SRC + i] !== b[bt + TUPLE_SRC + i] || a[at + TUPLE_DST + i] !== b[bt + TUPLE_DST + i])
      return false;
  return true;
}

/** Copies a tuple. */
export function copyTuple(from: Int32Array, at: number, to: Int32Array, toAt: number): void {
  for (let i = 0; i < TUPLE_WORDS; i++) to[toAt + i] = from[at + i];
}

function mix(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** {@link hashTuple} of an IPv4 tuple in the default zone, given as its words. */
export function hashWords(src: number, dst: number, ports: number, proto: number, seed: number): number {
  return finish(mix(mix(mix(mix(seed, src), dst), ports), proto));
}

/**
 * A seeded 32-bit hash of a tuple and its zone. The kernel uses SipHash with a secret key, whose values nobody can
 * see; ours is MurmurHash3 with a seed. Models `hash_conntrack_raw()`.
 */
export function hashTuple(words: Int32Array, at: number, zone: number, seed: number): number {
  let h = mix(seed, words[at + TUPLE_SRC]);
  h = mix(h, words[at + TUPLE_DST]);
  h = mix(h, words[at + TUPLE_PORTS]);
  h = mix(h, words[at + TUPLE_PROTO] ^ (zone << 16));
  if (words[at + TUPLE_PROTO] >>> 8 !== NFPROTO_IPV4)
    for (let i = 1; i < 4; i++) h = mix(mix(h, words[at + TUPLE_SRC + i]), words[at + TUPLE_DST + i]);
  return finish(h);
}

/** The protocol's name as conntrack's tools print it; `unknown` for those without a name there. */
export function protocolName(protonum: number): string {
  switch (protonum) {
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_GRE:
      return "gre";
    case IPPROTO_ICMPV6:
      return "icmpv6";
    case IPPROTO_SCTP:
      return "sctp";
    case IPPROTO_UDPLITE:
      return "udplite";
    default:
      return "unknown";
  }
}

/** A tuple in words for people. */
export function tupleText(words: Int32Array, at: number): TupleText {
  const protonum = tupleProtonum(words, at);
  const ipv4 = tupleL3num(words, at) === NFPROTO_IPV4;
  const src = ipv4 ? formatIPv4(words[at + TUPLE_SRC]) : formatIPv6(words, at + TUPLE_SRC);
  const dst = ipv4 ? formatIPv4(words[at + TUPLE_DST]) : formatIPv6(words, at + TUPLE_DST);
  const protocol = protocolName(protonum);
  const ports = words[at + TUPLE_PORTS];
  if (protocolHasPorts(protonum)) return { src, dst, protocol, sport: ports >>> 16, dport: ports & 0xffff };
  if (protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6)
    return { src, dst, protocol, type: (ports >>> 8) & 0xff, code: ports & 0xff, id: ports >>> 16 };
  if (protonum === IPPROTO_GRE) return { src, dst, protocol, srckey: ports >>> 16, dstkey: ports & 0xffff };
  return { src, dst, protocol };
}
