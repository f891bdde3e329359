/**
 * What NAT does for helpers: it replaces text in a packet whose connection is translated, keeps count of what that does
 * to TCP's sequence numbers, and binds an expected connection like the one that announced it. Models
 * net/netfilter/nf_nat_helper.c.
 */
import { addressWords, type Expectation, type NamedExpectFunction } from "../conntrack/expect.js";
import type { Announced } from "../conntrack/helpers/nat-hook.js";
import type { CtHandle } from "../conntrack/status.js";
import { NFPROTO_IPV4, type NfProto } from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import { ctinfoDirection, type SkBuff } from "../skb.js";
import { get16, getInt32, put16 } from "../wire/bytes.js";
import { checksumFold, checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { IPPROTO_TCP, IPPROTO_UDP, IPV4_DST, IPV4_SRC, IPV4_TOTAL_LENGTH, ipv4SetChecksum } from "../wire/ipv4.js";
import { IPV6_HEADER_LENGTH, IPV6_PAYLOAD_LENGTH, pseudoHeaderSumIPv6 } from "../wire/ipv6.js";
import { TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_SEQ } from "../wire/tcp.js";
import { UDP_CHECKSUM, UDP_HEADER_LENGTH, UDP_LENGTH } from "../wire/udp.js";
import {
  type NatRange,
  NF_NAT_MANIP_DST,
  NF_NAT_MANIP_SRC,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "./range.js";

const MAX_PACKET = 65535;

/**
 * Puts `text` in place of `length` bytes at `at`; everything behind moves. False when the packet grows too long. Models
 * `mangle_contents()`.
 */
function replaceBytes(skb: SkBuff, family: NfProto, at: number, length: number, text: string): boolean {
  const grown = skb.len + text.length - length;
  if (grown > MAX_PACKET) return false;
  // Somebody else may hold the bytes that came.
  const data = new Uint8Array(grown);
  data.set(skb.data.subarray(0, at));
  for (let i = 0; i < text.length; i++) data[at + i] = text.charCodeAt(i);
  data.set(skb.data.subarray(at + length, skb.len), at + text.length);
  skb.data = data;
  skb.len = grown;
  if (family === NFPROTO_IPV4) {
    put16(data, IPV4_TOTAL_LENGTH, grown);
    ipv4SetChecksum(data, 0);
  } else put16(data, IPV6_PAYLOAD_LENGTH, grown - IPV6_HEADER_LENGTH);
  return true;
}

/**
 * The transport checksum at `sumAt`, computed afresh as the kernel leaves it to the device. Models
 * `nf_nat_csum_recalc()`.
 */
function recomputeChecksum(skb: SkBuff, family: NfProto, protoff: number, protonum: number, sumAt: number): void {
  const { data } = skb;
  const length = skb.len - protoff;
  put16(data, sumAt, 0);
  const pseudo =
    family === NFPROTO_IPV4
      ? pseudoHeaderSum(getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), protonum, length)
      : pseudoHeaderSumIPv6(data, 0, protonum, length);
  const sum = checksumFold(checksumPartial(data, protoff, length, pseudo));
  put16(data, sumAt, sum === 0 && protonum === IPPROTO_UDP ? 0xffff : sum);
}

/**
 * Replaces text in a TCP segment, and leaves its numbers alone. Models `__nf_nat_mangle_tcp_packet()` without `adjust`.
 */
export function mangleTcpText(family: NfProto, announced: Announced, text: string): boolean {
  const { skb, protoff, offset, length } = announced;
  const dataoff = protoff + (skb.data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
  if (!replaceBytes(skb, family, dataoff + offset, length, text)) return false;
  recomputeChecksum(skb, family, protoff, IPPROTO_TCP, protoff + TCP_CHECKSUM);
  return true;
}

/** From a segment on, the numbers of its direction move by what it grew. Models `nf_ct_seqadj_set()`. */
export function segmentGrew(
  net: NetNamespace,
  entry: CtHandle,
  { skb, ctinfo, protoff }: Omit<Announced, "offset" | "length">,
  growth: number,
): void {
  if (growth === 0) return;
  net.ct.helpers.adjustment(entry).set(ctinfoDirection(ctinfo), getInt32(skb.data, protoff + TCP_SEQ), growth);
}

/**
 * Replaces what a TCP segment announces; later sequence numbers move by what it grew. Models
 * `nf_nat_mangle_tcp_packet()`.
 */
export function mangleTcp(net: NetNamespace, entry: CtHandle, announced: Announced, text: string): boolean {
  if (!mangleTcpText(net.ct.l3numOf(entry), announced, text)) return false;
  segmentGrew(net, entry, announced, text.length - announced.length);
  return true;
}

/** The same in a UDP datagram, whose sender may have computed no checksum. Models `nf_nat_mangle_udp_packet()`. */
export function mangleUdp(family: NfProto, announced: Announced, text: string): boolean {
  const { skb, protoff, offset, length } = announced;
  if (!replaceBytes(skb, family, protoff + UDP_HEADER_LENGTH + offset, length, text)) return false;
  const { data } = skb;
  put16(data, protoff + UDP_LENGTH, skb.len - protoff);
  if (get16(data, protoff + UDP_CHECKSUM) !== 0)
    recomputeChecksum(skb, family, protoff, IPPROTO_UDP, protoff + UDP_CHECKSUM);
  return true;
}

/** A range of one address (its four words), with one port or the connection's own. */
export function exactly(family: NfProto, address: Int32Array, port: number | null): NatRange {
  return {
    flags: NF_NAT_RANGE_MAP_IPS | (port === null ? 0 : NF_NAT_RANGE_PROTO_SPECIFIED),
    minAddr: address[0],
    maxAddr: address[0],
    ...(family === NFPROTO_IPV4 ? {} : { min6: address, max6: address }),
    minPort: port ?? 0,
    maxPort: port ?? 0,
    basePort: 0,
  };
}

/** Binds an expected connection so that it goes where its master's packets go. Models `nf_nat_follow_master()`. */
export function followMaster(net: NetNamespace): NamedExpectFunction {
  return {
    name: "nat-follow-master",
    run(entry: CtHandle, { master, direction, savedPort }: Expectation): void {
      const other = direction === 0 ? 1 : 0;
      const family = net.ct.l3numOf(master);
      net.nat.setupInfo(entry, exactly(family, addressWords(net.ct, master, other, "dst"), null), NF_NAT_MANIP_SRC);
      const to = exactly(family, addressWords(net.ct, master, other, "src"), savedPort);
      net.nat.setupInfo(entry, to, NF_NAT_MANIP_DST);
    },
  };
}

/** How many ports are tried for an expectation. */
const MAX_ATTEMPTS = 128;

/**
 * Notes an expectation at a port, or where that is taken at one drawn from those above. Returns the port, or 0 when
 * none was free. Models `nf_nat_exp_find_port()`.
 */
export function expectAtPort(net: NetNamespace, expectation: Expectation, wanted: number): number {
  const above = 0xffff - wanted;
  let port = wanted;
  for (let left = Math.min(above, MAX_ATTEMPTS); ; ) {
    expectation.destinationPort = port;
    const refusal = net.ct.helpers.expectations.related(expectation);
    if (refusal === null) return port;
    if (refusal !== "EBUSY" || --left < 0) return 0;
    port = wanted + (net.random.u16() % above);
  }
}
