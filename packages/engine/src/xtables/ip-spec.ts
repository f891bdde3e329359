/**
 * The header part of a rule as data: addresses, interfaces, protocol. Models `struct ipt_ip`,
 * include/uapi/linux/netfilter_ipv4/ip_tables.h, and `struct ip6t_ip6`.
 */
import type { XtFamily } from "./extension.js";

/** Bits of {@link IpSpec.inverted}: the comparison is turned round (`!`). Models `IPT_INV_*`. */
export const INV_VIA_IN: number = 1 << 0;
export const INV_VIA_OUT: number = 1 << 1;
export const INV_SRC: number = 1 << 3;
export const INV_DST: number = 1 << 4;
export const INV_FRAGMENT: number = 1 << 5;
export const INV_PROTO: number = 1 << 6;

/** An address of a rule, or its mask, as signed 32-bit words: one for IPv4, four for IPv6. */
export type AddressWords = Int32Array;

/** Whether all words are zero: as a mask, that any address will do. */
export function isZero(words: AddressWords): boolean {
  return words.every((word) => word === 0);
}

/** The header part of a rule: addresses, interfaces, protocol. */
export interface IpSpec {
  readonly family: XtFamily;
  /** Address already masked, and mask; a mask of zeros is any. */
  readonly src: AddressWords;
  readonly smask: AddressWords;
  readonly dst: AddressWords;
  readonly dmask: AddressWords;
  /** Interface name, `name+` for a prefix, "" for any. */
  readonly iniface: string;
  readonly outiface: string;
  /** Protocol number, 0 for all. */
  readonly proto: number;
  /** Second and further fragments only (`-f`). */
  readonly fragment: boolean;
  /** `INV_*` bits. */
  readonly inverted: number;
}
