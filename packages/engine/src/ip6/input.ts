/**
 * An IPv6 packet arrives: header checks, hop-by-hop options, PREROUTING, routing, then forwarding or delivery. Router
 * alert is not modelled. Models net/ipv6/ip6_input.c, exthdrs.c and ip6_forward().
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES } from "../errno.js";
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, NF_STOLEN } from "../hooks.js";
import { RTN_BLACKHOLE, RTN_MULTICAST } from "../ip/route.js";
import { PACKET_HOST, PACKET_MULTICAST, type SkBuff } from "../skb.js";
import {
  ICMPV6_ADM_PROHIBITED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_EXC_HOPLIMIT,
  ICMPV6_NOROUTE,
  ICMPV6_NOT_NEIGHBOUR,
  ICMPV6_TIME_EXCEED,
} from "../wire/icmpv6.js";
import {
  checkIPv6,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  ipv6TotalLength,
  NEXTHDR_HOP,
} from "../wire/ipv6.js";
import {
  isLinkLocal,
  isLoopback6,
  isMulticast6,
  isUnspecified,
  readInto,
  SCOPE_INTERFACE_LOCAL,
  scopeOf,
} from "./address.js";
import { deliver } from "./deliver.js";
import { parseOptions } from "./exthdrs.js";
import type { Route6 } from "./fib.js";
import { describeRoute6, ip6Output } from "./output.js";
import { sendRedirect6 } from "./redirect.js";
import type { Ip6Stack } from "./stack.js";

/** The packet ends here: the trace learns why. */
export function drop6(ip: Ip6Stack, skb: SkBuff, reason: string): void {
  const { trace } = ip.net;
  if (trace !== null) trace.note({ kind: "end", reason });
  ip.net.free(skb);
}

const source = new Int32Array(4);
const destination = new Int32Array(4);

/** Models `ipv6_rcv()`. */
export function ip6Receive(ip: Ip6Stack, skb: SkBuff, dev: NetDevice): void {
  const { trace } = ip.net;
  if (trace !== null) {
    trace.begin(skb);
    trace.enter("ipv6_rcv", null, skb);
  }
  if (headerOk(ip, skb, dev)) {
    // A bridge may have run PREROUTING already. Models ip_sabotage_in().
    const verdict = skb.preRouted ? NF_ACCEPT : ip.net.hooks6.run(NF_INET_PRE_ROUTING, skb, dev, null);
    skb.preRouted = false;
    if (verdict === NF_ACCEPT) receiveFinish(ip, skb);
    else if ((verdict & 0xff) !== NF_STOLEN) drop6(ip, skb, "dropped in PREROUTING");
  }
  if (trace !== null) {
    trace.leave();
    trace.end();
  }
}

/** The checks of `ip6_rcv_core()`. */
function headerOk(ip: Ip6Stack, skb: SkBuff, dev: NetDevice): boolean {
  const problem = headerProblem(ip, skb, dev);
  if (problem !== null) {
    drop6(ip, skb, problem);
    return false;
  }
  // No length with hop-by-hop options is for these to tell (of a jumbogram).
  const length = ipv6TotalLength(skb.data, 0);
  if (length > IPV6_HEADER_LENGTH || skb.data[IPV6_NEXT_HEADER] !== NEXTHDR_HOP) skb.len = length;
  skb.transportOffset = IPV6_HEADER_LENGTH;
  if (skb.data[IPV6_NEXT_HEADER] !== NEXTHDR_HOP) return true;
  // The options may have sent an error and given the packet up.
  return parseOptions(ip, skb, IPV6_HEADER_LENGTH, "hop") >= 0;
}

function headerProblem(ip: Ip6Stack, skb: SkBuff, dev: NetDevice): string | null {
  if (dev.ipv6 === null || dev.ipv6.conf.disabled) return "IPv6 is off on the device";
  const check = checkIPv6(skb.data, skb.len);
  if (check !== "ok") return `bad IPv6 header: ${check}`;
  const src = readInto(source, skb.data, IPV6_SRC);
  const dst = readInto(destination, skb.data, IPV6_DST);
  const onLoopback = dev === ip.net.loopback;
  if ((isLoopback6(src) || isLoopback6(dst)) && !onLoopback) return "the loopback's address from elsewhere";
  if (isMulticast6(dst)) {
    const scope = scopeOf(dst);
    if (scope === 0 || (scope === SCOPE_INTERFACE_LOCAL && !onLoopback)) return "a group of no scope beyond the device";
  }
  return isMulticast6(src) ? "a group as its source" : null;
}

/** Models `ip6_rcv_finish()`. */
function receiveFinish(ip: Ip6Stack, skb: SkBuff): void {
  const { trace } = ip.net;
  const dst = readInto(destination, skb.data, IPV6_DST);
  if (skb.dst6 === null) {
    if (trace !== null) trace.enter("ip6_route_input", null, skb);
    skb.dst6 = ip.routeInput(skb);
    if (trace !== null) {
      trace.note({ kind: "route", result: describeInput(skb.dst6) });
      trace.leave();
    }
  }
  const route = skb.dst6;
  if (route.type === RTN_MULTICAST) receiveMulticast(ip, skb, dst);
  else if (route.local) localDeliver(ip, skb);
  else if (route.type === RTN_BLACKHOLE) drop6(ip, skb, "blackhole route");
  else if (route.error !== 0) {
    const code = route.error === EACCES ? ICMPV6_ADM_PROHIBITED : ICMPV6_NOROUTE;
    ip.icmp.send(skb, ICMPV6_DEST_UNREACH, code, 0);
    drop6(ip, skb, "no route");
  } else forward(ip, skb, route);
}

function describeInput(route: Route6): string {
  if (route.error !== 0) return "unreachable";
  return route.local ? "local" : `forward ${describeRoute6(route)}`;
}

/** Models `ip6_mc_input()`. */
function receiveMulticast(ip: Ip6Stack, skb: SkBuff, group: Int32Array): void {
  // The link's frame says so, where there is one: a TUN device has none.
  if (skb.iif?.mac !== null) skb.packetType = PACKET_MULTICAST;
  if (skb.iif !== null && ip.listensTo(skb.iif, group)) localDeliver(ip, skb);
  else drop6(ip, skb, "a group that nobody here listens to");
}

/** Models `ip6_input()`. */
function localDeliver(ip: Ip6Stack, skb: SkBuff): void {
  const { trace } = ip.net;
  if (trace !== null) trace.enter("ip6_input", null, skb);
  const verdict = ip.net.hooks6.run(NF_INET_LOCAL_IN, skb, skb.iif, null);
  if (verdict === NF_ACCEPT) deliver(ip, skb);
  else if ((verdict & 0xff) !== NF_STOLEN) drop6(ip, skb, "dropped in INPUT");
  if (trace !== null) trace.leave();
}

/** Models `ip6_forward()`. */
function forward(ip: Ip6Stack, skb: SkBuff, route: Route6): void {
  const { trace } = ip.net;
  if (trace !== null) trace.enter("ip6_forward", null, skb);
  forwardChecked(ip, skb, route);
  if (trace !== null) trace.leave();
}

function forwardChecked(ip: Ip6Stack, skb: SkBuff, route: Route6): void {
  const { data } = skb;
  if (!ip.confAll.forwarding) {
    drop6(ip, skb, "not for this host, which does not forward");
    return;
  }
  if (skb.packetType !== PACKET_HOST) {
    drop6(ip, skb, "not addressed to this host on the link");
    return;
  }
  if (skb.sk !== null) {
    drop6(ip, skb, "a socket of this host has it");
    return;
  }
  if (data[IPV6_HOP_LIMIT] <= 1) {
    ip.icmp.send(skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
    drop6(ip, skb, "hop limit exceeded");
    return;
  }
  if (skb.iif === route.dev) sendRedirect6(ip, skb, route);
  else {
    const src = readInto(source, data, IPV6_SRC);
    if (isUnspecified(src) || isMulticast6(src) || isLoopback6(src)) {
      drop6(ip, skb, "a source that nothing is forwarded from");
      return;
    }
    if (isLinkLocal(src)) {
      ip.icmp.send(skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR, 0);
      drop6(ip, skb, "a source of the link only");
      return;
    }
  }
  // What routers told of the path counts later, when the packet leaves.
  const mtu = ip.mtuOf(route);
  // What came in fragments may leave as it came.
  if (skb.len > mtu && (skb.fragments === null || skb.largestFragment > mtu)) {
    skb.dev = route.dev;
    ip.icmp.packetTooBig(skb, mtu);
    drop6(ip, skb, "packet too big");
    return;
  }
  skb.forwarded = true;
  data[IPV6_HOP_LIMIT]--;
  const verdict = ip.net.hooks6.run(NF_INET_FORWARD, skb, skb.iif, route.dev);
  if (verdict === NF_ACCEPT) ip6Output(ip, skb);
  else if ((verdict & 0xff) !== NF_STOLEN) drop6(ip, skb, "dropped in FORWARD");
}
