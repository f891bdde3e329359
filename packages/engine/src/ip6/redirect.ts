/**
 * ICMPv6 redirects: a router tells a neighbour of a better first hop, once a second for each destination and each
 * sender at the most; a host that does not forward goes by it for thirty seconds (Linux forgets it when it next tidies
 * up after that). Models ndisc_send_redirect() and ndisc_redirect_rcv(), net/ipv6/ndisc.c, with rt6_do_redirect(),
 * net/ipv6/route.c.
 */
import { HZ } from "../clock.js";
import type { NetDevice } from "../dev/device.js";
import type { SkBuff } from "../skb.js";
import { equalIPv6, formatIPv6, writeIPv6 } from "../wire/address.js";
import { ICMPV6_REDIRECT, ND_OPT_REDIRECT_HDR, ND_OPT_TARGET_LL_ADDR, ND_REDIRECT_OPTIONS } from "../wire/icmpv6.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_HEADER_LENGTH, IPV6_HOP_LIMIT, IPV6_MIN_MTU, IPV6_SRC } from "../wire/ipv6.js";
import { isLinkLocal, isMulticast6, readInto, type Words } from "./address.js";
import type { Route6 } from "./fib.js";
import { newPacket6 } from "./output.js";
import type { Ip6Stack } from "./stack.js";

/** Offsets in the message. */
const TARGET = 8;
const DESTINATION = 24;
/** What an option begins with, and what that of the packet has before its bytes. */
const OPTION_UNIT = 8;
/** Only a neighbour's message still has it. */
const HOP_LIMIT = 255;

/** Tells the sender of a packet that leaves by the device that it came by. Models what `ip6_forward()` does of it. */
export function sendRedirect6(ip: Ip6Stack, about: SkBuff, route: Route6): void {
  const dst = readInto(new Int32Array(4), about.data, IPV6_DST);
  if (ip.peers.allows(formatIPv6(dst), HZ)) tell(ip, about, route, dst, route.gateway ?? dst);
}

/** Models `ndisc_send_redirect()`. */
function tell(ip: Ip6Stack, about: SkBuff, route: Route6, destination: Int32Array, target: Words): void {
  const { dev } = route;
  const own = dev.ipv6?.addresses.filter((ifa) => isLinkLocal(ifa.local)).at(-1)?.local;
  if (own === undefined || !(equalIPv6(target, destination) || isLinkLocal(target))) return;
  const sender = readInto(new Int32Array(4), about.data, IPV6_SRC);
  const dport = ICMPV6_REDIRECT << 8;
  const back = ip.routeOutput({ dst: sender, src: own, oif: dev, protocol: IPPROTO_ICMPV6, dport });
  if (back.error !== 0 || back.gateway !== null || !ip.peers.allows(formatIPv6(sender), HZ)) return;
  const mac = dev.mac === null ? null : ip.neighbourTable.known(dev, Int32Array.from(target));
  const before = ND_REDIRECT_OPTIONS + (mac === null ? 0 : OPTION_UNIT);
  const quoted = Math.min(IPV6_MIN_MTU - IPV6_HEADER_LENGTH - before, about.len + OPTION_UNIT) & ~7;
  const header = { src: own, dst: sender, nextHeader: IPPROTO_ICMPV6, hopLimit: HOP_LIMIT, trafficClass: 0 };
  const skb = newPacket6(header, before + quoted);
  const { data, transportOffset: at } = skb;
  data[at] = ICMPV6_REDIRECT;
  writeIPv6(data, at + TARGET, target);
  writeIPv6(data, at + DESTINATION, destination);
  if (mac !== null) {
    data[at + ND_REDIRECT_OPTIONS] = ND_OPT_TARGET_LL_ADDR;
    data[at + ND_REDIRECT_OPTIONS + 1] = 1;
    data.set(mac, at + ND_REDIRECT_OPTIONS + 2);
  }
  data[at + before] = ND_OPT_REDIRECT_HDR;
  data[at + before + 1] = quoted / OPTION_UNIT;
  data.set(about.data.subarray(0, quoted - OPTION_UNIT), at + before + OPTION_UNIT);
  ip.icmp.transmit(skb, back);
}

/** What a redirect's options say. */
interface Options {
  /** Where the head of the packet begins; 0 without one. */
  readonly inner: number;
  readonly mac: Uint8Array | null;
}

/** Null for options that are cut off. Models `ndisc_parse_options()`. */
function parse({ data, len }: SkBuff, from: number): Options | null {
  let inner = 0;
  let mac: Uint8Array | null = null;
  for (let at = from; at < len; ) {
    const length = at + 1 < len ? data[at + 1] * OPTION_UNIT : 0;
    if (length === 0 || at + length > len) return null;
    if (data[at] === ND_OPT_TARGET_LL_ADDR && mac === null) mac = data.slice(at + 2, at + length);
    else if (data[at] === ND_OPT_REDIRECT_HDR) inner = at + OPTION_UNIT;
    at += length;
  }
  return { inner, mac };
}

/**
 * A redirect came; `obey` believes it. Gives where the packet begins that it is about (whoever sent that may then
 * obey), 0 where the message does not say and was obeyed at once, and -1 for a wrong one. Models
 * `ndisc_redirect_rcv()`.
 */
export function receiveRedirect6(ip: Ip6Stack, skb: SkBuff, at: number): number {
  const { data, len } = skb;
  if (len < at + ND_REDIRECT_OPTIONS || data[IPV6_HOP_LIMIT] !== HOP_LIMIT || data[at + 1] !== 0) return -1;
  if (!isLinkLocal(readInto(new Int32Array(4), data, IPV6_SRC))) return -1;
  const options = parse(skb, at + ND_REDIRECT_OPTIONS);
  if (options === null) return -1;
  if (options.inner === 0) obeyRedirect6(ip, skb, at);
  return options.inner;
}

/** Models `rt6_do_redirect()` with `ip6_redirect()`. */
export function obeyRedirect6(ip: Ip6Stack, skb: SkBuff, at: number): void {
  const { data } = skb;
  const dev = skb.iif as NetDevice;
  const target = readInto(new Int32Array(4), data, at + TARGET);
  const destination = readInto(new Int32Array(4), data, at + DESTINATION);
  const onLink = equalIPv6(target, destination);
  if (isMulticast6(destination) || !(onLink || isLinkLocal(target))) return;
  const inDev = dev.ipv6;
  if (inDev === null || inDev.conf.forwarding || inDev.conf.values.get("accept_redirects") === 0) return;
  const options = parse(skb, at + ND_REDIRECT_OPTIONS);
  if (options === null || (options.mac !== null && dev.mac !== null && options.mac.length !== dev.mac.length)) return;
  const router = readInto(new Int32Array(4), data, IPV6_SRC);
  const route = ip.redirectedTo(destination, router) ?? ip.fib.lookupVia(destination, router, dev);
  if (route === null) return;
  if (dev.needsNeighbour && options.mac !== null) ip.neighbourTable.learn(dev, target, options.mac);
  ip.redirect(route, destination, onLink ? null : target);
}
