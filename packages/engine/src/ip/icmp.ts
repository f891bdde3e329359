/**
 * ICMP of one host: errors about packets it could not handle, with the kernel's rules of silence and its rate limits;
 * echo and timestamp replies; errors from others, handed to the sockets they concern. Models net/ipv4/icmp.c.
 */
import { HZ } from "../clock.js";
import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from "../errno.js";
import { PACKET_HOST, type SkBuff, UID_KERNEL } from "../skb.js";
import type { SysctlTable } from "../sysctl.js";
import type { InetAddress } from "../wire/address.js";
import { get16, get32, put16, put32 } from "../wire/bytes.js";
import {
  checkIcmp,
  ICMP_CHECKSUM,
  ICMP_CODE,
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMP_HEADER_LENGTH,
  ICMP_HOST_UNREACH,
  ICMP_MTU,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_REST,
  ICMP_SOURCE_QUENCH,
  ICMP_SR_FAILED,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  ICMP_TIMESTAMPREPLY,
  ICMP_TYPE,
  icmpChecksumOk,
  icmpIsError,
  icmpSetChecksum,
  NR_ICMP_TYPES,
} from "../wire/icmp.js";
import {
  IP_OFFSET,
  IPPROTO_ICMP,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_TOS,
  ipv4HeaderLength,
} from "../wire/ipv4.js";
import { buildOptions, echoOptions } from "./options.js";
import { newPacket } from "./output.js";
import { jiffiesToMillis, millisToJiffies } from "./peers.js";
import { obeyRedirect } from "./redirect.js";
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, type Rtable } from "./route.js";
import type { IpStack } from "./stack.js";

/** The source of an error from a router without any address: 192.0.0.8 (RFC 7600). Models INADDR_DUMMY. */
const INADDR_DUMMY = 0xc0000008;
/** An error message in whole never exceeds this (RFC 1122; RFC 1812 allows it). */
const ERROR_LENGTH = 576;
/** Precedence of errors: internetwork control. */
const IPTOS_PREC_INTERNETCONTROL = 0xc0;
/**
 * The errno that a socket gets for a code of DEST_UNREACH, and whether it ends a connection. Models `icmp_err_convert`.
 */
const UNREACH_ERRORS: readonly (readonly [number, boolean])[] = [
  [ENETUNREACH, false],
  [EHOSTUNREACH, false],
  [ENOPROTOOPT, true],
  [ECONNREFUSED, true],
  [EMSGSIZE, false],
  [EOPNOTSUPP, false],
  [ENETUNREACH, true],
  [EHOSTDOWN, true],
  [ENONET, true],
  [ENETUNREACH, true],
  [EHOSTUNREACH, true],
  [ENETUNREACH, false],
  [EHOSTUNREACH, false],
  [EHOSTUNREACH, true],
  [EHOSTUNREACH, true],
  [EHOSTUNREACH, true],
];

/** What an ICMP error means to a socket: `hard` errors end a connection attempt at once. Null: nothing. */
export function icmpErrno(type: number, code: number): { readonly errno: number; readonly hard: boolean } | null {
  if (type === ICMP_DEST_UNREACH && code < UNREACH_ERRORS.length) {
    const [errno, hard] = UNREACH_ERRORS[code];
    return { errno, hard };
  }
  if (type === ICMP_TIME_EXCEEDED) return { errno: EHOSTUNREACH, hard: false };
  if (type === ICMP_PARAMETERPROB) return { errno: EPROTO, hard: true };
  return null;
}

export class Icmp {
  readonly #ip: IpStack;
  /** A message is on its way out: one that would be caused by it is not sent. Models `icmp_xmit_lock()`. */
  #sending = false;
  /** `net.ipv4.icmp_ratelimit`, jiffies between errors to one host. */
  #ratelimit: number = HZ;
  /** `net.ipv4.icmp_ratemask`: the types that are limited. */
  #ratemask = 6168;
  #echoIgnoreAll = false;
  #echoIgnoreBroadcasts = true;
  #errorsUseInboundAddress = false;

  constructor(ip: IpStack) {
    this.#ip = ip;
  }

  registerSysctls(sysctl: SysctlTable): void {
    const int = (name: string, get: () => number, set: (value: number) => void, max = 0x7fffffff): void =>
      sysctl.registerInt(`net.ipv4.${name}`, get, set, 0, max);
    int(
      "icmp_ratelimit",
      () => jiffiesToMillis(this.#ratelimit),
      (value) => {
        this.#ratelimit = millisToJiffies(value);
      },
    );
    sysctl.registerInt(
      "net.ipv4.icmp_ratemask",
      () => this.#ratemask,
      (value) => {
        this.#ratemask = value;
      },
    );
    int(
      "icmp_echo_ignore_all",
      () => Number(this.#echoIgnoreAll),
      (value) => {
        this.#echoIgnoreAll = value !== 0;
      },
      1,
    );
    int(
      "icmp_echo_ignore_broadcasts",
      () => Number(this.#echoIgnoreBroadcasts),
      (value) => {
        this.#echoIgnoreBroadcasts = value !== 0;
      },
      1,
    );
    int(
      "icmp_errors_use_inbound_ifaddr",
      () => Number(this.#errorsUseInboundAddress),
      (value) => {
        this.#errorsUseInboundAddress = value !== 0;
      },
      1,
    );
  }

  // --- errors -----------------------------------------------------------------------------------------------------

  /** Models `icmp_send()`. `info` is the second word of the header (the MTU, the pointer's word). */
  send(about: SkBuff, type: number, code: number, info: number): void {
    const { trace } = this.#ip.net;
    if (trace !== null) trace.enter("__icmp_send", null, about);
    this.#send(about, type, code, info);
    if (trace !== null) trace.leave();
  }

  #send(about: SkBuff, type: number, code: number, info: number): void {
    const ip = this.#ip;
    if (this.#sending) return;
    const data = about.data;
    const rt = about.dst as Rtable | null;
    // What crosses a bridge is as good as routed: by the bridge, to somebody else. Models `fake_rtable`.
    const bridged = about.physOut !== null;
    if (about.len < IPV4_HEADER_LENGTH || (rt === null && !bridged)) return;
    const routed = rt?.type ?? RTN_UNICAST;
    if (about.packetType !== PACKET_HOST || routed === RTN_BROADCAST || routed === RTN_MULTICAST) return;
    if ((get16(data, IPV4_FRAGMENT) & IP_OFFSET) !== 0) return;
    const headerLength = ipv4HeaderLength(data, 0);
    if (icmpIsError(type) && data[IPV4_PROTOCOL] === IPPROTO_ICMP) {
      if (about.len <= headerLength) return;
      const inner = data[headerLength + ICMP_TYPE];
      if (inner > NR_ICMP_TYPES || icmpIsError(inner) || NO_ERROR_ABOUT.includes(inner)) return;
    }
    const limited = this.#limits(type, code);
    const onLoopback = about.iif !== null && about.iif === ip.net.loopback;
    if (limited && !onLoopback && !this.hostAllows()) return;
    const peer = get32(data, IPV4_SRC);
    // The address that the packet was sent to, when it is ours; else the one of the way back.
    let src = routed === RTN_LOCAL ? get32(data, IPV4_DST) : 0;
    if (src === 0 && this.#errorsUseInboundAddress && about.iif !== null && !bridged)
      src = ip.selectAddress(about.iif, peer, 253);
    const echoed = echoOptions(ip, about);
    if (echoed === null) return;
    const tos = icmpIsError(type) ? (data[IPV4_TOS] & 0x1e) | IPTOS_PREC_INTERNETCONTROL : data[IPV4_TOS];
    // By a source route, the way that the packet came.
    const dst = echoed.firstHop === 0 ? peer : echoed.firstHop;
    const mark = ip.fwmarkReflect ? about.mark : 0;
    // Type and code lie where rules look for the port. Models `union flowi_uli`.
    const back = ip.routing.outputAbout(about, dst, src, mark, tos, (type << 8) | code);
    if (back === null) return;
    ip.routing.relookup(about, tos);
    if (limited && !onLoopback && !this.#peerAllows(peer, back)) return;
    const room = Math.min(back.mtu, ERROR_LENGTH) - IPV4_HEADER_LENGTH - echoed.bytes.length - ICMP_HEADER_LENGTH;
    const length = Math.min(about.len, room);
    const skb = newPacket(
      {
        src: src || back.prefsrc || INADDR_DUMMY,
        dst,
        protocol: IPPROTO_ICMP,
        ttl: 0,
        tos,
        dontFragment: false,
        id: 0,
      },
      ICMP_HEADER_LENGTH + length,
      echoed.bytes.length,
    );
    skb.mark = mark;
    if (echoed.bytes.length > 0) buildOptions(ip, skb, echoed, peer);
    skb.data.set(data.subarray(0, length), skb.transportOffset + ICMP_HEADER_LENGTH);
    // Related to the connection even where the packet in question never lets it be confirmed.
    if (icmpIsError(type)) ip.net.ct.attach(skb, about);
    this.#finish(skb, type, code, info, back);
  }

  /** A packet's next hop was silent: its sender is told. Models `ipv4_send_dest_unreach()`. */
  linkFailure(skb: SkBuff): void {
    // The decision told of the way out; an error about a packet of our own comes back to ourselves.
    this.send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
  }

  /** Whether the route layer may send one more error to this packet's sender. Models the limit in `ip_error()`. */
  errorAllowed(skb: SkBuff): boolean {
    // One a second (`error_cost`), five at once (`error_burst`), of the same allowance as the message itself.
    return this.#ip.peers.take(get32(skb.data, IPV4_SRC), HZ, 5);
  }

  /** Whether the host may send one more error of either family. Models `icmpv4_global_allow()` and IPv6's twin. */
  hostAllows(): boolean {
    const { errorLimit, snmp } = this.#ip;
    if (errorLimit.allows()) return true;
    snmp.icmp.OutRateLimitGlobal++;
    return false;
  }

  /** Models `icmpv4_xrlim_allow()`. */
  #peerAllows(peer: number, back: Rtable): boolean {
    const { net, peers, snmp, errorLimit } = this.#ip;
    if (back.dev !== net.loopback && this.#ratelimit !== 0 && !peers.allows(peer, this.#ratelimit)) {
      snmp.icmp.OutRateLimitHost++;
      return false;
    }
    errorLimit.consume();
    return true;
  }

  #limits(type: number, code: number): boolean {
    if (type > NR_ICMP_TYPES) return false;
    if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) return false;
    return ((1 << type) & this.#ratemask) !== 0;
  }

  #finish(skb: SkBuff, type: number, code: number, rest: number, rt: Rtable): void {
    const at = skb.transportOffset;
    skb.data[at + ICMP_TYPE] = type;
    skb.data[at + ICMP_CODE] = code;
    put32(skb.data, at + ICMP_REST, rest);
    icmpSetChecksum(skb.data, at, skb.len - at);
    // The sum begins at minus zero, which shows where all the rest is zero. Models csum_partial_copy_nocheck() of x86.
    if (get16(skb.data, at + ICMP_CHECKSUM) === 0xffff) put16(skb.data, at + ICMP_CHECKSUM, 0);
    skb.dst = rt;
    skb.uid = UID_KERNEL;
    const mib = this.#ip.snmp.icmp;
    mib.OutMsgs++;
    mib.outType[type]++;
    this.#sending = true;
    this.#ip.localOut(skb);
    this.#sending = false;
  }

  // --- messages to this host --------------------------------------------------------------------------------------

  /** A message for this host; the packet is only looked at. Models `icmp_rcv()`. */
  receive(skb: SkBuff): void {
    const ip = this.#ip;
    const mib = ip.snmp.icmp;
    const at = skb.transportOffset;
    const length = skb.len - at;
    mib.InMsgs++;
    if (!checkIcmp(length)) {
      mib.InErrors++;
      return;
    }
    if (!icmpChecksumOk(skb.data, at, length)) {
      mib.InCsumErrors++;
      mib.InErrors++;
      return;
    }
    const type = skb.data[at + ICMP_TYPE];
    mib.inType[type]++;
    if (type > NR_ICMP_TYPES) {
      mib.InErrors++;
      return;
    }
    const rt = skb.dst as Rtable;
    const toMany = rt.type === RTN_BROADCAST || rt.type === RTN_MULTICAST;
    if (toMany && (type === ICMP_ECHO || type === ICMP_TIMESTAMP) && this.#echoIgnoreBroadcasts) {
      mib.InErrors++;
      return;
    }
    if (type === ICMP_ECHO) {
      if (!this.#echoIgnoreAll) this.#reply(skb, ICMP_ECHOREPLY, length);
    } else if (type === ICMP_TIMESTAMP) {
      // Only the sender's own time must be there; the answer is as long as it should be.
      if (length >= ICMP_HEADER_LENGTH + 4) this.#reply(skb, ICMP_TIMESTAMPREPLY, 20);
      else mib.InErrors++;
    } else if (icmpIsError(type)) this.#error(skb, at, length, type);
  }

  #reply(request: SkBuff, type: number, length: number): void {
    const ip = this.#ip;
    if (this.#sending) return;
    const data = request.data;
    const at = request.transportOffset;
    const rt = request.dst as Rtable;
    const peer = get32(data, IPV4_SRC);
    const src = rt.type === RTN_LOCAL ? get32(data, IPV4_DST) : 0;
    const tos = data[IPV4_TOS];
    const limited = this.#limits(type, 0);
    const echoed = echoOptions(ip, request);
    if (echoed === null || (limited && !this.hostAllows())) return;
    const dst = echoed.firstHop === 0 ? peer : echoed.firstHop;
    const mark = ip.fwmarkReflect ? request.mark : 0;
    const back = ip.routing.output(dst, src, mark, tos, null, IPPROTO_ICMP);
    if (back === null || (limited && !this.#peerAllows(dst, back))) return;
    const skb = newPacket(
      {
        src: src === 0 ? back.prefsrc : src,
        dst,
        protocol: IPPROTO_ICMP,
        ttl: 0,
        tos,
        dontFragment: false,
        id: 0,
      },
      length,
      echoed.bytes.length,
    );
    skb.mark = mark;
    if (echoed.bytes.length > 0) buildOptions(ip, skb, echoed, peer);
    const to = skb.transportOffset;
    const copied = type === ICMP_TIMESTAMPREPLY ? ICMP_HEADER_LENGTH + 4 : length;
    skb.data.set(data.subarray(at, at + copied), to);
    if (type === ICMP_TIMESTAMPREPLY) {
      // When received, when sent.
      put32(skb.data, to + 12, this.millisOfDay());
      put32(skb.data, to + 16, this.millisOfDay());
    }
    // An echo's code comes back as it came; a timestamp's is 0.
    const code = type === ICMP_ECHOREPLY ? data[at + ICMP_CODE] : 0;
    this.#finish(skb, type, code, get32(data, at + ICMP_REST), back);
  }

  /** Milliseconds since midnight, UTC. Models `inet_current_timestamp()`. */
  millisOfDay(): number {
    const { clock } = this.#ip.net;
    return (clock.epochMillis + Math.floor(clock.nowMicros / 1000)) % 86_400_000;
  }

  /** An error about a packet that this host sent. Models `icmp_unreach()`. */
  #error(skb: SkBuff, at: number, length: number, type: number): void {
    const ip = this.#ip;
    const data = skb.data;
    const inner = at + ICMP_HEADER_LENGTH;
    const innerLength = length - ICMP_HEADER_LENGTH;
    if (innerLength < IPV4_HEADER_LENGTH || ipv4HeaderLength(data, inner) < IPV4_HEADER_LENGTH) {
      ip.snmp.icmp.InErrors++;
      return;
    }
    const innerHeader = ipv4HeaderLength(data, inner);
    // RFC 1122: at least eight bytes beyond the header, or it cannot be told whose it was.
    if (innerLength < innerHeader + 8) {
      ip.snmp.icmp.InErrors++;
      return;
    }
    const code = data[at + ICMP_CODE];
    if (type === ICMP_DEST_UNREACH && (code > NR_UNREACH || code === ICMP_SR_FAILED)) return;
    if (type === ICMP_SOURCE_QUENCH) return;
    const mtu = type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED ? get16(data, at + ICMP_MTU) : 0;
    ip.net.sockets.icmpError({
      data,
      inner,
      transport: inner + innerHeader,
      protocol: data[inner + IPV4_PROTOCOL],
      from: get32(data, IPV4_SRC),
      device: skb.iif?.name ?? null,
      type,
      code,
      info: get32(data, at + ICMP_REST),
      mtu,
      learn:
        mtu > 0
          ? () => ip.routing.updatePmtu(get32(data, inner + IPV4_DST), 0, mtu)
          : type === ICMP_REDIRECT
            ? () => obeyRedirect(ip, skb, at, inner)
            : null,
    });
  }
}

/** Types without a use, and router discovery: no error is sent about them either. Models `icmp_pointers[].error`. */
const NO_ERROR_ABOUT: readonly number[] = [1, 2, 6, 7, 9, 10];

/** Greatest code of DEST_UNREACH. */
const NR_UNREACH = 15;

/** An ICMP error as sockets are told of it. */
export interface IcmpError {
  /** The packet that carries the error. */
  readonly data: Uint8Array;
  /** Where the header of the packet in question begins. */
  readonly inner: number;
  /** Where its transport header begins; at least eight bytes are there. */
  readonly transport: number;
  readonly protocol: number;
  /** Who sent the error. */
  readonly from: InetAddress;
  /** The device it came by. */
  readonly device: string | null;
  readonly type: number;
  readonly code: number;
  readonly info: number;
  /** The next hop's MTU of a "fragmentation needed" or a "packet too big"; 0 for all others. */
  readonly mtu: number;
  /**
   * Has routing remember that MTU, or a redirect's gateway, for the packet's destination; null for what is no news of
   * the way. Whoever sent the packet calls it: else it is not believed.
   */
  readonly learn: (() => void) | null;
}
