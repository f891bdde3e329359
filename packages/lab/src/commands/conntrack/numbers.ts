/** Numbers and addresses as the C library reads them, since `conntrack` takes what it makes of any text. */
import { AddressError, atonIPv4, formatIPv4, formatIPv6, parseIPv6 } from "@netfilter-lab/engine";

/** The integer at a text's beginning, as `atol(3)` reads it; 0 for none. */
export function atol(text: string): number {
  return Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}

/**
 * The integer at a text's beginning, `0x` hexadecimal and `0` octal, and what follows it. Models `strtoul(3)`, base 0.
 */
export function strtoul(text: string): { readonly value: bigint; readonly rest: string } {
  const [whole, sign, hex, octal, decimal] = /^\s*([+-]?)(?:0x([\da-f]+)|0([0-7]*)|([1-9]\d*))/i.exec(text) ?? [];
  if (whole === undefined) return { value: 0n, rest: text };
  const digits = hex === undefined ? (decimal ?? `0o${octal === "" ? "0" : octal}`) : `0x${hex}`;
  const value = BigInt(digits);
  return { value: sign === "-" ? -value : value, rest: text.slice(whole.length) };
}

/** The low 32 bits of {@link strtoul}. */
export function u32(text: string): number {
  return Number(BigInt.asUintN(32, strtoul(text).value));
}

/** The low 16 bits of {@link strtoul}. */
export function u16(text: string): number {
  return Number(BigInt.asUintN(16, strtoul(text).value));
}

/** An address of either family: four words, of which IPv4 uses the first. */
export interface Address {
  /** `AF_INET` or `AF_INET6`, which are also a tuple's numbers. */
  readonly family: 2 | 10;
  readonly words: Int32Array;
}

/** What a text names, or null. */
export function parseAddress(text: string): Address | null {
  // inet_aton(3) looks at nothing behind white space.
  const ipv4 = atonIPv4(text.split(/\s/, 1)[0]);
  if (ipv4 !== null) return { family: 2, words: Int32Array.of(ipv4, 0, 0, 0) };
  try {
    return { family: 10, words: parseIPv6(text) };
  } catch (error) {
    if (error instanceof AddressError) return null;
    throw error;
  }
}

/** The mask of a prefix length. */
export function maskOf(family: Address["family"], length: number): Int32Array {
  const words = new Int32Array(4);
  for (let i = 0; i < (family === 2 ? 1 : 4); i++) {
    const bits = Math.min(32, Math.max(0, length - 32 * i));
    words[i] = bits === 0 ? 0 : -1 << (32 - bits);
  }
  return words;
}

/** The text that tools print of an address. */
export function addressText({ family, words }: Address): string {
  return family === 2 ? formatIPv4(words[0]) : formatIPv6(words);
}
