/**
 * The forwarding information base: routing tables with longest-prefix match, and IPv4's part of the policy rules that
 * choose among them. Nexthop objects are not modelled.
 * Models net/ipv4/fib_trie.c (as hash tables by prefix length), fib_semantics.c and fib_rules.c.
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
import type { NetNamespace } from "../netns.js";
import { prefixMask } from "../wire/address.js";
import { setClassTag } from "./realms.js";
import {
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_NAT,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  type Rtable,
} from "./route.js";
import {
  MAX_ROUTE_MTU,
  type NexthopRequest,
  type PolicyRule,
  type Route,
  type RouteAddMode,
  type RouteMetrics,
  type RouteRequest,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
  RTPROT_KERNEL,
} from "./rtnetlink.js";
import {
  BLANK_RULE,
  checkEcn,
  FR_ACT_PROHIBIT,
  FR_ACT_TO_TBL,
  FR_ACT_UNREACHABLE,
  type RuleFamily,
  type RuleFlow,
  RuleList,
} from "./rules.js";

/** What was learned for one destination: a path MTU, a better first hop. Models `struct fib_nh_exception`. */
export interface PathException {
  /** 0: none. */
  mtu: number;
  /** 0: the route's own. */
  gateway: number;
  locked: boolean;
  expiresMicros: number;
  rtable: Rtable | null;
}

/** A route in its table, with its next hop and the decisions made from it. */
export class FibRoute implements Route {
  readonly table: number;
  readonly type: number;
  readonly dst: number;
  readonly prefixLength: number;
  readonly tos: number;
  readonly priority: number;
  readonly protocol: number;
  readonly scope: number;
  readonly prefsrc: number;
  readonly gateway: number;
  readonly dev: NetDevice | null;
  readonly onlink: boolean;
  readonly mtu: number;
  readonly mtuLocked: boolean;
  readonly metrics: RouteMetrics | null;
  readonly realms: number;
  /** Scope of the next hop: NOWHERE for addresses of this host, HOST for on-link, LINK for gateways. */
  readonly nexthopScope: number;
  /** The next hops of a route with several, each as the route that it would be alone; else null. */
  readonly paths: readonly FibRoute[] | null;
  readonly weight: number;
  /** The route of several next hops of which this is one; else null. */
  whole: FibRoute | null = null;
  /** A next hop whose device went down (`RTNH_F_DEAD`). */
  dead = false;
  /** The decision for packets that arrive and match. */
  rthInput: Rtable | null = null;
  /** The decisions for those whose source has a realm, by their class; Linux makes one for each packet. */
  rthInputByClass: Map<number, Rtable> | null = null;
  /** The decision for packets of this host. */
  rthOutput: Rtable | null = null;
  exceptions: Map<number, PathException> | null = null;

  constructor(
    route: Omit<Route, "linkdown" | "paths">,
    nexthopScope: number,
    paths: readonly FibRoute[] | null = null,
    weight = 1,
  ) {
    this.table = route.table;
    this.type = route.type;
    this.dst = route.dst;
    this.prefixLength = route.prefixLength;
    this.tos = route.tos;
    this.priority = route.priority;
    this.protocol = route.protocol;
    this.scope = route.scope;
    this.prefsrc = route.prefsrc;
    this.gateway = route.gateway;
    this.dev = route.dev;
    this.onlink = route.onlink;
    this.mtu = route.mtu;
    this.mtuLocked = route.mtuLocked;
    this.metrics = route.metrics;
    this.realms = route.realms;
    this.nexthopScope = nexthopScope;
    this.paths = paths;
    this.weight = weight;
    for (const path of paths ?? []) path.whole = this;
  }

  get linkdown(): boolean {
    return (
      this.dead || (this.dev !== null && this.nexthopScope !== RT_SCOPE_NOWHERE && this.dev.up && !this.dev.running)
    );
  }

  /**
   * Where packets go next, 0 for their own destination: a gateway that is an address of this host is none. Models what
   * `rt_set_nexthop()` asks.
   */
  get nexthop(): number {
    return this.nexthopScope === RT_SCOPE_LINK ? this.gateway : 0;
  }

  /** Whether two routes say the same about the way (`struct fib_info` equal, with type and scope). */
  sameAs(other: FibRoute): boolean {
    return (
      this.type === other.type &&
      this.scope === other.scope &&
      this.protocol === other.protocol &&
      this.prefsrc === other.prefsrc &&
      this.priority === other.priority &&
      this.gateway === other.gateway &&
      this.dev === other.dev &&
      this.onlink === other.onlink &&
      this.mtu === other.mtu &&
      this.realms === other.realms &&
      this.metrics?.text === other.metrics?.text &&
      samePaths(this.paths, other.paths)
    );
  }

  /** Whether it leads by a device. Models `fib_info_nh_uses_dev()`. */
  uses(dev: NetDevice): boolean {
    return this.paths === null ? this.dev === dev : this.paths.some((path) => path.dev === dev);
  }
}

function samePaths(a: readonly FibRoute[] | null, b: readonly FibRoute[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((path, i) => path.sameAs(b[i]) && path.weight === b[i].weight);
}

/** How many next hops of routes have realms. */
function countRealms(routes: readonly FibRoute[]): number {
  let count = 0;
  for (const route of routes) for (const { realms } of route.paths ?? [route]) if (realms !== 0) count++;
  return count;
}

/** What is asked of the tables. One object is reused by the IP layer, so that a lookup allocates nothing. */
export class Flow implements RuleFlow {
  dst = 0;
  src = 0;
  mark = 0;
  tos = 0;
  protocol = 0;
  sport = 0;
  dport = 0;
  uid = 0;
  /** Output device asked for, or null. */
  oif: NetDevice | null = null;
  /** Device the packet came by; null for packets of this host (the rules' `iif lo`). */
  iif: NetDevice | null = null;
  /** Least scope of routes that count. */
  scope = RT_SCOPE_UNIVERSE;
}

/** Whether a next hop may be taken. Models `fib_lookup_good_nhc()`. */
function usable(route: FibRoute, flow: Flow, ignoreLinkState: boolean): boolean {
  const dev = route.dev;
  if (dev === null) return true;
  if (route.dead || (flow.oif !== null && flow.oif !== dev)) return false;
  return ignoreLinkState || dev.running || dev.ipv4 === null || !dev.net.ip.ignoresLinkdown(dev.ipv4);
}

/** One routing table. */
class FibTable {
  readonly id: number;
  /** By prefix length: routes of each prefix, most preferred first. */
  readonly #byLength: (Map<number, FibRoute[]> | null)[] = Array.from({ length: 33 }, () => null);
  /** Prefix lengths that have routes, longest first. */
  #lengths: number[] = [];
  #masks: number[] = [];

  constructor(id: number) {
    this.id = id;
  }

  get empty(): boolean {
    return this.#lengths.length === 0;
  }

  /** The route a flow takes, or null. Refusing types are returned like others. Models `fib_table_lookup()`. */
  lookup(flow: Flow, ignoreLinkState: boolean): FibRoute | null {
    for (let i = 0; i < this.#lengths.length; i++) {
      const map = this.#byLength[this.#lengths[i]] as Map<number, FibRoute[]>;
      const routes = map.get((flow.dst & this.#masks[i]) >>> 0);
      if (routes === undefined) continue;
      for (let j = 0; j < routes.length; j++) {
        const route = routes[j];
        if (route.tos !== 0 && route.tos !== (flow.tos & TOS_MATCHED)) continue;
        if (route.scope < flow.scope) continue;
        if (route.paths !== null) {
          const path = this.#usablePath(route.paths, flow, ignoreLinkState);
          if (path === null) continue;
          // A device that was asked for leaves no choice.
          return flow.oif === null ? route : path;
        }
        if (!usable(route, flow, ignoreLinkState)) continue;
        return route;
      }
    }
    return null;
  }

  #usablePath(paths: readonly FibRoute[], flow: Flow, ignoreLinkState: boolean): FibRoute | null {
    for (let i = 0; i < paths.length; i++) if (usable(paths[i], flow, ignoreLinkState)) return paths[i];
    return null;
  }

  at(dst: number, prefixLength: number): FibRoute[] {
    return this.#byLength[prefixLength]?.get(dst) ?? [];
  }

  set(dst: number, prefixLength: number, routes: FibRoute[]): void {
    let map = this.#byLength[prefixLength];
    if (routes.length > 0) {
      if (map === null) {
        map = new Map();
        this.#byLength[prefixLength] = map;
      }
      map.set(dst, routes);
    } else if (map !== null) {
      map.delete(dst);
      if (map.size === 0) this.#byLength[prefixLength] = null;
    }
    this.#lengths = [];
    for (let length = 32; length >= 0; length--) if (this.#byLength[length] !== null) this.#lengths.push(length);
    this.#masks = this.#lengths.map(prefixMask);
  }

  /** In the trie's order: by destination, the longer prefix first. */
  list(): FibRoute[] {
    const all: FibRoute[] = [];
    for (const length of this.#lengths)
      for (const routes of (this.#byLength[length] as Map<number, FibRoute[]>).values()) all.push(...routes);
    // A stable sort: routes of one prefix stay in their order of preference.
    return all.sort((a, b) => a.dst - b.dst || b.prefixLength - a.prefixLength);
  }
}

/** Whether a route has the metrics that a request names. Models `fib_metrics_match()`. */
function hasMetrics({ metrics }: FibRoute, named: RouteMetrics | null | undefined): boolean {
  for (const [name, value] of named?.values ?? []) if (metrics?.values.get(name) !== value) return false;
  return true;
}

/** Whether a route has the next hops that a request names. Models `fib_nh_match()`. */
function sameNexthops(nexthops: readonly NexthopRequest[], route: FibRoute): boolean {
  if (nexthops.length === 0) return true;
  const paths = route.paths ?? [route];
  return (
    paths.length === nexthops.length &&
    paths.every(
      (path, i) =>
        (nexthops[i].dev ?? path.dev) === path.dev &&
        (nexthops[i].gateway ?? path.gateway) === path.gateway &&
        (nexthops[i].realms ?? path.realms) === path.realms,
    )
  );
}

/** The least scope that a type of route may have, and its refusal. Models `fib_props`. */
const PROPS: ReadonlyMap<number, { readonly scope: number; readonly error: number }> = new Map([
  [RTN_UNICAST, { scope: RT_SCOPE_UNIVERSE, error: 0 }],
  [RTN_LOCAL, { scope: RT_SCOPE_HOST, error: 0 }],
  [RTN_BROADCAST, { scope: RT_SCOPE_LINK, error: 0 }],
  [RTN_ANYCAST, { scope: RT_SCOPE_LINK, error: 0 }],
  [RTN_MULTICAST, { scope: RT_SCOPE_UNIVERSE, error: 0 }],
  [RTN_BLACKHOLE, { scope: RT_SCOPE_UNIVERSE, error: EINVAL }],
  [RTN_UNREACHABLE, { scope: RT_SCOPE_UNIVERSE, error: EHOSTUNREACH }],
  [RTN_PROHIBIT, { scope: RT_SCOPE_UNIVERSE, error: EACCES }],
  [RTN_THROW, { scope: RT_SCOPE_UNIVERSE, error: ENETUNREACH }],
  [RTN_NAT, { scope: RT_SCOPE_NOWHERE, error: EINVAL }],
]);

const BLANK: PolicyRule = { ...BLANK_RULE, src: 0, dst: 0, realms: null };

/**
 * The part of the TOS byte that rules and routes compare. Models `IPTOS_RT_MASK`, as `fib_dscp_masked_match()` has it.
 */
const TOS_MATCHED = 0x1c;

/** IPv4's part of the rules. Models `fib4_rules_ops_template`. */
const family = (emptyTable: () => number): RuleFamily<PolicyRule, Flow> => ({
  matches: (rule, flow) =>
    ((rule.src ^ flow.src) & prefixMask(rule.srcLength)) === 0 &&
    ((rule.dst ^ flow.dst) & prefixMask(rule.dstLength)) === 0 &&
    (rule.tos === 0 || rule.tos === (flow.tos & TOS_MATCHED)),
  sameAddresses(rule, request) {
    const { srcLength = 0, dstLength = 0, tos = 0, realms = null } = request;
    return (
      (srcLength === 0 || (rule.srcLength === srcLength && rule.src === request.src)) &&
      (dstLength === 0 || (rule.dstLength === dstLength && rule.dst === request.dst)) &&
      (tos === 0 || rule.tos === tos) &&
      (realms === null || (rule.realms ?? 0) === realms)
    );
  },
  /** A rule of table 0 gets the first table that is empty. */
  configure(rule) {
    checkTos(rule.tos);
    return rule.action === FR_ACT_TO_TBL && rule.table === 0 ? { ...rule, table: emptyTable() } : rule;
  },
});

function checkTos(tos: number): void {
  checkEcn(tos);
  if ((tos & ~TOS_MATCHED) !== 0) throw new SystemError(EINVAL, "Invalid tos");
}

export class Fib {
  readonly #net: NetNamespace;
  readonly #tables = new Map<number, FibTable>();
  readonly rules: RuleList<PolicyRule, Flow> = new RuleList(
    family(() => this.#emptyTable()),
    BLANK,
    [
      { ...BLANK, priority: 0, table: RT_TABLE_LOCAL, protocol: RTPROT_KERNEL },
      { ...BLANK, priority: 32766, table: RT_TABLE_MAIN, protocol: RTPROT_KERNEL },
      { ...BLANK, priority: 32767, table: RT_TABLE_DEFAULT, protocol: RTPROT_KERNEL },
    ],
  );
  /** Whether a person ever added a route to an address as this host's own. Models `fib_has_custom_local_routes`. */
  customLocalRoutes = false;
  /** Counts changes; a decision with another number is not valid any more. Models `rt_genid`. */
  genid = 1;
  /** Positive errno of the last {@link lookup} that gave null. */
  error = 0;
  /** The realms of the rule that the last {@link lookup} ended with. Models `fib_result.tclassid`. */
  tclassid = 0;
  #routesWithRealms = 0;
  #rulesHaveRealms = false;

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  /** Makes every decision taken so far invalid. */
  invalidate(): void {
    this.genid++;
  }

  #table(id: number): FibTable {
    let table = this.#tables.get(id);
    if (table === undefined) {
      table = new FibTable(id);
      this.#tables.set(id, table);
    }
    return table;
  }

  /**
   * The route that a flow takes through rules and tables; null with {@link error} set when there is none or it refuses.
   * Models `fib_lookup()`.
   */
  lookup(flow: Flow, ignoreLinkState = false): FibRoute | null {
    const { rules } = this;
    if (!rules.custom) return this.#withoutRules(flow, ignoreLinkState);
    for (let i = rules.next(flow, 0); i >= 0; i = rules.next(flow, i + 1)) {
      const rule = rules.at(i);
      this.tclassid = rule.realms ?? 0;
      if (rule.action !== FR_ACT_TO_TBL) {
        this.error =
          rule.action === FR_ACT_UNREACHABLE ? ENETUNREACH : rule.action === FR_ACT_PROHIBIT ? EACCES : EINVAL;
        return null;
      }
      const route = this.#tables.get(rule.table)?.lookup(flow, ignoreLinkState) ?? null;
      if (route === null || route.type === RTN_THROW) continue;
      if (route.type >= RTN_BLACKHOLE) return this.#refused(route);
      if (route.prefixLength <= rule.suppressPrefixLength) continue;
      // Of several next hops the first counts.
      if (route.dev !== null && route.dev.group === rule.suppressGroup) continue;
      return route;
    }
    this.tclassid = 0;
    this.error = ENETUNREACH;
    return null;
  }

  /** Whether a rule has a realm. */
  get rulesHaveRealms(): boolean {
    return this.#rulesHaveRealms;
  }

  /** Whether a route or a rule has a realm. Models `fib_num_tclassid_users()`. */
  get usesRealms(): boolean {
    return this.#routesWithRealms > 0 || this.#rulesHaveRealms;
  }

  /**
   * The next hop that a lookup of a route with several ended with, before a choice among them. Models `FIB_RES_NHC()`.
   */
  nexthopOf(route: FibRoute, flow: Flow): FibRoute {
    return route.paths?.find((path) => usable(path, flow, false)) ?? route;
  }

  /**
   * The class of a decision that a route keeps. Routes of a table that say the same keep one together (they are one
   * `struct fib_info`), so that the realms of the rule that first led to one of them stay. Models `rt_set_nexthop()`.
   */
  classOf(route: FibRoute, rule: number, kept: "rthInput" | "rthOutput"): number {
    if (!this.#rulesHaveRealms) return route.realms;
    const whole = route.whole ?? route;
    for (const other of this.routes(route.table)) {
      if (!other.sameAs(whole)) continue;
      const rt = (route.whole === null ? other : other.paths?.[route.whole.paths?.indexOf(route) ?? 0])?.[kept];
      if (rt?.genid === this.genid) return rt.tclassid;
    }
    return setClassTag(route.realms, rule);
  }

  /** What local and main say while they are one table: the longer prefix wins. Models `fib_trie_table()`'s alias. */
  #localOrMain(flow: Flow, ignoreLinkState: boolean): FibRoute | null {
    const local = this.#tables.get(RT_TABLE_LOCAL)?.lookup(flow, ignoreLinkState) ?? null;
    const main = this.#tables.get(RT_TABLE_MAIN)?.lookup(flow, ignoreLinkState) ?? null;
    return local === null || (main !== null && main.prefixLength > local.prefixLength) ? main : local;
  }

  /** A lookup while nobody made a rule. Models `fib_lookup()`. */
  #withoutRules(flow: Flow, ignoreLinkState: boolean): FibRoute | null {
    let route = this.#localOrMain(flow, ignoreLinkState);
    // A refusal is an answer; only a throw leads on.
    if (route === null || route.type === RTN_THROW)
      route = this.#tables.get(RT_TABLE_DEFAULT)?.lookup(flow, ignoreLinkState) ?? null;
    if (route === null) {
      this.error = ENETUNREACH;
      return null;
    }
    return route.type >= RTN_BLACKHOLE ? this.#refused(route) : route;
  }

  #refused(route: FibRoute): null {
    this.error = PROPS.get(route.type)?.error ?? EINVAL;
    return null;
  }

  /** A lookup in one table; null when it has no route. While nobody made a rule, local is one with main. */
  lookupTable(table: number, flow: Flow): FibRoute | null {
    if (table === RT_TABLE_LOCAL && !this.rules.custom) return this.#localOrMain(flow, true);
    return this.#tables.get(table)?.lookup(flow, true) ?? null;
  }

  // --- routes -----------------------------------------------------------------------------------------------------

  routes(table: number): FibRoute[] {
    return this.#tables.get(table)?.list() ?? [];
  }

  /** A table is there from its first route on, whatever became of it. */
  hasTable(id: number): boolean {
    return this.#tables.has(id);
  }

  tables(): number[] {
    return [...this.#tables.values()]
      .filter((table) => !table.empty)
      .map((table) => table.id)
      .sort((a, b) => a - b);
  }

  /** Checks a request as the kernel does and makes the route. Models `fib_create_info()`. */
  #create(request: RouteRequest): FibRoute {
    const type = request.type ?? RTN_UNICAST;
    const gateway = request.gateway ?? 0;
    const dev = request.dev ?? null;
    const onlink = request.onlink ?? false;
    const prefsrc = request.prefsrc ?? 0;
    const { dst, prefixLength } = request;
    if (prefixLength < 0 || prefixLength > 32) throw new SystemError(EINVAL, "Invalid prefix length");
    if ((dst & ~prefixMask(prefixLength)) !== 0)
      throw new SystemError(EINVAL, "Invalid prefix for given prefix length");
    const props = PROPS.get(type);
    if (props === undefined) throw new SystemError(EINVAL, "Invalid route type");
    const nexthops = request.nexthops ?? [];
    const scope =
      request.scope ??
      (type === RTN_LOCAL
        ? RT_SCOPE_HOST
        : type === RTN_BROADCAST ||
            type === RTN_MULTICAST ||
            type === RTN_ANYCAST ||
            (type === RTN_UNICAST && gateway === 0 && nexthops.length === 0)
          ? RT_SCOPE_LINK
          : RT_SCOPE_UNIVERSE);
    if (props.scope > scope) throw new SystemError(EINVAL, "Invalid scope");
    const make = (out: NetDevice | null, nexthopScope: number, paths: readonly FibRoute[] | null = null): FibRoute =>
      new FibRoute(
        {
          table: request.table || RT_TABLE_MAIN,
          type,
          dst,
          prefixLength,
          tos: request.tos ?? 0,
          priority: request.priority ?? 0,
          protocol: request.protocol ?? RTPROT_BOOT,
          scope,
          prefsrc,
          gateway,
          dev: out,
          onlink,
          mtu: Math.min(request.mtu ?? 0, MAX_ROUTE_MTU),
          mtuLocked: request.mtuLocked ?? false,
          metrics: request.metrics ?? null,
          realms: request.realms ?? 0,
        },
        nexthopScope,
        paths,
      );
    if (props.error !== 0) {
      if (gateway !== 0 || dev !== null || nexthops.length > 0)
        throw new SystemError(EINVAL, "Gateway, device and multipath can not be specified for this route type");
      return make(null, RT_SCOPE_NOWHERE);
    }
    if (scope > RT_SCOPE_HOST) throw new SystemError(EINVAL, "Invalid scope");
    if (nexthops.length > 0) return this.#createMultipath(request, nexthops, scope);
    let route: FibRoute;
    if (scope === RT_SCOPE_HOST) {
      if (gateway !== 0) throw new SystemError(EINVAL, "Route with host scope can not have a gateway");
      if (dev === null) throw new SystemError(ENODEV);
      route = make(dev, RT_SCOPE_NOWHERE);
    } else if (gateway !== 0) {
      route = this.#checkGateway(request, gateway, scope, onlink, make);
    } else {
      if (onlink) throw new SystemError(EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
      if (dev === null) throw new SystemError(ENODEV);
      if (!dev.up) throw new SystemError(ENETDOWN, "Device for nexthop is not up");
      route = make(dev, RT_SCOPE_HOST);
    }
    if (prefsrc !== 0 && (type !== RTN_LOCAL || dst === 0 || prefsrc !== dst)) {
      if (this.#net.ip.addressType(prefsrc) !== RTN_LOCAL) throw new SystemError(EINVAL, "Invalid prefsrc address");
    }
    return route;
  }

  /** A route with next hops of its own; one alone is as if it had been said plainly. Models `fib_get_nhs()`. */
  #createMultipath(request: RouteRequest, nexthops: readonly NexthopRequest[], scope: number): FibRoute {
    const { nexthops: _, gateway = 0, dev = null, realms = 0, ...rest } = request;
    const first = nexthops[0];
    if (dev !== null && first.dev !== dev) throw new SystemError(EINVAL, "Nexthop device index does not match RTA_OIF");
    if (gateway !== 0 && first.gateway !== gateway)
      throw new SystemError(EINVAL, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA");
    if (realms !== 0 && (first.realms ?? 0) !== realms)
      throw new SystemError(EINVAL, "Nexthop class id does not match RTA_FLOW");
    if (scope === RT_SCOPE_HOST && nexthops.length > 1)
      throw new SystemError(EINVAL, "Route with host scope can not have multiple nexthops");
    const paths = nexthops.map((nexthop) => {
      const alone = this.#create({ ...rest, ...nexthop, scope });
      return new FibRoute(alone, alone.nexthopScope, null, nexthop.weight ?? 1);
    });
    return paths.length === 1
      ? new FibRoute(paths[0], paths[0].nexthopScope)
      : new FibRoute(paths[0], paths[0].nexthopScope, paths);
  }

  /** Models `fib_check_nh_v4_gw()`. */
  #checkGateway(
    request: RouteRequest,
    gateway: number,
    scope: number,
    onlink: boolean,
    make: (dev: NetDevice, nexthopScope: number) => FibRoute,
  ): FibRoute {
    const dev = request.dev ?? null;
    if (onlink) {
      if (scope >= RT_SCOPE_LINK) throw new SystemError(EINVAL, "Nexthop has invalid scope");
      if (dev === null) throw new SystemError(ENODEV, "Nexthop device required for onlink");
      if (!dev.up) throw new SystemError(ENETDOWN, "Nexthop device is not up");
      if (this.#net.ip.addressType(gateway) !== RTN_UNICAST)
        throw new SystemError(EINVAL, "Nexthop has invalid gateway");
      return make(dev, RT_SCOPE_LINK);
    }
    const flow = new Flow();
    flow.dst = gateway;
    flow.oif = dev;
    flow.scope = Math.max(RT_SCOPE_LINK, scope + 1);
    let found: FibRoute | null = null;
    const table = request.table || RT_TABLE_MAIN;
    if (table !== RT_TABLE_MAIN) found = this.lookupTable(table, flow);
    found ??= this.lookup(flow, true);
    if (found === null) throw new SystemError(this.error, "Nexthop has invalid gateway");
    if (found.type !== RTN_UNICAST && found.type !== RTN_LOCAL)
      throw new SystemError(EINVAL, "Nexthop has invalid gateway");
    if (found.dev === null) throw new SystemError(EINVAL, "No egress device for nexthop");
    if (!found.dev.up) throw new SystemError(ENETDOWN);
    return make(found.dev, found.scope);
  }

  /** Models `fib_table_insert()`. */
  add(request: RouteRequest, mode: RouteAddMode = "add"): void {
    checkEcn(request.tos ?? 0);
    // The table comes into being whether or not the route is taken.
    const table = this.#table(request.table || RT_TABLE_MAIN);
    const route = this.#create(request);
    const routes = [...table.at(route.dst, route.prefixLength)];
    const samePlace = (other: FibRoute): boolean => other.tos === route.tos && other.priority === route.priority;
    const first = routes.findIndex(samePlace);
    if (first >= 0) {
      if (mode === "add") throw new SystemError(EEXIST);
      const match = routes.findIndex((other) => samePlace(other) && other.sameAs(route));
      if (mode === "replace" || mode === "change") {
        if (match >= 0) {
          if (match === first) return;
          throw new SystemError(EEXIST);
        }
        routes[first] = route;
        this.#set(table, route.dst, route.prefixLength, routes);
        this.invalidate();
        return;
      }
      if (match >= 0) throw new SystemError(EEXIST);
      let at = first;
      if (mode === "append") while (at < routes.length && samePlace(routes[at])) at++;
      routes.splice(at, 0, route);
    } else {
      if (mode === "change") throw new SystemError(ENOENT);
      let at = 0;
      while (
        at < routes.length &&
        (routes[at].tos > route.tos || (routes[at].tos === route.tos && routes[at].priority < route.priority))
      )
        at++;
      routes.splice(at, 0, route);
    }
    this.#set(table, route.dst, route.prefixLength, routes);
    this.invalidate();
  }

  /** Models `fib_table_delete()`. */
  delete(request: RouteRequest): void {
    const id = request.table || RT_TABLE_MAIN;
    const table = this.#tables.get(id);
    if (table === undefined) throw new SystemError(ESRCH, "FIB table does not exist");
    const { dst, prefixLength } = request;
    if ((dst & ~prefixMask(prefixLength)) !== 0)
      throw new SystemError(EINVAL, "Invalid prefix for given prefix length");
    const routes = table.at(dst, prefixLength);
    const at = routes.findIndex(
      (route) =>
        route.tos === (request.tos ?? 0) &&
        (request.type === undefined || route.type === request.type) &&
        (request.scope === undefined || request.scope === RT_SCOPE_NOWHERE || route.scope === request.scope) &&
        (request.priority === undefined || request.priority === 0 || route.priority === request.priority) &&
        (request.protocol === undefined || request.protocol === 0 || route.protocol === request.protocol) &&
        (request.prefsrc === undefined || request.prefsrc === 0 || route.prefsrc === request.prefsrc) &&
        (request.gateway === undefined || request.gateway === 0 || route.gateway === request.gateway) &&
        (request.dev === undefined || request.dev === null || route.dev === request.dev) &&
        (request.mtu === undefined || request.mtu === 0 || route.mtu === request.mtu) &&
        hasMetrics(route, request.metrics) &&
        // They count beside a gateway or a device only.
        (!request.realms || (!request.gateway && !request.dev) || route.realms === request.realms) &&
        sameNexthops(request.nexthops ?? [], route),
    );
    if (at < 0) throw new SystemError(ESRCH);
    this.#set(
      table,
      dst,
      prefixLength,
      routes.filter((_, i) => i !== at),
    );
    this.invalidate();
  }

  #set(table: FibTable, dst: number, prefixLength: number, routes: FibRoute[]): void {
    this.#routesWithRealms += countRealms(routes) - countRealms(table.at(dst, prefixLength));
    table.set(dst, prefixLength, routes);
  }

  /** Removes the routes that a test picks. Returns how many went. Models `fib_table_flush()`. */
  purge(doomed: (route: FibRoute) => boolean): number {
    let count = 0;
    for (const table of this.#tables.values())
      for (const route of table.list())
        if (doomed(route)) {
          const rest = table.at(route.dst, route.prefixLength).filter((other) => other !== route);
          this.#set(table, route.dst, route.prefixLength, rest);
          count++;
        }
    this.invalidate();
    return count;
  }

  /**
   * A device does not carry any more: its routes go, and of several next hops those by it are dead. With `all`, as when
   * the device's last address goes, so do the routes to its own addresses. Models `fib_sync_down_dev()`.
   */
  deviceDown(dev: NetDevice, all: boolean): void {
    const doomed = (route: FibRoute): boolean => route.dev === dev && (all || route.nexthopScope !== RT_SCOPE_NOWHERE);
    this.purge((route) => {
      if (route.paths === null) return doomed(route);
      for (const path of route.paths) if (doomed(path)) path.dead = true;
      return route.paths.every((path) => path.dead);
    });
  }

  /** A device carries again. Models `fib_sync_up()`. */
  deviceUp(dev: NetDevice): void {
    for (const table of this.#tables.values())
      for (const route of table.list()) for (const path of route.paths ?? []) if (path.dev === dev) path.dead = false;
    this.invalidate();
  }

  /** A route that follows from an address. Models `fib_magic()`. */
  magicRequest(type: number, dst: number, prefixLength: number, dev: NetDevice, local: number): RouteRequest {
    return {
      type,
      dst,
      prefixLength,
      dev,
      prefsrc: local,
      table: type === RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
      protocol: RTPROT_KERNEL,
      scope: type === RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    };
  }

  /** Adds a route that follows from an address; one that is there already is left. */
  magicAdd(request: RouteRequest): void {
    try {
      this.add(request, "append");
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  /** Removes a route that followed from an address, if it is there. */
  magicDelete(request: RouteRequest): void {
    try {
      this.delete(request);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  // --- rules ------------------------------------------------------------------------------------------------------

  addRule(request: Partial<PolicyRule>): void {
    this.rules.add(request);
    this.#rulesChanged();
  }

  /** Models `fib_empty_table()`: which thereby comes into being. */
  #emptyTable(): number {
    let id = 1;
    while (this.#tables.has(id)) id++;
    return this.#table(id).id;
  }

  deleteRule(request: Partial<PolicyRule>): void {
    this.rules.delete(request);
    this.#rulesChanged();
  }

  #rulesChanged(): void {
    this.#rulesHaveRealms = this.rules.list().some(({ realms }) => realms !== null && realms !== 0);
    this.invalidate();
  }
}
