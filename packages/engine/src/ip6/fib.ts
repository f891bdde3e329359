/**
 * IPv6's routes: in each table the longest prefix wins, among equal ones the least metric. The kernel keeps a radix
 * tree a table; here a sorted list. Multipath, router preference and source routes (`from`) are not modelled.
 * Models net/ipv6/ip6_fib.c and the tables' part of net/ipv6/route.c.
 */

import type { NetDevice } from "../dev/device.js";
import { EACCES, EEXIST, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ESRCH, SystemError } from "../errno.js";
import type { NeighbourEntry } from "../ip/neighbour.js";
import {
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from "../ip/route.js";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_BOOT, RTPROT_KERNEL } from "../ip/rtnetlink.js";
import { equalIPv6, prefixMaskIPv6 } from "../wire/address.js";
import { isLinkLocal, type Words } from "./address.js";

/** Metric of a route that says none. */
export const IP6_RT_PRIO_USER = 1024;
/** Metric of routes that follow from an address. */
export const IP6_RT_PRIO_ADDRCONF = 256;

/** What a route of IPv6 does: an `RTN_` number. */
export type Route6Type = 1 | 2 | 4 | 5 | 6 | 7 | 8;

/** A route to add. */
export interface Route6Request {
  readonly type?: Route6Type;
  readonly table?: number;
  readonly dst: Int32Array;
  readonly prefixLength: number;
  readonly gateway?: Int32Array | null;
  readonly dev?: NetDevice | null;
  readonly metric?: number;
  readonly prefsrc?: Int32Array | null;
  readonly protocol?: number;
  /** Path MTU in bytes; 0: the device's. */
  readonly mtu?: number;
  readonly onlink?: boolean;
}

/** A route, and the decision that it is for a packet. Models `struct fib6_info` with `struct rt6_info`. */
export class Route6 {
  readonly type: Route6Type;
  readonly table: number;
  readonly dst: Int32Array;
  readonly mask: Int32Array;
  readonly prefixLength: number;
  /** The next hop; null when the destination is on-link. */
  readonly gateway: Int32Array | null;
  /** The device to leave by; for {@link RTN_LOCAL} the one that has the address. */
  readonly dev: NetDevice;
  readonly metric: number;
  readonly prefsrc: Int32Array | null;
  readonly protocol: number;
  readonly mtu: number;
  /** The next hop that was asked for last. */
  neighbour: NeighbourEntry<Int32Array> | null = null;
  /** For the refusing types, the positive errno that a local sender sees; else 0. */
  readonly error: number;

  constructor(request: Route6Request, dev: NetDevice) {
    this.type = request.type ?? RTN_UNICAST;
    this.table = request.table ?? RT_TABLE_MAIN;
    this.mask = prefixMaskIPv6(request.prefixLength);
    this.dst = request.dst.map((word, i) => word & this.mask[i]);
    this.prefixLength = request.prefixLength;
    this.gateway = request.gateway ?? null;
    this.dev = dev;
    // 0 stands for "unsaid" in a request; routes of local addresses have it, and say -1.
    const metric = request.metric ?? 0;
    this.metric = metric < 0 ? 0 : metric === 0 ? IP6_RT_PRIO_USER : metric;
    this.prefsrc = request.prefsrc ?? null;
    this.protocol = request.protocol ?? RTPROT_BOOT;
    this.mtu = request.mtu ?? 0;
    this.error =
      this.type === RTN_BLACKHOLE
        ? EINVAL
        : this.type === RTN_PROHIBIT
          ? EACCES
          : this.type === RTN_UNREACHABLE
            ? EHOSTUNREACH
            : 0;
  }

  /** Whether packets are delivered to this host. */
  get local(): boolean {
    return this.type === RTN_LOCAL || this.type === RTN_ANYCAST;
  }

  covers(address: Words): boolean {
    const { dst, mask } = this;
    for (let i = 0; i < 4; i++) if (((address[i] ^ dst[i]) & mask[i]) !== 0) return false;
    return true;
  }
}

export class Fib6 {
  readonly #tables = new Map<number, Route6[]>();
  /** Tables in the order in which they are asked. */
  #order: Route6[][];
  /** What nobody takes: a refusal. Models `fib6_null_entry`. */
  readonly nullEntry: Route6;
  /** Counts the changes: a decision taken at an earlier count is to be taken again. */
  genid = 0;

  constructor(loopback: NetDevice) {
    this.nullEntry = new (class extends Route6 {
      override readonly error: number = ENETUNREACH;
    })({ type: RTN_UNREACHABLE, dst: new Int32Array(4), prefixLength: 0, metric: 0xffffffff }, loopback);
    this.#order = [this.#table(RT_TABLE_LOCAL), this.#table(RT_TABLE_MAIN)];
  }

  #table(id: number): Route6[] {
    let list = this.#tables.get(id);
    if (list === undefined) {
      list = [];
      this.#tables.set(id, list);
    }
    return list;
  }

  /** The best route to an address, by `oif` if that is given; {@link nullEntry} when there is none. Allocates nothing. */
  lookup(address: Words, oif: NetDevice | null): Route6 {
    for (let i = 0; i < this.#order.length; i++) {
      const found = find(this.#order[i], address, oif);
      if (found !== null) return found;
    }
    return this.nullEntry;
  }

  /** The route that says that this host has an address, or null. Models `ipv6_chk_addr()`. */
  lookupLocal(address: Words): Route6 | null {
    const found = find(this.#order[0], address, null);
    return found !== null && found.type === RTN_LOCAL ? found : null;
  }

  /** Routes of a table in the order in which they are listed. */
  routes(table: number): readonly Route6[] {
    return this.#tables.get(table) ?? [];
  }

  /** The tables that have routes, main first, as `ip -6 route show table all` lists them. */
  tables(): number[] {
    return [RT_TABLE_MAIN, ...[...this.#tables.keys()].filter((id) => id !== RT_TABLE_MAIN)];
  }

  /** Puts a route in its place. Throws EEXIST when an equal one is there. */
  insert(route: Route6): void {
    const list = this.#table(route.table);
    const same = list.find((other) => sameKey(other, route) && other.metric === route.metric);
    if (same !== undefined && sameNexthop(same, route)) throw new SystemError(EEXIST);
    if (same !== undefined && route.table === RT_TABLE_MAIN && route.protocol !== RTPROT_KERNEL)
      throw new SystemError(EEXIST);
    const at = list.findIndex((other) => compare(route, other) < 0);
    list.splice(at < 0 ? list.length : at, 0, route);
    this.genid++;
  }

  /** Adds a route as a person asks for it, with rtnetlink's checks. */
  add(request: Route6Request, loopback: NetDevice): void {
    const { type = RTN_UNICAST, gateway = null } = request;
    let dev = request.dev ?? null;
    if (type === RTN_BLACKHOLE || type === RTN_PROHIBIT || type === RTN_UNREACHABLE) dev = loopback;
    if (gateway !== null && request.onlink !== true) {
      if (this.lookupLocal(gateway) !== null) throw new SystemError(EINVAL, "Gateway can not be a local address");
      if (dev === null && isLinkLocal(gateway)) throw new SystemError(EINVAL, "Invalid gateway address");
      const towards = this.lookup(gateway, dev);
      if (!isLinkLocal(gateway)) {
        if (towards.error !== 0 || towards.local) throw new SystemError(EHOSTUNREACH, "No route to host");
        // The way to a gateway must not lead by another gateway.
        if (towards.gateway !== null) throw new SystemError(EHOSTUNREACH);
        dev ??= towards.dev;
      }
    }
    if (dev === null) throw new SystemError(ENODEV);
    if (!dev.up) throw new SystemError(ENETDOWN, "Nexthop device is not up");
    this.insert(new Route6(request, dev));
  }

  /** Deletes the first route that fits. */
  delete(request: Route6Request): void {
    const list = this.#table(request.table ?? RT_TABLE_MAIN);
    const wanted = new Route6(request, request.dev ?? this.nullEntry.dev);
    const at = list.findIndex(
      (route) =>
        sameKey(route, wanted) &&
        (request.metric === undefined || request.metric === route.metric) &&
        (request.dev === undefined || request.dev === null || request.dev === route.dev) &&
        (request.type === undefined || request.type === route.type) &&
        (request.gateway === undefined ||
          request.gateway === null ||
          (route.gateway !== null && equalIPv6(request.gateway, route.gateway))),
    );
    if (at < 0) throw new SystemError(ESRCH);
    list.splice(at, 1);
    this.genid++;
  }

  /** Takes out every route that a test picks. */
  purge(doomed: (route: Route6) => boolean): void {
    this.genid++;
    for (const list of this.#tables.values())
      for (let i = list.length - 1; i >= 0; i--) if (doomed(list[i])) list.splice(i, 1);
  }
}

function sameKey(a: Route6, b: Route6): boolean {
  return a.prefixLength === b.prefixLength && equalIPv6(a.dst, b.dst);
}

function sameNexthop(a: Route6, b: Route6): boolean {
  if (a.dev !== b.dev || (a.gateway === null) !== (b.gateway === null)) return false;
  return a.gateway === null || b.gateway === null || equalIPv6(a.gateway, b.gateway);
}

/** Long prefixes first (so that the first that fits is the best), then by address, then by metric. */
function compare(a: Route6, b: Route6): number {
  if (a.prefixLength !== b.prefixLength) return b.prefixLength - a.prefixLength;
  for (let i = 0; i < 4; i++) if (a.dst[i] !== b.dst[i]) return (a.dst[i] >>> 0) - (b.dst[i] >>> 0);
  return a.metric - b.metric;
}

function find(list: readonly Route6[], address: Words, oif: NetDevice | null): Route6 | null {
  for (let i = 0; i < list.length; i++) {
    const route = list[i];
    if (!route.covers(address)) continue;
    if (oif !== null && route.dev !== oif && route.type !== RTN_LOCAL) continue;
    // A group's route holds only for a device that is asked for; without one the first that is up will do.
    if (route.type === RTN_MULTICAST && !route.dev.up) continue;
    return route;
  }
  return null;
}
