/** A routing decision, as kept on a packet. Models `struct rtable`, include/net/route.h. */
import type { NetDevice } from "../dev/device.js";

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
export const RTN_BROADCAST = 3;
export const RTN_MULTICAST = 5;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RTN_PROHIBIT = 8;
export type RouteType = 1 | 2 | 3 | 5 | 6 | 7 | 8;

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
}
