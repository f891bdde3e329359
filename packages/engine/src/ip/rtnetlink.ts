/**
 * What `ip addr`, `ip link`, `ip route`, `ip rule` and `ip neigh` ask of the IP layer: the records they print and the
 * changes they make. Refusals are thrown as {@link SystemError}, with the kernel's errno and its extended sentence.
 */
import type { NetDevice } from "../dev/device.js";
import type { InetAddress } from "../wire/address.js";
import type { RuleCore } from "./rules.js";

/** `scope` of addresses and routes. */
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_SITE = 200;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;

/** `proto` of routes: who made them. */
export const RTPROT_UNSPEC = 0;
export const RTPROT_REDIRECT = 1;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;

/** Numbers of the routing tables that always exist. */
export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** A further address of a subnet that the device already has. */
export const IFA_F_SECONDARY = 0x01;
/** IPv6: not looked for on the link (the lab looks for none). */
export const IFA_F_NODAD = 0x02;
/** IPv6: a mobile node's address at home (RFC 6275); Linux without mobile IPv6 makes nothing of it. */
export const IFA_F_HOMEADDRESS = 0x10;
/** No longer preferred: IPv6 takes it as a source when there is no other. */
export const IFA_F_DEPRECATED = 0x20;
/** It does not end by itself. */
export const IFA_F_PERMANENT = 0x80;
/** IPv6: temporary addresses come from it (the lab makes none). */
export const IFA_F_MANAGETEMPADDR = 0x100;
/** No route to its subnet comes with it. */
export const IFA_F_NOPREFIXROUTE = 0x200;

/** What `ip addr add`, `change` and `replace` say of an address besides its numbers. */
export interface AddressOptions {
  /** `IFA_F_*`; by itself an address is permanent. */
  readonly flags?: number;
  /** Of the route to its subnet; absent or 0: none for IPv4, 256 for IPv6. */
  readonly metric?: number;
  /** Whether an address that is there already is changed (`NLM_F_REPLACE`), which is EEXIST else. */
  readonly replace?: boolean;
}

/** An address of a device. Models `struct in_ifaddr`. */
export interface InterfaceAddress {
  readonly dev: NetDevice;
  readonly local: number;
  /** The prefix's address: equal to {@link local}, or the peer of a point-to-point address. */
  readonly peer: number;
  readonly prefixLength: number;
  /** 0 when it has none. */
  readonly broadcast: number;
  readonly scope: number;
  readonly label: string;
  /** Whether it has {@link IFA_F_SECONDARY}. */
  readonly secondary: boolean;
  /** `IFA_F_*`. */
  readonly flags: number;
  /** Of the route to its subnet; 0: none. */
  readonly metric: number;
}

/** `ip addr add`'s request. */
export interface AddressRequest extends AddressOptions {
  readonly local: number;
  readonly prefixLength: number;
  readonly peer?: number;
  /** Absent or 0: none (`ip addr add` sets none by itself). */
  readonly broadcast?: number;
  /** Default {@link RT_SCOPE_UNIVERSE} (host for 127/8, as iproute2 asks for). */
  readonly scope?: number;
  readonly label?: string;
}

/** One route of a table, as listed. Models `struct fib_alias` with its `struct fib_info`. */
export interface Route {
  readonly table: number;
  /** `RTN_*`. */
  readonly type: number;
  readonly dst: number;
  readonly prefixLength: number;
  readonly tos: number;
  readonly priority: number;
  readonly protocol: number;
  readonly scope: number;
  /** 0 when there is none. */
  readonly prefsrc: number;
  readonly gateway: number;
  /** Null for blackhole, unreachable, prohibit and throw. */
  readonly dev: NetDevice | null;
  readonly onlink: boolean;
  /** The device has no carrier: `linkdown` is printed. */
  readonly linkdown: boolean;
  /** `mtu` of the route; 0 when it has none. */
  readonly mtu: number;
  readonly mtuLocked: boolean;
  /** What else it says of connections; null: nothing. */
  readonly metrics: RouteMetrics | null;
  /** Realms that packets come from (high 16 bits) and go to (low ones); 0: none. Models `nh_tclassid`. */
  readonly realms: number;
  /** The next hops of a route that has several, else null: then gateway and device above are the first's. */
  readonly paths: readonly RoutePath[] | null;
}

/** The greatest MTU that a route may say. Models `ip_metrics_convert()`. */
export const MAX_ROUTE_MTU: number = 65_535 - 15;

/**
 * What a route says of the connections that take it, beside the MTU: who reads the words says what they are, the hosts
 * know two of them. Models `struct dst_metrics`.
 */
export interface RouteMetrics {
  /** As they are listed, each with a blank behind it. */
  readonly text: string;
  /** By name: a request that names some is about routes that have them. */
  readonly values: ReadonlyMap<string, string>;
  /** The TTL or hop limit of own packets; 0: the host's. */
  readonly hopLimit: number;
  /** The MSS that own SYNs offer at most; 0: what the MTU allows. */
  readonly advmss: number;
}

/** One of several next hops. Models `struct fib_nh`. */
export interface RoutePath {
  readonly gateway: number;
  readonly dev: NetDevice | null;
  readonly onlink: boolean;
  /** Its share, 1..256. */
  readonly weight: number;
  readonly realms: number;
  /** Its device went down: it is passed over until the device is up again. */
  readonly dead: boolean;
  readonly linkdown: boolean;
}

/** `nexthop ...` of `ip route add`. */
export interface NexthopRequest {
  readonly gateway?: number;
  readonly dev?: NetDevice | null;
  readonly onlink?: boolean;
  /** Default 1. */
  readonly weight?: number;
  readonly realms?: number;
}

/** `ip route add|del|...`'s request. */
export interface RouteRequest {
  readonly dst: number;
  readonly prefixLength: number;
  /** Default RTN_UNICAST. */
  readonly type?: number;
  /** Default main (local for RTN_LOCAL and RTN_BROADCAST is the caller's to say, as iproute2 does). */
  readonly table?: number;
  readonly gateway?: number;
  readonly dev?: NetDevice | null;
  readonly tos?: number;
  readonly priority?: number;
  /** Default RTPROT_BOOT, as `ip route add` sends. */
  readonly protocol?: number;
  /** Absent: link for a unicast route without gateway, host for local, universe else; nowhere when deleting. */
  readonly scope?: number;
  readonly prefsrc?: number;
  readonly onlink?: boolean;
  readonly mtu?: number;
  readonly mtuLocked?: boolean;
  readonly metrics?: RouteMetrics | null;
  readonly realms?: number;
  readonly nexthops?: readonly NexthopRequest[];
}

/**
 * How a new route meets the ones that are there: `add` refuses an equal one (EEXIST), `replace` takes its place or
 * adds, `change` takes its place or fails (ENOENT), `append` adds behind, `prepend` before.
 */
export type RouteAddMode = "add" | "replace" | "change" | "append" | "prepend";

/** A policy rule of IPv4. */
export interface PolicyRule extends RuleCore {
  readonly src: number;
  readonly dst: number;
  /** Realms for packets whose route has none of its own; null where none were named. Models `fib4_rule.tclassid`. */
  readonly realms: number | null;
}

/** Neighbour states as `ip neigh` names them. */
export type NeighbourState =
  | "INCOMPLETE"
  | "REACHABLE"
  | "STALE"
  | "DELAY"
  | "PROBE"
  | "FAILED"
  | "NOARP"
  | "PERMANENT"
  | "NONE";

/** One line of `ip neigh`. */
export interface Neighbour<A extends InetAddress = number> {
  readonly dev: NetDevice;
  readonly address: A;
  /** Null while unknown. */
  readonly mac: Uint8Array | null;
  readonly state: NeighbourState;
  /** Whether it said that it forwards packets; IPv6 only. */
  readonly router: boolean;
  readonly usedMicros: number;
  readonly confirmedMicros: number;
  readonly updatedMicros: number;
}

/** What `ip route get` asks. */
export interface RouteGetRequest {
  readonly dst: number;
  readonly src?: number;
  readonly mark?: number;
  readonly tos?: number;
  readonly oif?: NetDevice | null;
  /** With it the question is about a packet that arrives there. */
  readonly iif?: NetDevice | null;
  /** TCP, UDP or ICMP; UDP where it is not said. For rules and hashes that look at them. */
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Whose packet it would be, 0 where it is not said; nobody's with 0xffffffff. One that arrives is 0's. */
  readonly uid?: number;
}

/** The administration of one namespace's IP layer; `net.ip` implements it. */
export interface RtnetlinkApi {
  /** Addresses of one device or of all, in the kernel's order (primary before their secondaries). */
  addresses(dev?: NetDevice): InterfaceAddress[];
  /** EEXIST, EINVAL... With `replace` an address that is there is changed: its metric, and whether it is preferred. */
  addAddress(dev: NetDevice, request: AddressRequest): void;
  /** EADDRNOTAVAIL when there is no such address. Primaries take their secondaries with them. */
  deleteAddress(dev: NetDevice, request: AddressRequest): void;
  setUp(dev: NetDevice): void;
  setDown(dev: NetDevice): void;
  /** EINVAL outside the device's range. */
  setMtu(dev: NetDevice, mtu: number): void;

  /** Routes of a table (absent: main), in `ip route show`'s order. */
  routes(table?: number): Route[];
  /** Numbers of the tables that hold routes. */
  tables(): number[];
  /** Whether a table was ever used. */
  hasTable(table: number): boolean;
  addRoute(request: RouteRequest, mode?: RouteAddMode): void;
  /** ESRCH when no route fits the request. */
  deleteRoute(request: RouteRequest): void;
  /** Routes that `ip route get` would find. Throws ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL as the kernel answers. */
  routeGet(request: RouteGetRequest): RouteAnswer;

  rules(): readonly PolicyRule[];
  /** Whether a rule's goto leads to a rule. */
  ruleResolved(rule: PolicyRule): boolean;
  /** Absent priority: one less than the lowest after the local rule, as the kernel picks. EEXIST for an equal rule. */
  addRule(rule: Partial<PolicyRule>): void;
  /** ENOENT when none fits. */
  deleteRule(rule: Partial<PolicyRule>): void;

  neighbours(dev?: NetDevice): Neighbour[];
  /** `ip neigh replace`. */
  setNeighbour(dev: NetDevice, address: number, mac: Uint8Array, state: NeighbourState): void;
  /** ENOENT. */
  deleteNeighbour(dev: NetDevice, address: number): void;
  flushNeighbours(dev?: NetDevice): void;
}

/** `ip route get`'s answer. */
export interface RouteAnswer {
  readonly type: number;
  readonly dst: number;
  readonly src: number;
  /** Of the route that was found; 0: none is printed. */
  readonly tos: number;
  readonly gateway: number;
  readonly dev: NetDevice | null;
  readonly table: number;
  /** The route that was found; null for answers without one. */
  readonly route: Route | null;
  readonly mark: number;
  /** The answer's class: {@link Rtable.tclassid}. */
  readonly realms: number;
  /** Source to print after `src`; 0: none is printed. */
  readonly prefsrc: number;
  /** `cache` flags: `local`, `brd`, `mc`, ... */
  readonly flags: readonly string[];
  /** The route's own `mtu`, printed behind `cache`; 0 when it has none. */
  readonly mtu: number;
  /** What was learned of the destination, with its remaining seconds: the path's MTU or 0. Else null. */
  readonly pmtu: { readonly mtu: number; readonly expiresSeconds: number } | null;
}
