/**
 * Addresses within text as the kernel's helpers read and write them: they take what begins like an address and end
 * where it does. Models `in4_pton()` and `in6_pton()` of net/core/utils.c, and `%pI6c` of lib/vsprintf.c.
 */
import { NFPROTO_IPV4, type NfProto } from "../../hooks.js";
import { AddressError, formatIPv4, IPV6_WORDS, parseIPv6 } from "../../wire/address.js";

/** An address's four words (of IPv4 the first alone counts), and where its text ends. */
export interface AddressText {
  readonly words: Int32Array;
  readonly end: number;
}

const QUAD = /(\d+)\.(\d+)\.(\d+)\.(\d+)(?![0-9A-Fa-f.])/y;

/**
 * The dotted quad at `at` of `text`, which ends at whatever is no part of a number. Models `in4_pton()` with any
 * delimiter.
 */
export function readIPv4At(text: string, at: number): AddressText | null {
  QUAD.lastIndex = at;
  const parts = QUAD.exec(text);
  if (parts === null) return null;
  const words = new Int32Array(IPV6_WORDS);
  for (let i = 1; i <= 4; i++) {
    const byte = Number(parts[i]);
    if (byte > 255) return null;
    words[0] = (words[0] << 8) | byte;
  }
  return { words, end: at + parts[0].length };
}

const COLONS_AND_DIGITS = /[0-9A-Fa-f:.]*/y;

/**
 * The IPv6 address at `at` of `text`. It ends at whatever is no part of one, or must end at `delimiter`. Models
 * `in6_pton()`.
 */
export function readIPv6At(text: string, at: number, delimiter: string | null = null): AddressText | null {
  COLONS_AND_DIGITS.lastIndex = at;
  let found = COLONS_AND_DIGITS.exec(text)?.[0] ?? "";
  if (delimiter !== null && found.includes(delimiter)) found = found.slice(0, found.indexOf(delimiter));
  const dot = found.indexOf(".");
  // A dotted quad is the end, even where a colon follows.
  const colon = dot < 0 ? -1 : found.indexOf(":", dot);
  if (colon >= 0) found = found.slice(0, colon);
  const end = at + found.length;
  const next = text[end];
  if (delimiter !== null && next !== undefined && next !== delimiter && next !== "\0" && colon < 0) return null;
  try {
    // Zeros may stand before any number.
    return { words: parseIPv6(found.replace(/(^|[:.])0+(?=[0-9A-Fa-f])/g, "$1")), end };
  } catch (error) {
    if (error instanceof AddressError) return null;
    throw error;
  }
}

/** The address of a family at `at`. */
export function readAddressAt(family: NfProto, text: string, at: number): AddressText | null {
  return family === NFPROTO_IPV4 ? readIPv4At(text, at) : readIPv6At(text, at);
}

/** An ISATAP address says so in its third word. Models `ipv6_addr_is_isatap()`. */
function isIsatap(words: Int32Array): boolean {
  return (words[2] | 0x02000000) === 0x02005efe;
}

/** Models `ipv6_addr_v4mapped()`. */
function isMapped(words: Int32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** Groups of which the longest run of two or more zeros is `::`. */
function compressed(groups: readonly number[]): string {
  let [first, length] = [-1, 1];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > length) [first, length] = [i, end - i];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return first < 0 ? hex(groups) : `${hex(groups.slice(0, first))}::${hex(groups.slice(first + length))}`;
}

/**
 * An address as the kernel writes it in short: `%pI4`, `%pI6c`. Unlike inet_ntop(3), it shows the IPv4 part of mapped
 * and ISATAP addresses, and of no others.
 */
export function kernelAddress(family: NfProto, words: Int32Array): string {
  if (family === NFPROTO_IPV4) return formatIPv4(words[0]);
  const groups = Array.from({ length: 8 }, (_, i) => (words[i >> 1] >>> (i % 2 === 0 ? 16 : 0)) & 0xffff);
  if (!isMapped(words) && !isIsatap(words)) return compressed(groups);
  const head = compressed(groups.slice(0, 6));
  return `${head}${head.endsWith(":") ? "" : ":"}${formatIPv4(words[3])}`;
}
