/**
 * A packet for this host: over its extension headers to its protocol, and the RST of a segment that no socket takes.
 * Models ip6_protocol_deliver_rcu(), net/ipv6/ip6_input.c, and tcp_v6_send_reset(), tcp_ipv6.c.
 */
import { arrivedIntact6 } from "../conntrack/checksum.js";
import { RTN_LOCAL } from "../ip/route.js";
import type { SkBuff } from "../skb.js";
import { receiveUdpLite } from "../sock/udplite.js";
import { get16, get32, put16, put32 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import { ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR } from "../wire/icmpv6.js";
import { IPPROTO_ICMPV6, IPPROTO_PIM, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from "../wire/ipv4.js";
import {
  FRAGMENT_HEADER_LENGTH,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  ipv6TrafficClass,
  NEXTHDR_DEST,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_NONE,
  NEXTHDR_ROUTING,
  pseudoHeaderSumIPv6,
} from "../wire/ipv6.js";
import { TCP_ACK, TCP_CHECKSUM, TCP_FIN, TCP_FLAGS, TCP_HEADER_LENGTH, TCP_RST, TCP_SYN } from "../wire/tcp.js";
import { needsDevice, readInto } from "./address.js";
import { parseOptions, passRouting } from "./exthdrs.js";
import { drop6 } from "./input.js";
import { newPacket6 } from "./output.js";
import type { Ip6Stack } from "./stack.js";

/** Whether the transport checksum of a packet is right. */
export function checksumOk6(skb: SkBuff, at: number, protocol: number, length: number = skb.len - at): boolean {
  const pseudo = pseudoHeaderSumIPv6(skb.data, 0, protocol, length);
  return checksumPartial(skb.data, at, length, pseudo) === 0xffff;
}

export function deliver(ip: Ip6Stack, skb: SkBuff): void {
  let at = IPV6_HEADER_LENGTH;
  let previous = IPV6_NEXT_HEADER;
  // The hop-by-hop options were read on arrival.
  if (skb.data[previous] === NEXTHDR_HOP) {
    previous = at;
    at += (skb.data[at + 1] + 1) * 8;
  }
  // Reading goes on where the fragments' payload began, even where an options header before them was not read yet:
  // Linux takes the payload for those options.
  if (skb.fragments !== null) at = skb.transportOffset;
  for (;;) {
    const kind = skb.data[previous];
    if (kind === NEXTHDR_DEST || kind === NEXTHDR_ROUTING) {
      const length = kind === NEXTHDR_DEST ? parseOptions(ip, skb, at, "destination") : passRouting(ip, skb, at);
      if (length < 0) return;
      previous = at;
      at += length;
    } else if (kind === NEXTHDR_FRAGMENT) {
      const fate = ip.defrag(skb, "local");
      if (fate === "kept") return;
      if (fate === "dropped") {
        drop6(ip, skb, "a fragment that does not fit");
        return;
      }
      // Whole now, it has no such header; one that is no part of anything has one to pass over.
      if (fate === "as it is") {
        previous = at;
        at += FRAGMENT_HEADER_LENGTH;
      }
    } else break;
  }
  skb.transportOffset = at;
  switch (skb.data[previous]) {
    case IPPROTO_ICMPV6:
      hand(ip, skb, "icmpv6_rcv", (icmp) => ip.icmp.receive(icmp, at));
      return;
    case IPPROTO_TCP:
      hand(ip, skb, "tcp_v6_rcv", (segment) => ip.net.sockets.tcp.receive(segment));
      return;
    case IPPROTO_UDP:
      hand(ip, skb, "udpv6_rcv", (datagram) => ip.net.sockets.udp.receive(datagram));
      return;
    case IPPROTO_UDPLITE:
      hand(ip, skb, "udplitev6_rcv", (datagram) => receiveUdpLite(ip.net, datagram));
      return;
    case IPPROTO_PIM:
      // Taken by the kernel, which routes no multicasts here.
      drop6(ip, skb, "delivered to pim");
      return;
    case NEXTHDR_NONE:
      drop6(ip, skb, "no next header");
      return;
    default:
      ip.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, previous);
      drop6(ip, skb, "unknown protocol");
  }
}

/** Gives a packet to its protocol, which only looks at it. Its entry is done with. */
function hand(ip: Ip6Stack, skb: SkBuff, name: string, receive: (skb: SkBuff) => void): void {
  const { trace } = ip.net;
  if (trace !== null) {
    trace.done(skb, null);
    trace.enter(name, null, skb);
  }
  receive(skb);
  ip.net.free(skb);
  if (trace !== null) trace.leave();
}

const peer = new Int32Array(4);
const own = new Int32Array(4);

/** A segment that no socket takes. Models `tcp_v6_send_reset()`. */
export function refuseTcp(ip: Ip6Stack, skb: SkBuff, at: number): void {
  const { data } = skb;
  if (at + TCP_HEADER_LENGTH > skb.len) return;
  const headerLength = (data[at + 12] >> 4) * 4;
  if (headerLength < TCP_HEADER_LENGTH || at + headerLength > skb.len) return;
  if (!arrivedIntact6(skb, at, IPPROTO_TCP)) return;
  if (data[at + TCP_FLAGS] & TCP_RST || skb.dst6?.type !== RTN_LOCAL) return;
  const mark = ip.replyMark(skb);
  const route = ip.routeOutput({
    dst: readInto(peer, data, IPV6_SRC),
    src: readInto(own, data, IPV6_DST),
    mark,
    protocol: IPPROTO_TCP,
    sport: get16(data, at + 2),
    dport: get16(data, at),
    oif: needsDevice(peer) ? ip.inputDevice(skb, peer) : null,
  });
  if (route.error !== 0) return;
  const reply = resetFor(skb, at, {
    src: own,
    dst: peer,
    hopLimit: ip.hopLimitOf(route),
    trafficClass: ipv6TrafficClass(data, 0) & ~3,
  });
  reply.mark = mark;
  reply.dst6 = route;
  ip.localOut(reply);
}

/** The RST that answers a segment. */
export function resetFor(
  skb: SkBuff,
  at: number,
  header: {
    readonly src: Int32Array;
    readonly dst: Int32Array;
    readonly hopLimit: number;
    readonly trafficClass: number;
  },
): SkBuff {
  const { data } = skb;
  const flags = data[at + TCP_FLAGS];
  const reply = newPacket6({ ...header, nextHeader: IPPROTO_TCP }, TCP_HEADER_LENGTH);
  const to = reply.transportOffset;
  put16(reply.data, to, get16(data, at + 2));
  put16(reply.data, to + 2, get16(data, at));
  reply.data[to + 12] = 0x50;
  if (flags & TCP_ACK) {
    put32(reply.data, to + 4, get32(data, at + 8));
    reply.data[to + TCP_FLAGS] = TCP_RST;
  } else {
    const payload = skb.len - at - (data[at + 12] >> 4) * 4;
    const control = (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
    put32(reply.data, to + 8, (get32(data, at + 4) + control + payload) >>> 0);
    reply.data[to + TCP_FLAGS] = TCP_RST | TCP_ACK;
  }
  const pseudo = pseudoHeaderSumIPv6(reply.data, 0, IPPROTO_TCP, TCP_HEADER_LENGTH);
  put16(reply.data, to + TCP_CHECKSUM, checksumFold(checksumPartial(reply.data, to, TCP_HEADER_LENGTH, pseudo)));
  return reply;
}
