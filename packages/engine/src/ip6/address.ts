/**
 * Kinds of IPv6 addresses, as routing and source selection tell them apart. Models net/ipv6/addrconf_core.c and the
 * default policy table of net/ipv6/addrlabel.c.
 */
import { parseIPv6, prefixMaskIPv6 } from "../wire/address.js";
import { getInt32 } from "../wire/bytes.js";

/** Four words, the first the most significant. */
export type Words = ArrayLike<number>;

export const SCOPE_INTERFACE_LOCAL = 1;
export const SCOPE_LINK_LOCAL = 2;
export const SCOPE_SITE_LOCAL = 5;
export const SCOPE_GLOBAL = 14;

export function isUnspecified(a: Words): boolean {
  return (a[0] | a[1] | a[2] | a[3]) === 0;
}

export function isLoopback6(a: Words): boolean {
  return (a[0] | a[1] | a[2]) === 0 && a[3] === 1;
}

export function isMulticast6(a: Words): boolean {
  return a[0] >>> 24 === 0xff;
}

export function isLinkLocal(a: Words): boolean {
  return a[0] >>> 22 === 0xfe80 >>> 6;
}

/**
 * Whether an address means something on one device only: routes by others are none to it. Models `rt6_need_strict()`.
 */
export function needsDevice(a: Words): boolean {
  return isMulticast6(a) || isLinkLocal(a) || isLoopback6(a);
}

/** Reads a packet's address into `words`, which it returns. */
export function readInto(words: Int32Array, data: Uint8Array, at: number): Int32Array {
  for (let i = 0; i < 4; i++) words[i] = getInt32(data, at + 4 * i);
  return words;
}

/** How far an address is valid. Models `ipv6_addr_scope()`. */
export function scopeOf(a: Words): number {
  if (isMulticast6(a)) return (a[0] >>> 16) & 0xf;
  if (isLoopback6(a) || isLinkLocal(a)) return SCOPE_LINK_LOCAL;
  return a[0] >>> 22 === 0xfec0 >>> 6 ? SCOPE_SITE_LOCAL : SCOPE_GLOBAL;
}

/** Prefixes with their labels, longest first. RFC 6724 as Linux has it. */
const LABELS: readonly (readonly [Int32Array, Int32Array, number])[] = (
  [
    ["::1", 128, 0],
    ["::", 96, 3],
    ["::ffff:0:0", 96, 4],
    ["2001::", 32, 6],
    ["2001:10::", 28, 7],
    ["2002::", 16, 2],
    ["fc00::", 7, 5],
  ] as const
).map(([prefix, length, label]) => [parseIPv6(prefix), prefixMaskIPv6(length), label]);

/** Label of an address: addresses of one label go together. Models `ipv6_addr_label()`. */
export function labelOf(a: Words): number {
  for (const [prefix, mask, label] of LABELS) {
    let same = true;
    for (let i = 0; i < 4 && same; i++) same = ((a[i] ^ prefix[i]) & mask[i]) === 0;
    if (same) return label;
  }
  return 1;
}

/** Number of leading bits in which two addresses agree. Models `ipv6_addr_diff()`. */
export function commonPrefix(a: Words, b: Words): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[i] ^ b[i];
    if (difference !== 0) return 32 * i + Math.clz32(difference);
  }
  return 128;
}
