/** Words of `ip address` that choose addresses by their flags. Models `get_filter()`, iproute2's ip/ipaddress.c. */

export const IFA_F_SECONDARY = 0x01;
export const IFA_F_PERMANENT = 0x80;

/** Flags by name; the lab's addresses have the first two kinds at most. */
const FLAGS: Readonly<Record<string, number>> = {
  secondary: IFA_F_SECONDARY,
  temporary: IFA_F_SECONDARY,
  permanent: IFA_F_PERMANENT,
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  home: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  mngtmpaddr: 0x100,
  noprefixroute: 0x200,
  autojoin: 0x400,
  "stable-privacy": 0x800,
};

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
