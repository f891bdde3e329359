/**
 * Addresses and their text. An IPv4 address is an unsigned 32-bit number in host order; an IPv6 address is four signed
 * 32-bit words, the first the most significant, as conntrack's tuples and the tables' rules hold it.
 */

import { getInt32, put32 } from "./bytes.js";

/** An error in an address's text. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

/** Dotted quad of an unsigned (or signed) 32-bit number. */
export function formatIPv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/**
 * An IPv4 address of one to four parts, each decimal, octal or hexadecimal, of which the last fills what is left; null:
 * none. Models inet_aton(3).
 */
export function atonIPv4(text: string): number | null {
  const parts = text.split(".");
  if (parts.length > 4) return null;
  let address = 0;
  for (const [i, part] of parts.entries()) {
    if (!/^(0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i.test(part)) return null;
    const value = /^0[0-7]/.test(part) ? Number.parseInt(part, 8) : Number(part);
    const bits = i === parts.length - 1 ? 8 * (5 - parts.length) : 8;
    if (value >= 2 ** bits) return null;
    address = address * 2 ** bits + value;
  }
  return address;
}

/** The number a dotted quad stands for. Exactly four decimal parts. Throws {@link AddressError}. */
export function parseIPv4(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) throw new AddressError(`not an IPv4 address: "${text}"`);
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(match[i]);
    if (octet > 255) throw new AddressError(`not an IPv4 address: "${text}"`);
    address = address * 256 + octet;
  }
  return address;
}

/** The netmask of a prefix length 0..32, as an unsigned number. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** An address with its prefix length. */
export interface Cidr {
  readonly address: number;
  readonly prefixLength: number;
}

/** Parses `a.b.c.d/n`; without `/n` the prefix is 32. Throws {@link AddressError}. */
export function parseCidr(text: string): Cidr {
  const [head, tail, ...more] = text.split("/");
  if (more.length > 0 || (tail !== undefined && !/^\d{1,2}$/.test(tail)))
    throw new AddressError(`not an address with prefix length: "${text}"`);
  const prefixLength = tail === undefined ? 32 : Number(tail);
  if (prefixLength > 32) throw new AddressError(`prefix length over 32: "${text}"`);
  return { address: parseIPv4(head), prefixLength };
}

/** Whether two addresses agree in the first `prefixLength` bits. */
export function samePrefix(a: number, b: number, prefixLength: number): boolean {
  return ((a ^ b) & prefixMask(prefixLength)) === 0;
}

/** Words of an IPv6 address. */
export const IPV6_WORDS = 4;

/** The 16-bit groups of a colon-separated text, or null when one is none. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    // The last 32 bits may be a dotted quad; unlike elsewhere no part of it may begin with a zero.
    if (i !== parts.length - 1 || !part.includes(".") || /(^|\.)0\d/.test(part)) return null;
    let quad: number;
    try {
      quad = parseIPv4(part);
    } catch (error) {
      if (error instanceof AddressError) return null;
      throw error;
    }
    groups.push(quad >>> 16, quad & 0xffff);
  }
  return groups;
}

/** The words an IPv6 address's text stands for, as inet_pton(3) reads it. Throws {@link AddressError}. */
export function parseIPv6(text: string): Int32Array {
  const bad = (): AddressError => new AddressError(`not an IPv6 address: "${text}"`);
  const halves = text.split("::");
  if (halves.length > 2 || (halves.length === 2 && halves[0].includes("."))) throw bad();
  const head = parseGroups(halves[0]);
  const tail = halves.length === 2 ? parseGroups(halves[1]) : [];
  if (head === null || tail === null) throw bad();
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw bad();
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words = new Int32Array(IPV6_WORDS);
  for (let i = 0; i < IPV6_WORDS; i++) words[i] = (groups[2 * i] << 16) | groups[2 * i + 1];
  return words;
}

/**
 * The shortest text of an IPv6 address (RFC 5952): lower case, the longest run of two or more zero groups as `::`.
 * Addresses that carry an IPv4 one (`::a.b.c.d`, `::ffff:a.b.c.d`) show it, as inet_ntop(3) does.
 */
export function formatIPv6(words: ArrayLike<number>, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < IPV6_WORDS; i++) groups.push((words[at + i] >>> 16) & 0xffff, words[at + i] & 0xffff);
  let best = -1;
  let length = 1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      best = i;
      length = end - i;
    }
    i = end + 1;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best < 0) return hex(0, 8);
  if (best === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff)))
    return `${length === 6 ? "::" : "::ffff:"}${formatIPv4(words[at + 3])}`;
  return `${hex(0, best)}::${hex(best + length, 8)}`;
}

/** All eight groups with all their digits, as the kernel's `%pI6` has them. */
export function formatWholeIPv6(words: ArrayLike<number>): string {
  const groups: string[] = [];
  for (let i = 0; i < 2 * IPV6_WORDS; i++)
    groups.push(((words[i >> 1] >>> (i % 2 === 0 ? 16 : 0)) & 0xffff).toString(16).padStart(4, "0"));
  return groups.join(":");
}

/** Reads an IPv6 address of a packet into words. */
export function readIPv6(data: Uint8Array, offset: number): Int32Array {
  const words = new Int32Array(IPV6_WORDS);
  for (let i = 0; i < IPV6_WORDS; i++) words[i] = getInt32(data, offset + 4 * i);
  return words;
}

/** Writes an IPv6 address into a packet. */
export function writeIPv6(data: Uint8Array, offset: number, words: ArrayLike<number>, at = 0): void {
  for (let i = 0; i < IPV6_WORDS; i++) put32(data, offset + 4 * i, words[at + i]);
}

/** The netmask of a prefix length 0..128, as words. */
export function prefixMaskIPv6(length: number): Int32Array {
  return maskIPv6(new Int32Array(IPV6_WORDS).fill(-1), length);
}

/** Clears an address's bits behind the first `length`, and returns it. */
export function maskIPv6(words: Int32Array, length: number): Int32Array {
  for (let i = 0; i < IPV6_WORDS; i++) words[i] &= prefixMask(Math.min(32, Math.max(0, length - 32 * i)));
  return words;
}

/** An IPv6 address with its prefix length. */
export interface Cidr6 {
  readonly address: Int32Array;
  readonly prefixLength: number;
}

/** Parses `a:b::c/n`; without `/n` the prefix is 128. Throws {@link AddressError}. */
export function parseCidr6(text: string): Cidr6 {
  const [head, tail, ...more] = text.split("/");
  if (more.length > 0 || (tail !== undefined && !/^\d{1,3}$/.test(tail)))
    throw new AddressError(`not an address with prefix length: "${text}"`);
  const prefixLength = tail === undefined ? 128 : Number(tail);
  if (prefixLength > 128) throw new AddressError(`prefix length over 128: "${text}"`);
  return { address: parseIPv6(head), prefixLength };
}

/** Whether two IPv6 addresses agree in the first `prefixLength` bits. */
export function samePrefixIPv6(a: ArrayLike<number>, b: ArrayLike<number>, prefixLength: number): boolean {
  for (let i = 0; i < IPV6_WORDS; i++) {
    const bits = prefixLength - 32 * i;
    if (bits <= 0) return true;
    if (((a[i] ^ b[i]) & prefixMask(Math.min(bits, 32))) !== 0) return false;
  }
  return true;
}

/** Whether two IPv6 addresses are the same. */
export function equalIPv6(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

/** Compares addresses of a family, as words, as numbers: less than 0, 0 or more. */
export function compareWords(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] >>> 0) - (b[i] >>> 0);
  return 0;
}

/** An address of either family: of IPv4 an unsigned number, of IPv6 four words. */
export type InetAddress = number | Int32Array;

/** Whether two addresses are of one family and the same. */
export function sameAddress(a: InetAddress, b: InetAddress): boolean {
  return a === b || (typeof a !== "number" && typeof b !== "number" && equalIPv6(a, b));
}

/** Whether an address is its family's "any": `0.0.0.0` or `::`. */
export function isAnyAddress(address: InetAddress): boolean {
  return typeof address === "number" ? address === 0 : (address[0] | address[1] | address[2] | address[3]) === 0;
}

/** The text of an address of either family. */
export function formatAddress(address: InetAddress): string {
  return typeof address === "number" ? formatIPv4(address) : formatIPv6(address);
}

/** Parses an address of either family: with a colon IPv6's. Throws {@link AddressError}. */
export function parseAddress(text: string): InetAddress {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}
