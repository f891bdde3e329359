/**
 * Where the matches of IPv6's extension headers (`frag`, `hbh`, `dst`, `rt`, `srh`, `ah`) find theirs. Models
 * ipv6_find_hdr() as net/ipv6/netfilter/ip6t_*.c use it.
 */
import { findHeader, HEADER_TRUNCATED } from "../wire/ipv6.js";
import type { XtActionParam } from "./extension.js";

/**
 * Where a packet's first extension header of a kind begins; -1 when it has none. One that ends before its first `least`
 * bytes do is malformed: {@link XtActionParam.hotdrop} is set.
 */
export function extensionHeaderAt(par: XtActionParam, kind: number, least: number): number {
  const { data, len } = par.skb;
  const at = findHeader(data, 0, len, kind);
  if (at >= 0 && at + least <= len) return at;
  if (at >= 0 || at === HEADER_TRUNCATED) par.hotdrop = true;
  return -1;
}

/** {@link extensionHeaderAt} of a header of options or routes, which must be as long as it says. */
export function wholeHeaderAt(par: XtActionParam, kind: number, least: number): number {
  const at = extensionHeaderAt(par, kind, least);
  if (at < 0 || at + optionsLength(par.skb.data, at) <= par.skb.len) return at;
  par.hotdrop = true;
  return -1;
}

/** Length in bytes of a header that counts itself in eights. Models `ipv6_optlen()`. */
export function optionsLength(data: Uint8Array, at: number): number {
  return (data[at + 1] + 1) << 3;
}
