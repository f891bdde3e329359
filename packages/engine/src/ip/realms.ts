/**
 * Realms: names that an administrator gives to routes and rules, so that packets can be told apart by where they come
 * from and where they go. A class holds two of them, the source's in its high 16 bits and the destination's in its low
 * ones. Models the class ids of CONFIG_IP_ROUTE_CLASSID: `nh_tclassid`, `fib_result.tclassid` and `dst->tclassid`. What
 * realms passed how often (/proc/net/rt_acct) is not counted.
 */

/** A class with a tag's realms where it has none of its own. Models `set_class_tag()`, net/ipv4/route.c. */
export function setClassTag(tclassid: number, tag: number): number {
  let result = tclassid;
  if ((result & 0xffff) === 0) result |= tag & 0xffff;
  if (result >>> 16 === 0) result |= tag & 0xffff0000;
  return result >>> 0;
}

/**
 * What the way back to a packet's source says of it: the realm that packets to there have is the one that it comes
 * from. A rule's realms change places, and its destination counts where the route has none. Models
 * `fib_combine_itag()`.
 */
export function combineTag(nexthop: number, rule: number): number {
  return ((nexthop << 16 || rule << 16) | (rule >>> 16)) >>> 0;
}
