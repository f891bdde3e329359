/**
 * IPv6's routes: in each table the longest prefix wins, of a prefix's routes those `from` the packet's source, then the
 * least metric, the router's preference and the device; of those that have gateways several share the flows. A host
 * passes over a router that was found not to answer while there is another way (RFC 4861, 6.3.6). The kernel keeps a
 * radix tree a table; here a sorted list.
 * Models net/ipv6/ip6_fib.c and the tables' part of net/ipv6/route.c.
 */

import type { NetDevice } from "../dev/device.js";
import {
  EACCES,
  EEXIST,
  EHOSTUNREACH,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  ENOENT,
  ESRCH,
  SystemError,
} from "../errno.js";
import type { NeighbourEntry } from "../ip/neighbour.js";
import {
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from "../ip/route.js";
import {
  MAX_ROUTE_MTU,
  type RouteAddMode,
  type RouteMetrics,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
} from "../ip/rtnetlink.js";
import { FR_ACT_PROHIBIT, FR_ACT_TO_TBL, FR_ACT_UNREACHABLE, type RuleList } from "../ip/rules.js";
import { compareWords, equalIPv6, maskIPv6, prefixMaskIPv6, samePrefixIPv6 } from "../wire/address.js";
import { commonPrefix, isLinkLocal, isUnspecified, type Words } from "./address.js";
import { Flow6, newRules6, type PolicyRule6 } from "./rules.js";

/** Metric of a route that says none. */
export const IP6_RT_PRIO_USER = 1024;
/** Metric of routes that follow from an address. */
export const IP6_RT_PRIO_ADDRCONF = 256;

/** What a route of IPv6 does: an `RTN_` number. */
export type Route6Type = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** What a router says of itself as a way out; `medium` where nothing is said. Models `ICMPV6_ROUTER_PREF_*`. */
export type RouterPreference = "low" | "medium" | "high";

/** A route of the least metric: the preference counts for more than the device. Models `IPV6_DECODE_PREF()`. */
const PREFERENCE_SCORES: Readonly<Record<RouterPreference, number>> = { low: 4, medium: 8, high: 12 };

/** One of several next hops to add. Models `struct rtnexthop`. */
export interface Nexthop6Request {
  readonly gateway?: Int32Array | null;
  readonly dev?: NetDevice | null;
  readonly onlink?: boolean;
  /** Its share, 1..256; default 1. */
  readonly weight?: number;
}

/** What a local sender hears of the types that refuse. Models `ip6_rt_type_to_error()`. */
const ERRORS: ReadonlyMap<number, number> = new Map([
  [RTN_BLACKHOLE, EINVAL],
  [RTN_UNREACHABLE, EHOSTUNREACH],
  [RTN_PROHIBIT, EACCES],
  [RTN_THROW, ENETUNREACH],
]);

/** A route to add. */
export interface Route6Request extends Nexthop6Request {
  readonly type?: Route6Type;
  readonly table?: number;
  readonly dst: Int32Array;
  readonly prefixLength: number;
  readonly metric?: number;
  readonly prefsrc?: Int32Array | null;
  readonly protocol?: number;
  /** Path MTU in bytes; 0: the device's. */
  readonly mtu?: number;
  readonly mtuLocked?: boolean;
  readonly metrics?: RouteMetrics | null;
  readonly nexthops?: readonly Nexthop6Request[];
  /** The sources that it is for; absent: all. */
  readonly src?: Int32Array;
  readonly srcLength?: number;
  readonly preference?: RouterPreference;
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
  /** The sources that it is for; of length 0, all. */
  readonly src: Int32Array;
  readonly srcLength: number;
  readonly preference: RouterPreference;
  /** {@link preference} as it is compared. */
  readonly score: number;
  readonly prefsrc: Int32Array | null;
  readonly protocol: number;
  readonly mtu: number;
  readonly mtuLocked: boolean;
  readonly metrics: RouteMetrics | null;
  readonly onlink: boolean;
  readonly weight: number;
  /** The routes that share its flows, itself among them, in order; null when it is alone. Models `fib6_siblings`. */
  siblings: readonly Route6[] | null = null;
  /** One of several next hops, whose device went down (`RTNH_F_DEAD`). */
  dead = false;
  /** The next hop that was asked for last. */
  neighbour: NeighbourEntry<Int32Array> | null = null;
  /** For the refusing types, the positive errno that a local sender sees; else 0. */
  readonly error: number;

  /** The route that a redirect changed into this one; null for those of the tables. Models `rt6_info.from`. */
  readonly from: Route6 | null;

  constructor(request: Route6Request, dev: NetDevice, from: Route6 | null = null) {
    this.from = from;
    this.type = request.type ?? RTN_UNICAST;
    this.table = request.table ?? RT_TABLE_MAIN;
    this.mask = prefixMaskIPv6(request.prefixLength);
    this.dst = maskIPv6(request.dst.slice(), request.prefixLength);
    this.srcLength = request.srcLength ?? 0;
    this.src = maskIPv6((request.src ?? IPV6_ANY).slice(), this.srcLength);
    this.prefixLength = request.prefixLength;
    this.gateway = request.gateway ?? null;
    this.dev = dev;
    // 0 stands for "unsaid" in a request; routes of local addresses have it, and say -1.
    const metric = request.metric ?? 0;
    this.metric = metric < 0 ? 0 : metric === 0 ? IP6_RT_PRIO_USER : metric;
    this.prefsrc = request.prefsrc ?? null;
    this.protocol = request.protocol ?? RTPROT_BOOT;
    this.mtu = Math.min(request.mtu ?? 0, MAX_ROUTE_MTU);
    this.mtuLocked = request.mtuLocked ?? false;
    this.metrics = request.metrics ?? null;
    this.onlink = request.onlink ?? false;
    this.weight = request.weight ?? 1;
    this.error = ERRORS.get(this.type) ?? 0;
    // What refuses has no preference.
    this.preference = this.error === 0 ? (request.preference ?? "medium") : "medium";
    this.score = PREFERENCE_SCORES[this.preference];
  }

  /** Whether packets are delivered to this host. */
  get local(): boolean {
    return this.type === RTN_LOCAL || this.type === RTN_ANYCAST;
  }

  /** Whether flows may be spread over it and others like it. Models `rt6_qualify_for_ecmp()`. */
  get qualifiesForEcmp(): boolean {
    return this.gateway !== null;
  }

  covers(address: Words): boolean {
    const { dst, mask } = this;
    for (let i = 0; i < 4; i++) if (((address[i] ^ dst[i]) & mask[i]) !== 0) return false;
    return true;
  }
}

const IPV6_ANY: Int32Array = new Int32Array(4);

/** How a new route meets those that are there: the flags of netlink's message. */
const MODES: Readonly<
  Record<RouteAddMode, { readonly create: boolean; readonly exclusive: boolean; readonly replace: boolean }>
> = {
  add: { create: true, exclusive: true, replace: false },
  append: { create: true, exclusive: false, replace: false },
  prepend: { create: true, exclusive: false, replace: false },
  replace: { create: true, exclusive: false, replace: true },
  change: { create: false, exclusive: false, replace: true },
};

export class Fib6 {
  readonly #tables = new Map<number, Route6[]>();
  readonly #local: Route6[];
  readonly #main: Route6[];
  /** The policy rules. Tables are asked in their order. */
  readonly rules: RuleList<PolicyRule6, Flow6> = newRules6();
  /**
   * Whether a rule was ever made. Deleting the first ones, unlike in IPv4, changes nothing. Models
   * `fib6_has_custom_rules`.
   */
  #customRules = false;
  /** What nobody takes: a refusal. Models `fib6_null_entry`. */
  readonly nullEntry: Route6;
  /** What rules refuse. Models `ip6_prohibit_entry` and `ip6_blk_hole_entry`. */
  readonly #prohibitEntry: Route6;
  readonly #blackholeEntry: Route6;
  /** Counts the changes: a decision taken at an earlier count is to be taken again. */
  genid = 0;

  constructor(loopback: NetDevice) {
    const refusal = { dst: IPV6_ANY, prefixLength: 0, metric: 0xffffffff };
    this.nullEntry = new (class extends Route6 {
      override readonly error: number = ENETUNREACH;
    })({ ...refusal, type: RTN_UNREACHABLE }, loopback);
    this.#prohibitEntry = new Route6({ ...refusal, type: RTN_PROHIBIT }, loopback);
    this.#blackholeEntry = new Route6({ ...refusal, type: RTN_BLACKHOLE }, loopback);
    this.#local = this.#table(RT_TABLE_LOCAL);
    this.#main = this.#table(RT_TABLE_MAIN);
  }

  #table(id: number): Route6[] {
    let list = this.#tables.get(id);
    if (list === undefined) {
      list = [];
      this.#tables.set(id, list);
    }
    return list;
  }

  /**
   * The best route for a flow through rules and tables, of several that share it the one that `choose` takes;
   * {@link nullEntry} when there is none. Allocates nothing. Models `fib6_rule_lookup()`.
   */
  lookup(flow: Flow6, choose: (route: Route6) => Route6 = itself): Route6 {
    const { rules } = this;
    if (!this.#customRules) {
      const local = find(this.#local, flow);
      if (local !== null && local.type !== RTN_THROW) return choose(local);
      const main = find(this.#main, flow);
      return main === null || main.type === RTN_THROW ? this.nullEntry : choose(main);
    }
    for (let i = rules.next(flow, 0); i >= 0; i = rules.next(flow, i + 1)) {
      const rule = rules.at(i);
      if (rule.action !== FR_ACT_TO_TBL)
        return rule.action === FR_ACT_UNREACHABLE
          ? this.nullEntry
          : rule.action === FR_ACT_PROHIBIT
            ? this.#prohibitEntry
            : this.#blackholeEntry;
      const list = this.#tables.get(rule.table);
      const best = list === undefined ? null : find(list, flow);
      if (best === null || best.type === RTN_THROW) continue;
      const route = choose(best);
      // What refuses is never suppressed.
      if (
        route.error === 0 &&
        (route.prefixLength <= rule.suppressPrefixLength || route.dev.group === rule.suppressGroup)
      )
        continue;
      return route;
    }
    return this.nullEntry;
  }

  /** The route that says that this host has an address, or null. Models `ipv6_chk_addr()`. */
  lookupLocal(address: Words, anycast = false): Route6 | null {
    const found = find(this.#local, towards(address, null));
    return found !== null && (anycast ? found.local : found.type === RTN_LOCAL) ? found : null;
  }

  /**
   * The route to an address by a router of a device's link, if there is one before any that refuses; null else. Models
   * `__ip6_route_redirect()`.
   */
  lookupVia(dst: Words, router: Words, dev: NetDevice): Route6 | null {
    for (const list of this.#tables.values())
      for (const route of list) {
        if (!route.covers(dst)) continue;
        if (route.error !== 0) break;
        if (!route.dead && route.dev === dev && route.gateway !== null && equalIPv6(route.gateway, router))
          return route;
      }
    return null;
  }

  /** Routes of a table in the order in which they are looked at. */
  routes(table: number): readonly Route6[] {
    return this.#tables.get(table) ?? [];
  }

  /** A table is there from its first route on, whatever became of it. */
  hasTable(id: number): boolean {
    return this.#tables.has(id);
  }

  /** The tables that are there, as `ip -6 route show table all` lists them: others by number, then main, then local. */
  tables(): number[] {
    const bucket = (id: number): number => id & 0xff;
    return [...this.#tables.keys()].sort((a, b) => bucket(a) - bucket(b) || a - b);
  }

  /**
   * Puts a route in its place. Throws EEXIST when an equal one is there, ENOENT when there is none to change. Models
   * `fib6_add_rt2node()`.
   */
  insert(route: Route6, mode: RouteAddMode = "append"): void {
    const { create, exclusive, replace } = MODES[mode];
    const list = this.#table(route.table);
    const node = list.filter((other) => sameKey(other, route));
    if (node.length === 0 && !create)
      throw new SystemError(ENOENT, hasNode(list, route) ? null : "Can not replace route - no match found");
    const rivals = node.filter((other) => other.metric === route.metric);
    if (exclusive && rivals.length > 0) throw new SystemError(EEXIST);
    const ecmp = route.qualifiesForEcmp;
    if (replace) {
      const old = rivals.find((other) => other.qualifiesForEcmp === ecmp) ?? rivals[0];
      if (old !== undefined) {
        list.splice(list.indexOf(old), 1, route);
        for (const other of old.siblings ?? []) if (other !== old) list.splice(list.indexOf(other), 1);
        this.genid++;
        return;
      }
      if (!create) throw new SystemError(ENOENT);
    } else if (rivals.some((other) => sameNexthop(other, route))) throw new SystemError(EEXIST);
    const at = list.findIndex((other) => compare(route, other) < 0);
    list.splice(at < 0 ? list.length : at, 0, route);
    if (!replace && ecmp) share(rivals.filter((other) => other.qualifiesForEcmp).concat(route));
    this.genid++;
  }

  /** Adds a route as a person asks for it, with rtnetlink's checks. Models `ip6_route_add()`. */
  add(request: Route6Request, loopback: NetDevice, mode: RouteAddMode = "add"): void {
    const { nexthops = [] } = request;
    if (nexthops.length === 0) {
      this.insert(this.#create(request, loopback), mode);
      return;
    }
    // Models `ip6_route_multipath_add()`: the first is added as was asked, the others beside it.
    const routes = nexthops.map((nexthop) => this.#create({ ...request, ...nexthop }, loopback));
    if (routes.some((route) => !route.qualifiesForEcmp))
      throw new SystemError(EINVAL, "Device only routes can not be added for IPv6 using the multipath API");
    if (routes.some((route, i) => routes.slice(0, i).some((other) => sameNexthop(other, route))))
      throw new SystemError(EEXIST);
    const done: Route6[] = [];
    try {
      for (const route of routes) {
        this.insert(route, done.length === 0 ? mode : "append");
        done.push(route);
      }
    } catch (error) {
      this.purge((route) => done.includes(route));
      throw error;
    }
  }

  /** Models `ip6_route_info_create()` and `fib6_nh_init()`. */
  #create(request: Route6Request, loopback: NetDevice): Route6 {
    const { type = RTN_UNICAST, gateway = null, prefsrc = null, onlink = false } = request;
    let dev = request.dev ?? null;
    const { table = RT_TABLE_MAIN } = request;
    // The table comes into being whether or not the route is taken.
    this.#table(table);
    if (onlink && dev === null) throw new SystemError(ENODEV, "Nexthop device required for onlink");
    // What refuses hangs on the loopback, which need not speak IPv6.
    const refuses = ERRORS.has(type);
    if (refuses) dev = loopback;
    if (gateway !== null && !onlink) {
      if (this.lookupLocal(gateway) !== null) throw new SystemError(EINVAL, "Gateway can not be a local address");
      if (dev === null && isLinkLocal(gateway)) throw new SystemError(EINVAL, "Invalid gateway address");
      const towards = this.#towards(gateway, dev, table);
      if (!isLinkLocal(gateway)) {
        if (towards.error !== 0 || towards.local) throw new SystemError(EHOSTUNREACH);
        // The way to a gateway must not lead by another gateway.
        if (towards.gateway !== null) throw new SystemError(EHOSTUNREACH);
        dev ??= towards.dev;
      }
    }
    if (gateway !== null && onlink && dev !== null) this.#checkOnlink(gateway, dev);
    if (dev === null) throw new SystemError(ENODEV);
    if (gateway !== null && dev === loopback)
      throw new SystemError(EINVAL, "Egress device can not be loopback device for this nexthop");
    if (!refuses && dev.ipv6?.conf.disabled === true)
      throw new SystemError(EACCES, "IPv6 is disabled on nexthop device");
    if (!dev.up) throw new SystemError(ENETDOWN, "Nexthop device is not up");
    if (prefsrc !== null && this.lookupLocal(prefsrc) === null) throw new SystemError(EINVAL, "Invalid source address");
    return new Route6(request, dev);
  }

  /** Deletes the first route that fits, and without a gateway those that share with it. Models `ip6_route_del()`. */
  delete(request: Route6Request): void {
    const { prefixLength, nexthops = [], dev = null, gateway = null, metric = 0, protocol = 0 } = request;
    if (nexthops.length > 0) {
      // Each is tried; of several errors the last is told. Models `ip6_route_multipath_del()`.
      let last: SystemError | null = null;
      for (const nexthop of nexthops)
        try {
          this.delete({ ...request, ...nexthop, nexthops: [] });
        } catch (error) {
          if (!(error instanceof SystemError)) throw error;
          last = error;
        }
      if (last !== null) throw last;
      return;
    }
    const list = this.#tables.get(request.table ?? RT_TABLE_MAIN);
    if (list === undefined) throw new SystemError(ESRCH, "FIB table does not exist");
    const wanted = new Route6(request, this.nullEntry.dev);
    const target = list.filter((route) => sameTarget(route, wanted));
    // Where there are routes for no sources, those for all are meant, whatever source is said.
    const bySource = wanted.srcLength > 0 && target.some((route) => route.srcLength > 0);
    const node = target.filter((route) => (bySource ? sameKey(route, wanted) : route.srcLength === 0));
    // Where the default route would be, a table has its refusal, which cannot be deleted.
    if (node.length === 0 && prefixLength === 0 && !bySource) node.push(this.nullEntry);
    const route = node.find(
      (each) =>
        (metric === 0 || metric === each.metric) &&
        (protocol === 0 || protocol === each.protocol) &&
        (dev === null || dev === each.dev) &&
        (gateway === null || (each.gateway !== null && equalIPv6(gateway, each.gateway))),
    );
    if (route === undefined) throw new SystemError(ESRCH);
    if (route === this.nullEntry) throw new SystemError(ENOENT);
    const doomed = gateway === null ? (route.siblings ?? [route]) : [route];
    this.purge((each) => doomed.includes(each));
  }

  /** Takes out every route that a test picks. Those that shared with them share among each other. */
  purge(doomed: (route: Route6) => boolean): void {
    this.genid++;
    for (const list of this.#tables.values())
      for (let i = list.length - 1; i >= 0; i--) {
        const route = list[i];
        if (!doomed(route)) continue;
        list.splice(i, 1);
        if (route.siblings !== null) share(route.siblings.filter((other) => other !== route));
        route.siblings = null;
      }
  }

  /**
   * A device does not carry any more: its routes go; of several next hops those by it are dead until it does. Models
   * `fib6_ifdown()`.
   */
  deviceDown(dev: NetDevice): void {
    for (const list of this.#tables.values())
      for (const route of list) if (route.siblings !== null && route.dev === dev) route.dead = true;
    this.purge((route) => route.dev === dev && (route.siblings?.every((other) => other.dead) ?? true));
  }

  /** Models `fib6_ifup()`. */
  deviceUp(dev: NetDevice): void {
    this.genid++;
    for (const list of this.#tables.values()) for (const route of list) if (route.dev === dev) route.dead = false;
  }

  /** No other device may lead to a gateway that is said to be on the link. Models `ip6_route_check_nh_onlink()`. */
  #checkOnlink(gateway: Int32Array, dev: NetDevice): void {
    const best = find(this.#main, towards(gateway, null));
    const own = find(this.#main, towards(gateway, dev));
    const route = own !== null && own.prefixLength === best?.prefixLength ? own : best;
    if (route === null || route.error !== 0 || isUnspecified(route.dst)) return;
    if (route.type !== RTN_UNICAST || route.dev !== dev)
      throw new SystemError(EINVAL, "Nexthop has invalid gateway or device mismatch");
  }

  /** Adds a rule, and the table that it names. Models `fib6_rule_configure()`. */
  addRule(request: Partial<PolicyRule6>): void {
    const { action, table } = this.rules.add(request);
    if (action === FR_ACT_TO_TBL) this.#table(table);
    this.#customRules = true;
    this.genid++;
  }

  deleteRule(request: Partial<PolicyRule6>): void {
    this.rules.delete(request);
    this.genid++;
  }

  /**
   * The way to a gateway: that of the new route's table, if it needs no other gateway. Models `ip6_route_check_nh()`.
   */
  #towards(gateway: Int32Array, dev: NetDevice | null, table: number): Route6 {
    const flow = towards(gateway, dev);
    const own = find(this.#tables.get(table) ?? [], flow);
    if (own !== null && own.error === 0 && own.gateway === null) return own;
    // Without rules of a person's own nothing goes on behind a table that throws the gateway out. Models fib6_lookup().
    const local = this.#customRules ? null : find(this.#local, flow);
    return local ?? this.lookup(flow);
  }
}

/** Makes these routes share flows; one alone takes them all. */
function share(routes: readonly Route6[]): void {
  for (const route of routes) route.siblings = routes.length > 1 ? routes : null;
}

/** Whether two routes stand at one node of the tree. */
function sameKey(a: Route6, b: Route6): boolean {
  return sameTarget(a, b) && a.srcLength === b.srcLength && equalIPv6(a.src, b.src);
}

/**
 * Whether the kernel's tree has a node for a route, be it without any: of its prefix, and below that, where it is
 * `from` a source, of the source's. Models what `fib6_add_1()` finds.
 */
function hasNode(list: readonly Route6[], route: Route6): boolean {
  const target = ({ dst, prefixLength }: Route6) => [dst, prefixLength] as const;
  const source = ({ src, srcLength }: Route6) => [src, srcLength] as const;
  if (!treeHasNode(list, target, route)) return false;
  const below = list.filter((other) => sameTarget(other, route));
  return treeHasNode(below, source, route);
}

/** Whether a radix tree of prefixes has a node for one: the root, a prefix that is there, or where two others part. */
function treeHasNode(
  list: readonly Route6[],
  prefixOf: (route: Route6) => readonly [prefix: Words, length: number],
  wanted: Route6,
): boolean {
  const [prefix, length] = prefixOf(wanted);
  if (length === 0) return true;
  const sides = new Set<boolean>();
  for (const route of list) {
    const [other, otherLength] = prefixOf(route);
    if (otherLength < length || commonPrefix(other, prefix) < length) continue;
    if (otherLength === length) return true;
    sides.add(((other[length >> 5] << (length & 31)) & 0x80000000) !== 0);
  }
  return sides.size === 2;
}

function sameTarget(a: Route6, b: Route6): boolean {
  return a.prefixLength === b.prefixLength && equalIPv6(a.dst, b.dst);
}

/** Models `rt6_duplicate_nexthop()`. */
function sameNexthop(a: Route6, b: Route6): boolean {
  if (a.dev !== b.dev || (a.gateway === null) !== (b.gateway === null)) return false;
  return a.gateway === null || b.gateway === null || equalIPv6(a.gateway, b.gateway);
}

/**
 * Long prefixes first (so that the first that fits is the best), then by address, by source likewise, and by metric.
 */
function compare(a: Route6, b: Route6): number {
  return (
    byPrefix(a.dst, a.prefixLength, b.dst, b.prefixLength) ||
    byPrefix(a.src, a.srcLength, b.src, b.srcLength) ||
    a.metric - b.metric
  );
}

function byPrefix(a: Int32Array, lengthOfA: number, b: Int32Array, lengthOfB: number): number {
  return lengthOfB - lengthOfA || compareWords(a, b);
}

const itself = (route: Route6): Route6 => route;

const asked = new Flow6();

/** A question by address and device alone. The same object each time. */
function towards(dst: Words, dev: NetDevice | null): Flow6 {
  asked.dst = dst;
  asked.oif = dev;
  asked.only = dev;
  return asked;
}

/**
 * The route of a table that a flow takes, or null. The search begins at the longest prefix that has routes for the
 * flow's source, or routes for all and none for some: where it has both, those for all count only once the way there
 * was barred. Where only routers lead there that do not answer, one of them will do. Models `fib6_table_lookup()` with
 * `fib6_node_lookup_1()` and `fib6_backtrack()`.
 */
function find(list: readonly Route6[], flow: Flow6): Route6 | null {
  const best = search(list, flow);
  const { failed } = flow;
  if (best !== null || failed === null) return best;
  flow.failed = null;
  const any = search(list, flow);
  flow.failed = failed;
  return any;
}

function search(list: readonly Route6[], flow: Flow6): Route6 | null {
  const { dst, src } = flow;
  let begun = false;
  for (let i = 0; i < list.length; ) {
    const route = list[i];
    if (!route.covers(dst)) {
      i++;
      continue;
    }
    // The node's routes for some sources come first, each source's together.
    let next = i;
    while (next < list.length && sameTarget(list[next], route)) {
      const from = next++;
      const { srcLength } = list[from];
      while (next < list.length && sameKey(list[next], list[from])) next++;
      if (srcLength > 0) {
        if (!samePrefixIPv6(list[from].src, src ?? IPV6_ANY, srcLength)) continue;
      } else if (from > i && !begun && route.prefixLength > 0) continue;
      begun = true;
      const best = select(list, from, next, flow);
      if (best !== null) return best;
    }
    i = next;
  }
  return null;
}

/** Of a node's routes the best: those of the least metric, if any will do, else any. Models `find_rr_leaf()`. */
function select(list: readonly Route6[], from: number, to: number, flow: Flow6): Route6 | null {
  let end = from + 1;
  while (end < to && list[end].metric === list[from].metric) end++;
  return mostWanted(list, from, end, flow) ?? mostWanted(list, end, to, flow);
}

/** Models `__find_rr_leaf()` with `rt6_score_route()`. */
function mostWanted(list: readonly Route6[], from: number, to: number, flow: Flow6): Route6 | null {
  const near = flow.iif ?? flow.oif;
  let best: Route6 | null = null;
  let most = -1;
  for (let i = from; i < to; i++) {
    const route = list[i];
    if (route.dead || barred(route, flow) || (flow.failed !== null && flow.failed(route))) continue;
    const score = route.score + (near === null || route.dev === near ? 2 : 0);
    if (score <= most) continue;
    best = route;
    most = score;
  }
  return best;
}

function barred(route: Route6, { only }: Flow6): boolean {
  if (only !== null && route.dev !== only) return true;
  // A group's route holds only for a device that is asked for; without one the first that is up will do.
  return route.type === RTN_MULTICAST && !route.dev.up;
}
