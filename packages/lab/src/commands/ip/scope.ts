/** Scopes of routes and addresses by name. */
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_SITE,
  RT_SCOPE_UNIVERSE,
} from "@netfilter-lab/engine";
import { wrongArgument } from "./words.js";

export const SCOPES: ReadonlyMap<number, string> = new Map([
  [RT_SCOPE_UNIVERSE, "global"],
  [RT_SCOPE_LINK, "link"],
  [RT_SCOPE_HOST, "host"],
  [RT_SCOPE_SITE, "site"],
  [RT_SCOPE_NOWHERE, "nowhere"],
]);

/** A scope by name or number; `what` is how its object complains. */
export function scopeOf(text: string, what: string): number {
  for (const [number, name] of SCOPES) if (name === text) return number;
  if (/^\d+$/.test(text) && Number(text) < 256) return Number(text);
  throw wrongArgument(text, what);
}
