/**
 * What differs between a socket's packets over IPv4 and over IPv6: addresses, routes, headers, checksums, errors. TCP,
 * UDP and ping sockets hold one of the two and know no other difference. Models `struct inet_connection_sock_af_ops`
 * (`ipv4_specific`, `ipv6_specific`) with the parts of net/ipv4/udp.c and net/ipv6/udp.c that have a twin.
 */
import { arrivedIntact6 } from "../conntrack/checksum.js";
import type { NetDevice } from "../dev/device.js";
import {
  EACCES,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EPROTO,
  SystemError,
} from "../errno.js";
import { icmpErrno } from "../ip/icmp.js";
import { newPacket } from "../ip/output.js";
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, type Rtable } from "../ip/route.js";
import { isLinkLocal, isMulticast6 } from "../ip6/address.js";
import type { Route6 } from "../ip6/fib.js";
import { newPacket6 } from "../ip6/output.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { type InetAddress, isAnyAddress, parseIPv6, readIPv6, sameAddress } from "../wire/address.js";
import { get32, put16 } from "../wire/bytes.js";
import { checksumFold, checksumPartial, pseudoHeaderSum } from "../wire/checksum.js";
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH } from "../wire/icmp.js";
import {
  ICMPV6_ADDR_UNREACH,
  ICMPV6_ADM_PROHIBITED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_NOROUTE,
  ICMPV6_NOT_NEIGHBOUR,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_PORT_UNREACH,
  ICMPV6_TIME_EXCEED,
} from "../wire/icmpv6.js";
import { IPV4_DST, IPV4_HEADER_LENGTH, IPV4_SRC, IPV4_TOS } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_HEADER_LENGTH, IPV6_SRC, ipv6TrafficClass, pseudoHeaderSumIPv6 } from "../wire/ipv6.js";
import type { SocketOptions } from "./sockets.js";

/** A routing decision as a socket keeps it. */
export interface Way {
  /** `RTN_*`. */
  readonly type: number;
  /** Path MTU in bytes. */
  readonly mtu: number;
  /** Whether packets may be cut on their way, because the path's MTU is not to be believed. */
  readonly mtuLocked: boolean;
  /** The source address of a packet whose sender names none. */
  readonly prefsrc: InetAddress;
}

/** What routing is asked. */
export interface Towards {
  readonly dst: InetAddress;
  /** The family's "any": the source is routing's to choose. */
  readonly src: InetAddress;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly options: SocketOptions;
  readonly device: NetDevice | null;
}

/** What a socket says of a packet's IP header. */
export interface PacketFields {
  readonly src: InetAddress;
  readonly dst: InetAddress;
  readonly protocol: number;
  readonly options: SocketOptions;
  /** IPv4 only: IPv6 has no such bit, its routers never fragment. */
  readonly dontFragment: boolean;
  /** IPv4's identification; null: drawn by the kernel's rules for packets that may be fragmented. */
  readonly id: number | null;
}

/** What an ICMP error means to a socket: `hard` errors end a connection attempt at once. */
export interface ErrorMeaning {
  readonly errno: number;
  readonly hard: boolean;
}

export interface SocketFamily {
  readonly name: "ipv4" | "ipv6";
  /** Of the IP header, in bytes. */
  readonly headerLength: number;
  /** The way to an address. Throws {@link SystemError} where there is none. */
  route(towards: Towards): Way;
  /** The device that an answer to an address must take: that of the link whose own address it is. */
  linkOf(address: InetAddress, device: NetDevice | null): NetDevice | null;
  /** Whether a way still holds. */
  valid(way: Way): boolean;
  /** The greatest TCP segment to ask for, in bytes of data. */
  advertisedMss(way: Way): number;
  /** A packet with its IP header filled in, room for `length` bytes behind it, its route, mark and owner. */
  packet(way: Way, fields: PacketFields, length: number): SkBuff;
  /** Sends it; 0 or a negative errno. */
  send(skb: SkBuff): number;
  source(data: Uint8Array, at: number): InetAddress;
  destination(data: Uint8Array, at: number): InetAddress;
  /** Type of service or traffic class. */
  trafficClass(data: Uint8Array): number;
  /** Whether an arriving packet's destination is an address of this host and no group. */
  toOne(skb: SkBuff): boolean;
  /**
   * Whether an arriving packet's destination is a group, whose members each get it. An IPv6 anycast address is none.
   */
  toMany(skb: SkBuff): boolean;
  /** Folded sum of `length` bytes at `at` with the pseudo header; 0xffff when the checksum in them is right. */
  sum(data: Uint8Array, at: number, protocol: number, length: number): number;
  /** Whether the transport checksum of a packet that arrived is right. */
  intact(skb: SkBuff, at: number, protocol: number, length: number): boolean;
  /** Throws EADDRNOTAVAIL for an address that no socket here can have. Models `inet_bind()`'s check. */
  checkLocal(address: InetAddress, device: NetDevice | null, options: SocketOptions): void;
  /** Tells the sender that no socket is there. */
  portUnreachable(skb: SkBuff): void;
  /** Null: the error says nothing to sockets. */
  meaning(type: number, code: number): ErrorMeaning | null;
  /** Whether an error tells of a path's MTU. */
  tooBig(type: number, code: number): boolean;
}

/** Writes a transport checksum into the two bytes at `field`, of the `length` bytes at `at`. */
export function setTransportChecksum(
  family: SocketFamily,
  data: Uint8Array,
  at: number,
  field: number,
  protocol: number,
  length: number,
): void {
  put16(data, field, 0);
  put16(data, field, checksumFold(family.sum(data, at, protocol, length)));
}

/** Whether what a socket is bound to takes packets for an address: `::` takes those of IPv4 as well. */
export function takes(bound: InetAddress, address: InetAddress): boolean {
  if (bound === 0) return typeof address === "number";
  return isAnyAddress(bound) || sameAddress(bound, address);
}

/** Whether two sockets cannot both have a port. Models `inet_rcv_saddr_equal()`. */
export function overlap(a: InetAddress, b: InetAddress): boolean {
  return takes(a, b) || takes(b, a);
}

export class Inet implements SocketFamily {
  readonly name = "ipv4";
  readonly headerLength: number = IPV4_HEADER_LENGTH;
  readonly #net: NetNamespace;

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  route({ dst, src, protocol, sport, dport, options, device }: Towards): Rtable {
    const { routing, snmp } = this.#net.ip;
    const { mark = 0, tos = 0, transparent } = options;
    const [to, from] = [dst as number, src as number];
    const rt =
      transparent === true
        ? routing.outputAnySource(to, from, mark, tos, device, protocol, sport, dport)
        : routing.output(to, from, mark, tos, device, protocol, sport, dport);
    if (rt !== null) return rt;
    snmp.ip.OutNoRoutes++;
    throw new SystemError(routing.error);
  }

  linkOf(): null {
    return null;
  }

  valid(way: Way): boolean {
    const rt = way as Rtable;
    return this.#net.ip.routing.valid(rt) && rt.route !== null;
  }

  advertisedMss(way: Way): number {
    return (way as Rtable).route?.metrics?.advmss || Math.max(Math.min(way.mtu, 65535) - 40, 256);
  }

  packet(way: Way, fields: PacketFields, length: number): SkBuff {
    const { ip } = this.#net;
    const { protocol, options, dontFragment } = fields;
    const src = fields.src as number;
    const dst = fields.dst as number;
    const skb = newPacket(
      {
        src,
        dst,
        protocol,
        ttl: options.ttl ?? (way.type === RTN_MULTICAST ? 1 : 0),
        tos: options.tos ?? 0,
        dontFragment,
        id: fields.id ?? ip.idents.next(ip, dst, src, protocol),
      },
      length,
    );
    skb.dst = way as Rtable;
    return owned(skb, options);
  }

  send(skb: SkBuff): number {
    return this.#net.ip.localOut(skb);
  }

  source(data: Uint8Array, at: number): number {
    return get32(data, at + IPV4_SRC);
  }

  destination(data: Uint8Array, at: number): number {
    return get32(data, at + IPV4_DST);
  }

  trafficClass(data: Uint8Array): number {
    return data[IPV4_TOS];
  }

  toOne(skb: SkBuff): boolean {
    return (skb.dst as Rtable).type === RTN_LOCAL;
  }

  toMany(skb: SkBuff): boolean {
    return !this.toOne(skb);
  }

  sum(data: Uint8Array, at: number, protocol: number, length: number): number {
    return checksumPartial(
      data,
      at,
      length,
      pseudoHeaderSum(get32(data, IPV4_SRC), get32(data, IPV4_DST), protocol, length),
    );
  }

  intact({ data }: SkBuff, at: number, protocol: number, length: number): boolean {
    return this.sum(data, at, protocol, length) === 0xffff;
  }

  checkLocal(address: InetAddress, _device: NetDevice | null, { transparent }: SocketOptions): void {
    if (address === 0 || this.#net.ip.nonlocalBind || transparent === true) return;
    const type = this.#net.ip.addressType(address as number);
    if (type !== RTN_LOCAL && type !== RTN_BROADCAST && type !== RTN_MULTICAST) throw new SystemError(EADDRNOTAVAIL);
  }

  portUnreachable(skb: SkBuff): void {
    this.#net.ip.icmpSend(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
  }

  meaning(type: number, code: number): ErrorMeaning | null {
    return icmpErrno(type, code);
  }

  tooBig(type: number, code: number): boolean {
    return type === ICMP_DEST_UNREACH && code === 4;
  }
}

/** A route of IPv6 towards one address. */
export interface Way6 extends Way {
  readonly route: Route6;
  /** The state of the routes that it was chosen among. */
  readonly genid: number;
}

const LOOPBACK: Int32Array = parseIPv6("::1");

const UNREACH_ERRORS: ReadonlyMap<number, ErrorMeaning> = new Map([
  [ICMPV6_NOROUTE, { errno: ENETUNREACH, hard: false }],
  [ICMPV6_ADM_PROHIBITED, { errno: EACCES, hard: true }],
  [ICMPV6_NOT_NEIGHBOUR, { errno: EHOSTUNREACH, hard: false }],
  [ICMPV6_ADDR_UNREACH, { errno: EHOSTUNREACH, hard: false }],
  [ICMPV6_PORT_UNREACH, { errno: ECONNREFUSED, hard: true }],
  [5, { errno: EACCES, hard: true }],
  [6, { errno: EACCES, hard: true }],
]);

export class Inet6 implements SocketFamily {
  readonly name = "ipv6";
  readonly headerLength: number = IPV6_HEADER_LENGTH;
  readonly #net: NetNamespace;

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  /** Models `ip6_dst_lookup_flow()`. */
  route({ dst: to, src, options, device, protocol, sport, dport }: Towards): Way6 {
    const { ip6 } = this.#net;
    // "Any" stands for this host.
    const dst = isAnyAddress(to) ? LOOPBACK : (to as Int32Array);
    // An address of the link says nothing without its link.
    if (device === null && isLinkLocal(dst)) throw new SystemError(EINVAL);
    const bound = src as Int32Array;
    const { mark = 0, tos = 0 } = options;
    const from = isAnyAddress(src) ? null : bound;
    const towards = { dst, src: from, mark, trafficClass: tos, protocol, sport, dport, oif: device };
    const { route, src: prefsrc } = ip6.routeAndSource(towards);
    if (route.error !== 0) throw new SystemError(route.error);
    if (prefsrc === null) throw new SystemError(EADDRNOTAVAIL);
    const type = isMulticast6(dst) ? RTN_MULTICAST : route.local ? RTN_LOCAL : RTN_UNICAST;
    return { type, mtu: ip6.pathMtu(route, dst), mtuLocked: false, prefsrc, route, genid: ip6.fib.genid };
  }

  linkOf(address: InetAddress, device: NetDevice | null): NetDevice | null {
    return isLinkLocal(address as Int32Array) ? device : null;
  }

  valid(way: Way): boolean {
    return (way as Way6).genid === this.#net.ip6.fib.genid;
  }

  /** Models `ip6_default_advmss()`. */
  advertisedMss(way: Way): number {
    const { metrics } = (way as Way6).route;
    if (metrics !== null && metrics.advmss > 0) return metrics.advmss;
    const mss = Math.max(way.mtu - 60, 1220);
    return mss > 65535 - 20 ? 65535 : mss;
  }

  packet(way: Way, fields: PacketFields, length: number): SkBuff {
    const { ip6 } = this.#net;
    const { options } = fields;
    const { route } = way as Way6;
    const skb = newPacket6(
      {
        src: fields.src as Int32Array,
        dst: fields.dst as Int32Array,
        nextHeader: fields.protocol,
        hopLimit: options.ttl ?? (way.type === RTN_MULTICAST ? 1 : ip6.hopLimitOf(route)),
        trafficClass: options.tos ?? 0,
      },
      length,
    );
    skb.dst6 = route;
    return owned(skb, options);
  }

  send(skb: SkBuff): number {
    return this.#net.ip6.localOut(skb);
  }

  source(data: Uint8Array, at: number): Int32Array {
    return readIPv6(data, at + IPV6_SRC);
  }

  destination(data: Uint8Array, at: number): Int32Array {
    return readIPv6(data, at + IPV6_DST);
  }

  trafficClass(data: Uint8Array): number {
    return ipv6TrafficClass(data, 0);
  }

  toOne(skb: SkBuff): boolean {
    return skb.dst6?.type === RTN_LOCAL;
  }

  toMany(skb: SkBuff): boolean {
    return skb.dst6?.type === RTN_MULTICAST;
  }

  sum(data: Uint8Array, at: number, protocol: number, length: number): number {
    return checksumPartial(data, at, length, pseudoHeaderSumIPv6(data, 0, protocol, length));
  }

  intact(skb: SkBuff, at: number, protocol: number, length: number): boolean {
    return arrivedIntact6(skb, at, protocol, length);
  }

  /** Models `inet6_bind()`'s check. */
  checkLocal(address: InetAddress, device: NetDevice | null, { transparent }: SocketOptions): void {
    if (isAnyAddress(address)) return;
    const words = address as Int32Array;
    if (isLinkLocal(words) && device === null) throw new SystemError(EINVAL);
    if (transparent !== true && !isMulticast6(words) && !this.#net.ip6.isLocalAddress(words))
      throw new SystemError(EADDRNOTAVAIL);
  }

  portUnreachable(skb: SkBuff): void {
    this.#net.ip6.icmp.send(skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  }

  /** Models `icmpv6_err_convert()`. */
  meaning(type: number, code: number): ErrorMeaning | null {
    if (type === ICMPV6_DEST_UNREACH) return UNREACH_ERRORS.get(code) ?? { errno: EPROTO, hard: false };
    if (type === ICMPV6_PKT_TOOBIG) return { errno: EMSGSIZE, hard: false };
    if (type === ICMPV6_TIME_EXCEED) return { errno: EHOSTUNREACH, hard: false };
    if (type === ICMPV6_PARAMPROB) return { errno: EPROTO, hard: true };
    return null;
  }

  tooBig(type: number): boolean {
    return type === ICMPV6_PKT_TOOBIG;
  }
}

function owned(skb: SkBuff, options: SocketOptions): SkBuff {
  skb.mark = options.mark ?? 0;
  skb.uid = options.uid ?? 0;
  return skb;
}
