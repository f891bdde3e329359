/**
 * Packets as the referee wants them: right unless told otherwise, and then wrong in exactly the field that is named.
 * Checksums are computed here and not by the engine, which is what is being judged.
 */

/** Header fields of IPv4; each has a sound default. */
export interface IpFields {
  readonly src: string;
  readonly dst: string;
  readonly protocol?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly ttl?: number;
  readonly df?: boolean;
  readonly mf?: boolean;
  /** In units of 8 bytes. */
  readonly offset?: number;
  readonly options?: Uint8Array;
  readonly version?: number;
  /** Header length in words; absent: the true one. */
  readonly ihl?: number;
  readonly totalLength?: number;
  /** Added to the right checksum. */
  readonly checksumError?: number;
}

/** The Internet checksum of bytes, of which a pseudo header's sum may be given. */
export function checksum(bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

export function address(text: string): number[] {
  return text.split(".").map(Number);
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 255;
  bytes[at + 1] = value & 255;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Counts up from 1: a payload in which a misplaced byte shows. */
export function text(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i + 1;
  return bytes;
}

/** The bytes of both addresses, of either family, that the checksums of transport protocols cover. */
export type Ends = readonly number[];

const ends = (ip: IpFields): Ends => [...address(ip.src), ...address(ip.dst)];

/** The sum of the pseudo header that those checksums begin with. */
export function pseudo(addresses: Ends, protocol: number, length: number): number {
  let sum = protocol + length;
  for (let i = 0; i < addresses.length; i += 2) sum += (addresses[i] << 8) | addresses[i + 1];
  return sum;
}

/** An IPv4 packet around a payload. */
export function ipv4(fields: IpFields, payload: Uint8Array): Uint8Array {
  const options = fields.options ?? new Uint8Array();
  const header = new Uint8Array(20 + options.length);
  header[0] = ((fields.version ?? 4) << 4) | (fields.ihl ?? header.length / 4);
  header[1] = fields.tos ?? 0;
  put16(header, 2, fields.totalLength ?? header.length + payload.length);
  put16(header, 4, fields.id ?? 1);
  put16(header, 6, (fields.df === false ? 0 : 0x4000) | (fields.mf === true ? 0x2000 : 0) | (fields.offset ?? 0));
  header[8] = fields.ttl ?? 64;
  header[9] = fields.protocol ?? 17;
  header.set(address(fields.src), 12);
  header.set(address(fields.dst), 16);
  header.set(options, 20);
  put16(header, 10, (checksum(header) + (fields.checksumError ?? 0)) & 0xffff);
  return concat(header, payload);
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;

/** Header fields of TCP. */
export interface TcpFields {
  readonly sport: number;
  readonly dport: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags: number;
  readonly window?: number;
  readonly urgent?: number;
  /** Bytes of options, a multiple of 4. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Data offset in words; absent: the true one. */
  readonly dataOffset?: number;
  readonly reserved?: number;
  readonly checksumError?: number;
}

export function tcp(ip: IpFields, fields: TcpFields): Uint8Array {
  return ipv4({ protocol: 6, ...ip }, segmentBetween(ends(ip), fields));
}

/** A segment between two addresses. */
export function segmentBetween(addresses: Ends, fields: TcpFields): Uint8Array {
  const options = fields.options ?? new Uint8Array();
  const segment = new Uint8Array(20 + options.length + (fields.payload?.length ?? 0));
  put16(segment, 0, fields.sport);
  put16(segment, 2, fields.dport);
  put32(segment, 4, (fields.seq ?? 0) >>> 0);
  put32(segment, 8, (fields.ack ?? 0) >>> 0);
  segment[12] = ((fields.dataOffset ?? 5 + options.length / 4) << 4) | (fields.reserved ?? 0);
  segment[13] = fields.flags;
  put16(segment, 14, fields.window ?? 64240);
  put16(segment, 18, fields.urgent ?? 0);
  segment.set(options, 20);
  if (fields.payload !== undefined) segment.set(fields.payload, 20 + options.length);
  const sum = checksum(segment, pseudo(addresses, 6, segment.length));
  put16(segment, 16, (sum + (fields.checksumError ?? 0)) & 0xffff);
  return segment;
}

/** Header fields of UDP. */
export interface UdpFields {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: Uint8Array;
  readonly length?: number;
  /** `none` writes 0, which says that there is no checksum. */
  readonly checksum?: "none";
  readonly checksumError?: number;
}

export function udp(ip: IpFields, fields: UdpFields): Uint8Array {
  return ipv4({ protocol: 17, ...ip }, udpDatagram(ip, fields));
}

/** What such a packet carries. */
export function udpDatagram(ip: IpFields, fields: UdpFields): Uint8Array {
  return datagramBetween(ends(ip), 17, fields.length, fields);
}

/** What UDP's and UDP-Lite's datagrams have in common. */
type DatagramFields = Pick<UdpFields, "sport" | "dport" | "payload" | "checksum" | "checksumError">;

/**
 * A datagram of UDP or UDP-Lite between two addresses.
 *
 * @param protocol the number in the pseudo header
 * @param length what its third field says; absent: its length in bytes
 * @param covered how many bytes its checksum covers; absent: all
 */
export function datagramBetween(
  addresses: Ends,
  protocol: number,
  length: number | undefined,
  fields: DatagramFields,
  covered?: number,
): Uint8Array {
  const datagram = new Uint8Array(8 + (fields.payload?.length ?? 0));
  put16(datagram, 0, fields.sport);
  put16(datagram, 2, fields.dport);
  put16(datagram, 4, length ?? datagram.length);
  if (fields.payload !== undefined) datagram.set(fields.payload, 8);
  if (fields.checksum !== "none") {
    const sum = checksum(datagram.subarray(0, covered), pseudo(addresses, protocol, datagram.length)) || 0xffff;
    put16(datagram, 6, (sum + (fields.checksumError ?? 0)) & 0xffff);
  }
  return datagram;
}

/** Header fields of ICMP. */
export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** The second word: identifier and sequence, a gateway, an MTU. */
  readonly rest?: number;
  readonly payload?: Uint8Array;
  readonly checksumError?: number;
}

export function icmp(ip: IpFields, fields: IcmpFields): Uint8Array {
  const message = new Uint8Array(8 + (fields.payload?.length ?? 0));
  message[0] = fields.type;
  message[1] = fields.code ?? 0;
  put32(message, 4, fields.rest ?? 0);
  if (fields.payload !== undefined) message.set(fields.payload, 8);
  put16(message, 2, (checksum(message) + (fields.checksumError ?? 0)) & 0xffff);
  return ipv4({ protocol: 1, ...ip }, message);
}

/** An echo request, or its reply. */
export function echo(ip: IpFields, id: number, sequence: number, reply = false, payload = text(8)): Uint8Array {
  return icmp(ip, { type: reply ? 0 : 8, rest: (id << 16) | sequence, payload });
}

/** Cuts a packet's payload at offsets that are multiples of 8 bytes. */
export function fragments(ip: IpFields, payload: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts, payload.length];
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1];
    return ipv4({ df: false, ...ip, offset: start / 8, mf: i < cuts.length }, payload.slice(start, end));
  });
}

/** Makes a packet's checksums right for the bytes that it has; for packets whole enough to have them. */
export function repairChecksums(packet: Uint8Array): void {
  const header = (packet[0] & 15) * 4;
  if (packet[0] >> 4 !== 4 || header < 20 || packet.length < header) return;
  put16(packet, 10, 0);
  put16(packet, 10, checksum(packet.subarray(0, header)));
  const first = (get16(packet, 6) & 0x3fff) === 0;
  const body = packet.subarray(header);
  const at = { 1: 2, 6: 16, 17: 6 }[packet[9]];
  if (!first || at === undefined || body.length < at + 2) return;
  const ip = { src: packet.subarray(12, 16).join("."), dst: packet.subarray(16, 20).join(".") };
  if (packet[9] === 17 && get16(body, at) === 0) return;
  put16(body, at, 0);
  const sum = checksum(body, packet[9] === 1 ? 0 : pseudo(ends(ip), packet[9], body.length));
  put16(body, at, packet[9] === 17 ? sum || 0xffff : sum);
}

/** The CRC32c of bytes, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** Header fields of SCTP. */
export interface SctpFields {
  readonly sport: number;
  readonly dport: number;
  readonly vtag: number;
  readonly chunks: readonly Uint8Array[];
  /** Added to the right checksum. */
  readonly checksumError?: number;
}

/** An SCTP chunk with its padding; `length` is what it says of itself, where that is not the truth. */
export function sctpChunk(type: number, flags: number, value: Uint8Array, length = 4 + value.length): Uint8Array {
  const chunk = new Uint8Array((4 + value.length + 3) & ~3);
  chunk[0] = type;
  chunk[1] = flags;
  put16(chunk, 2, length);
  chunk.set(value, 4);
  return chunk;
}

/** What INIT and INIT ACK have behind their header. */
export function sctpInit(tag: number): Uint8Array {
  const value = new Uint8Array(16);
  put32(value, 0, tag);
  put32(value, 4, 65_536);
  put16(value, 8, 10);
  put16(value, 10, 10);
  put32(value, 12, 1);
  return value;
}

export function sctp(ip: IpFields, fields: SctpFields): Uint8Array {
  const header = new Uint8Array(12);
  put16(header, 0, fields.sport);
  put16(header, 2, fields.dport);
  put32(header, 4, fields.vtag >>> 0);
  const packet = concat(header, ...fields.chunks);
  const sum = (crc32c(packet) + (fields.checksumError ?? 0)) >>> 0;
  for (let i = 0; i < 4; i++) packet[8 + i] = (sum >>> (8 * i)) & 255;
  return ipv4({ protocol: 132, ...ip }, packet);
}

/** Header fields of GRE; version 1 is PPTP's. */
export interface GreFields {
  readonly flags?: number;
  readonly version?: number;
  readonly protocol?: number;
  /** Of version 1: the receiver's call id. */
  readonly callId?: number;
  readonly payload?: Uint8Array;
}

export function gre(ip: IpFields, fields: GreFields): Uint8Array {
  const { version = 0, payload = new Uint8Array() } = fields;
  const header = new Uint8Array(version === 1 ? 8 : 4);
  put16(header, 0, (fields.flags ?? 0) | version);
  put16(header, 2, fields.protocol ?? (version === 1 ? 0x880b : 0x0800));
  if (version === 1) {
    put16(header, 4, payload.length);
    put16(header, 6, fields.callId ?? 0);
  }
  return ipv4({ protocol: 47, ...ip }, concat(header, payload));
}

/** Header fields of UDP-Lite. */
export interface UdpLiteFields {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: Uint8Array;
  /** How many bytes the checksum covers; 0 for all, and absent: all. */
  readonly coverage?: number;
  /** The protocol number in the pseudo header: UDP-Lite's own, or UDP's. */
  readonly pseudoProtocol?: 17 | 136;
  readonly checksum?: "none";
  readonly checksumError?: number;
}

export function udplite(ip: IpFields, fields: UdpLiteFields): Uint8Array {
  return ipv4({ protocol: 136, ...ip }, udpliteBetween(ends(ip), fields));
}

/** A UDP-Lite datagram between two addresses. */
export function udpliteBetween(addresses: Ends, fields: UdpLiteFields): Uint8Array {
  // Where UDP has its length; 0 means all.
  const { coverage } = fields;
  return datagramBetween(
    addresses,
    fields.pseudoProtocol ?? 136,
    coverage,
    fields,
    coverage === 0 ? undefined : coverage,
  );
}
