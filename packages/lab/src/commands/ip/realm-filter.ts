/** Realms in a listing of routes: `ip route list realms [FROM/]TO`. */
import { realmsOf } from "./realms.js";
import type { Words } from "./words.js";

/** Realms that a listing is about, and which bits of them. */
export interface RealmFilter {
  readonly realms: number;
  readonly mask: number;
  /** Whether names were looked for. */
  readonly named: boolean;
}

/** A side that is not named may be any. */
export function realmFilterOf(words: Words): RealmFilter {
  const text = words.peek() ?? "";
  const realms = realmsOf(words, "invalid realms\n");
  let mask = 0xffffffff;
  if ((realms & 0xffff) === 0 && text.endsWith("/")) mask = 0xffff0000;
  if (realms >>> 16 === 0 && !text.includes("/")) mask = 0xffff;
  return { realms, mask, named: text !== "" };
}

export function fitsRealms(filter: RealmFilter | null, realms: number): boolean {
  return filter === null || ((realms ^ filter.realms) & filter.mask) === 0;
}
