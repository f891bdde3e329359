/**
 * Takes a packet apart into named fields, as an analyser shows it: IPv4 and IPv6 with TCP, UDP, ICMP and the packet inside
 * an ICMP error. Other protocols and fragments are shown as payload. It only reads; a packet cut short gives the fields
 * that are there.
 */
import { checksumPartial, formatIPv4, pseudoHeaderSum } from "@netfilter-lab/engine";
import { icmp6Layer, icmp6Name, icmp6Numbers, ip6Layers, isError6, readIp6 } from "./dissect6.js";
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

const TCP_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0x02, "SYN"],
  [0x01, "FIN"],
  [0x04, "RST"],
  [0x08, "PSH"],
  [0x10, "ACK"],
  [0x20, "URG"],
  [0x40, "ECE"],
  [0x80, "CWR"],
];

const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "destination unreachable",
  5: "redirect",
  8: "echo request",
  11: "time exceeded",
  12: "parameter problem",
  13: "timestamp request",
  14: "timestamp reply",
};

const UNREACHABLE: readonly string[] = [
  "network unreachable",
  "host unreachable",
  "protocol unreachable",
  "port unreachable",
  "fragmentation needed",
];

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

function readIp4(data: Uint8Array, at: number): Ip | null {
  if (data.length - at < 20 || data[at] >> 4 !== 4) return null;
  const protocol = data[at + 9];
  const src = u32(data, at + 12);
  const dst = u32(data, at + 16);
  return {
    headerLength: (data[at] & 15) * 4,
    end: Math.min(data.length, at + u16(data, at + 2)),
    protocol,
    src: formatIPv4(src),
    dst: formatIPv4(dst),
    fragmentOffset: (u16(data, at + 6) & 0x1fff) * 8,
    whole: (data[at + 6] & 0x20) === 0,
    pseudoSum: (length) => pseudoHeaderSum(src, dst, protocol, length),
  };
}

/** The flags of a TCP header, `SYN, ACK`; `none` when there are none. */
export function tcpFlagNames(flags: number): string {
  const names = TCP_FLAGS.filter(([bit]) => flags & bit).map(([, name]) => name);
  return names.length === 0 ? "none" : names.join(", ");
}

function icmpName(type: number, code: number): string {
  if (type === 3) return UNREACHABLE[code] ?? `unreachable, code ${code}`;
  if (type === 11) return code === 0 ? "time to live exceeded" : "reassembly time exceeded";
  return ICMP_TYPES[type] ?? `ICMP type ${type}`;
}

function isIcmpError(type: number): boolean {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
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
  if (ip.protocol === TCP && length >= 20) {
    const flags = data[at + 13];
    const payload = length - (data[at + 12] >> 4) * 4;
    const ack = flags & 0x10 ? ` ack=${u32(data, at + 8)}` : "";
    const numbers = `seq=${u32(data, at + 4)}${ack} len=${Math.max(0, payload)}`;
    return { ...common, sport: u16(data, at), dport: u16(data, at + 2), kind: tcpFlagNames(flags), numbers };
  }
  if (ip.protocol === UDP && length >= 8)
    return { ...common, sport: u16(data, at), dport: u16(data, at + 2), kind: "UDP", numbers: `len=${length - 8}` };
  if (ip.protocol === ICMP && length >= 8) {
    const type = data[at];
    const numbers = isIcmpError(type) ? "" : `id=${u16(data, at + 4)} seq=${u16(data, at + 6)}`;
    return { ...common, kind: icmpName(type, data[at + 1]), numbers };
  }
  if (ip.protocol === ICMPV6 && length >= 8)
    return { ...common, kind: icmp6Name(data[at], data[at + 1]), numbers: icmp6Numbers(data, at) };
  return { ...common, kind: common.protocol, numbers: `len=${length}` };
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
  if (ip.protocol === TCP && length >= 20) return [...result, ...tcpLayers(data, inner, ip, prefix)];
  if (ip.protocol === UDP && length >= 8) return [...result, ...udpLayers(data, inner, ip, prefix)];
  if (ip.protocol === ICMP && length >= 8) return [...result, ...icmpLayers(data, inner, ip, prefix)];
  if (ip.protocol === ICMPV6 && length >= 8) {
    const icmp = icmp6Layer(data, inner, ip, prefix);
    if (!isError6(data[inner]))
      return [...result, icmp, ...(length > 8 ? [payload(prefix, inner + 8, length - 8)] : [])];
    const quoted = data.subarray(0, ip.end);
    return [...result, icmp, ...(prefix === "" ? layers(quoted, inner + 8, "In the error: ") : [])];
  }
  if ((ip.protocol === TCP || ip.protocol === UDP) && length >= 4)
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
  const flags = data[at + 6] >> 5;
  const names = [flags & 2 ? "don't fragment" : "", flags & 1 ? "more fragments" : ""].filter((name) => name !== "");
  const headerLength = Math.min(ip.headerLength, data.length - at);
  return {
    name: `${prefix}Internet Protocol version 4`,
    at,
    length: headerLength,
    fields: [
      { name: "Header length", value: `${ip.headerLength} bytes`, at, length: 1 },
      { name: "Type of service", value: hex(data[at + 1], 2), at: at + 1, length: 1 },
      { name: "Total length", value: `${u16(data, at + 2)} bytes`, at: at + 2, length: 2 },
      { name: "Identification", value: hex(u16(data, at + 4), 4), at: at + 4, length: 2 },
      { name: "Flags", value: names.length === 0 ? "none" : names.join(", "), at: at + 6, length: 1 },
      { name: "Fragment offset", value: String(ip.fragmentOffset), at: at + 6, length: 2 },
      { name: "Time to live", value: String(data[at + 8]), at: at + 8, length: 1 },
      protocolField("Protocol", ip.protocol, at + 9),
      checksum(data, at + 10, checksumPartial(data, at, headerLength), headerLength === ip.headerLength),
      { name: "Source address", value: ip.src, at: at + 12, length: 4 },
      { name: "Destination address", value: ip.dst, at: at + 16, length: 4 },
    ],
  };
}

/** Sum over the transport header, its payload and the pseudo header. */
function transportSum(data: Uint8Array, at: number, ip: Ip): number {
  const length = ip.end - at;
  return checksumPartial(data, at, length, ip.pseudoSum(length));
}

function tcpLayers(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer[] {
  const headerLength = Math.min((data[at + 12] >> 4) * 4, ip.end - at);
  const length = ip.end - at - headerLength;
  const options = tcpOptions(data.subarray(at + 20, at + headerLength));
  const whole = ip.whole && prefix === "";
  const tcp: Layer = {
    name: `${prefix}Transmission Control Protocol`,
    at,
    length: headerLength,
    fields: [
      ...ports(data, at),
      { name: "Sequence number", value: String(u32(data, at + 4)), at: at + 4, length: 4 },
      { name: "Acknowledgment number", value: String(u32(data, at + 8)), at: at + 8, length: 4 },
      { name: "Header length", value: `${headerLength} bytes`, at: at + 12, length: 1 },
      { name: "Flags", value: `${tcpFlagNames(data[at + 13])} (${hex(data[at + 13], 2)})`, at: at + 13, length: 1 },
      { name: "Window", value: String(u16(data, at + 14)), at: at + 14, length: 2 },
      checksum(data, at + 16, transportSum(data, at, ip), whole),
      { name: "Urgent pointer", value: String(u16(data, at + 18)), at: at + 18, length: 2 },
      ...(options === "" ? [] : [{ name: "Options", value: options, at: at + 20, length: headerLength - 20 }]),
    ],
  };
  return length > 0 ? [tcp, payload(prefix, at + headerLength, length)] : [tcp];
}

function tcpOptions(data: Uint8Array): string {
  const names: string[] = [];
  for (let at = 0; at < data.length && data[at] !== 0; ) {
    if (data[at] === 1) {
      names.push("nop");
      at++;
      continue;
    }
    const length = data[at + 1];
    if (length === undefined || length < 2 || at + length > data.length) return [...names, "malformed"].join(", ");
    if (data[at] === 2 && length === 4) names.push(`mss ${u16(data, at + 2)}`);
    else if (data[at] === 3 && length === 3) names.push(`wscale ${data[at + 2]}`);
    else if (data[at] === 4) names.push("sackOK");
    else if (data[at] === 5) names.push(`sack (${(length - 2) / 8} blocks)`);
    else if (data[at] === 8 && length === 10) names.push(`timestamps ${u32(data, at + 2)}/${u32(data, at + 6)}`);
    else names.push(`kind ${data[at]}`);
    at += length;
  }
  return names.join(", ");
}

function udpLayers(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer[] {
  const value = u16(data, at + 6);
  const sum: Field =
    value === 0
      ? { name: "Checksum", value: "0x0000 (none)", at: at + 6, length: 2 }
      : checksum(data, at + 6, transportSum(data, at, ip), ip.whole && prefix === "");
  const length = ip.end - at - 8;
  const udp: Layer = {
    name: `${prefix}User Datagram Protocol`,
    at,
    length: 8,
    fields: [...ports(data, at), { name: "Length", value: `${u16(data, at + 4)} bytes`, at: at + 4, length: 2 }, sum],
  };
  return length > 0 ? [udp, payload(prefix, at + 8, length)] : [udp];
}

function icmpLayers(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer[] {
  const type = data[at];
  const code = data[at + 1];
  const length = ip.end - at;
  const fields: Field[] = [
    { name: "Type", value: `${type} (${ICMP_TYPES[type] ?? "?"})`, at, length: 1 },
    {
      name: "Code",
      value: type === 3 || type === 11 ? `${code} (${icmpName(type, code)})` : String(code),
      at: at + 1,
      length: 1,
    },
    checksum(data, at + 2, checksumPartial(data, at, length), prefix === ""),
  ];
  if (!isIcmpError(type)) {
    fields.push(
      { name: "Identifier", value: String(u16(data, at + 4)), at: at + 4, length: 2 },
      { name: "Sequence number", value: String(u16(data, at + 6)), at: at + 6, length: 2 },
    );
    const icmp: Layer = { name: `${prefix}Internet Control Message Protocol`, at, length: 8, fields };
    return length > 8 ? [icmp, payload(prefix, at + 8, length - 8)] : [icmp];
  }
  if (type === 3 && code === 4)
    fields.push({ name: "MTU of the next hop", value: String(u16(data, at + 6)), at: at + 6, length: 2 });
  const icmp: Layer = { name: `${prefix}Internet Control Message Protocol`, at, length: 8, fields };
  return prefix === "" ? [icmp, ...layers(data.subarray(0, ip.end), at + 8, "In the error: ")] : [icmp];
}
