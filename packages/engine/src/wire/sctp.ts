/**
 * The SCTP common header and its chunks (RFC 9260) over a byte buffer: offsets and types named once, and the CRC32c
 * that covers the whole packet (RFC 9260, appendix A). The kernel's counterpart is include/linux/sctp.h.
 */
import { put32 } from "./bytes.js";

/** Length of the common header in bytes. */
export const SCTP_HEADER_LENGTH = 12;
/** Byte offsets from the start of the common header. */
export const SCTP_SRC_PORT = 0;
export const SCTP_DST_PORT = 2;
export const SCTP_VTAG = 4;
export const SCTP_CHECKSUM = 8;

/** Length of a chunk's header; its first byte is the type. */
export const SCTP_CHUNK_HEADER_LENGTH = 4;
export const SCTP_CHUNK_FLAGS = 1;
export const SCTP_CHUNK_LENGTH = 2;
/** What INIT and INIT ACK have behind it at least; it begins with the initiate tag. */
export const SCTP_INIT_LENGTH = 16;
/** Of ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own. */
export const SCTP_FLAG_T = 1;

/** Chunk types. */
export const SCTP_CID_DATA = 0;
export const SCTP_CID_INIT = 1;
export const SCTP_CID_INIT_ACK = 2;
export const SCTP_CID_SACK = 3;
export const SCTP_CID_HEARTBEAT = 4;
export const SCTP_CID_HEARTBEAT_ACK = 5;
export const SCTP_CID_ABORT = 6;
export const SCTP_CID_SHUTDOWN = 7;
export const SCTP_CID_SHUTDOWN_ACK = 8;
export const SCTP_CID_ERROR = 9;
export const SCTP_CID_COOKIE_ECHO = 10;
export const SCTP_CID_COOKIE_ACK = 11;
export const SCTP_CID_SHUTDOWN_COMPLETE = 14;

/** The Castagnoli polynomial, bits reversed. */
const CASTAGNOLI = 0x82f63b78;

const TABLE = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  TABLE[byte] = crc;
}

/** Goes on with a CRC over bytes. */
function crc32c(crc: number, data: Uint8Array, from: number, to: number): number {
  let value = crc;
  for (let i = from; i < to; i++) value = (value >>> 8) ^ TABLE[(value ^ data[i]) & 0xff];
  return value;
}

/**
 * The checksum of the `length` bytes at `at`, as the 32-bit number that stands in the header in network byte order. The
 * header's own checksum counts as zero. Models `sctp_compute_cksum()`.
 */
export function sctpChecksum(data: Uint8Array, at: number, length: number): number {
  let crc = crc32c(-1, data, at, at + SCTP_CHECKSUM);
  for (let i = 0; i < 4; i++) crc = (crc >>> 8) ^ TABLE[crc & 0xff];
  crc = ~crc32c(crc, data, at + SCTP_HEADER_LENGTH, at + length);
  // It travels with its lowest byte first.
  return ((crc << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24)) >>> 0;
}

/** Whether the packet of `length` bytes at `at`, at least a common header, bears the right checksum. */
export function sctpChecksumOk(data: Uint8Array, at: number, length: number): boolean {
  const sum = sctpChecksum(data, at, length);
  const slot = at + SCTP_CHECKSUM;
  return (
    data[slot] === sum >>> 24 &&
    data[slot + 1] === ((sum >>> 16) & 0xff) &&
    data[slot + 2] === ((sum >>> 8) & 0xff) &&
    data[slot + 3] === (sum & 0xff)
  );
}

/** Computes the checksum of the packet at `at` afresh. */
export function sctpSetChecksum(data: Uint8Array, at: number, length: number): void {
  put32(data, at + SCTP_CHECKSUM, sctpChecksum(data, at, length));
}
