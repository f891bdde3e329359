/**
 * The UDP header (RFC 768) over a byte buffer: offsets named once, one check at the door ({@link checkUdp}), readers
 * that cannot fail after it, and a plain value form. The kernel's counterpart is `struct udphdr`.
 */
import { get16, put16 } from "./bytes.js";
import { checksumFold, checksumPartial, pseudoHeaderSum } from "./checksum.js";
import { IPPROTO_UDP } from "./ipv4.js";

/** Length of the header in bytes. */
export const UDP_HEADER_LENGTH = 8;

/** Byte offsets of the fields from the start of the header. */
export const UDP_SRC_PORT = 0;
export const UDP_DST_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;

/** Whether `length` bytes at `at` hold a header whose length field fits them: the door for all readers below. */
export function checkUdp(data: Uint8Array, at: number, length: number): boolean {
  if (length < UDP_HEADER_LENGTH) return false;
  const field = get16(data, at + UDP_LENGTH);
  return field >= UDP_HEADER_LENGTH && field <= length;
}

/** The source port; `at` is where the UDP header begins. */
export function udpSrcPort(data: Uint8Array, at: number): number {
  return get16(data, at + UDP_SRC_PORT);
}

/** The destination port; `at` is where the UDP header begins. */
export function udpDstPort(data: Uint8Array, at: number): number {
  return get16(data, at + UDP_DST_PORT);
}

/** The length field: header and payload. */
export function udpLength(data: Uint8Array, at: number): number {
  return get16(data, at + UDP_LENGTH);
}

/** The checksum field; 0 says that the sender computed none. */
export function udpChecksum(data: Uint8Array, at: number): number {
  return get16(data, at + UDP_CHECKSUM);
}

/** Computes the checksum of the datagram at `at` afresh; a sum of 0 is sent as 0xffff. */
export function udpSetChecksum(data: Uint8Array, at: number, length: number, src: number, dst: number): void {
  put16(data, at + UDP_CHECKSUM, 0);
  const sum = checksumFold(checksumPartial(data, at, length, pseudoHeaderSum(src, dst, IPPROTO_UDP, length)));
  put16(data, at + UDP_CHECKSUM, sum === 0 ? 0xffff : sum);
}

/** Whether the datagram of `length` bytes at `at` sums up, or says that it carries no checksum. */
export function udpChecksumOk(data: Uint8Array, at: number, length: number, src: number, dst: number): boolean {
  if (udpChecksum(data, at) === 0) return true;
  return checksumPartial(data, at, length, pseudoHeaderSum(src, dst, IPPROTO_UDP, length)) === 0xffff;
}

/** A UDP datagram in plain values. */
export interface UdpDatagram {
  readonly sport: number;
  readonly dport: number;
  readonly payload: Uint8Array;
}

/**
 * The bytes of a datagram with its checksum for the given addresses; without one (a zero field) when `checksum` is
 * false.
 */
export function buildUdp(datagram: UdpDatagram, src: number, dst: number, checksum = true): Uint8Array {
  const data = new Uint8Array(UDP_HEADER_LENGTH + datagram.payload.length);
  put16(data, UDP_SRC_PORT, datagram.sport);
  put16(data, UDP_DST_PORT, datagram.dport);
  put16(data, UDP_LENGTH, data.length);
  data.set(datagram.payload, UDP_HEADER_LENGTH);
  if (checksum) udpSetChecksum(data, 0, data.length, src, dst);
  return data;
}

/** The value form of a datagram that passed {@link checkUdp}; the payload is a copy. */
export function parseUdp(data: Uint8Array, at: number): UdpDatagram {
  return {
    sport: udpSrcPort(data, at),
    dport: udpDstPort(data, at),
    payload: data.slice(at + UDP_HEADER_LENGTH, at + udpLength(data, at)),
  };
}
