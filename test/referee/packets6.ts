/**
 * IPv6 packets as the referee wants them: right unless told otherwise, and then wrong in exactly the field that is
 * named. As in packets.ts, nothing here is the engine's.
 */
import {
  checksum,
  concat,
  datagramBetween,
  type Ends,
  pseudo,
  put16,
  put32,
  segmentBetween,
  type TcpFields,
  text,
  type UdpFields,
  type UdpLiteFields,
  udpliteBetween,
} from "./packets.js";

/** Header fields of IPv6; each has a sound default. */
export interface Ip6Fields {
  readonly src: string;
  readonly dst: string;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
  readonly version?: number;
  readonly payloadLength?: number;
  /** Extension headers between the header and the payload, in order. */
  readonly extensions?: readonly Extension[];
}

/** An extension header: its number, and its bytes with the next header still to be filled in. */
export interface Extension {
  readonly header: number;
  readonly bytes: Uint8Array;
}

/** The sixteen bytes of an address without a dotted quad. */
export function address6(text: string): number[] {
  const [head, tail] = text.split("::");
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail)];
  const middle = Array<number>(tail === undefined ? 0 : 8 - first.length - last.length).fill(0);
  return [...first, ...middle, ...last].flatMap((group) => [group >> 8, group & 255]);
}

/** Both addresses; a destination that a routing header may not have reached yet. */
const ends = (ip: Ip6Fields): Ends => [...address6(ip.src), ...address6(ip.dst)];

/** An IPv6 packet around a payload of a protocol. */
export function ipv6(fields: Ip6Fields, protocol: number, payload: Uint8Array): Uint8Array {
  const extensions = fields.extensions ?? [];
  const chain = [...extensions.map(({ header }) => header), protocol];
  const body = concat(
    ...extensions.map(({ bytes }, i) => {
      const copy = bytes.slice();
      copy[0] = chain[i + 1];
      return copy;
    }),
    payload,
  );
  const header = new Uint8Array(40);
  put32(
    header,
    0,
    (((fields.version ?? 6) << 28) | ((fields.trafficClass ?? 0) << 20) | (fields.flowLabel ?? 0)) >>> 0,
  );
  put16(header, 4, fields.payloadLength ?? body.length);
  header[6] = chain[0];
  header[7] = fields.hopLimit ?? 64;
  header.set(address6(fields.src), 8);
  header.set(address6(fields.dst), 24);
  return concat(header, body);
}

export function tcp6(ip: Ip6Fields, fields: TcpFields): Uint8Array {
  return ipv6(ip, 6, segmentBetween(ends(ip), fields));
}

export function udp6(ip: Ip6Fields, fields: UdpFields): Uint8Array {
  return ipv6(ip, 17, datagramBetween(ends(ip), 17, fields.length, fields));
}

/** A UDP-Lite datagram. */
export function udplite6(ip: Ip6Fields, fields: Omit<UdpLiteFields, "pseudoProtocol">): Uint8Array {
  return ipv6(ip, 136, udpliteBetween(ends(ip), fields));
}

/** Header fields of ICMPv6. */
export interface Icmp6Fields {
  readonly type: number;
  readonly code?: number;
  /** The second word: identifier and sequence, an MTU, a pointer. */
  readonly rest?: number;
  readonly payload?: Uint8Array;
  readonly checksumError?: number;
}

export function icmp6(ip: Ip6Fields, fields: Icmp6Fields): Uint8Array {
  const message = new Uint8Array(8 + (fields.payload?.length ?? 0));
  message[0] = fields.type;
  message[1] = fields.code ?? 0;
  put32(message, 4, (fields.rest ?? 0) >>> 0);
  if (fields.payload !== undefined) message.set(fields.payload, 8);
  const sum = checksum(message, pseudo(ends(ip), 58, message.length));
  put16(message, 2, (sum + (fields.checksumError ?? 0)) & 0xffff);
  return ipv6(ip, 58, message);
}

/** An echo request, or its reply. */
export function echo6(ip: Ip6Fields, id: number, sequence: number, reply = false, payload = text(8)): Uint8Array {
  return icmp6(ip, { type: reply ? 129 : 128, rest: (id << 16) | sequence, payload });
}

/** A hop-by-hop (0) or destination options (60) header with options, padded to a multiple of eight bytes. */
export function options6(header: 0 | 60, options: readonly number[] = []): Extension {
  const length = Math.ceil((2 + options.length) / 8) * 8;
  const bytes = new Uint8Array(length);
  bytes[1] = length / 8 - 1;
  bytes.set(options, 2);
  const padding = length - 2 - options.length;
  if (padding > 1) bytes.set([1, padding - 2], 2 + options.length);
  return { header, bytes };
}

/** A routing header of a type, with segments left to visit: addresses behind eight bytes. */
export function routingHeader(type: number, left: number, addresses: readonly string[], tag = 0): Extension {
  const bytes = new Uint8Array(8 + 16 * addresses.length);
  // Segment routing says which address is the last one.
  bytes.set([0, addresses.length * 2, type, left, type === 4 ? addresses.length - 1 : 0, 0, 0, tag]);
  addresses.forEach((address, i) => bytes.set(address6(address), 8 + 16 * i));
  return { header: 43, bytes };
}

/** A fragment header: offset in bytes, more to come, identification. */
export function fragmentHeader(offset: number, more: boolean, id: number): Extension {
  const bytes = new Uint8Array(8);
  put16(bytes, 2, offset | Number(more));
  put32(bytes, 4, id);
  return { header: 44, bytes };
}

/** Where an IPv6 packet's payload begins when it has no extension headers. */
export const PAYLOAD_6 = 40;
