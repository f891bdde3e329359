/**
 * An IPv6 packet leaves: OUTPUT for packets of this host, POSTROUTING, fragmentation, the device. Flow labels are not
 * drawn: `auto_flowlabels` keeps its value and packets of this host have label 0. Models net/ipv6/ip6_output.c.
 */
import { type NetDevice, netXmitErrno } from "../dev/device.js";
import { EPERM } from "../errno.js";
import { NF_ACCEPT, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_STOLEN, nfDropGetErr } from "../hooks.js";
import { PACKET_MULTICAST, SkBuff } from "../skb.js";
import { equalIPv6, formatIPv6, writeIPv6 } from "../wire/address.js";
import { get32, put16 } from "../wire/bytes.js";
import {
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SRC,
  ipv6TrafficClass,
} from "../wire/ipv6.js";
import { isLinkLocal, isMulticast6, readInto, type Words } from "./address.js";
import type { Route6 } from "./fib.js";
import { fragment6 } from "./fragment.js";
import { drop6 } from "./input.js";
import type { Ip6Stack, Towards6 } from "./stack.js";

/** What an IPv6 header says. */
export interface Header6Fields {
  readonly src: Words;
  readonly dst: Words;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
}

/** A packet of this host with its header filled in and room for `payloadLength` bytes behind it. */
export function newPacket6(header: Header6Fields, payloadLength: number): SkBuff {
  const skb = new SkBuff(new Uint8Array(IPV6_HEADER_LENGTH + payloadLength));
  const { data } = skb;
  put16(data, 0, 0x6000 | (header.trafficClass << 4));
  put16(data, IPV6_PAYLOAD_LENGTH, payloadLength);
  data[IPV6_NEXT_HEADER] = header.nextHeader;
  data[IPV6_HOP_LIMIT] = header.hopLimit;
  writeIPv6(data, IPV6_SRC, header.src);
  writeIPv6(data, IPV6_DST, header.dst);
  skb.transportOffset = IPV6_HEADER_LENGTH;
  return skb;
}

const source = new Int32Array(4);
const destination = new Int32Array(4);

/** A route in words, for the trace. */
export function describeRoute6(route: Route6): string {
  if (route.error !== 0) return "none";
  if (route.local) return "local dev lo";
  return route.gateway === null ? `dev ${route.dev.name}` : `via ${formatIPv6(route.gateway)} dev ${route.dev.name}`;
}

/** Sends a packet of this host; 0 or a negative errno. Models `ip6_local_out()`. */
export function ip6LocalOut(ip: Ip6Stack, skb: SkBuff): number {
  put16(skb.data, IPV6_PAYLOAD_LENGTH, skb.len - IPV6_HEADER_LENGTH);
  return ip6SendWritten(ip, skb);
}

/** The same of a packet that goes as its sender wrote it. Models the end of `rawv6_send_hdrinc()`. */
export function ip6SendWritten(ip: Ip6Stack, skb: SkBuff): number {
  const { net } = ip;
  const { trace } = net;
  if (trace !== null) {
    trace.begin(skb);
    trace.enter("__ip6_local_out", null, skb);
  }
  const error = netXmitErrno(localOut(ip, skb));
  if (trace !== null) trace.end();
  return error;
}

function localOut(ip: Ip6Stack, skb: SkBuff): number {
  const { net } = ip;
  const { trace } = net;
  skb.iif = null;
  skb.dev = null;
  skb.dst6 ??= ip.routeOutput(towardsOf(skb));
  const route = skb.dst6;
  if (trace !== null) trace.note({ kind: "route", result: describeRoute6(route) });
  if (route.error !== 0) {
    drop6(ip, skb, "no route");
    if (trace !== null) trace.leave();
    return -route.error;
  }
  const verdict = net.hooks6.run(NF_INET_LOCAL_OUT, skb, null, outDevice(ip, route));
  if (verdict !== NF_ACCEPT) {
    const error = refused(ip, skb, verdict, "dropped in OUTPUT");
    if (trace !== null) trace.leave();
    return error;
  }
  if (trace !== null) trace.leave();
  return ip6Output(ip, skb);
}

/** The device that a packet leaves by: for an address of this host the loopback. */
function outDevice(ip: Ip6Stack, route: Route6): Route6["dev"] {
  return route.local ? ip.net.loopback : route.dev;
}

/** What a sender learns of a packet that a hook did not let on. */
function refused(ip: Ip6Stack, skb: SkBuff, verdict: number, reason: string): number {
  if ((verdict & 0xff) === NF_STOLEN) return 0;
  const errno = nfDropGetErr(verdict);
  drop6(ip, skb, reason);
  return errno === 0 ? -EPERM : -Math.abs(errno);
}

/** Sends a routed packet. Models `ip6_output()`. What the device says (`NET_XMIT_*`), or a negative errno. */
export function ip6Output(ip: Ip6Stack, skb: SkBuff): number {
  const { trace } = ip.net;
  const route = skb.dst6 as Route6;
  const dev = outDevice(ip, route);
  if (trace !== null) trace.enter("ip6_output", null, skb);
  skb.dev = dev;
  const verdict = ip.net.hooks6.run(NF_INET_POST_ROUTING, skb, skb.forwarded ? skb.iif : null, dev);
  const error = verdict === NF_ACCEPT ? finishOutput(ip, skb) : refused(ip, skb, verdict, "dropped in POSTROUTING");
  if (trace !== null) trace.leave();
  return error;
}

/** Models `ip6_finish_output()`. */
function finishOutput(ip: Ip6Stack, skb: SkBuff): number {
  const route = skb.dst6 as Route6;
  const mtu = ip.pathMtu(route, readInto(destination, skb.data, IPV6_DST));
  const cut = skb.len > mtu || (skb.largestFragment > 0 && skb.len > skb.largestFragment);
  return cut
    ? fragment6(ip, skb, mtu, (piece, dev) => finishOutput2(ip, piece, route, dev))
    : finishOutput2(ip, skb, route, skb.dev as NetDevice);
}

/** Hands a packet to its next hop. Models `ip6_finish_output2()`. */
function finishOutput2(ip: Ip6Stack, skb: SkBuff, route: Route6, dev: NetDevice): number {
  const { trace } = ip.net;
  const dst = readInto(destination, skb.data, IPV6_DST);
  if (isMulticast6(dst)) skb.packetType = PACKET_MULTICAST;
  else if (dev.needsNeighbour) {
    const hop = route.gateway ?? dst;
    let { neighbour } = route;
    if (neighbour === null || neighbour.state === "NONE" || !equalIPv6(neighbour.address, hop)) {
      neighbour = ip.neighbourTable.entry(dev, hop.slice());
      route.neighbour = neighbour;
    }
    const answer = ip.neighbourTable.output(neighbour, skb, readInto(source, skb.data, IPV6_SRC));
    if (answer === null) {
      if (trace !== null) trace.note({ kind: "end", reason: `waits for the link-layer address of ${formatIPv6(hop)}` });
      return 0;
    }
    transmitted(ip, skb, dev);
    return answer;
  }
  skb.linkSource = dev.mac;
  skb.linkDestination = null;
  transmitted(ip, skb, dev);
  return dev.transmit(skb);
}

/** The trace learns that a device took the packet; a cable only takes it, its bytes are still those that left. */
function transmitted(ip: Ip6Stack, skb: SkBuff, dev: NetDevice): void {
  const { trace } = ip.net;
  if (trace === null) return;
  trace.note({ kind: "transmit", device: dev.name });
  trace.done(skb, dev.name);
}

/** What a packet itself says of where it is to go. */
function towardsOf(skb: SkBuff): Towards6 {
  const { data, mark } = skb;
  return {
    dst: readInto(destination, data, IPV6_DST),
    src: readInto(source, data, IPV6_SRC),
    mark,
    trafficClass: ipv6TrafficClass(data, 0),
    flowLabel: get32(data, 0) & 0xfffff,
  };
}

/** Models `ip6_route_me_harder()`. */
export function routeMeHarder6(ip: Ip6Stack, skb: SkBuff): number {
  const { trace } = ip.net;
  if (trace !== null) trace.enter("ip6_route_me_harder", null, skb);
  const towards = towardsOf(skb);
  const strict = isMulticast6(towards.dst) || isLinkLocal(towards.dst);
  const oif = strict && skb.dst6 !== null ? skb.dst6.dev : null;
  const route = ip.routeOutput({ ...towards, oif, packet: skb });
  if (trace !== null) {
    trace.note({ kind: "route", result: describeRoute6(route) });
    trace.leave();
  }
  if (route.error !== 0) return -route.error;
  skb.dst6 = route;
  return 0;
}
