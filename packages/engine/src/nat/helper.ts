/**
 * What NAT does for helpers: it replaces text in a packet whose connection is translated, keeps count of what that does
 * to TCP's sequence numbers, and binds an expected connection like the one that announced it. Models
 * net/netfilter/nf_nat_helper.c.
 */
import type { Expectation, NamedExpectFunction } from "../conntrack/expect.js";
import type { Announced } from "../conntrack/helpers/nat-hook.js";
import type { CtHandle } from "../conntrack/status.js";
import type { NetNamespace } from "../netns.js";
import { ctinfoDirection, type SkBuff } from "../skb.js";
import { get16, get32, getInt32, put16 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import { IPV4_CHECKSUM, IPV4_DST, IPV4_SRC, IPV4_TOTAL_LENGTH } from "../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_SEQ, tcpSetChecksum } from "../wire/tcp.js";
import { UDP_CHECKSUM, UDP_HEADER_LENGTH, UDP_LENGTH, udpSetChecksum } from "../wire/udp.js";
import { NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC, NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED } from "./range.js";

const MAX_PACKET = 65535;

/** Puts `text` in place of `length` bytes at `at`; everything behind moves. False when the packet grows too long. */
function replaceBytes(skb: SkBuff, at: number, length: number, text: string): boolean {
  const grown = skb.len + text.length - length;
  if (grown > MAX_PACKET) return false;
  // Somebody else may hold the bytes that came.
  const data = new Uint8Array(grown);
  data.set(skb.data.subarray(0, at));
  for (let i = 0; i < text.length; i++) data[at + i] = text.charCodeAt(i);
  data.set(skb.data.subarray(at + length, skb.len), at + text.length);
  skb.data = data;
  skb.len = grown;
  put16(data, IPV4_TOTAL_LENGTH, grown);
  put16(data, IPV4_CHECKSUM, 0);
  put16(data, IPV4_CHECKSUM, checksumFold(checksumPartial(data, 0, (data[0] & 15) * 4)));
  return true;
}

/**
 * Replaces what a TCP segment announces; later sequence numbers move by what it grew. The checksum is computed afresh, as
 * the kernel leaves it to the device. Models `nf_nat_mangle_tcp_packet()`.
 */
export function mangleTcp(net: NetNamespace, entry: CtHandle, announced: Announced, text: string): boolean {
  const { skb, ctinfo, protoff, offset, length } = announced;
  const dataoff = protoff + (skb.data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
  if (!replaceBytes(skb, dataoff + offset, length, text)) return false;
  const { data } = skb;
  tcpSetChecksum(data, protoff, skb.len - protoff, get32(data, IPV4_SRC), get32(data, IPV4_DST));
  if (text.length !== length)
    net.ct.helpers
      .adjustment(entry)
      .set(ctinfoDirection(ctinfo), getInt32(data, protoff + TCP_SEQ), text.length - length);
  return true;
}

/** The same in a UDP datagram, whose sender may have computed no checksum. Models `nf_nat_mangle_udp_packet()`. */
export function mangleUdp(announced: Announced, text: string): boolean {
  const { skb, protoff, offset, length } = announced;
  if (!replaceBytes(skb, protoff + UDP_HEADER_LENGTH + offset, length, text)) return false;
  const { data } = skb;
  put16(data, protoff + UDP_LENGTH, skb.len - protoff);
  if (get16(data, protoff + UDP_CHECKSUM) !== 0)
    udpSetChecksum(data, protoff, skb.len - protoff, get32(data, IPV4_SRC), get32(data, IPV4_DST));
  return true;
}

/** A range of one address, with one port or the connection's own. */
export function exactly(address: number, port: number | null): Parameters<NetNamespace["nat"]["setupInfo"]>[1] {
  return {
    flags: NF_NAT_RANGE_MAP_IPS | (port === null ? 0 : NF_NAT_RANGE_PROTO_SPECIFIED),
    minAddr: address,
    maxAddr: address,
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
      net.nat.setupInfo(entry, exactly(net.ct.dstOf(master, other), null), NF_NAT_MANIP_SRC);
      net.nat.setupInfo(entry, exactly(net.ct.srcOf(master, other), savedPort), NF_NAT_MANIP_DST);
    },
  };
}

/** How many ports are tried for an expectation. */
const MAX_ATTEMPTS = 128;

/**
 * Notes an expectation at a port, or where that is taken at one drawn from those above. Returns the port, or 0 when none
 * was free. Models `nf_nat_exp_find_port()`.
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
