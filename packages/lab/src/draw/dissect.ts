/**
 * Takes a packet apart into named fields, as an analyser shows it: IPv4 and IPv6 with TCP, UDP, ICMP and the packet
 * inside an ICMP error. Other protocols and fragments are shown as payload. It only reads; a packet cut short gives the
 * fields that are there.
 */
import {
  checksumPartial,
  formatIPv4,
  ICMP_HEADER_LENGTH,
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_CHECKSUM,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  ipv4HeaderLength,
  pseudoHeaderSum,
  TCP_ACK,
  TCP_ACK_SEQ,
  TCP_CHECKSUM,
  TCP_CWR,
  TCP_DATA_OFFSET,
  TCP_DST_PORT,
  TCP_ECE,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER_LENGTH,
  TCP_PSH,
  TCP_RST,
  TCP_SEQ,
  TCP_SRC_PORT,
  TCP_SYN,
  TCP_URG,
  TCP_URGENT,
  TCP_WINDOW,
  TCPOPT_EOL,
  TCPOPT_MSS,
  TCPOPT_NOP,
  TCPOPT_SACK,
  TCPOPT_SACK_PERM,
  TCPOPT_TIMESTAMP,
  TCPOPT_WINDOW,
  UDP_CHECKSUM,
  UDP_DST_PORT,
  UDP_HEADER_LENGTH,
  UDP_LENGTH,
  UDP_SRC_PORT,
} from "@netfilter-lab/engine";
import { icmpHeadline, icmpLayer } from "./dissect-icmp.js";
import { ip6Layers, readIp6 } from "./dissect6.js";
import {
  checksum,
  type Field,
  hex,
  type Ip,
  type Layer,
  payload,
  protocolField,
  protocolWord,
  u16,
  u32,
} from "./fields.js";

/** What a packet is, in the parts that drawings need. */
export interface Headline {
  readonly src: string;
  readonly dst: string;
  /** `tcp`, `udp`, `icmp`, or the number. */
  readonly protocol: string;
  /** Ports; null where the protocol has none or the packet does not show them. */
  readonly sport: number | null;
  readonly dport: number | null;
  /** `SYN, ACK`, `echo request`, `UDP`: what kind of packet it is. */
  readonly kind: string;
  /** `seq=0 ack=1 len=6`: the numbers that matter. */
  readonly numbers: string;
}

const FLAG_NAMES: readonly (readonly [bit: number, name: string])[] = [
  [TCP_SYN, "SYN"],
  [TCP_FIN, "FIN"],
  [TCP_RST, "RST"],
  [TCP_PSH, "PSH"],
  [TCP_ACK, "ACK"],
  [TCP_URG, "URG"],
  [TCP_ECE, "ECE"],
  [TCP_CWR, "CWR"],
];

function readIp4(data: Uint8Array, at: number): Ip | null {
  if (data.length - at < IPV4_HEADER_LENGTH || data[at] >> 4 !== 4) return null;
  const protocol = data[at + IPV4_PROTOCOL];
  const src = u32(data, at + IPV4_SRC);
  const dst = u32(data, at + IPV4_DST);
  return {
    headerLength: ipv4HeaderLength(data, at),
    end: Math.min(data.length, at + u16(data, at + IPV4_TOTAL_LENGTH)),
    protocol,
    src: formatIPv4(src),
    dst: formatIPv4(dst),
    fragmentOffset: (u16(data, at + IPV4_FRAGMENT) & IP_OFFSET) * 8,
    whole: (u16(data, at + IPV4_FRAGMENT) & IP_MF) === 0,
    pseudoSum: (length) => pseudoHeaderSum(src, dst, protocol, length),
  };
}

/** The flags of a TCP header, `SYN, ACK`; `none` when there are none. */
export function tcpFlagNames(flags: number): string {
  const names = FLAG_NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);
  return names.length === 0 ? "none" : names.join(", ");
}

/** The parts of a packet that name it. */
export function headline(data: Uint8Array): Headline {
  const ip = readIp6(data, 0) ?? readIp4(data, 0);
  if (ip === null) return { src: "?", dst: "?", protocol: "?", sport: null, dport: null, kind: "not IP", numbers: "" };
  const common = {
    src: ip.src,
    dst: ip.dst,
    protocol: protocolWord(ip.protocol) ?? String(ip.protocol),
    sport: null,
    dport: null,
  };
  const at = ip.headerLength;
  const length = ip.end - at;
  if (ip.fragmentOffset > 0)
    return { ...common, kind: `fragment of ${common.protocol}`, numbers: `offset=${ip.fragmentOffset} len=${length}` };
  if (ip.protocol === IPPROTO_TCP && length >= TCP_HEADER_LENGTH) {
    const flags = data[at + TCP_FLAGS];
    const payload = length - (data[at + TCP_DATA_OFFSET] >> 4) * 4;
    const ack = flags & TCP_ACK ? ` ack=${u32(data, at + TCP_ACK_SEQ)}` : "";
    const numbers = `seq=${u32(data, at + TCP_SEQ)}${ack} len=${Math.max(0, payload)}`;
    return {
      ...common,
      sport: u16(data, at + TCP_SRC_PORT),
      dport: u16(data, at + TCP_DST_PORT),
      kind: tcpFlagNames(flags),
      numbers,
    };
  }
  if (ip.protocol === IPPROTO_UDP && length >= UDP_HEADER_LENGTH)
    return {
      ...common,
      sport: u16(data, at + UDP_SRC_PORT),
      dport: u16(data, at + UDP_DST_PORT),
      kind: "UDP",
      numbers: `len=${length - UDP_HEADER_LENGTH}`,
    };
  return { ...common, ...(icmpHeadline(data, at, ip) ?? { kind: common.protocol, numbers: `len=${length}` }) };
}

/** An address with its port where there is one: `192.168.2.55:50798`, `[fd00::1]:443`. */
export function endpoint(address: string, port: number | null | undefined): string {
  if (port === null || port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A packet in one line: `tcp 192.168.2.55:50798 → 217.254.1.76:443 [SYN] seq=1 len=0`. */
export function oneLine(data: Uint8Array): string {
  const head = headline(data);
  const numbers = head.numbers === "" ? "" : ` ${head.numbers}`;
  return `${head.protocol} ${endpoint(head.src, head.sport)} → ${endpoint(head.dst, head.dport)} [${head.kind}]${numbers}`;
}

/** All headers of a packet, outermost first. */
export function dissect(data: Uint8Array): Layer[] {
  return layers(data, 0, "");
}

function layers(data: Uint8Array, at: number, prefix: string): Layer[] {
  const ip6 = readIp6(data, at);
  const ip = ip6 ?? readIp4(data, at);
  if (ip === null) return [payload(prefix, at, Math.max(0, data.length - at))];
  const result = ip6 === null ? [ipLayer(data, at, ip, prefix)] : ip6Layers(data, at, ip6, prefix);
  const inner = at + ip.headerLength;
  const length = ip.end - inner;
  if (ip.fragmentOffset > 0) return [...result, payload(prefix, inner, length)];
  if (ip.protocol === IPPROTO_TCP && length >= TCP_HEADER_LENGTH)
    return [...result, ...tcpLayers(data, inner, ip, prefix)];
  if (ip.protocol === IPPROTO_UDP && length >= UDP_HEADER_LENGTH)
    return [...result, ...udpLayers(data, inner, ip, prefix)];
  const icmp = icmpLayer(data, inner, ip, prefix);
  if (icmp !== null) {
    const behind = inner + ICMP_HEADER_LENGTH;
    if (icmp.quotes)
      // Of the packet in an error in an error nothing is shown.
      return [
        ...result,
        icmp.layer,
        ...(prefix === "" ? layers(data.subarray(0, ip.end), behind, "In the error: ") : []),
      ];
    return [...result, icmp.layer, ...(behind < ip.end ? [payload(prefix, behind, ip.end - behind)] : [])];
  }
  if ((ip.protocol === IPPROTO_TCP || ip.protocol === IPPROTO_UDP) && length >= 4)
    // What an ICMP error must quote: eight bytes, of which four are the ports.
    return [
      ...result,
      {
        name: `${prefix}${protocolWord(ip.protocol)?.toUpperCase()} (first bytes)`,
        at: inner,
        length,
        fields: ports(data, inner),
      },
    ];
  return length > 0 ? [...result, payload(prefix, inner, length)] : result;
}

function ports(data: Uint8Array, at: number): Field[] {
  return [
    { name: "Source port", value: String(u16(data, at)), at, length: 2 },
    { name: "Destination port", value: String(u16(data, at + 2)), at: at + 2, length: 2 },
  ];
}

function ipLayer(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer {
  const flags = u16(data, at + IPV4_FRAGMENT);
  const names = [flags & IP_DF ? "don't fragment" : "", flags & IP_MF ? "more fragments" : ""].filter(
    (name) => name !== "",
  );
  const headerLength = Math.min(ip.headerLength, data.length - at);
  return {
    name: `${prefix}Internet Protocol version 4`,
    at,
    length: headerLength,
    fields: [
      { name: "Header length", value: `${ip.headerLength} bytes`, at, length: 1 },
      { name: "Type of service", value: hex(data[at + IPV4_TOS], 2), at: at + IPV4_TOS, length: 1 },
      {
        name: "Total length",
        value: `${u16(data, at + IPV4_TOTAL_LENGTH)} bytes`,
        at: at + IPV4_TOTAL_LENGTH,
        length: 2,
      },
      { name: "Identification", value: hex(u16(data, at + IPV4_ID), 4), at: at + IPV4_ID, length: 2 },
      { name: "Flags", value: names.length === 0 ? "none" : names.join(", "), at: at + IPV4_FRAGMENT, length: 1 },
      { name: "Fragment offset", value: String(ip.fragmentOffset), at: at + IPV4_FRAGMENT, length: 2 },
      { name: "Time to live", value: String(data[at + IPV4_TTL]), at: at + IPV4_TTL, length: 1 },
      protocolField("Protocol", ip.protocol, at + IPV4_PROTOCOL),
      checksum(data, at + IPV4_CHECKSUM, checksumPartial(data, at, headerLength), headerLength === ip.headerLength),
      { name: "Source address", value: ip.src, at: at + IPV4_SRC, length: 4 },
      { name: "Destination address", value: ip.dst, at: at + IPV4_DST, length: 4 },
    ],
  };
}

/** Sum over the transport header, its payload and the pseudo header. */
function transportSum(data: Uint8Array, at: number, ip: Ip): number {
  const length = ip.end - at;
  return checksumPartial(data, at, length, ip.pseudoSum(length));
}

function tcpLayers(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer[] {
  const headerLength = Math.min((data[at + TCP_DATA_OFFSET] >> 4) * 4, ip.end - at);
  const length = ip.end - at - headerLength;
  const options = tcpOptions(data.subarray(at + TCP_HEADER_LENGTH, at + headerLength));
  const whole = ip.whole && prefix === "";
  const tcp: Layer = {
    name: `${prefix}Transmission Control Protocol`,
    at,
    length: headerLength,
    fields: [
      ...ports(data, at),
      { name: "Sequence number", value: String(u32(data, at + TCP_SEQ)), at: at + TCP_SEQ, length: 4 },
      { name: "Acknowledgment number", value: String(u32(data, at + TCP_ACK_SEQ)), at: at + TCP_ACK_SEQ, length: 4 },
      { name: "Header length", value: `${headerLength} bytes`, at: at + TCP_DATA_OFFSET, length: 1 },
      {
        name: "Flags",
        value: `${tcpFlagNames(data[at + TCP_FLAGS])} (${hex(data[at + TCP_FLAGS], 2)})`,
        at: at + TCP_FLAGS,
        length: 1,
      },
      { name: "Window", value: String(u16(data, at + TCP_WINDOW)), at: at + TCP_WINDOW, length: 2 },
      checksum(data, at + TCP_CHECKSUM, transportSum(data, at, ip), whole),
      { name: "Urgent pointer", value: String(u16(data, at + TCP_URGENT)), at: at + TCP_URGENT, length: 2 },
      ...(options === ""
        ? []
        : [{ name: "Options", value: options, at: at + TCP_HEADER_LENGTH, length: headerLength - TCP_HEADER_LENGTH }]),
    ],
  };
  return length > 0 ? [tcp, payload(prefix, at + headerLength, length)] : [tcp];
}

function tcpOptions(data: Uint8Array): string {
  const names: string[] = [];
  for (let at = 0; at < data.length && data[at] !== TCPOPT_EOL; ) {
    if (data[at] === TCPOPT_NOP) {
      names.push("nop");
      at++;
      continue;
    }
    const length = data[at + 1];
    if (length === undefined || length < 2 || at + length > data.length) return [...names, "malformed"].join(", ");
    if (data[at] === TCPOPT_MSS && length === 4) names.push(`mss ${u16(data, at + 2)}`);
    else if (data[at] === TCPOPT_WINDOW && length === 3) names.push(`wscale ${data[at + 2]}`);
    else if (data[at] === TCPOPT_SACK_PERM) names.push("sackOK");
    else if (data[at] === TCPOPT_SACK) names.push(`sack (${(length - 2) / 8} blocks)`);
    else if (data[at] === TCPOPT_TIMESTAMP && length === 10)
      names.push(`timestamps ${u32(data, at + 2)}/${u32(data, at + 6)}`);
    else names.push(`kind ${data[at]}`);
    at += length;
  }
  return names.join(", ");
}

function udpLayers(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer[] {
  const value = u16(data, at + UDP_CHECKSUM);
  const sum: Field =
    value === 0
      ? { name: "Checksum", value: "0x0000 (none)", at: at + UDP_CHECKSUM, length: 2 }
      : checksum(data, at + UDP_CHECKSUM, transportSum(data, at, ip), ip.whole && prefix === "");
  const length = ip.end - at - UDP_HEADER_LENGTH;
  const udp: Layer = {
    name: `${prefix}User Datagram Protocol`,
    at,
    length: UDP_HEADER_LENGTH,
    fields: [
      ...ports(data, at),
      { name: "Length", value: `${u16(data, at + UDP_LENGTH)} bytes`, at: at + UDP_LENGTH, length: 2 },
      sum,
    ],
  };
  return length > 0 ? [udp, payload(prefix, at + UDP_HEADER_LENGTH, length)] : [udp];
}
