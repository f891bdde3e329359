/** IPv6's part of `ip address`, and addresses of IPv6 as a person writes them. */
import {
  type Cidr6,
  formatIPv6,
  IFF_LOOPBACK,
  type IfAddr6,
  type NetDevice,
  parseCidr6,
  parseIPv6,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_SITE,
  RT_SCOPE_UNIVERSE,
  SCOPE_LINK_LOCAL,
  SCOPE_SITE_LOCAL,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { SCOPES } from "./scope.js";
import { EVERY, IpError, netlink } from "./words.js";

/** A prefix of IPv6, as a person writes it. */
export function prefixOf6(text: string): Cidr6 {
  if (EVERY.includes(text)) return { address: new Int32Array(4), prefixLength: 0 };
  try {
    return parseCidr6(text);
  } catch {
    throw new IpError(`Error: inet6 prefix is expected rather than "${text}".`, 1);
  }
}

/** An address of IPv6, as a person writes it. */
export function addressOf6(text: string): Int32Array {
  try {
    return parseIPv6(text);
  } catch {
    throw new IpError(`Error: inet6 address is expected rather than "${text}".`, 1);
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

/** An address as `ip address` shows it. */
export function addressText6(ifa: IfAddr6): string {
  return `inet6 ${formatIPv6(ifa.local)}/${ifa.prefixLength} scope ${SCOPES.get(scopeOf6(ifa))} `;
}

/** `ip address add|del` of an IPv6 address. */
export function changeAddress6(context: LabContext, device: NetDevice, text: string, command: "add" | "del"): void {
  const { ip6 } = context.net;
  const { address, prefixLength } = prefixOf6(text);
  netlink(() =>
    command === "add"
      ? ip6.addAddress(device, address, prefixLength)
      : ip6.deleteAddress(device, address, prefixLength),
  );
}
