/**
 * A packet arrives: header checks, PREROUTING, routing, IP options, then forwarding or local delivery. Models
 * net/ipv4/ip_input.c and ip_forward.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EHOSTUNREACH, ENETUNREACH, EXDEV } from "../errno.js";
import { NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, NF_STOLEN } from "../hooks.js";
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, type SkBuff } from "../skb.js";
import type { PacketTracer } from "../trace.js";
import { formatIPv4 } from "../wire/address.js";
import { get16 } from "../wire/bytes.js";
import {
  ICMP_DEST_UNREACH,
  ICMP_EXC_TTL,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_NET_UNREACH,
  ICMP_PKT_FILTERED,
  ICMP_SR_FAILED,
  ICMP_TIME_EXCEEDED,
} from "../wire/icmp.js";
import {
  checkIPv4,
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPPROTO_TCP,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_TTL,
  type IPv4Check,
  ipv4DecreaseTtl,
  ipv4HeaderLength,
  ipv4TotalLength,
} from "../wire/ipv4.js";
import { forwardOptions, receiveOptions } from "./options.js";
import { dstOutput } from "./output.js";
import { sendRedirect } from "./redirect.js";
import { DST_ERROR, DST_FORWARD, DST_LOCAL_DELIVER, RTN_BROADCAST, RTN_MULTICAST, type Rtable } from "./route.js";
import type { IpStack } from "./stack.js";

/** The packet ends here: the trace learns why. Models `kfree_skb_reason()`. */
export function drop(ip: IpStack, skb: SkBuff, reason: string): void {
  const trace = ip.net.trace;
  if (trace !== null) trace.note({ kind: "end", reason });
  ip.net.free(skb);
}

/** Models `ip_rcv()`. */
export function ipReceive(ip: IpStack, skb: SkBuff, dev: NetDevice): void {
  const trace = ip.net.trace;
  if (trace !== null) {
    trace.begin(skb);
    trace.enter("ip_rcv", null, skb);
  }
  if (headerOk(ip, skb)) {
    // A bridge may have run PREROUTING already. Models ip_sabotage_in().
    const verdict = skb.preRouted ? NF_ACCEPT : ip.net.hooks.run(NF_INET_PRE_ROUTING, skb, dev, null);
    skb.preRouted = false;
    if (verdict === NF_ACCEPT) receiveFinish(ip, skb, dev);
    else if ((verdict & 0xff) !== NF_STOLEN) drop(ip, skb, "dropped in PREROUTING");
  }
  if (trace !== null) {
    trace.leave();
    trace.end();
  }
}

/** The checks of `ip_rcv_core()`, with its counters. */
function headerOk(ip: IpStack, skb: SkBuff): boolean {
  ip.snmp.ip.InReceives++;
  ip.snmp.ipExt.InOctets += skb.len;
  const check = checkIPv4(skb.data, 0, skb.len);
  if (check !== "ok") return badHeader(ip, skb, check);
  // What the link added behind the packet goes.
  skb.len = ipv4TotalLength(skb.data, 0);
  skb.transportOffset = ipv4HeaderLength(skb.data, 0);
  return true;
}

function badHeader(ip: IpStack, skb: SkBuff, check: IPv4Check): false {
  const { ip: mib, ipExt } = ip.snmp;
  if (check === "bad checksum") {
    ipExt.InCsumErrors++;
    mib.InHdrErrors++;
  } else if (check === "truncated" && skb.len < ipv4TotalLength(skb.data, 0)) ipExt.InTruncatedPkts++;
  else mib.InHdrErrors++;
  drop(ip, skb, `bad IPv4 header: ${check}`);
  return false;
}

/** Models `ip_rcv_finish()`. */
function receiveFinish(ip: IpStack, skb: SkBuff, dev: NetDevice): void {
  // A packet off the loopback has its decision already; one of a known connection takes the connection's.
  if (skb.dst === null && skb.sk === null && ip.earlyDemux && skb.data[IPV4_PROTOCOL] === IPPROTO_TCP)
    earlyDemux(ip, skb, dev);
  if (skb.dst === null && !route(ip, skb, dev)) return;
  if (skb.transportOffset > IPV4_HEADER_LENGTH && !receiveOptions(ip, skb, dev)) {
    drop(ip, skb, "IP options");
    return;
  }
  const rt = skb.dst as Rtable;
  if (rt.input === DST_FORWARD) ipForward(ip, skb, rt);
  else receiveOther(ip, skb, dev, rt);
}

function earlyDemux(ip: IpStack, skb: SkBuff, dev: NetDevice): void {
  if ((get16(skb.data, IPV4_FRAGMENT) & (IP_MF | IP_OFFSET)) === 0) skb.dst = ip.net.sockets.earlyDemux(skb, dev);
}

/** Finds a packet's way. False: there is none, and the packet ends here. */
function route(ip: IpStack, skb: SkBuff, dev: NetDevice): boolean {
  const { trace } = ip.net;
  const rt = trace === null ? ip.routing.input(skb, dev) : routeTraced(ip, skb, dev, trace);
  skb.dst = rt;
  return rt !== null || unrouted(ip, skb);
}

function routeTraced(ip: IpStack, skb: SkBuff, dev: NetDevice, trace: PacketTracer): Rtable | null {
  trace.enter("ip_route_input_noref", null, skb);
  const rt = ip.routing.input(skb, dev);
  trace.note({ kind: "route", result: describeInput(ip, rt) });
  trace.leave();
  return rt;
}

function unrouted(ip: IpStack, skb: SkBuff): false {
  if (ip.routing.error === EXDEV) ip.snmp.tcp.IPReversePathFilter++;
  drop(ip, skb, ip.routing.error === EXDEV ? "rp_filter" : "martian");
  return false;
}

/** A packet that is not to be forwarded; broadcasts and multicasts are delivered, and counted too. */
function receiveOther(ip: IpStack, skb: SkBuff, dev: NetDevice, rt: Rtable): void {
  if (rt.type === RTN_MULTICAST) {
    ip.snmp.ipExt.InMcastPkts++;
    ip.snmp.ipExt.InMcastOctets += skb.len;
    skb.packetType = PACKET_MULTICAST;
  } else if (rt.type === RTN_BROADCAST) {
    ip.snmp.ipExt.InBcastPkts++;
    ip.snmp.ipExt.InBcastOctets += skb.len;
    skb.packetType = PACKET_BROADCAST;
  }
  if (rt.input === DST_LOCAL_DELIVER) ipLocalDeliver(ip, skb);
  else if (rt.input === DST_ERROR) ipError(ip, skb, dev, rt.error);
  else drop(ip, skb, "no input route");
}

function describeInput(ip: IpStack, rt: Rtable | null): string {
  if (rt === null) return ip.routing.error === EXDEV ? "refused by rp_filter" : "martian";
  if (rt.input === DST_LOCAL_DELIVER) return "local";
  if (rt.input === DST_ERROR) return "unreachable";
  return rt.gateway === 0
    ? `forward dev ${rt.dev?.name ?? ""}`
    : `forward via ${formatIPv4(rt.gateway)} dev ${rt.dev?.name ?? ""}`;
}

/** A packet that no route takes. Models `ip_error()`. */
function ipError(ip: IpStack, skb: SkBuff, dev: NetDevice, errno: number): void {
  if (!ip.forwards(dev)) {
    if (errno === EHOSTUNREACH) ip.snmp.ip.InAddrErrors++;
    else if (errno === ENETUNREACH) ip.snmp.ipExt.InNoRoutes++;
    drop(ip, skb, "not for this host, which does not forward");
    return;
  }
  if (errno === ENETUNREACH) ip.snmp.ipExt.InNoRoutes++;
  const code =
    errno === ENETUNREACH
      ? ICMP_NET_UNREACH
      : errno === EHOSTUNREACH
        ? ICMP_HOST_UNREACH
        : errno === EACCES
          ? ICMP_PKT_FILTERED
          : -1;
  if (code >= 0 && ip.icmp.errorAllowed(skb)) ip.icmpSend(skb, ICMP_DEST_UNREACH, code, 0);
  drop(ip, skb, "no route");
}

/** Models `ip_forward()`. */
function ipForward(ip: IpStack, skb: SkBuff, rt: Rtable): void {
  const { trace } = ip.net;
  if (trace !== null) trace.enter("ip_forward", null, skb);
  if (forwardable(ip, skb, rt)) {
    ipv4DecreaseTtl(skb.data, 0);
    const { iif } = skb;
    if (iif !== null && rt.dev === iif && (skb.options?.srr ?? 0) === 0 && ip.routing.asksForRedirect(skb, rt, iif))
      sendRedirect(ip, skb, rt, iif);
    const verdict = ip.net.hooks.run(NF_INET_FORWARD, skb, skb.iif, rt.dev);
    if (verdict === NF_ACCEPT) {
      ip.snmp.ip.ForwDatagrams++;
      if (skb.options !== null) forwardOptions(ip, skb, skb.options);
      dstOutput(ip, skb);
    } else if ((verdict & 0xff) !== NF_STOLEN) drop(ip, skb, "dropped in FORWARD");
  }
  if (trace !== null) trace.leave();
}

/** Whether a packet may be forwarded by a route; it ends here otherwise, and its sender is told why. */
function forwardable(ip: IpStack, skb: SkBuff, rt: Rtable): boolean {
  const strict = skb.options !== null && skb.options.strict && rt.gateway !== 0;
  if (skb.packetType !== PACKET_HOST || skb.sk !== null || skb.data[IPV4_TTL] <= 1 || strict)
    return refuseToForward(ip, skb);
  skb.forwarded = true;
  const mtu = forwardMtu(ip, rt);
  return skb.len <= mtu || !mustNotFragment(skb, mtu) || tooBig(ip, skb, mtu);
}

function refuseToForward(ip: IpStack, skb: SkBuff): false {
  if (skb.packetType !== PACKET_HOST) drop(ip, skb, "not addressed to this host on the link");
  else if (skb.sk !== null) drop(ip, skb, "a socket of this host has it");
  else if (skb.data[IPV4_TTL] <= 1) {
    ip.snmp.ip.InHdrErrors++;
    ip.icmpSend(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    drop(ip, skb, "ttl exceeded");
  } else {
    ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0);
    drop(ip, skb, "source route failed");
  }
  return false;
}

function tooBig(ip: IpStack, skb: SkBuff, mtu: number): false {
  ip.snmp.ip.FragFails++;
  ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
  drop(ip, skb, "fragmentation needed");
  return false;
}

/**
 * Whether a packet larger than `mtu` may not be cut: it says so, and it is not one that came in pieces that all fit.
 * Models `ip_exceeds_mtu()` and the like check of `ip_fragment()`.
 */
export function mustNotFragment(skb: SkBuff, mtu: number): boolean {
  if ((get16(skb.data, IPV4_FRAGMENT) & IP_DF) === 0) return false;
  return skb.fragments === null || skb.largestFragment > mtu;
}

/** The greatest packet a route forwards: learned path MTUs do not count. Models `ip_dst_mtu_maybe_forward()`. */
export function forwardMtu(ip: IpStack, rt: Rtable): number {
  if (ip.forwardUsePmtu || rt.mtuLocked) return rt.mtu;
  const from = rt.route;
  if (from !== null && from.mtu > 0) return from.mtu;
  const mtu = rt.dev === null ? 1500 : rt.dev.mtu;
  return mtu < 65535 ? mtu : 65535;
}

/** Models `ip_local_deliver()`. */
function ipLocalDeliver(ip: IpStack, skb: SkBuff): void {
  const trace = ip.net.trace;
  if (trace !== null) trace.enter("ip_local_deliver", null, skb);
  let whole: SkBuff | null = skb;
  if ((get16(skb.data, IPV4_FRAGMENT) & (IP_MF | IP_OFFSET)) !== 0) {
    whole = ip.defrag(skb, "local");
    if (whole === null && trace !== null) trace.note({ kind: "end", reason: "fragment kept for reassembly" });
  }
  if (whole !== null) {
    const verdict = ip.net.hooks.run(NF_INET_LOCAL_IN, whole, whole.iif, null);
    if (verdict === NF_ACCEPT) ip.net.sockets.deliver(whole);
    else if ((verdict & 0xff) !== NF_STOLEN) drop(ip, whole, "dropped in INPUT");
  }
  if (trace !== null) trace.leave();
}
