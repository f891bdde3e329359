/** The flags of addresses by name. Models `ifa_flag_names` and `get_filter()`, iproute2's ip/ipaddress.c. */
import {
  IFA_F_DEPRECATED,
  IFA_F_HOMEADDRESS,
  IFA_F_MANAGETEMPADDR,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
} from "@netfilter-lab/engine";

/** Of a multicast address: its group is joined. The lab knows the name only. */
export const IFA_F_MCAUTOJOIN = 0x400;

/** In the order in which they are printed. */
const FLAGS: Readonly<Record<string, number>> = {
  secondary: IFA_F_SECONDARY,
  temporary: IFA_F_SECONDARY,
  nodad: IFA_F_NODAD,
  optimistic: 0x04,
  dadfailed: 0x08,
  home: IFA_F_HOMEADDRESS,
  deprecated: IFA_F_DEPRECATED,
  tentative: 0x40,
  permanent: IFA_F_PERMANENT,
  mngtmpaddr: IFA_F_MANAGETEMPADDR,
  noprefixroute: IFA_F_NOPREFIXROUTE,
  autojoin: IFA_F_MCAUTOJOIN,
  "stable-privacy": 0x800,
};

/**
 * Those that a command may set, and whether of addresses of IPv6 only. The kernel drops `optimistic` where
 * `optimistic_dad` is off, as it is here.
 */
const MUTABLE: Readonly<Record<string, boolean>> = {
  nodad: true,
  optimistic: true,
  home: true,
  mngtmpaddr: true,
  noprefixroute: false,
  autojoin: false,
};

/**
 * The flag that a word sets of an address of a family (null: not known yet); undefined where it is none. What cannot be
 * set is told with `warn`.
 */
export function settableFlag(word: string, family: number | null, warn: (text: string) => void): number | undefined {
  const bit = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
  if (bit === undefined) return undefined;
  const ipv6Only = MUTABLE[word];
  if (ipv6Only === undefined) warn(`Warning: ${word} option is not mutable from userspace`);
  else if (ipv6Only && family !== 6) warn(`Warning: ${word} option can be set only for IPv6 addresses`);
  else if (word !== "optimistic") return bit;
  return 0;
}

/** An address's flags as they are listed, each with a space behind it. */
export function flagsText(flags: number): string {
  const names = Object.entries(FLAGS).filter(
    ([name, bit]) => (flags & bit) !== 0 && bit !== IFA_F_PERMANENT && name !== "temporary",
  );
  return names.map(([name]) => `${name} `).join("");
}

/** What has another flag's name where that is not set. */
const OPPOSITES: Readonly<Record<string, string>> = { primary: "secondary", dynamic: "permanent" };

/** Which flags are asked for, and how they are to be. */
export interface FlagFilter {
  readonly flags: number;
  readonly mask: number;
}

export const ANY_FLAGS: FlagFilter = { flags: 0, mask: 0 };

/** A filter with a word taken into account; null where it is no flag. A `-` in front is its opposite. */
export function withFlag({ flags, mask }: FlagFilter, word: string): FlagFilter | null {
  const name = word.replace(/^-/, "");
  const opposite = OPPOSITES[name];
  const bit = FLAGS[opposite ?? name];
  if (bit === undefined) return null;
  const set = (opposite === undefined) !== word.startsWith("-");
  return { flags: set ? flags | bit : flags & ~bit, mask: mask | bit };
}

/** Whether an address with these flags is meant. */
export function fitsFlags({ flags, mask }: FlagFilter, has: number): boolean {
  return ((flags ^ has) & mask) === 0;
}
