/**
 * IPv6's part of taking a packet apart: the fixed header, the extension headers behind it (hop-by-hop and destination
 * options, routing, fragment, authentication). What is encrypted (ESP) is payload.
 */
import {
  checksumPartial,
  FRAGMENT_HEADER_LENGTH,
  formatIPv6,
  IP6_MF,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SRC,
  NEXTHDR_AUTH,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_ROUTING,
  readIPv6,
} from "@netfilter-lab/engine";
import { type Field, hex, type Ip, type Layer, protocolField, u16, u32 } from "./fields.js";

/** Bytes of an address. */
const ADDRESS = 16;

const EXTENSIONS: Readonly<Record<number, string>> = {
  [NEXTHDR_HOP]: "Hop-by-hop options",
  [NEXTHDR_ROUTING]: "Routing header",
  [NEXTHDR_FRAGMENT]: "Fragment header",
  [NEXTHDR_AUTH]: "Authentication header",
  [NEXTHDR_DEST]: "Destination options",
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
  if (data.length - at < IPV6_HEADER_LENGTH || data[at] >> 4 !== 6) return null;
  const claimed = at + IPV6_HEADER_LENGTH + u16(data, at + IPV6_PAYLOAD_LENGTH);
  const end = Math.min(data.length, claimed);
  const extensions: Extension[] = [];
  let protocol = data[at + IPV6_NEXT_HEADER];
  let inner = at + IPV6_HEADER_LENGTH;
  let fragmentOffset = 0;
  let moreFragments = false;
  let destination = at + IPV6_DST;
  while (protocol in EXTENSIONS && inner + 8 <= end && fragmentOffset === 0) {
    const length =
      protocol === NEXTHDR_FRAGMENT
        ? FRAGMENT_HEADER_LENGTH
        : protocol === NEXTHDR_AUTH
          ? (data[inner + 1] + 2) * 4
          : (data[inner + 1] + 1) * 8;
    if (inner + length > end) break;
    extensions.push({ kind: protocol, at: inner, length });
    if (protocol === NEXTHDR_FRAGMENT) {
      fragmentOffset = u16(data, inner + 2) & 0xfff8;
      moreFragments = (data[inner + 3] & IP6_MF) !== 0;
    }
    // A checksum is made for where the packet is going in the end.
    if (protocol === NEXTHDR_ROUTING && data[inner + 3] > 0 && length >= 24)
      destination = data[inner + 2] === 4 ? inner + 8 : inner + length - ADDRESS;
    protocol = data[inner];
    inner += length;
  }
  return {
    headerLength: inner - at,
    end,
    protocol,
    src: addressAt(data, at + IPV6_SRC),
    dst: addressAt(data, at + IPV6_DST),
    fragmentOffset,
    whole: end === claimed && !moreFragments && fragmentOffset === 0,
    pseudoSum: (length) =>
      checksumPartial(data, at + IPV6_SRC, ADDRESS) + checksumPartial(data, destination, ADDRESS) + protocol + length,
    extensions,
  };
}

/** The fixed header and the extension headers. */
export function ip6Layers(data: Uint8Array, at: number, ip: Ip6, prefix: string): Layer[] {
  const trafficClass = ((data[at] & 15) << 4) | (data[at + 1] >> 4);
  const fixed: Layer = {
    name: `${prefix}Internet Protocol version 6`,
    at,
    length: IPV6_HEADER_LENGTH,
    fields: [
      { name: "Traffic class", value: hex(trafficClass, 2), at, length: 2 },
      { name: "Flow label", value: hex(u32(data, at) & 0xfffff, 5), at: at + 1, length: 3 },
      {
        name: "Payload length",
        value: `${u16(data, at + IPV6_PAYLOAD_LENGTH)} bytes`,
        at: at + IPV6_PAYLOAD_LENGTH,
        length: 2,
      },
      protocolField("Next header", data[at + IPV6_NEXT_HEADER], at + IPV6_NEXT_HEADER),
      { name: "Hop limit", value: String(data[at + IPV6_HOP_LIMIT]), at: at + IPV6_HOP_LIMIT, length: 1 },
      { name: "Source address", value: ip.src, at: at + IPV6_SRC, length: ADDRESS },
      { name: "Destination address", value: ip.dst, at: at + IPV6_DST, length: ADDRESS },
    ],
  };
  return [fixed, ...ip.extensions.map((extension) => extensionLayer(data, extension, prefix))];
}

function extensionLayer(data: Uint8Array, { kind, at, length }: Extension, prefix: string): Layer {
  const fields: Field[] = [protocolField("Next header", data[at], at)];
  if (kind !== NEXTHDR_FRAGMENT)
    fields.push({ name: "Header length", value: `${length} bytes`, at: at + 1, length: 1 });
  if (kind === NEXTHDR_FRAGMENT) {
    const more = (data[at + 3] & IP6_MF) !== 0;
    fields.push(
      { name: "Fragment offset", value: String(u16(data, at + 2) & 0xfff8), at: at + 2, length: 2 },
      { name: "Flags", value: more ? "more fragments" : "none", at: at + 3, length: 1 },
      { name: "Identification", value: hex(u32(data, at + 4), 8), at: at + 4, length: 4 },
    );
  } else if (kind === NEXTHDR_ROUTING) fields.push(...routingFields(data, at, length));
  else if (kind === NEXTHDR_AUTH)
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
  for (let each = at + 8, number = 1; each + ADDRESS <= at + length; each += ADDRESS, number++)
    fields.push({ name: `Address ${number}`, value: addressAt(data, each), at: each, length: ADDRESS });
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
