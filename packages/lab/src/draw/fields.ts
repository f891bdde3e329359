/** What a packet taken apart consists of: headers and their fields, each with the bytes that it is in. */
import { checksumFold } from "@netfilter-lab/engine";

/** One field of a header. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** The first of the bytes it is in, counted from the packet's beginning. */
  readonly at: number;
  /** How many bytes it is in; fields that share a byte both have it. */
  readonly length: number;
}

/** One header, or the payload. */
export interface Layer {
  readonly name: string;
  readonly at: number;
  readonly length: number;
  readonly fields: readonly Field[];
}

/** What the header of IP says of either version, as far as the headers behind it need to know. */
export interface Ip {
  /** Bytes up to the transport header, IPv6's extension headers included. */
  readonly headerLength: number;
  /** Where the packet ends: its total length, or the end of the bytes. */
  readonly end: number;
  /** Of the transport header. */
  readonly protocol: number;
  readonly src: string;
  readonly dst: string;
  readonly fragmentOffset: number;
  /** Whether all bytes are here that a transport checksum covers. */
  readonly whole: boolean;
  /** The sum of the pseudo header for so many bytes. */
  readonly pseudoSum: (length: number) => number;
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  0: "hop-by-hop",
  1: "icmp",
  2: "igmp",
  6: "tcp",
  17: "udp",
  43: "routing",
  44: "fragment",
  47: "gre",
  50: "esp",
  51: "ah",
  58: "icmpv6",
  59: "no next header",
  60: "destination options",
  132: "sctp",
};

/** `tcp`; undefined for one without a name here. */
export function protocolWord(protocol: number): string | undefined {
  return PROTOCOLS[protocol];
}

export const u16 = (data: Uint8Array, at: number): number => (data[at] << 8) | data[at + 1];
export const u32 = (data: Uint8Array, at: number): number => u16(data, at) * 0x10000 + u16(data, at + 2);
export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

export function payload(prefix: string, at: number, length: number): Layer {
  return { name: `${prefix}Data`, at, length, fields: [{ name: "Length", value: `${length} bytes`, at, length }] };
}

/** `TCP (6)`. */
export function protocolField(name: string, protocol: number, at: number): Field {
  return { name, value: `${(protocolWord(protocol) ?? "?").toUpperCase()} (${protocol})`, at, length: 1 };
}

/** The checksum field at an offset and whether it is right; `sum` is the folded sum over all that it covers. */
export function checksum(data: Uint8Array, at: number, sum: number, whole: boolean): Field {
  const value = u16(data, at);
  const verdict = whole ? (checksumFold(sum) === 0 ? "correct" : "wrong") : "not all bytes are here";
  return { name: "Checksum", value: `${hex(value, 4)} (${verdict})`, at, length: 2 };
}
