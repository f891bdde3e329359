/** Addresses of IPv6 as a person writes them, and as `ip address` shows them. */
import {
  type Cidr6,
  formatIPv6,
  IFF_LOOPBACK,
  type IfAddr6,
  parseCidr6,
  parseIPv6,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_SITE,
  RT_SCOPE_UNIVERSE,
  SCOPE_LINK_LOCAL,
  SCOPE_SITE_LOCAL,
} from "@netfilter-lab/engine";
import { flagsText } from "./address-flags.js";
import { SCOPES } from "./scope.js";
import { EVERY } from "./words.js";

/** A prefix of IPv6, as a person writes it; undefined where it is none. */
export function prefixIn6(text: string): Cidr6 | undefined {
  return EVERY.includes(text) ? { address: new Int32Array(4), prefixLength: 0 } : parsed(parseCidr6, text);
}

/** An address of IPv6, as a person writes it; undefined where it is none. */
export const addressIn6 = (text: string): Int32Array | undefined => parsed(parseIPv6, text);

function parsed<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** A prefix as it is printed; `everything` is what one of no bits is called. */
export function prefixText6(address: Int32Array, length: number, everything: string): string {
  if (length === 0) return everything;
  return length === 128 ? formatIPv6(address) : `${formatIPv6(address)}/${length}`;
}

/** The scope of an address as netlink tells it. Models `rt_scope()`. */
export function scopeOf6({ dev, scope }: IfAddr6): number {
  if (scope === SCOPE_LINK_LOCAL) return (dev.flags & IFF_LOOPBACK) !== 0 ? RT_SCOPE_HOST : RT_SCOPE_LINK;
  return scope === SCOPE_SITE_LOCAL ? RT_SCOPE_SITE : RT_SCOPE_UNIVERSE;
}

/** An address with its prefix length, which is that of its peer where it has one. */
export function localText6({ local, peer, prefixLength, metric }: IfAddr6): string {
  const other = peer === null ? "" : ` peer ${formatIPv6(peer)}`;
  return `${formatIPv6(local)}${other}/${prefixLength}${metric === 0 ? "" : ` metric ${metric}`}`;
}

/** An address as `ip address` shows it. */
export function addressText6(ifa: IfAddr6): string {
  return `inet6 ${localText6(ifa)} scope ${SCOPES.get(scopeOf6(ifa))} ${flagsText(ifa.flags)}`;
}
