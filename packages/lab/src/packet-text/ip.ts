/** The headers of IPv4 and IPv6 as tcpdump prints them, and whose turn it is behind them: print-ip.c, print-ip6.c. */
import { checksumFold, checksumPartial, formatIPv4, formatIPv6, readIPv6 } from "@netfilter-lab/engine";
import { printIcmp } from "./icmp.js";
import { printIcmp6 } from "./icmp6.js";
import {
  IP_HEADER_LENGTH,
  IP_OFFSET,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_HEADER_LENGTH,
} from "./numbers.js";
import { type PacketTextOptions, Printout, type Transport } from "./printout.js";
import { printTcp } from "./tcp.js";
import { printUdp } from "./udp.js";

const NEXTHDR_HOP = 0;
const NEXTHDR_FRAGMENT = 44;
const NEXTHDR_NONE = 59;
const NEXTHDR_DEST = 60;
const IP_RF = 0x8000;
const IP_DF = 0x4000;
const IP_MF = 0x2000;

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  0: "Options",
  1: "ICMP",
  2: "IGMP",
  4: "IPIP",
  6: "TCP",
  8: "EGP",
  9: "IGRP",
  17: "UDP",
  33: "DCCP",
  41: "IPv6",
  44: "Fragment",
  46: "RSVP",
  47: "GRE",
  50: "ESP",
  51: "AH",
  55: "Mobile IP",
  58: "ICMPv6",
  88: "EIGRP",
  89: "OSPF",
  103: "PIM",
  108: "Compressed IP",
  112: "VRRP",
  113: "PGM",
  132: "SCTP",
};

const OPTION_NAMES: Readonly<Record<number, string>> = {
  0: "EOL",
  1: "NOP",
  7: "RR",
  68: "timestamp",
  130: "security",
  131: "LSRR",
  137: "SSRR",
  148: "RA",
  149: "RFC1393",
};

/** `length` is what the link carried, more perhaps than was caught. */
export function printIp(out: Printout, length: number): void {
  if (out.isIpv6) {
    printIp6(out, length);
    return;
  }
  if (!(out.options.unnamed ?? false)) out.text += "IP ";
  if (out.data.length < IP_HEADER_LENGTH) {
    out.text += " [|ip]";
    return;
  }
  const headerLength = (out.u8(0) & 15) * 4;
  const total = out.u16(2);
  if (out.u8(0) >> 4 !== 4) out.text += "wrong link-layer encapsulation";
  if (headerLength < IP_HEADER_LENGTH) {
    out.text += `bad-hlen ${headerLength}`;
    return;
  }
  if (total < headerLength) {
    out.text += `bad-len ${total}`;
    return;
  }
  if (length < total) out.text += `truncated-ip - ${total - length} bytes missing! `;
  if (out.verbose > 0) out.part("ip", () => header4(out, headerLength, total));
  const fragment = out.u16(6);
  const [src, dst] = [formatIPv4(out.u32(12)), formatIPv4(out.u32(16))];
  const protocol = out.u8(9);
  if ((fragment & IP_OFFSET) !== 0) {
    out.text += `${src} > ${dst}: ip-proto-${protocol}`;
    return;
  }
  const inner = new Printout(out.data.subarray(0, Math.min(total, out.data.length)), out.options);
  const context: Transport = {
    src,
    dst,
    at: headerLength,
    length: total - headerLength,
    fragmented: (fragment & IP_MF) !== 0,
    bare: false,
  };
  if (protocol === IPPROTO_TCP) inner.part("tcp", () => printTcp(inner, context));
  else if (protocol === IPPROTO_UDP) inner.part("udp", () => printUdp(inner, context));
  else {
    inner.text += `${src} > ${dst}: `;
    if (protocol === IPPROTO_ICMP)
      inner.part("icmp", () => printIcmp(inner, context, (packet) => packetWithin(packet, out.options)));
    else inner.text += ` ip-proto-${protocol} ${context.length}`;
  }
  out.text += inner.text;
}

/** `(tos 0x0, ttl 64, id 4711, offset 0, flags [DF], proto TCP (6), length 60)`. */
function header4(out: Printout, headerLength: number, total: number): void {
  const tos = out.u8(1);
  const ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][tos & 3];
  const ttl = out.u8(8);
  const fragment = out.u16(6);
  const flags = [
    [IP_MF, "+"],
    [IP_DF, "DF"],
    [IP_RF, "rsvd"],
  ] as const;
  const set = flags.filter(([bit]) => fragment & bit).map(([, name]) => name);
  out.text += `(tos 0x${tos.toString(16)}${ecn}${ttl >= 1 ? `, ttl ${ttl}` : ""}`;
  out.text += `, id ${out.u16(4)}, offset ${(fragment & IP_OFFSET) * 8}, flags [${set.join(", ") || "none"}]`;
  out.text += `, proto ${PROTOCOL_NAMES[out.u8(9)] ?? "unknown"} (${out.u8(9)}), length ${total}`;
  if (headerLength > IP_HEADER_LENGTH) {
    out.text += ", options (";
    ipOptions(out, headerLength);
    out.text += ")";
  }
  if (!(out.options.unverified ?? false) && out.data.length >= headerLength) {
    const given = out.u16(10);
    const off = checksumFold(checksumPartial(out.data, 0, headerLength));
    if (off !== 0) {
      const header = out.data.slice(0, headerLength);
      header.set([0, 0], 10);
      const right = checksumFold(checksumPartial(header, 0, headerLength));
      out.text += `, bad cksum ${given.toString(16)} (->${right.toString(16)})!`;
    }
  }
  out.text += ")\n    ";
}

function ipOptions(out: Printout, headerLength: number): void {
  for (let at = IP_HEADER_LENGTH, separator = ""; at < headerLength; ) {
    const kind = out.u8(at);
    const length = kind <= 1 ? 1 : out.u8(at + 1);
    out.text += `${separator}${OPTION_NAMES[kind] ?? `unknown ${kind}`}`;
    separator = ",";
    if (kind === 0) return;
    if (kind > 1 && (length < 2 || at + length > headerLength)) return;
    if (kind === 148 && length === 4 && out.u16(at + 2) !== 0) out.text += ` value ${out.u16(at + 2)}`;
    if (kind === 7 || kind === 131 || kind === 137)
      for (let hop = 3; hop + 4 <= length; hop += 4) out.text += ` ${formatIPv4(out.u32(at + hop))}`;
    at += length;
  }
}

function printIp6(out: Printout, length: number): void {
  if (!(out.options.unnamed ?? false)) out.text += "IP6 ";
  if (out.data.length < IPV6_HEADER_LENGTH) {
    out.text += " [|ip6]";
    return;
  }
  const total = IPV6_HEADER_LENGTH + out.u16(4);
  if (length < total) out.text += `truncated-ip6 - ${total - length} bytes missing!`;
  if (out.verbose > 0) header6(out, total);
  const [src, dst] = [8, 24].map((at) => formatIPv6(readIPv6(out.data, at)));
  const inner = new Printout(out.data.subarray(0, Math.min(total, out.data.length)), out.options);
  inner.part("ip6", () => payload6(inner, src, dst, total));
  out.text += inner.text;
}

/** `(class 0x10, flowlabel 0x12345, hlim 64, next-header TCP (6) payload length: 20)`. */
function header6(out: Printout, total: number): void {
  const word = out.u32(0);
  const [trafficClass, flow] = [(word >>> 20) & 0xff, word & 0xfffff];
  const parts = [
    ...(trafficClass === 0 ? [] : [`class 0x${trafficClass.toString(16).padStart(2, "0")}`]),
    ...(flow === 0 ? [] : [`flowlabel 0x${flow.toString(16).padStart(5, "0")}`]),
    `hlim ${out.u8(7)}`,
    `next-header ${PROTOCOL_NAMES[out.u8(6)] ?? "unknown"} (${out.u8(6)}) payload length: ${total - IPV6_HEADER_LENGTH}`,
  ];
  out.text += `(${parts.join(", ")}) `;
}

/** The chain of headers behind IPv6's. */
function payload6(out: Printout, src: string, dst: string, total: number): void {
  let at = IPV6_HEADER_LENGTH;
  let next = out.u8(6);
  let bare = false;
  let fragmented = false;
  for (;;) {
    const transport = next === IPPROTO_TCP || next === IPPROTO_UDP;
    if (!bare && !transport) {
      out.text += `${src} > ${dst}: `;
      bare = true;
    }
    const context: Transport = { src, dst, at, length: total - at, fragmented, bare };
    if (next === NEXTHDR_HOP || next === NEXTHDR_DEST) {
      out.text += next === NEXTHDR_HOP ? "HBH " : "DSTOPT ";
      next = out.u8(at);
      at += (out.u8(at + 1) + 1) * 8;
    } else if (next === NEXTHDR_FRAGMENT) {
      const offset = out.u16(at + 2) & 0xfff8;
      const id =
        out.verbose > 0
          ? `0x${out
              .u32(at + 4)
              .toString(16)
              .padStart(8, "0")}:`
          : "";
      out.text += `frag (${id}${offset}|${total - at - 8})`;
      if (offset !== 0) return;
      out.text += " ";
      fragmented = true;
      next = out.u8(at);
      at += 8;
    } else {
      if (next === IPPROTO_TCP) out.part("tcp", () => printTcp(out, context));
      else if (next === IPPROTO_UDP) out.part("udp", () => printUdp(out, context));
      else if (next === IPPROTO_ICMPV6) out.part("icmp6", () => printIcmp6(out, context));
      else if (next === NEXTHDR_NONE) out.text += "no next header";
      else out.text += ` ip-proto-${next} ${context.length}`;
      return;
    }
  }
}

/** The packet that an ICMP error is about. */
function packetWithin(packet: Uint8Array, options: PacketTextOptions): string {
  const inner = new Printout(packet, options);
  printIp(inner, packet.length < IP_HEADER_LENGTH ? packet.length : inner.u16(2));
  return inner.text;
}
