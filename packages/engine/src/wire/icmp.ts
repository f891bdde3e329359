/**
 * The ICMP header (RFC 792) over a byte buffer: offsets named once, one check at the door ({@link checkIcmp}), readers
 * that cannot fail after it, and a plain value form. Of the many types, only what forwarding, errors and queries need
 * is named. The kernel's counterpart is `struct icmphdr`.
 */
import { get16, get32, put16, put32 } from "./bytes.js";
import { checksumFold, checksumPartial } from "./checksum.js";

/** Length of the header in bytes. */
export const ICMP_HEADER_LENGTH = 8;

/** Byte offsets of the fields from the start of the header. */
export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
/** The 32 bits whose meaning the type decides (id and sequence, gateway, MTU, pointer). */
export const ICMP_REST = 4;
/** Queries: the identifier. */
export const ICMP_ID = 4;
/** Queries: the sequence number. */
export const ICMP_SEQUENCE = 6;
/** Fragmentation needed: the next hop's MTU. */
export const ICMP_MTU = 6;

/** Types. */
export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
/** Codes of a redirect: for a host; the last one, for a host and a type of service. */
export const ICMP_REDIR_HOST = 1;
export const ICMP_REDIR_HOSTTOS = 3;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_TIMESTAMPREPLY = 14;
export const ICMP_INFO_REQUEST = 15;
export const ICMP_INFO_REPLY = 16;
export const ICMP_ADDRESS = 17;
export const ICMP_ADDRESSREPLY = 18;
/** Greatest type that conntrack lets through. Models `NR_ICMP_TYPES`. */
export const NR_ICMP_TYPES = 18;

/** Codes of {@link ICMP_DEST_UNREACH}. */
export const ICMP_NET_UNREACH = 0;
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;
export const ICMP_SR_FAILED = 5;
export const ICMP_NET_UNKNOWN = 6;
export const ICMP_HOST_UNKNOWN = 7;
export const ICMP_HOST_ISOLATED = 8;
export const ICMP_NET_ANO = 9;
export const ICMP_HOST_ANO = 10;
export const ICMP_NET_UNR_TOS = 11;
export const ICMP_HOST_UNR_TOS = 12;
export const ICMP_PKT_FILTERED = 13;
export const ICMP_PREC_VIOLATION = 14;
export const ICMP_PREC_CUTOFF = 15;

/** Codes of {@link ICMP_TIME_EXCEEDED}. */
export const ICMP_EXC_TTL = 0;
export const ICMP_EXC_FRAGTIME = 1;

/** Whether `length` bytes hold a whole ICMP header: the door for all readers below. */
export function checkIcmp(length: number): boolean {
  return length >= ICMP_HEADER_LENGTH;
}

/** The ICMP type; `at` is where the ICMP header begins. */
export function icmpType(data: Uint8Array, at: number): number {
  return data[at + ICMP_TYPE];
}

/** The ICMP code; `at` is where the ICMP header begins. */
export function icmpCode(data: Uint8Array, at: number): number {
  return data[at + ICMP_CODE];
}

/** The identifier of an echo; `at` is where the ICMP header begins. */
export function icmpId(data: Uint8Array, at: number): number {
  return get16(data, at + ICMP_ID);
}

/** The sequence number of an echo; `at` is where the ICMP header begins. */
export function icmpSequence(data: Uint8Array, at: number): number {
  return get16(data, at + ICMP_SEQUENCE);
}

/** Whether the type reports an error about a packet it carries. Models `icmp_is_err()`. */
export function icmpIsError(type: number): boolean {
  return (
    type === ICMP_DEST_UNREACH ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETERPROB
  );
}

/** Computes the checksum of the message of `length` bytes at `at` afresh. */
export function icmpSetChecksum(data: Uint8Array, at: number, length: number): void {
  put16(data, at + ICMP_CHECKSUM, 0);
  put16(data, at + ICMP_CHECKSUM, checksumFold(checksumPartial(data, at, length)));
}

/** Whether the message of `length` bytes at `at` sums up. */
export function icmpChecksumOk(data: Uint8Array, at: number, length: number): boolean {
  return checksumPartial(data, at, length) === 0xffff;
}

/** An ICMP message in plain values. */
export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** The 32 bits after the checksum; see {@link icmpEcho} for queries. */
  readonly rest: number;
  readonly payload: Uint8Array;
}

/** The bytes of a message with its checksum. */
export function buildIcmp(message: IcmpMessage): Uint8Array {
  const data = new Uint8Array(ICMP_HEADER_LENGTH + message.payload.length);
  data[ICMP_TYPE] = message.type;
  data[ICMP_CODE] = message.code;
  put32(data, ICMP_REST, message.rest);
  data.set(message.payload, ICMP_HEADER_LENGTH);
  icmpSetChecksum(data, 0, data.length);
  return data;
}

/** An echo request (or reply) in plain values. */
export function icmpEcho(id: number, sequence: number, payload: Uint8Array, reply = false): IcmpMessage {
  return { type: reply ? ICMP_ECHOREPLY : ICMP_ECHO, code: 0, rest: ((id << 16) | sequence) >>> 0, payload };
}

/** The value form of the `length` bytes of a message at `at`; the payload is a copy. */
export function parseIcmp(data: Uint8Array, at: number, length: number): IcmpMessage {
  return {
    type: icmpType(data, at),
    code: icmpCode(data, at),
    rest: get32(data, at + ICMP_REST),
    payload: data.slice(at + ICMP_HEADER_LENGTH, at + length),
  };
}
