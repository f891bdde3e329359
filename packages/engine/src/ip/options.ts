/**
 * IP options (RFC 791): read as a packet arrives, written into as it passes, echoed in answers. Record route,
 * timestamps and source routes are obeyed; router alert has nobody to alert here; CIPSO labels are refused, as by a
 * kernel in which none was defined; all other options are carried. Options of TCP connections' own segments are not
 * modelled. Models net/ipv4/ip_options.c.
 */
import type { NetDevice } from "../dev/device.js";
import { PACKET_HOST, type SkBuff } from "../skb.js";
import { get32, put32 } from "../wire/bytes.js";
import { ICMP_PARAMETERPROB } from "../wire/icmp.js";
import { IPV4_DST, IPV4_HEADER_LENGTH, IPV4_SRC, IPV4_TOS, ipv4HeaderLength, ipv4SetChecksum } from "../wire/ipv4.js";
import { Flow } from "./fib.js";
import { RTN_LOCAL, RTN_UNICAST, type Rtable } from "./route.js";
import { RT_SCOPE_LINK } from "./rtnetlink.js";
import type { IpStack } from "./stack.js";

const IPOPT_END = 0;
const IPOPT_NOOP = 1;
const IPOPT_RR = 7;
const IPOPT_TIMESTAMP = 68;
const IPOPT_LSRR = 131;
const IPOPT_CIPSO = 134;
const IPOPT_SSRR = 137;
const IPOPT_RA = 148;

/** Kinds of timestamp options: times alone, with addresses, at addresses that the sender names. */
const IPOPT_TS_TSONLY = 0;
const IPOPT_TS_TSANDADDR = 1;
const IPOPT_TS_PRESPEC = 3;

/** Offsets within an option of its length, its pointer (which counts from 1), a timestamp's flags. */
const LENGTH = 1;
const POINTER = 2;
const FLAGS = 3;

/** What was found in a header. Offsets count from the header's start; 0 where there is no such option. */
export class IpOptions {
  /** Bytes of options in the header. */
  length = 0;
  rr = 0;
  /** An entry of the record route is this host's, to be filled with the address by which the packet leaves. */
  rrNeedsAddress = false;
  ts = 0;
  tsNeedsAddress = false;
  tsNeedsTime = false;
  srr = 0;
  strict = false;
  /** The packet was for this host, and a source route takes it further. */
  srrHit = false;
  /** Where a source route leads next. */
  nextHop = 0;
  cipso = 0;
  /** Bytes of the header are others than those that its checksum covers. */
  changed = false;
}

/** Options for a packet of this host, made from those of the packet that it answers. */
export interface EchoedOptions {
  /** A multiple of 4; offsets of {@link found} count from the header's start. */
  readonly bytes: Uint8Array;
  readonly found: IpOptions;
  /** The first hop of a source route back; 0 without one. */
  readonly firstHop: number;
}

const flow: Flow = new Flow();

/**
 * Reads a packet's options once it is routed. False when it goes no further: a malformed one is answered with a
 * parameter problem. Models `ip_rcv_options()`.
 */
export function receiveOptions(ip: IpStack, skb: SkBuff, dev: NetDevice): boolean {
  const found = new IpOptions();
  found.length = ipv4HeaderLength(skb.data, 0) - IPV4_HEADER_LENGTH;
  skb.options = found;
  const wrong = compile(ip, skb, found, dev);
  if (wrong > 0) {
    ip.icmpSend(skb, ICMP_PARAMETERPROB, 0, wrong * 0x1000000);
    ip.snmp.ip.InHdrErrors++;
    return false;
  }
  if (found.srr === 0) return true;
  if (!ip.acceptsSourceRoutes(dev)) return false;
  return followSourceRoute(ip, skb, found, dev);
}

/** Walks the options and fills in what arrival fills in; the offset of the octet that is wrong, or 0. */
function compile(ip: IpStack, skb: SkBuff, found: IpOptions, dev: NetDevice): number {
  const { data } = skb;
  const end = IPV4_HEADER_LENGTH + found.length;
  for (let at = IPV4_HEADER_LENGTH; at < end; ) {
    const kind = data[at];
    if (kind === IPOPT_END) {
      // Nothing is hidden behind the end.
      if (data.subarray(at + 1, end).some((byte) => byte !== IPOPT_END)) {
        data.fill(IPOPT_END, at + 1, end);
        found.changed = true;
      }
      return 0;
    }
    if (kind === IPOPT_NOOP) {
      at++;
      continue;
    }
    const size = data[at + LENGTH];
    if (end - at < 2 || size < 2 || size > end - at) return at;
    const wrong = compileOne(ip, skb, found, dev, at, kind, size);
    if (wrong > 0) return wrong;
    at += size;
  }
  return 0;
}

function compileOne(
  ip: IpStack,
  skb: SkBuff,
  found: IpOptions,
  dev: NetDevice,
  at: number,
  kind: number,
  size: number,
): number {
  switch (kind) {
    case IPOPT_LSRR:
    case IPOPT_SSRR:
      if (size < 3) return at + LENGTH;
      if (skb.data[at + POINTER] < 4) return at + POINTER;
      // At most one (RFC 1812, 5.2.4.1).
      if (found.srr !== 0) return at;
      found.strict = kind === IPOPT_SSRR;
      found.srr = at;
      return 0;
    case IPOPT_RR:
      return recordRoute(ip, skb, found, dev, at, size);
    case IPOPT_TIMESTAMP:
      return timestamp(ip, skb, found, dev, at, size);
    case IPOPT_RA:
      return size < 4 ? at + LENGTH : 0;
    case IPOPT_CIPSO:
      if (found.cipso !== 0) return at;
      found.cipso = at;
      // Too short to name a domain of interpretation, or it names one that nobody defined.
      return size < 8 ? at + LENGTH : at + POINTER;
    default:
      return 0;
  }
}

function recordRoute(ip: IpStack, skb: SkBuff, found: IpOptions, dev: NetDevice, at: number, size: number): number {
  const { data } = skb;
  if (found.rr !== 0) return at;
  if (size < 3) return at + LENGTH;
  const pointer = data[at + POINTER];
  if (pointer < 4) return at + POINTER;
  if (pointer <= size) {
    if (pointer + 3 > size) return at + POINTER;
    put32(data, at + pointer - 1, specificDestination(ip, skb, dev));
    data[at + POINTER] += 4;
    found.changed = true;
    found.rrNeedsAddress = true;
  }
  found.rr = at;
  return 0;
}

function timestamp(ip: IpStack, skb: SkBuff, found: IpOptions, dev: NetDevice, at: number, size: number): number {
  const { data } = skb;
  if (found.ts !== 0) return at;
  if (size < 4) return at + LENGTH;
  const pointer = data[at + POINTER];
  if (pointer < 5) return at + POINTER;
  const kind = data[at + FLAGS] & 15;
  if (pointer <= size) {
    if (pointer + 3 > size) return at + POINTER;
    const slot = at + pointer - 1;
    if (kind === IPOPT_TS_TSONLY) {
      put32(data, slot, ip.icmp.millisOfDay());
      found.tsNeedsTime = true;
      data[at + POINTER] += 4;
      found.changed = true;
    } else if (kind === IPOPT_TS_TSANDADDR || kind === IPOPT_TS_PRESPEC) {
      if (pointer + 7 > size) return at + POINTER;
      const named = kind === IPOPT_TS_PRESPEC;
      if (!named) {
        put32(data, slot, specificDestination(ip, skb, dev));
        found.tsNeedsAddress = true;
      }
      if (!named || ip.addressType(get32(data, slot)) !== RTN_UNICAST) {
        put32(data, slot + 4, ip.icmp.millisOfDay());
        found.tsNeedsTime = true;
        data[at + POINTER] += 8;
        found.changed = true;
      }
    }
  } else if (kind !== IPOPT_TS_PRESPEC) {
    // No room: it is counted how many wanted some.
    if (data[at + FLAGS] >>> 4 === 15) return at + FLAGS;
    data[at + FLAGS] += 0x10;
    found.changed = true;
  }
  found.ts = at;
  return 0;
}

/**
 * The address by which this host was meant: the destination, or what it would answer from. Models
 * `fib_compute_spec_dst()`.
 */
function specificDestination(ip: IpStack, skb: SkBuff, dev: NetDevice): number {
  const { data } = skb;
  if ((skb.dst as Rtable).type === RTN_LOCAL) return get32(data, IPV4_DST);
  const src = get32(data, IPV4_SRC);
  if (src === 0) return ip.selectAddress(dev, src, RT_SCOPE_LINK);
  const marked = ip.confAll.srcValidMark !== 0 || (dev.ipv4?.conf.srcValidMark ?? 0) !== 0;
  return sourceTowards(ip, src, 0, data[IPV4_TOS], marked ? skb.mark : 0, null, null) ?? ip.selectAddress(dev, src);
}

/** The source address of the route to a destination; null without one. Models `fib_result_prefsrc()`. */
function sourceTowards(
  ip: IpStack,
  dst: number,
  src: number,
  tos: number,
  mark: number,
  iif: NetDevice | null,
  oif: NetDevice | null,
): number | null {
  flow.dst = dst;
  flow.src = src;
  flow.tos = tos & 0x1c;
  flow.mark = mark;
  flow.iif = iif;
  flow.oif = oif;
  const route = ip.fib.lookup(flow);
  if (route === null || route.dev === null) return null;
  return route.prefsrc !== 0 ? route.prefsrc : ip.selectAddress(route.dev, route.gateway, route.scope);
}

/** The address by which a packet leaves. Models `ip_rt_get_source()`. */
function leavingAddress(ip: IpStack, skb: SkBuff): number {
  const { data } = skb;
  const src = get32(data, IPV4_SRC);
  if (!skb.forwarded) return src;
  const rt = skb.dst as Rtable;
  const dst = get32(data, IPV4_DST);
  const towards = sourceTowards(ip, dst, src, data[IPV4_TOS], skb.mark, skb.iif, rt.dev);
  if (towards !== null || rt.dev === null) return towards ?? 0;
  return ip.selectAddress(rt.dev, rt.gateway === 0 ? dst : rt.gateway);
}

/** Models `ip_options_rcv_srr()`. */
function followSourceRoute(ip: IpStack, skb: SkBuff, found: IpOptions, dev: NetDevice): boolean {
  const { data } = skb;
  const { type } = skb.dst as Rtable;
  if (skb.packetType !== PACKET_HOST) return false;
  if (type === RTN_UNICAST) {
    // Passing by: that is for the loose kind only.
    if (found.strict) ip.icmpSend(skb, ICMP_PARAMETERPROB, 0, IPV4_DST * 0x1000000);
    return !found.strict;
  }
  if (type !== RTN_LOCAL) return false;
  const size = data[found.srr + LENGTH];
  for (let pointer = data[found.srr + POINTER]; pointer <= size; pointer += 4) {
    if (pointer + 3 > size) {
      ip.icmpSend(skb, ICMP_PARAMETERPROB, 0, (found.srr + POINTER) * 0x1000000);
      return false;
    }
    const hop = get32(data, found.srr + pointer - 1);
    const rt = ip.routing.inputFor(hop, get32(data, IPV4_SRC), data[IPV4_TOS], skb.mark, dev);
    if (rt === null || (rt.type !== RTN_UNICAST && rt.type !== RTN_LOCAL)) return false;
    skb.dst = rt;
    found.changed = true;
    if (rt.type === RTN_UNICAST) {
      found.srrHit = true;
      found.nextHop = hop;
      return true;
    }
    // The next hop is this host too.
    put32(data, IPV4_DST, hop);
  }
  return true;
}

/** Fills in what leaving fills in. Models `ip_forward_options()`. */
export function forwardOptions(ip: IpStack, skb: SkBuff, found: IpOptions): void {
  const { data } = skb;
  if (found.rrNeedsAddress) {
    put32(data, found.rr + data[found.rr + POINTER] - 5, leavingAddress(ip, skb));
    found.changed = true;
  }
  if (found.srrHit) {
    const size = data[found.srr + LENGTH];
    for (let pointer = data[found.srr + POINTER]; pointer + 3 <= size; pointer += 4) {
      if (get32(data, found.srr + pointer - 1) !== found.nextHop) continue;
      put32(data, IPV4_DST, found.nextHop);
      put32(data, found.srr + pointer - 1, leavingAddress(ip, skb));
      data[found.srr + POINTER] = pointer + 4;
      found.changed = true;
      break;
    }
    // On all other packets a timestamp keeps the address by which they came.
    if (found.tsNeedsAddress) put32(data, found.ts + data[found.ts + POINTER] - 9, leavingAddress(ip, skb));
  }
  if (!found.changed) return;
  found.changed = false;
  ipv4SetChecksum(data, 0);
}

/**
 * Options for the answer to a packet; null when they cannot be, and no answer is to be. Models `__ip_options_echo()`.
 */
export function echoOptions(ip: IpStack, skb: SkBuff): EchoedOptions | null {
  const asked = skb.options;
  const found = new IpOptions();
  const bytes: number[] = [];
  if (asked === null) return { bytes: new Uint8Array(), found, firstHop: 0 };
  const { data } = skb;
  const begin = (at: number): number => {
    const start = bytes.length;
    bytes.push(...data.subarray(at, at + data[at + LENGTH]));
    return start;
  };
  if (asked.rr !== 0) {
    const start = begin(asked.rr);
    const size = bytes[start + LENGTH];
    const pointer = bytes[start + POINTER];
    found.rr = IPV4_HEADER_LENGTH + start;
    if (asked.rrNeedsAddress && pointer <= size) {
      if (pointer + 3 > size) return null;
      bytes[start + POINTER] = pointer + 4;
      found.rrNeedsAddress = true;
    }
  }
  if (asked.ts !== 0) {
    const start = begin(asked.ts);
    found.ts = IPV4_HEADER_LENGTH + start;
    if (!echoTimestamp(ip, asked, found, bytes, start)) return null;
  }
  let firstHop = 0;
  if (asked.srr !== 0) firstHop = echoSourceRoute(skb, asked, found, bytes);
  if (asked.cipso !== 0) {
    found.cipso = IPV4_HEADER_LENGTH + bytes.length;
    begin(asked.cipso);
  }
  while (bytes.length % 4 !== 0) bytes.push(IPOPT_END);
  found.length = bytes.length;
  return { bytes: Uint8Array.from(bytes), found, firstHop };
}

function echoTimestamp(ip: IpStack, asked: IpOptions, found: IpOptions, bytes: number[], start: number): boolean {
  const size = bytes[start + LENGTH];
  let pointer = bytes[start + POINTER];
  if (pointer > size) return true;
  if (asked.tsNeedsAddress) {
    if (pointer + 3 > size) return false;
    found.tsNeedsAddress = true;
    pointer += 4;
  }
  if (asked.tsNeedsTime) {
    if (pointer + 3 > size) return false;
    if ((bytes[start + FLAGS] & 15) !== IPOPT_TS_PRESPEC) {
      found.tsNeedsTime = true;
      pointer += 4;
    } else if (pointer + 7 <= size) {
      const address = get32(Uint8Array.from(bytes.slice(start + pointer - 1, start + pointer + 3)), 0);
      if (ip.addressType(address) !== RTN_UNICAST) {
        found.tsNeedsTime = true;
        pointer += 8;
      }
    }
  }
  bytes[start + POINTER] = pointer;
  return true;
}

/**
 * The hops of a source route that were passed, the other way round; the last of them is where the answer goes first.
 */
function echoSourceRoute(skb: SkBuff, asked: IpOptions, found: IpOptions, bytes: number[]): number {
  const { data } = skb;
  const size = data[asked.srr + LENGTH];
  const hops: Uint8Array[] = [];
  const passed = Math.min(data[asked.srr + POINTER], size + 1) - 4;
  for (let pointer = passed; pointer > 3; pointer -= 4)
    hops.push(data.slice(asked.srr + pointer - 1, asked.srr + pointer + 3));
  if (hops.length === 0) return 0;
  const firstHop = get32(hops[0], 0);
  // A route that begins with the sender itself is mended (RFC 1812).
  if (get32(hops[hops.length - 1], 0) === get32(data, IPV4_SRC)) hops.pop();
  if (hops.length === 0) return 0;
  // The first hop goes to the header, and the destination comes to the end once the packet is made.
  hops.push(new Uint8Array(4));
  hops.shift();
  found.srr = IPV4_HEADER_LENGTH + bytes.length;
  found.strict = asked.strict;
  bytes.push(data[asked.srr], 3 + 4 * hops.length, 4, ...hops.flatMap((hop) => [...hop]));
  return firstHop;
}

/** Writes echoed options into a packet whose header has room for them. Models `ip_options_build()`. */
export function buildOptions(ip: IpStack, skb: SkBuff, echoed: EchoedOptions, destination: number): void {
  const { data } = skb;
  const { bytes, found } = echoed;
  data.set(bytes, IPV4_HEADER_LENGTH);
  if (found.srr !== 0) put32(data, found.srr + data[found.srr + LENGTH] - 4, destination);
  if (found.rrNeedsAddress) put32(data, found.rr + data[found.rr + POINTER] - 5, leavingAddress(ip, skb));
  if (found.tsNeedsAddress) put32(data, found.ts + data[found.ts + POINTER] - 9, leavingAddress(ip, skb));
  if (found.tsNeedsTime) put32(data, found.ts + data[found.ts + POINTER] - 5, ip.icmp.millisOfDay());
}
