/**
 * ICMPv6: errors about packets, with the rules of when none is sent and how many, answers to echo requests, and errors
 * of others, handed to the sockets they concern.
 * Neighbour discovery and listener queries are not modelled: their messages arrive and nothing comes of them. Models
 * net/ipv6/icmp.c.
 */
import { HZ } from "../clock.js";
import { arrivedIntact6 } from "../conntrack/checksum.js";
import type { NetDevice } from "../dev/device.js";
import { jiffiesToMillis, millisToJiffies } from "../ip/peers.js";
import { RTN_ANYCAST, RTN_LOCAL } from "../ip/route.js";
import { PACKET_HOST, type SkBuff } from "../skb.js";
import { SysctlError, type SysctlTable } from "../sysctl.js";
import { equalIPv6, formatIPv6, readIPv6 } from "../wire/address.js";
import { get16, get32, put16, put32 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_HEADER_LENGTH,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_REDIRECT,
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
import { obeyRedirect6, receiveRedirect6 } from "./redirect.js";
import type { Ip6Stack } from "./stack.js";

const MESSAGE_TYPES = 256;

export class Icmp6 {
  readonly #ip: Ip6Stack;
  /** A message is on its way out: one that would be caused by it is not sent. */
  #sending = false;
  /** `net.ipv6.icmp.ratelimit`, jiffies between errors to one host; 0: no limit. */
  #ratelimit: number = HZ / 10;
  /** `net.ipv6.icmp.ratemask`: the types that are limited. */
  #ratemask: readonly boolean[] = readBitmap("0-1,3-127");
  readonly #switches = {
    echo_ignore_all: 0,
    echo_ignore_multicast: 0,
    echo_ignore_anycast: 0,
    error_anycast_as_unicast: 0,
  };

  constructor(ip: Ip6Stack) {
    this.#ip = ip;
  }

  registerSysctls(sysctl: SysctlTable): void {
    sysctl.registerInt(
      "net.ipv6.icmp.ratelimit",
      () => jiffiesToMillis(this.#ratelimit),
      (value) => {
        this.#ratelimit = millisToJiffies(value);
      },
      0,
    );
    sysctl.register({
      name: "net.ipv6.icmp.ratemask",
      get: () => writeBitmap(this.#ratemask),
      set: (text) => {
        this.#ratemask = readBitmap(text);
      },
    });
    const switches = this.#switches;
    for (const name of [
      "echo_ignore_all",
      "echo_ignore_multicast",
      "echo_ignore_anycast",
      "error_anycast_as_unicast",
    ] as const)
      sysctl.registerInt(
        `net.ipv6.icmp.${name}`,
        () => switches[name],
        (value) => {
          switches[name] = value;
        },
        0,
        name === "error_anycast_as_unicast" ? 1 : 255,
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
    // What is limited for each host counts among all errors of the host, IPv4's too.
    const limited = this.#limits(type, about);
    if (limited && !this.#ip.net.ip.icmp.hostAllows()) return;
    const mark = ip.replyMark(about);
    // Type and code stand where a flow has its destination port.
    const dport = (type << 8) | code;
    // What crosses a bridge came to no device of IPv6.
    saddr ??= this.#sourceOfDevice(about.physOut === null ? about.iif : null, peer);
    const towards = { dst: peer, src: saddr, mark, protocol: IPPROTO_ICMPV6, dport, about };
    const { route, src } = ip.routeAndSource(towards);
    if (route.error !== 0 || src === null || (limited && !this.#allowed(route, peer))) return;
    if (this.#switches.error_anycast_as_unicast === 0 && isAnycast(route, peer)) return;
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

  #limits(type: number, about: SkBuff): boolean {
    return this.#ratemask[type] && about.iif !== this.#ip.net.loopback;
  }

  /** Models `icmpv6_xrlim_allow()`. */
  #allowed(route: Route6, peer: Int32Array): boolean {
    const { peers, net } = this.#ip;
    if (this.#ratelimit !== 0 && route.type !== RTN_LOCAL && !peers.allows(formatIPv6(peer), this.#ratelimit))
      return false;
    net.ip.errorLimit.consume();
    return true;
  }

  #finish(skb: SkBuff, type: number, code: number, rest: number, route: Route6): void {
    const at = skb.transportOffset;
    const { data } = skb;
    data[at] = type;
    data[at + 1] = code;
    put32(data, at + 4, rest);
    this.transmit(skb, route);
  }

  /** Sends a message that has all but its checksum. */
  transmit(skb: SkBuff, route: Route6): void {
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
      if (this.#switches.echo_ignore_all === 0) this.#echoReply(skb, at);
    } else if (type === ICMPV6_ECHO_REPLY) this.#ip.net.sockets.ping.receive(skb);
    else if (type === ICMPV6_REDIRECT) {
      const inner = receiveRedirect6(this.#ip, skb, at);
      if (inner > 0) this.#error(skb, at, inner);
    } else if (type <= ICMPV6_PARAMPROB) this.#error(skb, at, at + ICMPV6_HEADER_LENGTH);
  }

  /** An error about a packet that this host sent. Models `icmpv6_notify()` with the sockets' handlers. */
  #error(skb: SkBuff, at: number, inner: number): void {
    const { data } = skb;
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
      learn:
        type === ICMPV6_PKT_TOOBIG && info > 0
          ? () => this.#ip.updatePmtu(readIPv6(data, inner + IPV6_DST), info)
          : type === ICMPV6_REDIRECT
            ? () => obeyRedirect6(this.#ip, skb, at)
            : null,
    });
  }

  /** Models `icmpv6_echo_reply()`. */
  #echoReply(request: SkBuff, at: number): void {
    const ip = this.#ip;
    if (this.#sending) return;
    const { data } = request;
    const target = readInto(new Int32Array(4), data, IPV6_DST);
    if (isMulticast6(target) && this.#switches.echo_ignore_multicast !== 0) return;
    if (this.#switches.echo_ignore_anycast !== 0 && request.dst6 !== null && isAnycast(request.dst6, target)) return;
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
    if (this.#limits(ICMPV6_ECHO_REPLY, request) && !(this.#ip.net.ip.icmp.hostAllows() && this.#allowed(route, peer)))
      return;
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
    this.transmit(skb, route);
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

/** Whether a route says that an address is that of all routers of a subnet. Models `ipv6_anycast_destination()`. */
function isAnycast(route: Route6, address: Int32Array): boolean {
  if (route.type === RTN_ANYCAST) return true;
  return route.prefixLength < 127 && route.gateway === null && !route.local && equalIPv6(route.dst, address);
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

/** Reads a set of message types: `0-1,3-127`. Throws EINVAL for what is none. Models `proc_do_large_bitmap()`. */
function readBitmap(text: string): boolean[] {
  const bits = Array.from({ length: MESSAGE_TYPES }, () => false);
  for (const range of text === "" ? [] : text.split(",")) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined || Number(last) >= MESSAGE_TYPES || Number(last) < Number(first))
      throw new SysctlError("EINVAL", "net.ipv6.icmp.ratemask");
    bits.fill(true, Number(first), Number(last) + 1);
  }
  return bits;
}

/** The same in words. */
function writeBitmap(bits: readonly boolean[]): string {
  const ranges: string[] = [];
  for (let from = bits.indexOf(true); from >= 0; ) {
    const end = bits.indexOf(false, from);
    const to = (end < 0 ? bits.length : end) - 1;
    ranges.push(from === to ? String(from) : `${from}-${to}`);
    from = bits.indexOf(true, to + 1);
  }
  return ranges.join(",");
}
