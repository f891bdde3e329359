/**
 * ICMP redirects of IPv4: a router tells a neighbour of the better first hop, less and less often while it is not
 * obeyed; a host keeps what it is told for five minutes. Models ip_rt_send_redirect() and __ip_do_redirect(),
 * net/ipv4/route.c.
 */
import { HZ } from "../clock.js";
import type { NetDevice } from "../dev/device.js";
import type { SkBuff } from "../skb.js";
import { formatIPv4 } from "../wire/address.js";
import { get32 } from "../wire/bytes.js";
import { ICMP_CODE, ICMP_REDIR_HOST, ICMP_REDIR_HOSTTOS, ICMP_REDIRECT, ICMP_REST } from "../wire/icmp.js";
import { IPV4_DST, IPV4_PROTOCOL, IPV4_SRC, IPV4_TOS } from "../wire/ipv4.js";
import { RTN_UNICAST, type Rtable } from "./route.js";
import { type IpStack, isMulticast } from "./stack.js";

/** `ip_rt_redirect_load`, `ip_rt_redirect_number` and `ip_rt_redirect_silence`: jiffies, a count, jiffies. */
const LOAD: number = HZ / 50;
const NUMBER = 9;
const SILENCE: number = LOAD << (NUMBER + 1);
/** `ip_rt_gc_timeout` in microseconds. */
const KEPT_MICROS = 300_000_000;

/** Whether one of a device's subnets has two addresses (the second may be none). Models `inet_addr_onlink()`. */
export function onLink(dev: NetDevice, a: number, b: number): boolean {
  return dev.ipv4?.addresses.some((ifa) => ifa.covers(a) && (b === 0 || ifa.covers(b))) ?? false;
}

/** Tells a packet's sender, unless it was told lately. Models `ip_rt_send_redirect()`. */
export function sendRedirect(ip: IpStack, skb: SkBuff, rt: Rtable, dev: NetDevice): void {
  const src = get32(skb.data, IPV4_SRC);
  const dst = get32(skb.data, IPV4_DST);
  const peer = ip.peers.of(src);
  const now = ip.net.clock.jiffies;
  const passed = (now - peer.lastJiffies) | 0;
  if (passed > SILENCE) {
    peer.tokens = 0;
    peer.redirects = 0;
  }
  if (peer.redirects >= NUMBER) {
    peer.lastJiffies = now;
    return;
  }
  if (peer.redirects > 0 && passed <= LOAD << peer.redirects) return;
  const gateway = rt.gateway === 0 ? dst : rt.gateway;
  ip.icmpSend(skb, ICMP_REDIRECT, ICMP_REDIR_HOST, gateway);
  peer.lastJiffies = now;
  peer.redirects++;
  if (peer.redirects === NUMBER && ip.logsMartians(dev))
    ip.net.printk(
      `IPv4: host ${formatIPv4(src)}/if${dev.ifindex} ignores redirects for ${formatIPv4(dst)} to ${formatIPv4(gateway)}`,
    );
}

/** Takes a redirect that came about a packet of this host; `at` is where its message begins. */
export function obeyRedirect(ip: IpStack, skb: SkBuff, at: number, inner: number): void {
  const { data } = skb;
  const dev = skb.iif;
  const router = get32(data, IPV4_SRC);
  const gateway = get32(data, at + ICMP_REST);
  const src = get32(data, inner + IPV4_SRC);
  const dst = get32(data, inner + IPV4_DST);
  if ((data[at + ICMP_CODE] & 7) > ICMP_REDIR_HOSTTOS || dev === null) return;
  const rt = ip.routing.output(dst, src, 0, data[inner + IPV4_TOS], null, data[inner + IPV4_PROTOCOL]);
  // Only the router that is the first hop now may say so.
  if (rt === null || rt.dev === null || rt.gateway === 0 || rt.gateway !== router) return;
  if (!acceptable(ip, dev, gateway, router)) return;
  // A gateway that is not known yet is asked for; the next redirect is obeyed.
  if (rt.dev.needsNeighbour && !ip.neighbourTable.ask(rt.dev, gateway, src)) return;
  ip.routing.redirect(rt, dst, gateway, KEPT_MICROS);
}

function acceptable(ip: IpStack, dev: NetDevice, gateway: number, router: number): boolean {
  if (gateway === router || !ip.acceptsRedirects(dev)) return false;
  if (isMulticast(gateway) || gateway === 0xffffffff || gateway === 0) return false;
  if (ip.sharesMedia(dev)) return ip.addressType(gateway) === RTN_UNICAST;
  return onLink(dev, gateway, router) && (!ip.securesRedirects(dev) || isGateway(ip, dev, gateway));
}

/** Whether a route leads by it. Models `ip_fib_check_default()`. */
function isGateway(ip: IpStack, dev: NetDevice, gateway: number): boolean {
  for (const table of ip.tables())
    for (const route of ip.fib.routes(table))
      for (const path of route.paths ?? [route])
        if (path.dev === dev && path.gateway === gateway && !path.dead) return true;
  return false;
}
