/** A routing decision, as kept on a packet. Models `struct rtable`, include/net/route.h. */
import type { NetDevice } from "../dev/device.js";
import type { FibRoute } from "./fib.js";
import type { NeighbourEntry } from "./neighbour.js";

export const RTN_UNSPEC = 0;
export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_ANYCAST = 4;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export const RTN_THROW = 9;
/** Of kernels before 2.6; what is left of it is that routes of this type are refused. */
export const RTN_NAT = 10;

/** What a route does with a packet: one of the `RTN_` numbers above that a lookup can end in. */
export type RouteType = 1 | 2 | 3 | 5 | 6 | 7 | 8;

/** What a route lookup found: `struct rtable`, as far as it is needed. */
export interface RouteResult {
  readonly type: RouteType;
  /** The device to leave by; the loopback for RTN_LOCAL output; null for the refusing types. */
  readonly dev: NetDevice | null;
  /** The next hop's IPv4 address as an unsigned 32-bit number; 0 when the destination is on-link. */
  readonly gateway: number;
  /** The source address a local sender without one gets. */
  readonly prefsrc: number;
  /** Path MTU in bytes. */
  readonly mtu: number;
  /** The realms that the packet comes from (high 16 bits) and goes to (low ones). Models `dst->tclassid`. */
  readonly tclassid: number;
}

/** What becomes of a packet that arrived with a decision. */
export const DST_OUTPUT_ONLY = 0;
export const DST_LOCAL_DELIVER = 1;
export const DST_FORWARD = 2;
export const DST_ERROR = 3;

/** A decision with what the IP layer itself needs. Shared by packets; invalid once {@link genid} is not the FIB's. */
export class Rtable implements RouteResult {
  readonly type: RouteType;
  readonly dev: NetDevice | null;
  readonly gateway: number;
  prefsrc = 0;
  mtu: number;
  /** `DST_*`: where an arriving packet goes. */
  readonly input: 0 | 1 | 2 | 3;
  /** For {@link DST_ERROR}: the positive errno. */
  readonly error: number;
  /** The route it comes from; null for decisions without one (errors, on-link assumptions). */
  readonly route: FibRoute | null;
  readonly genid: number;
  /** The next hop, once looked up; only for decisions with a gateway. */
  neighbour: NeighbourEntry | null = null;
  /** The device that a packet over the loopback counts as come by: that of its address. Models `rt_iif`. */
  inputDevice: NetDevice | null = null;
  tclassid = 0;
  /** A path MTU learned from ICMP must not be lowered further by fragments (`lock`). */
  mtuLocked = false;
  /** A router said that this gateway is a better one. Models `RTCF_REDIRECTED`. */
  redirected = false;

  constructor(
    type: RouteType,
    dev: NetDevice | null,
    gateway: number,
    mtu: number,
    input: 0 | 1 | 2 | 3,
    error: number,
    route: FibRoute | null,
    genid: number,
  ) {
    this.type = type;
    this.dev = dev;
    this.gateway = gateway;
    this.mtu = mtu;
    this.input = input;
    this.error = error;
    this.route = route;
    this.genid = genid;
  }
}

/** The device that a packet for a socket came by. Models `inet_iif()`. */
export function inetIif(skb: { readonly dst: RouteResult | null; readonly iif: NetDevice | null }): NetDevice | null {
  return (skb.dst as Rtable | null)?.inputDevice ?? skb.iif;
}
