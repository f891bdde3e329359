/**
 * The IPv4 header (RFC 791) over a byte buffer: offsets named once, one check at the door ({@link checkIPv4}), readers
 * that cannot fail after it, and a plain value form for tests and for building. Options are carried, not interpreted.
 * The kernel's counterparts are `struct iphdr` and the checks of `ip_rcv_core()`, net/ipv4/ip_input.c.
 */
import { get16, get32, put16, put32 } from "./bytes.js";
import { checksumFold, checksumPartial, checksumReplace2 } from "./checksum.js";

/** Length in bytes of a header without options. */
export const IPV4_HEADER_LENGTH = 20;

/** Byte offsets of the fields from the start of the header. */
export const IPV4_VERSION_IHL = 0;
export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SRC = 12;
export const IPV4_DST = 16;

/** Bits of the 16-bit fragment word. */
export const IP_DF = 0x4000;
export const IP_MF = 0x2000;
export const IP_OFFSET = 0x1fff;

/** Protocol numbers (IANA). */
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_DCCP = 33;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_PIM = 103;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;
export const IPPROTO_RAW = 255;

/** What {@link checkIPv4} found. */
export type IPv4Check = "ok" | "too short" | "bad version" | "bad header length" | "truncated" | "bad checksum";

/**
 * The door: whether `length` bytes at `at` begin with a sound IPv4 header whose total length they hold. All readers
 * below rely on it. The order of the checks is that of `ip_rcv_core()`.
 */
export function checkIPv4(data: Uint8Array, at: number, length: number): IPv4Check {
  if (length < IPV4_HEADER_LENGTH) return "too short";
  if (data[at] >>> 4 !== 4) return "bad version";
  const headerLength = (data[at] & 15) * 4;
  if (headerLength < IPV4_HEADER_LENGTH) return "bad header length";
  if (length < headerLength) return "too short";
  if ((headerLength === IPV4_HEADER_LENGTH ? headerSum(data, at) : checksumPartial(data, at, headerLength)) !== 0xffff)
    return "bad checksum";
  const total = get16(data, at + IPV4_TOTAL_LENGTH);
  if (length < total || total < headerLength) return "truncated";
  return "ok";
}

/** {@link checksumPartial} of a header without options: as nearly every packet has one, without a loop. */
function headerSum(data: Uint8Array, at: number): number {
  const high =
    data[at] +
    data[at + 2] +
    data[at + 4] +
    data[at + 6] +
    data[at + 8] +
    data[at + 10] +
    data[at + 12] +
    data[at + 14] +
    data[at + 16] +
    data[at + 18];
  const low =
    data[at + 1] +
    data[at + 3] +
    data[at + 5] +
    data[at + 7] +
    data[at + 9] +
    data[at + 11] +
    data[at + 13] +
    data[at + 15] +
    data[at + 17] +
    data[at + 19];
  const sum = (high << 8) + low;
  return (sum & 0xffff) + (sum >>> 16);
}

/** Header length in bytes, options included. */
export function ipv4HeaderLength(data: Uint8Array, at: number): number {
  return (data[at] & 15) * 4;
}

/** Length of header and payload, in bytes. */
export function ipv4TotalLength(data: Uint8Array, at: number): number {
  return get16(data, at + IPV4_TOTAL_LENGTH);
}

/** The type-of-service byte: DSCP and ECN. */
export function ipv4Tos(data: Uint8Array, at: number): number {
  return data[at + IPV4_TOS];
}

/** The identification that fragments of one packet share. */
export function ipv4Id(data: Uint8Array, at: number): number {
  return get16(data, at + IPV4_ID);
}

/** The flags-and-offset word: {@link IP_DF}, {@link IP_MF}, {@link IP_OFFSET} (in units of 8 bytes). */
export function ipv4Fragment(data: Uint8Array, at: number): number {
  return get16(data, at + IPV4_FRAGMENT);
}

/** Whether the packet is a piece of a larger one. Models `ip_is_fragment()`. */
export function ipv4IsFragment(data: Uint8Array, at: number): boolean {
  return (get16(data, at + IPV4_FRAGMENT) & (IP_MF | IP_OFFSET)) !== 0;
}

/** The time to live, in hops. */
export function ipv4Ttl(data: Uint8Array, at: number): number {
  return data[at + IPV4_TTL];
}

/** The protocol number of the payload. */
export function ipv4Protocol(data: Uint8Array, at: number): number {
  return data[at + IPV4_PROTOCOL];
}

/** As an unsigned number in host order. */
export function ipv4Src(data: Uint8Array, at: number): number {
  return get32(data, at + IPV4_SRC);
}

/** As an unsigned number in host order. */
export function ipv4Dst(data: Uint8Array, at: number): number {
  return get32(data, at + IPV4_DST);
}

/** Computes the header checksum afresh. Models `ip_send_check()`. */
export function ipv4SetChecksum(data: Uint8Array, at: number): void {
  put16(data, at + IPV4_CHECKSUM, 0);
  put16(data, at + IPV4_CHECKSUM, checksumFold(checksumPartial(data, at, ipv4HeaderLength(data, at))));
}

/** Takes one from the time to live and updates the checksum. Models `ip_decrease_ttl()`. */
export function ipv4DecreaseTtl(data: Uint8Array, at: number): void {
  const word = get16(data, at + IPV4_TTL);
  data[at + IPV4_TTL]--;
  put16(data, at + IPV4_CHECKSUM, checksumReplace2(get16(data, at + IPV4_CHECKSUM), word, word - 0x100));
}

/** An IPv4 packet in plain values. */
export interface IPv4Packet {
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly tos?: number;
  readonly id?: number;
  /** 64 when absent. */
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  /** Option bytes, a multiple of 4, at most 40. */
  readonly options?: Uint8Array;
}

/** The bytes of a packet, checksum included. Throws RangeError when options or total length do not fit. */
export function buildIPv4(packet: IPv4Packet): Uint8Array {
  const options = packet.options ?? new Uint8Array(0);
  if (options.length % 4 !== 0 || options.length > 40) throw new RangeError("IPv4 options: a multiple of 4 up to 40");
  const headerLength = IPV4_HEADER_LENGTH + options.length;
  const total = headerLength + packet.payload.length;
  if (total > 0xffff) throw new RangeError("IPv4 packet over 65535 bytes");
  const data = new Uint8Array(total);
  data[IPV4_VERSION_IHL] = 0x40 | (headerLength >>> 2);
  data[IPV4_TOS] = packet.tos ?? 0;
  put16(data, IPV4_TOTAL_LENGTH, total);
  put16(data, IPV4_ID, packet.id ?? 0);
  put16(
    data,
    IPV4_FRAGMENT,
    (packet.dontFragment ? IP_DF : 0) | (packet.moreFragments ? IP_MF : 0) | (packet.fragmentOffset ?? 0),
  );
  data[IPV4_TTL] = packet.ttl ?? 64;
  data[IPV4_PROTOCOL] = packet.protocol;
  put32(data, IPV4_SRC, packet.src);
  put32(data, IPV4_DST, packet.dst);
  data.set(options, IPV4_HEADER_LENGTH);
  data.set(packet.payload, headerLength);
  ipv4SetChecksum(data, 0);
  return data;
}

/** The value form of a packet that passed {@link checkIPv4}; payload and options are copies. */
export function parseIPv4Packet(data: Uint8Array): Required<IPv4Packet> {
  const headerLength = ipv4HeaderLength(data, 0);
  const fragment = ipv4Fragment(data, 0);
  return {
    src: ipv4Src(data, 0),
    dst: ipv4Dst(data, 0),
    protocol: ipv4Protocol(data, 0),
    payload: data.slice(headerLength, ipv4TotalLength(data, 0)),
    tos: ipv4Tos(data, 0),
    id: ipv4Id(data, 0),
    ttl: ipv4Ttl(data, 0),
    dontFragment: (fragment & IP_DF) !== 0,
    moreFragments: (fragment & IP_MF) !== 0,
    fragmentOffset: fragment & IP_OFFSET,
    options: data.slice(IPV4_HEADER_LENGTH, headerLength),
  };
}
