/**
 * IPv6's part of taking a packet apart: the fixed header, the extension headers behind it (hop-by-hop and destination
 * options, routing, fragment, authentication), and ICMPv6. What is encrypted (ESP) is payload.
 */
import { checksumPartial, formatIPv6, readIPv6 } from "@netfilter-lab/engine";
import { checksum, type Field, hex, type Ip, type Layer, protocolField, u16, u32 } from "./fields.js";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;

const EXTENSIONS: Readonly<Record<number, string>> = {
  [HOP_BY_HOP]: "Hop-by-hop options",
  [ROUTING]: "Routing header",
  [FRAGMENT]: "Fragment header",
  [AUTHENTICATION]: "Authentication header",
  [DESTINATION]: "Destination options",
};

interface Extension {
  readonly kind: number;
  readonly at: number;
  readonly length: number;
}

/** The header of IPv6 with what its extension headers say. */
export interface Ip6 extends Ip {
  readonly extensions: readonly Extension[];
}

const addressAt = (data: Uint8Array, at: number): string => formatIPv6(readIPv6(data, at));

/** Reads the headers at an offset; null where they are not IPv6's. */
export function readIp6(data: Uint8Array, at: number): Ip6 | null {
  if (data.length - at < 40 || data[at] >> 4 !== 6) return null;
  const claimed = at + 40 + u16(data, at + 4);
  const end = Math.min(data.length, claimed);
  const extensions: Extension[] = [];
  let protocol = data[at + 6];
  let inner = at + 40;
  let fragmentOffset = 0;
  let moreFragments = false;
  let destination = at + 24;
  while (protocol in EXTENSIONS && inner + 8 <= end && fragmentOffset === 0) {
    const length =
      protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? (data[inner + 1] + 2) * 4 : (data[inner + 1] + 1) * 8;
    if (inner + length > end) break;
    extensions.push({ kind: protocol, at: inner, length });
    if (protocol === FRAGMENT) {
      fragmentOffset = u16(data, inner + 2) & 0xfff8;
      moreFragments = (data[inner + 3] & 1) !== 0;
    }
    // A checksum is made for where the packet is going in the end.
    if (protocol === ROUTING && data[inner + 3] > 0 && length >= 24)
      destination = data[inner + 2] === 4 ? inner + 8 : inner + length - 16;
    protocol = data[inner];
    inner += length;
  }
  return {
    headerLength: inner - at,
    end,
    protocol,
    src: addressAt(data, at + 8),
    dst: addressAt(data, at + 24),
    fragmentOffset,
    whole: end === claimed && !moreFragments && fragmentOffset === 0,
    pseudoSum: (length) =>
      checksumPartial(data, at + 8, 16) + checksumPartial(data, destination, 16) + protocol + length,
    extensions,
  };
}

/** The fixed header and the extension headers. */
export function ip6Layers(data: Uint8Array, at: number, ip: Ip6, prefix: string): Layer[] {
  const trafficClass = ((data[at] & 15) << 4) | (data[at + 1] >> 4);
  const fixed: Layer = {
    name: `${prefix}Internet Protocol version 6`,
    at,
    length: 40,
    fields: [
      { name: "Traffic class", value: hex(trafficClass, 2), at, length: 2 },
      { name: "Flow label", value: hex(u32(data, at) & 0xfffff, 5), at: at + 1, length: 3 },
      { name: "Payload length", value: `${u16(data, at + 4)} bytes`, at: at + 4, length: 2 },
      protocolField("Next header", data[at + 6], at + 6),
      { name: "Hop limit", value: String(data[at + 7]), at: at + 7, length: 1 },
      { name: "Source address", value: ip.src, at: at + 8, length: 16 },
      { name: "Destination address", value: ip.dst, at: at + 24, length: 16 },
    ],
  };
  return [fixed, ...ip.extensions.map((extension) => extensionLayer(data, extension, prefix))];
}

function extensionLayer(data: Uint8Array, { kind, at, length }: Extension, prefix: string): Layer {
  const fields: Field[] = [protocolField("Next header", data[at], at)];
  if (kind !== FRAGMENT) fields.push({ name: "Header length", value: `${length} bytes`, at: at + 1, length: 1 });
  if (kind === FRAGMENT) {
    const more = (data[at + 3] & 1) !== 0;
    fields.push(
      { name: "Fragment offset", value: String(u16(data, at + 2) & 0xfff8), at: at + 2, length: 2 },
      { name: "Flags", value: more ? "more fragments" : "none", at: at + 3, length: 1 },
      { name: "Identification", value: hex(u32(data, at + 4), 8), at: at + 4, length: 4 },
    );
  } else if (kind === ROUTING) fields.push(...routingFields(data, at, length));
  else if (kind === AUTHENTICATION)
    fields.push(
      { name: "Security parameters index", value: hex(u32(data, at + 4), 8), at: at + 4, length: 4 },
      ...(length >= 12 ? [{ name: "Sequence number", value: String(u32(data, at + 8)), at: at + 8, length: 4 }] : []),
    );
  else {
    const value = optionNames(data.subarray(at + 2, at + length));
    fields.push({ name: "Options", value, at: at + 2, length: length - 2 });
  }
  return { name: `${prefix}${EXTENSIONS[kind]}`, at, length, fields };
}

function routingFields(data: Uint8Array, at: number, length: number): Field[] {
  const fields: Field[] = [
    { name: "Type", value: String(data[at + 2]), at: at + 2, length: 1 },
    { name: "Segments left", value: String(data[at + 3]), at: at + 3, length: 1 },
  ];
  for (let each = at + 8, number = 1; each + 16 <= at + length; each += 16, number++)
    fields.push({ name: `Address ${number}`, value: addressAt(data, each), at: each, length: 16 });
  return fields;
}

const OPTIONS: Readonly<Record<number, string>> = { 1: "padding", 5: "router alert", 194: "jumbo payload" };

function optionNames(data: Uint8Array): string {
  const names: string[] = [];
  for (let at = 0; at < data.length; ) {
    if (data[at] === 0) {
      names.push("pad1");
      at++;
      continue;
    }
    const length = data[at + 1];
    if (length === undefined || at + 2 + length > data.length) return [...names, "malformed"].join(", ");
    names.push(OPTIONS[data[at]] ?? `option ${data[at]}`);
    at += 2 + length;
  }
  return names.join(", ");
}

const TYPES: Readonly<Record<number, string>> = {
  1: "destination unreachable",
  2: "packet too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo request",
  129: "echo reply",
  130: "multicast listener query",
  131: "multicast listener report",
  132: "multicast listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
  137: "redirect",
  143: "multicast listener report, version 2",
};

const CODES: Readonly<Record<number, readonly string[]>> = {
  1: [
    "no route",
    "administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed policy",
    "reject route",
  ],
  3: ["hop limit exceeded", "reassembly time exceeded"],
  4: ["erroneous header field", "unknown next header", "unknown option"],
};

const PACKET_TOO_BIG = 2;
const PARAMETER_PROBLEM = 4;

/** Whether a message is about a packet, which it quotes. */
export function isError6(type: number): boolean {
  return type < 128;
}

const isEcho = (type: number): boolean => type === 128 || type === 129;

/** What kind of message it is: `echo request`, `port unreachable`. */
export function icmp6Name(type: number, code: number): string {
  return CODES[type]?.[code] ?? TYPES[type] ?? `ICMPv6 type ${type}`;
}

/** The numbers of a message that matter in a line. */
export function icmp6Numbers(data: Uint8Array, at: number): string {
  if (isEcho(data[at])) return `id=${u16(data, at + 4)} seq=${u16(data, at + 6)}`;
  return data[at] === PACKET_TOO_BIG ? `mtu=${u32(data, at + 4)}` : "";
}

/** The message's header; what it quotes, or carries, begins eight bytes on. */
export function icmp6Layer(data: Uint8Array, at: number, ip: Ip, prefix: string): Layer {
  const type = data[at];
  const code = data[at + 1];
  const length = ip.end - at;
  const meaning = CODES[type]?.[code];
  const fields: Field[] = [
    { name: "Type", value: `${type} (${TYPES[type] ?? "?"})`, at, length: 1 },
    { name: "Code", value: meaning === undefined ? String(code) : `${code} (${meaning})`, at: at + 1, length: 1 },
    checksum(data, at + 2, checksumPartial(data, at, length, ip.pseudoSum(length)), ip.whole && prefix === ""),
  ];
  if (isEcho(type))
    fields.push(
      { name: "Identifier", value: String(u16(data, at + 4)), at: at + 4, length: 2 },
      { name: "Sequence number", value: String(u16(data, at + 6)), at: at + 6, length: 2 },
    );
  else if (type === PACKET_TOO_BIG)
    fields.push({ name: "MTU of the next hop", value: String(u32(data, at + 4)), at: at + 4, length: 4 });
  else if (type === PARAMETER_PROBLEM)
    fields.push({ name: "Pointer", value: String(u32(data, at + 4)), at: at + 4, length: 4 });
  return { name: `${prefix}Internet Control Message Protocol version 6`, at, length: 8, fields };
}
