/**
 * The TCP header and its options (RFC 9293, 7323, 2018) over a byte buffer: offsets named once, one check at the door
 * ({@link checkTcp}), readers that cannot fail after it, and a plain value form for tests and for building.
 * The kernel's counterpart is `struct tcphdr`.
 */
import { get16, get32, put16, put32 } from "./bytes.js";
import { checksumFold, checksumPartial, pseudoHeaderSum } from "./checksum.js";
import { IPPROTO_TCP } from "./ipv4.js";

/** Length in bytes of a header without options. */
export const TCP_HEADER_LENGTH = 20;

/** Byte offsets of the fields from the start of the header. */
export const TCP_SRC_PORT = 0;
export const TCP_DST_PORT = 2;
export const TCP_SEQ = 4;
export const TCP_ACK_SEQ = 8;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;

/** Bits of the flags byte. */
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

/** Option kinds. */
export const TCPOPT_EOL = 0;
export const TCPOPT_NOP = 1;
export const TCPOPT_MSS = 2;
export const TCPOPT_WINDOW = 3;
export const TCPOPT_SACK_PERM = 4;
export const TCPOPT_SACK = 5;
export const TCPOPT_TIMESTAMP = 8;

/** Whether `length` bytes at `at` hold a whole TCP header: the door for all readers below. */
export function checkTcp(data: Uint8Array, at: number, length: number): boolean {
  if (length < TCP_HEADER_LENGTH) return false;
  const headerLength = (data[at + TCP_DATA_OFFSET] >>> 4) * 4;
  return headerLength >= TCP_HEADER_LENGTH && headerLength <= length;
}

/** The source port; `at` is where the TCP header begins. */
export function tcpSrcPort(data: Uint8Array, at: number): number {
  return get16(data, at + TCP_SRC_PORT);
}

/** The destination port; `at` is where the TCP header begins. */
export function tcpDstPort(data: Uint8Array, at: number): number {
  return get16(data, at + TCP_DST_PORT);
}

/** As an unsigned number. */
export function tcpSeq(data: Uint8Array, at: number): number {
  return get32(data, at + TCP_SEQ);
}

/** As an unsigned number. */
export function tcpAckSeq(data: Uint8Array, at: number): number {
  return get32(data, at + TCP_ACK_SEQ);
}

/** Header length in bytes, options included. */
export function tcpHeaderLength(data: Uint8Array, at: number): number {
  return (data[at + TCP_DATA_OFFSET] >>> 4) * 4;
}

/** The eight flag bits, `TCP_*`. */
export function tcpFlags(data: Uint8Array, at: number): number {
  return data[at + TCP_FLAGS];
}

/** The window field, not scaled. */
export function tcpWindow(data: Uint8Array, at: number): number {
  return get16(data, at + TCP_WINDOW);
}

/** Computes the checksum of the segment of `length` bytes at `at` afresh. */
export function tcpSetChecksum(data: Uint8Array, at: number, length: number, src: number, dst: number): void {
  put16(data, at + TCP_CHECKSUM, 0);
  const sum = checksumPartial(data, at, length, pseudoHeaderSum(src, dst, IPPROTO_TCP, length));
  put16(data, at + TCP_CHECKSUM, checksumFold(sum));
}

/** Whether the segment of `length` bytes at `at` sums up. */
export function tcpChecksumOk(data: Uint8Array, at: number, length: number, src: number, dst: number): boolean {
  return checksumPartial(data, at, length, pseudoHeaderSum(src, dst, IPPROTO_TCP, length)) === 0xffff;
}

/** A block of received data that a SACK option reports: `left` is its first sequence number, `right` the one after. */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** The options a stack understands; absent ones were not there. */
export interface TcpOptions {
  readonly mss?: number;
  /** Shift count, as sent (values over 14 are not clamped here). */
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  readonly sack?: readonly SackBlock[];
  readonly timestamp?: { readonly value: number; readonly echo: number };
}

/** A TCP segment in plain values. */
export interface TcpSegment {
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack?: number;
  /** Bits `TCP_*`. */
  readonly flags: number;
  /** The field as sent, not scaled; 64240 when absent. */
  readonly window?: number;
  readonly urgent?: number;
  readonly options?: TcpOptions;
  readonly payload?: Uint8Array;
}

/** The bytes of options as Linux lays them out (`tcp_options_write()`), padded with NOPs to a multiple of 4. */
export function tcpOptionBytes(options: TcpOptions): Uint8Array {
  const bytes: number[] = [];
  const word = (value: number): void => {
    bytes.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  };
  if (options.mss !== undefined) bytes.push(TCPOPT_MSS, 4, options.mss >>> 8, options.mss & 255);
  if (options.timestamp !== undefined) {
    if (options.sackPermitted === true) bytes.push(TCPOPT_SACK_PERM, 2);
    else bytes.push(TCPOPT_NOP, TCPOPT_NOP);
    bytes.push(TCPOPT_TIMESTAMP, 10);
    word(options.timestamp.value);
    word(options.timestamp.echo);
  } else if (options.sackPermitted === true) bytes.push(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK_PERM, 2);
  if (options.windowScale !== undefined) bytes.push(TCPOPT_NOP, TCPOPT_WINDOW, 3, options.windowScale);
  if (options.sack !== undefined && options.sack.length > 0) {
    bytes.push(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_SACK, 2 + 8 * options.sack.length);
    for (const block of options.sack) {
      word(block.left);
      word(block.right);
    }
  }
  return Uint8Array.from(bytes);
}

/** The bytes of a segment, its checksum left zero. Throws RangeError when the options do not fit. */
export function layTcp(segment: TcpSegment): Uint8Array {
  const options = tcpOptionBytes(segment.options ?? {});
  if (options.length > 40) throw new RangeError("TCP options over 40 bytes");
  const payload = segment.payload ?? new Uint8Array(0);
  const headerLength = TCP_HEADER_LENGTH + options.length;
  const data = new Uint8Array(headerLength + payload.length);
  put16(data, TCP_SRC_PORT, segment.sport);
  put16(data, TCP_DST_PORT, segment.dport);
  put32(data, TCP_SEQ, segment.seq);
  put32(data, TCP_ACK_SEQ, segment.ack ?? 0);
  data[TCP_DATA_OFFSET] = (headerLength >>> 2) << 4;
  data[TCP_FLAGS] = segment.flags;
  put16(data, TCP_WINDOW, segment.window ?? 64240);
  put16(data, TCP_URGENT, segment.urgent ?? 0);
  data.set(options, TCP_HEADER_LENGTH);
  data.set(payload, headerLength);
  return data;
}

/** The bytes of a segment with its checksum for the given addresses. Throws RangeError when the options do not fit. */
export function buildTcp(segment: TcpSegment, src: number, dst: number): Uint8Array {
  const data = layTcp(segment);
  tcpSetChecksum(data, 0, data.length, src, dst);
  return data;
}

/**
 * The options of a header that passed {@link checkTcp}. As in `tcp_parse_options()`, an option that does not fit ends
 * the list; unknown kinds are skipped.
 */
export function parseTcpOptions(data: Uint8Array, at: number): TcpOptions {
  const found: {
    mss?: number;
    windowScale?: number;
    sackPermitted?: boolean;
    sack?: SackBlock[];
    timestamp?: { value: number; echo: number };
  } = {};
  const end = at + tcpHeaderLength(data, at);
  let offset = at + TCP_HEADER_LENGTH;
  while (offset < end) {
    const kind = data[offset];
    if (kind === TCPOPT_EOL) break;
    if (kind === TCPOPT_NOP) {
      offset++;
      continue;
    }
    if (offset + 1 >= end) break;
    const size = data[offset + 1];
    if (size < 2 || offset + size > end) break;
    if (kind === TCPOPT_MSS && size === 4) found.mss = get16(data, offset + 2);
    else if (kind === TCPOPT_WINDOW && size === 3) found.windowScale = data[offset + 2];
    else if (kind === TCPOPT_SACK_PERM && size === 2) found.sackPermitted = true;
    else if (kind === TCPOPT_TIMESTAMP && size === 10)
      found.timestamp = { value: get32(data, offset + 2), echo: get32(data, offset + 6) };
    else if (kind === TCPOPT_SACK && size >= 10 && (size - 2) % 8 === 0) {
      const sack: SackBlock[] = [];
      for (let i = offset + 2; i < offset + size; i += 8)
        sack.push({ left: get32(data, i), right: get32(data, i + 4) });
      found.sack = sack;
    }
    offset += size;
  }
  return found;
}

/** The value form of the `length` bytes of a segment at `at` that passed {@link checkTcp}; the payload is a copy. */
export function parseTcp(data: Uint8Array, at: number, length: number): Required<TcpSegment> {
  return {
    sport: tcpSrcPort(data, at),
    dport: tcpDstPort(data, at),
    seq: tcpSeq(data, at),
    ack: tcpAckSeq(data, at),
    flags: tcpFlags(data, at),
    window: tcpWindow(data, at),
    urgent: get16(data, at + TCP_URGENT),
    options: parseTcpOptions(data, at),
    payload: data.slice(at + tcpHeaderLength(data, at), at + length),
  };
}
