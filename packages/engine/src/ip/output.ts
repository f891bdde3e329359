/**
 * A packet leaves: OUTPUT for packets of this host, POSTROUTING, fragmentation, the next hop, the device. Broadcasts
 * and multicasts are not looped back to their sender. Models net/ipv4/ip_output.c.
 */
import { type NetDevice, netXmitErrno } from "../dev/device.js";
import { EHOSTUNREACH, EMSGSIZE, ENETUNREACH, EPERM } from "../errno.js";
import { NF_ACCEPT, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_STOLEN, nfDropGetErr, type Verdict } from "../hooks.js";
import { NO_CT, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, SkBuff } from "../skb.js";
import { formatIPv4 } from "../wire/address.js";
import { get16, get32, put16, put32 } from "../wire/bytes.js";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from "../wire/icmp.js";
import {
  IP_DF,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  ipv4HeaderLength,
  ipv4SetChecksum,
} from "../wire/ipv4.js";
import { drop, forwardMtu, mustNotFragment } from "./input.js";
import { sendPieces } from "./pieces.js";
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, type Rtable } from "./route.js";
import type { IpStack } from "./stack.js";

/** What an IP header says besides addresses, for {@link newPacket}. */
export interface HeaderFields {
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  readonly ttl: number;
  readonly tos: number;
  readonly dontFragment: boolean;
  /** 0: by the kernel's rules when the packet is sent. */
  readonly id: number;
}

/**
 * A packet of this host with its IP header filled in and room for `payloadLength` bytes behind it, and for
 * `optionsLength` bytes of options, a multiple of 4.
 */
export function newPacket(header: HeaderFields, payloadLength: number, optionsLength = 0): SkBuff {
  const headerLength = IPV4_HEADER_LENGTH + optionsLength;
  const skb = new SkBuff(new Uint8Array(headerLength + payloadLength));
  const data = skb.data;
  data[0] = 0x40 | (headerLength / 4);
  data[IPV4_TOS] = header.tos;
  put16(data, IPV4_TOTAL_LENGTH, skb.len);
  put16(data, IPV4_ID, header.id);
  put16(data, IPV4_FRAGMENT, header.dontFragment ? IP_DF : 0);
  data[IPV4_TTL] = header.ttl;
  data[IPV4_PROTOCOL] = header.protocol;
  put32(data, IPV4_SRC, header.src);
  put32(data, IPV4_DST, header.dst);
  skb.transportOffset = headerLength;
  return skb;
}

/** Identification numbers of packets that may be fragmented: a counter for each destination, source and protocol. */
export class IdentGenerator {
  readonly #counters = new Map<string, { next: number; jiffies: number }>();

  /**
   * The next number. As in Linux the counter starts at random and moves by a random amount for the ticks that passed
   * since its last use, so that others cannot count packets. Models `ip_idents_reserve()`.
   */
  next(ip: IpStack, dst: number, src: number, protocol: number): number {
    const { random, clock } = ip.net;
    const key = `${dst} ${src} ${protocol}`;
    const jiffies = clock.jiffies;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = { next: random.u32() & 0xffff, jiffies };
      this.#counters.set(key, counter);
    }
    const passed = (jiffies - counter.jiffies) >>> 0;
    if (passed > 0) counter.next += random.u32() % passed;
    counter.jiffies = jiffies;
    const id = counter.next & 0xffff;
    counter.next = (id + 1) & 0xffff;
    return id;
  }
}

/** 0 or a negative errno. Models `ip_send_skb()`. */
export function ipLocalOut(ip: IpStack, skb: SkBuff): number {
  const { net } = ip;
  const trace = net.trace;
  if (trace !== null) {
    trace.begin(skb);
    trace.enter("__ip_local_out", null, skb);
  }
  const error = netXmitErrno(localOutFinish(ip, skb));
  if (trace !== null) trace.end();
  return error;
}

function localOutFinish(ip: IpStack, skb: SkBuff): number {
  const { net } = ip;
  const trace = net.trace;
  const data = skb.data;
  const dst = get32(data, IPV4_DST);
  skb.transportOffset = ipv4HeaderLength(data, 0);
  skb.iif = null;
  if (skb.dst === null) {
    const src = get32(data, IPV4_SRC);
    // A source of another host (REJECT in FORWARD answers for it) chooses no route.
    const rt =
      src !== 0 && ip.isLocalAddress(src)
        ? ip.routing.output(dst, src, skb.mark, data[IPV4_TOS], null)
        : ip.routing.outputAnySource(dst, 0, skb.mark, data[IPV4_TOS], null);
    if (rt === null) {
      ip.snmp.ip.OutNoRoutes++;
      if (trace !== null) {
        trace.note({ kind: "route", result: "none" });
        trace.leave();
      }
      net.free(skb);
      return -ip.routing.error;
    }
    if (src === 0) put32(data, IPV4_SRC, rt.prefsrc);
    skb.dst = rt;
  }
  const rt = skb.dst as Rtable;
  if (data[IPV4_TTL] === 0) data[IPV4_TTL] = rt.route?.metrics?.hopLimit || ip.defaultTtl;
  if (get16(data, IPV4_ID) === 0 && (get16(data, IPV4_FRAGMENT) & IP_DF) === 0)
    put16(data, IPV4_ID, ip.idents.next(ip, dst, get32(data, IPV4_SRC), data[IPV4_PROTOCOL]));
  put16(data, IPV4_TOTAL_LENGTH, skb.len);
  ipv4SetChecksum(data, 0);
  skb.packetType =
    rt.type === RTN_BROADCAST ? PACKET_BROADCAST : rt.type === RTN_MULTICAST ? PACKET_MULTICAST : PACKET_HOST;
  skb.dev = null;
  ip.snmp.ip.OutRequests++;
  if (trace !== null) trace.note({ kind: "route", result: describeOutput(rt) });
  const verdict = net.hooks.run(NF_INET_LOCAL_OUT, skb, null, rt.dev);
  if (verdict !== NF_ACCEPT) {
    const error = refused(ip, skb, verdict, "dropped in OUTPUT");
    if (trace !== null) trace.leave();
    return error;
  }
  if (trace !== null) trace.leave();
  return dstOutput(ip, skb);
}

/** A way out in words, for the trace. */
export function describeOutput(rt: Rtable): string {
  if (rt.type === RTN_LOCAL) return "local dev lo";
  return rt.gateway === 0 ? `dev ${rt.dev?.name ?? ""}` : `via ${formatIPv4(rt.gateway)} dev ${rt.dev?.name ?? ""}`;
}

/** Sends a routed packet. Models `ip_output()`. What the device says (`NET_XMIT_*`), or a negative errno. */
export function dstOutput(ip: IpStack, skb: SkBuff): number {
  const trace = ip.net.trace;
  if (trace === null) return output(ip, skb);
  trace.enter("ip_output", null, skb);
  const error = output(ip, skb);
  trace.leave();
  return error;
}

function output(ip: IpStack, skb: SkBuff): number {
  const rt = skb.dst as Rtable;
  const { dev } = rt;
  ip.snmp.ipExt.OutOctets += skb.len;
  skb.dev = dev;
  if (rt.type === RTN_BROADCAST && dev !== null && dev !== ip.net.loopback) loopBroadcast(ip, skb, dev);
  const verdict = ip.net.hooks.run(NF_INET_POST_ROUTING, skb, skb.forwarded ? skb.iif : null, dev);
  return verdict === NF_ACCEPT ? finishOutput(ip, skb) : refused(ip, skb, verdict, "dropped in POSTROUTING");
}

/** What a sender is told of a verdict other than NF_ACCEPT; 0 or a negative errno. */
function refused(ip: IpStack, skb: SkBuff, verdict: Verdict, reason: string): number {
  if ((verdict & 0xff) === NF_STOLEN) return 0;
  const errno = nfDropGetErr(verdict);
  drop(ip, skb, reason);
  return errno === 0 ? -EPERM : -Math.abs(errno);
}

/**
 * This host hears its own broadcasts: a copy goes through POSTROUTING and arrives by the device that it leaves by, in
 * the same instant, after what is under way now. Models the broadcasts of `ip_mc_output()` and `dev_loopback_xmit()`.
 */
function loopBroadcast(ip: IpStack, skb: SkBuff, dev: NetDevice): void {
  const { net } = ip;
  const copy = skb.copy();
  // A clone belongs to no socket.
  copy.uid = -1;
  if (copy.nfct !== NO_CT) net.ct.get(copy.nfct);
  const verdict = net.hooks.run(NF_INET_POST_ROUTING, copy, null, dev);
  if (verdict !== NF_ACCEPT) {
    if ((verdict & 0xff) !== NF_STOLEN) drop(ip, copy, "dropped in POSTROUTING");
    return;
  }
  net.clock.schedule(0, () => {
    copy.iif = dev;
    ip.receive(copy, dev);
  });
}

/** Models `ip_finish_output()`. */
function finishOutput(ip: IpStack, skb: SkBuff): number {
  const rt = skb.dst as Rtable;
  const mtu = skb.forwarded ? forwardMtu(ip, rt) : rt.mtu;
  if (skb.len > mtu || skb.largestFragment > 0) return fragment(ip, skb, mtu);
  return finishOutput2(ip, skb, rt);
}

/** Hands a packet to its next hop. Models `ip_finish_output2()`. */
function finishOutput2(ip: IpStack, skb: SkBuff, rt: Rtable): number {
  const dev = rt.dev;
  if (dev === null) {
    drop(ip, skb, "no device");
    return -ENETUNREACH;
  }
  ip.snmp.ip.OutTransmits++;
  if (rt.type !== RTN_UNICAST) countOutput(ip, skb, rt);
  else if (dev.needsNeighbour) return toNeighbour(ip, skb, rt, dev);
  const { trace } = ip.net;
  if (trace !== null) {
    trace.note({ kind: "transmit", device: dev.name });
    trace.done(skb, dev.name);
  }
  skb.linkSource = dev.mac;
  skb.linkDestination = null;
  return dev.transmit(skb);
}

/** Multicasts and broadcasts are counted by themselves too. */
function countOutput(ip: IpStack, skb: SkBuff, rt: Rtable): void {
  const { ipExt } = ip.snmp;
  if (rt.type === RTN_MULTICAST) {
    ipExt.OutMcastPkts++;
    ipExt.OutMcastOctets += skb.len;
  } else if (rt.type === RTN_BROADCAST) {
    ipExt.OutBcastPkts++;
    ipExt.OutBcastOctets += skb.len;
  }
}

/** Hands a packet to a next hop that is found by asking the link. */
function toNeighbour(ip: IpStack, skb: SkBuff, rt: Rtable, dev: NetDevice): number {
  const { trace } = ip.net;
  if (!dev.up) {
    drop(ip, skb, "device down");
    return -EHOSTUNREACH;
  }
  let neighbour = rt.neighbour;
  if (neighbour === null || neighbour.state === "NONE") {
    neighbour = ip.neighbourTable.entry(dev, rt.gateway === 0 ? get32(skb.data, IPV4_DST) : rt.gateway);
    if (rt.gateway !== 0) rt.neighbour = neighbour;
  }
  const answer = ip.neighbourTable.output(neighbour, skb, get32(skb.data, IPV4_SRC));
  if (trace !== null) {
    if (answer !== null) {
      // A cable only takes the packet here; its bytes are still those that left.
      trace.note({ kind: "transmit", device: dev.name });
      trace.done(skb, dev.name);
    } else trace.note({ kind: "end", reason: `waits for the link-layer address of ${formatIPv4(neighbour.address)}` });
  }
  return answer ?? 0;
}

/**
 * Cuts a packet that is too large into fragments, or refuses when it must not be cut. One that conntrack put together
 * leaves as it came: in the same pieces where they fit, else in pieces no larger than its largest. Models
 * `ip_fragment()`.
 */
function fragment(ip: IpStack, skb: SkBuff, mtu: number): number {
  const { ip: mib } = ip.snmp;
  if (mustNotFragment(skb, mtu)) {
    mib.FragFails++;
    ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    drop(ip, skb, "fragmentation needed");
    return -EMSGSIZE;
  }
  const trace = ip.net.trace;
  if (trace !== null) trace.enter("ip_do_fragment", null, skb);
  const error = sendPieces(ip, skb, mtu, (piece) => finishOutput2(ip, piece, skb.dst as Rtable));
  if (trace !== null) trace.leave();
  return error;
}
