/**
 * ICMPv6: errors about packets, with the rules of when none is sent and how many, answers to echo requests, and errors
 * of others, handed to the sockets they concern.
 * Neighbour discovery and listener queries are not modelled: their messages arrive and nothing comes of them. Models
 * net/ipv6/icmp.c.
 */
import { HZ } from "../clock.js";
import { arrivedIntact6 } from "../conntrack/checksum.js";
import type { NetDevice } from "../dev/device.js";
import { RTN_ANYCAST, RTN_LOCAL } from "../ip/route.js";
import { PACKET_HOST, type SkBuff } from "../skb.js";
import { SysctlError, type SysctlTable } from "../sysctl.js";
import { formatIPv6, readIPv6 } from "../wire/address.js";
import { get16, get32, put16, put32 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_HEADER_LENGTH,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_UNK_OPTION,
} from "../wire/icmpv6.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import {
  findHeader,
  found,
  IP6_MF,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_MIN_MTU,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  ipv6TrafficClass,
  NEXTHDR_FRAGMENT,
  pseudoHeaderSumIPv6,
  skipExtensionHeaders,
} from "../wire/ipv6.js";
import { isMulticast6, isUnspecified, readInto } from "./address.js";
import type { Route6 } from "./fib.js";
import { newPacket6 } from "./output.js";
import type { Ip6Stack } from "./stack.js";

/** Errors that may follow at once after a silence. Models XRLIM_BURST_FACTOR. */
const BURST = 6;

interface Bucket {
  tokens: number;
  lastJiffies: number;
}

export class Icmp6 {
  readonly #ip: Ip6Stack;
  /** A message is on its way out: one that would be caused by it is not sent. */
  #sending = false;
  /** `net.ipv6.icmp.ratelimit`, milliseconds between errors to one host; 0: no limit. */
  #ratelimit = 1000;
  /** `net.ipv6.icmp.ratemask`: the types that are limited. */
  #ratemask = "0-1,3-127";
  #limited: (type: number) => boolean = inRanges("0-1,3-127");
  #echoIgnoreAll = 0;
  #echoIgnoreMulticast = 0;
  readonly #buckets = new Map<string, Bucket>();

  constructor(ip: Ip6Stack) {
    this.#ip = ip;
  }

  registerSysctls(sysctl: SysctlTable): void {
    sysctl.registerInt(
      "net.ipv6.icmp.ratelimit",
      () => this.#ratelimit,
      (value) => {
        this.#ratelimit = value;
      },
      0,
    );
    sysctl.register({
      name: "net.ipv6.icmp.ratemask",
      get: () => this.#ratemask,
      set: (text) => {
        if (!/^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(text)) throw new SysctlError("EINVAL", "net.ipv6.icmp.ratemask");
        this.#ratemask = text;
        this.#limited = inRanges(text);
      },
    });
    sysctl.registerInt(
      "net.ipv6.icmp.echo_ignore_all",
      () => this.#echoIgnoreAll,
      (value) => {
        this.#echoIgnoreAll = value;
      },
      0,
      1,
    );
    sysctl.registerInt(
      "net.ipv6.icmp.echo_ignore_multicast",
      () => this.#echoIgnoreMulticast,
      (value) => {
        this.#echoIgnoreMulticast = value;
      },
      0,
      1,
    );
  }

  /** A packet is larger than the next link takes. */
  packetTooBig(about: SkBuff, mtu: number): void {
    this.send(about, ICMPV6_PKT_TOOBIG, 0, mtu);
  }

  /** Tells a packet's sender of an error. `info` is the header's second word. Models `icmp6_send()`. */
  send(about: SkBuff, type: number, code: number, info: number): void {
    const { trace } = this.#ip.net;
    if (trace !== null) trace.enter("icmp6_send", null, about);
    this.#send(about, type, code, info);
    if (trace !== null) trace.leave();
  }

  #send(about: SkBuff, type: number, code: number, info: number): void {
    const ip = this.#ip;
    const { data } = about;
    if (this.#sending || about.len < IPV6_HEADER_LENGTH) return;
    const peer = readInto(new Int32Array(4), data, IPV6_SRC);
    const target = readInto(new Int32Array(4), data, IPV6_DST);
    let saddr: Int32Array | null = ip.hasAddress(target) ? target : null;
    if (isMulticast6(target) || about.packetType !== PACKET_HOST) {
      if (type !== ICMPV6_PKT_TOOBIG && !(type === ICMPV6_PARAMPROB && code === ICMPV6_UNK_OPTION)) return;
      saddr = null;
    }
    if (isUnspecified(peer) || isMulticast6(peer) || isAboutError(about)) return;
    const mark = ip.replyMark(about);
    // Type and code stand where a flow has its destination port.
    const dport = (type << 8) | code;
    saddr ??= this.#sourceOfDevice(about.iif, peer);
    const towards = { dst: peer, src: saddr, mark, protocol: IPPROTO_ICMPV6, dport, about };
    const { route, src } = ip.routeAndSource(towards);
    if (route.error !== 0 || src === null || !this.#allowed(route, peer, type)) return;
    const length = Math.min(about.len, IPV6_MIN_MTU - IPV6_HEADER_LENGTH - ICMPV6_HEADER_LENGTH);
    const skb = newPacket6(
      { src, dst: peer, nextHeader: IPPROTO_ICMPV6, hopLimit: ip.hopLimitOf(route), trafficClass: 0 },
      ICMPV6_HEADER_LENGTH + length,
    );
    skb.data.set(data.subarray(0, length), skb.transportOffset + ICMPV6_HEADER_LENGTH);
    skb.mark = mark;
    // Related to the connection even where the packet in question never lets it be confirmed.
    ip.net.ct.attach(skb, about);
    this.#finish(skb, type, code, info, route);
  }

  /**
   * An address of the device that a packet came by, which its error is sent from, if the way back names none. Rules may
   * then refuse that way. Models what icmp6_send() asks `icmpv6_rt_has_prefsrc()` and `ipv6_dev_get_saddr()`.
   */
  #sourceOfDevice(iif: NetDevice | null, peer: Int32Array): Int32Array | null {
    const ip = this.#ip;
    if (iif === null) return null;
    const back = ip.routeOutput({ dst: peer, protocol: IPPROTO_ICMPV6 });
    return back.error === 0 && back.prefsrc !== null ? null : ip.selectAddress(iif, peer);
  }

  /** Models `icmpv6_xrlim_allow()`. */
  #allowed(route: Route6, peer: Int32Array, type: number): boolean {
    if (!this.#limited(type) || this.#ratelimit === 0 || route.type === RTN_LOCAL) return true;
    const interval = Math.ceil((this.#ratelimit * HZ) / 1000);
    const key = formatIPv6(peer);
    const now = this.#ip.net.clock.jiffies;
    const bucket = this.#buckets.get(key) ?? { tokens: interval * BURST, lastJiffies: now };
    this.#buckets.set(key, bucket);
    bucket.tokens = Math.min(interval * BURST, bucket.tokens + ((now - bucket.lastJiffies) >>> 0));
    bucket.lastJiffies = now;
    if (bucket.tokens < interval) return false;
    bucket.tokens -= interval;
    return true;
  }

  #finish(skb: SkBuff, type: number, code: number, rest: number, route: Route6): void {
    const at = skb.transportOffset;
    const { data } = skb;
    data[at] = type;
    data[at + 1] = code;
    put32(data, at + 4, rest);
    this.#transmit(skb, route);
  }

  #transmit(skb: SkBuff, route: Route6): void {
    const at = skb.transportOffset;
    const { data } = skb;
    put16(data, at + 2, 0);
    const pseudo = pseudoHeaderSumIPv6(data, 0, IPPROTO_ICMPV6, skb.len - at);
    put16(data, at + 2, checksumFold(checksumPartial(data, at, skb.len - at, pseudo)));
    skb.dst6 = route;
    this.#sending = true;
    this.#ip.localOut(skb);
    this.#sending = false;
  }

  /** A message for this host. Models `icmpv6_rcv()`. */
  receive(skb: SkBuff, at: number): void {
    if (at + ICMPV6_HEADER_LENGTH > skb.len || !arrivedIntact6(skb, at, IPPROTO_ICMPV6)) return;
    const type = skb.data[at];
    const { trace } = this.#ip.net;
    if (trace !== null) trace.note({ kind: "end", reason: "delivered to icmpv6" });
    if (type === ICMPV6_ECHO_REQUEST) {
      if (this.#echoIgnoreAll === 0) this.#echoReply(skb, at);
    } else if (type === ICMPV6_ECHO_REPLY) this.#ip.net.sockets.ping.receive(skb);
    else if (type <= ICMPV6_PARAMPROB) this.#error(skb, at);
  }

  /** An error about a packet that this host sent. Models `icmpv6_notify()` with the sockets' handlers. */
  #error(skb: SkBuff, at: number): void {
    const { data } = skb;
    const inner = at + ICMPV6_HEADER_LENGTH;
    if (inner + IPV6_HEADER_LENGTH > skb.len) return;
    const transport = skipExtensionHeaders(data, inner + IPV6_HEADER_LENGTH, skb.len, data[inner + IPV6_NEXT_HEADER]);
    // At least eight bytes beyond the headers, or it cannot be told whose it was.
    if (transport < 0 || found.fragmentOffset !== 0 || transport + 8 > skb.len) return;
    const type = data[at];
    const info = get32(data, at + 4);
    const protocol = found.nexthdr;
    this.#ip.net.sockets.icmpError({
      data,
      inner,
      transport,
      protocol,
      from: readIPv6(data, IPV6_SRC),
      device: skb.iif?.name ?? null,
      type,
      code: data[at + 1],
      info,
      mtu: type === ICMPV6_PKT_TOOBIG ? info : 0,
      learn: () => this.#ip.updatePmtu(readIPv6(data, inner + IPV6_DST), info),
    });
  }

  /** Models `icmpv6_echo_reply()`. */
  #echoReply(request: SkBuff, at: number): void {
    const ip = this.#ip;
    if (this.#sending) return;
    const { data } = request;
    const target = readInto(new Int32Array(4), data, IPV6_DST);
    if (isMulticast6(target) && this.#echoIgnoreMulticast !== 0) return;
    const peer = readInto(new Int32Array(4), data, IPV6_SRC);
    const unicast = request.dst6 !== null && request.dst6.type !== RTN_ANYCAST && !isMulticast6(target);
    const mark = ip.replyMark(request);
    const { route, src } = ip.routeAndSource({
      dst: peer,
      src: unicast ? target : null,
      mark,
      protocol: IPPROTO_ICMPV6,
      dport: ICMPV6_ECHO_REPLY << 8,
      oif: ip.inputDevice(request, peer),
      anyDevice: unicast,
    });
    if (route.error !== 0 || src === null) return;
    const length = request.len - at;
    const skb = newPacket6(
      {
        src,
        dst: peer,
        nextHeader: IPPROTO_ICMPV6,
        hopLimit: ip.hopLimitOf(route),
        trafficClass: ipv6TrafficClass(data, 0),
      },
      length,
    );
    skb.mark = mark;
    skb.data.set(data.subarray(at, request.len), skb.transportOffset);
    skb.data[skb.transportOffset] = ICMPV6_ECHO_REPLY;
    skb.data[skb.transportOffset + 1] = 0;
    this.#transmit(skb, route);
  }
}

/**
 * Where the header stands that an ICMPv6 error quotes, behind no extension header; -1 where there is none. Models
 * `icmpv6_bounced_ipv6hdr()` and what `ip6_multipath_l3_keys()` looks at.
 */
export function quotedHeader({ data, len }: SkBuff): number {
  if (data[IPV6_NEXT_HEADER] !== IPPROTO_ICMPV6) return -1;
  const inner = IPV6_HEADER_LENGTH + ICMPV6_HEADER_LENGTH;
  const type = data[IPV6_HEADER_LENGTH];
  return inner + IPV6_HEADER_LENGTH > len || type === 0 || type > ICMPV6_PARAMPROB ? -1 : inner;
}

/** Whether a packet is an ICMPv6 error itself, or too short to tell. Models `is_ineligible()`. */
function isAboutError(about: SkBuff): boolean {
  const { data } = about;
  const at = skipExtensionHeaders(data, IPV6_HEADER_LENGTH, about.len, data[IPV6_NEXT_HEADER]);
  if (at < 0 || found.nexthdr !== IPPROTO_ICMPV6) return false;
  if (at >= about.len) {
    // A first fragment may end before the message.
    const header = findHeader(data, 0, about.len, NEXTHDR_FRAGMENT);
    return header < 0 || (get16(data, header + 2) & (0xfff8 | IP6_MF)) === 0;
  }
  return data[at] < 128;
}

/** A test for numbers named by ranges: `0-1,3-127`. */
function inRanges(text: string): (number: number) => boolean {
  const ranges = text
    .split(",")
    .filter((each) => each !== "")
    .map((each) => each.split("-").map(Number));
  return (number) => ranges.some(([from, to]) => number >= from && number <= (to ?? from));
}
