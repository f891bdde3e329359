/**
 * The IPv6 layer of one network namespace: addresses, routes, switches. input.ts, output.ts and icmp.ts hold the
 * packet's way. Models net/ipv6/addrconf.c here.
 */
import type { NetDevice } from "../dev/device.js";
import { EACCES, EADDRNOTAVAIL, EEXIST, EINVAL, SystemError } from "../errno.js";
import { HASH_FIELDS_ALL, HASH_FIELDS_DEFAULT } from "../ip/multipath-fields.js";
import { NeighbourTable } from "../ip/neighbour.js";
import { Peers } from "../ip/peers.js";
import { RTN_ANYCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from "../ip/route.js";
import {
  type AddressOptions,
  IFA_F_DEPRECATED,
  IFA_F_MANAGETEMPADDR,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  type RouteAddMode,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_KERNEL,
} from "../ip/rtnetlink.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { SysctlTable } from "../sysctl.js";
import { equalIPv6, formatIPv6, maskIPv6, parseIPv6, samePrefixIPv6 } from "../wire/address.js";
import { get32 } from "../wire/bytes.js";
import { ICMPV6_ADDR_UNREACH, ICMPV6_DEST_UNREACH } from "../wire/icmpv6.js";
import { IPV6_DST, IPV6_MIN_MTU, IPV6_NEXT_HEADER, IPV6_SRC, ipv6TrafficClass } from "../wire/ipv6.js";
import {
  commonPrefix,
  isLinkLocal,
  isLoopback6,
  isMulticast6,
  isUnspecified,
  labelOf,
  needsDevice,
  readInto,
  SCOPE_INTERFACE_LOCAL,
  SCOPE_LINK_LOCAL,
  SCOPE_SITE_LOCAL,
  scopeOf,
  type Words,
} from "./address.js";
import { Fib6, IP6_RT_PRIO_ADDRCONF, Route6, type Route6Request } from "./fib.js";
import { Icmp6 } from "./icmp.js";
import { DeviceConf6, type IfAddr6, InDevice6 } from "./indevice.js";
import { ip6Receive } from "./input.js";
import { dissect, multipathHash6, selectPath6 } from "./multipath.js";
import { ip6LocalOut, routeMeHarder6 } from "./output.js";
import { type DefragUser, type Fate, Fragments6 } from "./reassembly.js";
import { Flow6, type PolicyRule6 } from "./rules.js";

const LOOPBACK = parseIPv6("::1");
const ALL_GROUPS = parseIPv6("ff00::");
const LINK_PREFIX = parseIPv6("fe80::");

/** `net.ipv6.route.gc_interval`, after which Linux forgets what a redirect said. */
const REDIRECT_MICROS = 30_000_000;

type Redirects = Map<string, { readonly route: Route6; readonly expiresMicros: number }>;

/** What is known of a packet of this host when its way is asked for. */
export interface Towards6 {
  readonly dst: Words;
  /** Absent while the sender has none: then no rule with a `from` is for it. */
  readonly src?: Words | null;
  readonly oif?: NetDevice | null;
  /** Rules see that device, but routes by others will do, unless the address says nothing without its link. */
  readonly anyDevice?: boolean;
  /** With it the question is about a packet that arrives there. */
  readonly iif?: NetDevice | null;
  readonly mark?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Whose packet it is; where it is not said 0, or nobody's with {@link iif}. */
  readonly uid?: number;
  /** The packet that an error is about: of several ways the error goes that packet's. */
  readonly about?: SkBuff;
  /** The packet itself, once it is made: for rules that look at its protocol and ports. */
  readonly packet?: SkBuff;
}

/** IPv6 of one namespace: receives, routes, forwards, delivers and sends. */
export class Ip6Stack {
  readonly net: NetNamespace;
  readonly fib: Fib6;
  readonly icmp: Icmp6;
  readonly confAll: DeviceConf6 = new DeviceConf6();
  readonly confDefault: DeviceConf6 = new DeviceConf6();
  readonly fragments: Fragments6;
  readonly neighbourTable: NeighbourTable<Int32Array>;
  /** Who was told of errors and better ways. */
  readonly peers: Peers<string>;
  readonly #addressListeners: ((dev: NetDevice, address: Int32Array, added: boolean) => void)[] = [];

  /** `net.ipv6.fwmark_reflect`: what this host answers of its own accord carries the mark of what it answers. */
  #fwmarkReflect = 0;
  /** `net.ipv6.fib_multipath_hash_policy`. */
  multipathPolicy = 0;
  /** `net.ipv6.fib_multipath_hash_fields`. */
  multipathFields: number = HASH_FIELDS_DEFAULT;
  /** `net.ipv6.route.mtu_expires`, in seconds. */
  #mtuExpires = 600;
  /** What is asked of the routes, used over and over. */
  readonly #flow: Flow6 = new Flow6();
  /** The packet that they are asked about, where there is one. */
  #about: SkBuff | null = null;
  readonly #source: Int32Array = new Int32Array(4);
  readonly #destination: Int32Array = new Int32Array(4);

  /** Better first hops that routers told of, by destination. Models `struct rt6_exception`. */
  #redirects: Redirects | null = null;

  /** Path MTUs that routers told of, by destination. */
  readonly #pmtus = new Map<string, { readonly mtu: number; readonly expiresMicros: number }>();

  constructor(net: NetNamespace) {
    this.net = net;
    this.fib = new Fib6(net.loopback);
    this.peers = new Peers(net.clock);
    this.icmp = new Icmp6(this);
    this.fragments = new Fragments6(this);
    this.neighbourTable = new NeighbourTable(net, {
      key: (address) => formatIPv6(address),
      sender: (dev, _address, source) => this.#solicitSource(dev, source),
      isRouter: (dev) => dev.other?.ipv6?.conf.forwarding ?? false,
      linkFailure: (skb) => this.#linkFailure(skb),
      invalidate: () => this.fib.genid++,
    });
    this.#registerConf("all", this.confAll);
    this.#registerConf("default", this.confDefault);
    this.icmp.registerSysctls(net.sysctl);
    this.fragments.registerSysctls(net.sysctl);
    this.#registerInt("auto_flowlabels", 1);
    net.sysctl.registerInt(
      "net.ipv6.fwmark_reflect",
      () => this.#fwmarkReflect,
      (value) => {
        this.#fwmarkReflect = value;
      },
    );
    net.sysctl.registerInt(
      "net.ipv6.route.mtu_expires",
      () => this.#mtuExpires,
      (value) => {
        this.#mtuExpires = value;
      },
    );
    net.sysctl.registerInt(
      "net.ipv6.fib_multipath_hash_policy",
      () => this.multipathPolicy,
      (value) => {
        this.multipathPolicy = value;
      },
      0,
      3,
    );
    net.sysctl.registerInt(
      "net.ipv6.fib_multipath_hash_fields",
      () => this.multipathFields,
      (value) => {
        this.multipathFields = value;
      },
      1,
      HASH_FIELDS_ALL,
    );
  }

  /** The mark of what this host answers of its own accord to a packet. Models `IP6_REPLY_MARK()`. */
  replyMark(about: SkBuff): number {
    return this.#fwmarkReflect === 0 ? 0 : about.mark;
  }

  // --- the packet's way -------------------------------------------------------------------------------------------

  receive(skb: SkBuff, dev: NetDevice): void {
    ip6Receive(this, skb, dev);
  }

  /** Sends a packet made on this host; 0 or a negative errno. Models `ip6_local_out()`. */
  localOut(skb: SkBuff): number {
    return ip6LocalOut(this, skb);
  }

  /** Takes a fragment; see {@link Fragments6.defrag}. */
  defrag(skb: SkBuff, user: DefragUser): Fate {
    const { trace } = this.net;
    if (trace !== null) trace.enter(user === "local" ? "ipv6_frag_rcv" : "nf_ct_frag6_gather", null, skb);
    const fate = this.fragments.defrag(skb, user);
    if (trace !== null) trace.leave();
    return fate;
  }

  /** Routes a packet anew after a hook changed its addresses or mark; 0 or a negative errno. */
  routeMeHarder(skb: SkBuff): number {
    return routeMeHarder6(this, skb);
  }

  /** The route to an address that nobody says more about; its `error` says when there is none. */
  route(dst: Words, oif: NetDevice | null): Route6 {
    return this.routeOutput({ dst, oif });
  }

  /** The route of a packet that this host makes. Models `ip6_route_output_flags()`. */
  routeOutput(towards: Towards6): Route6 {
    const flow = this.#flow;
    flow.dst = towards.dst;
    flow.src = towards.src ?? null;
    flow.mark = towards.mark ?? 0;
    flow.trafficClass = towards.trafficClass ?? 0;
    flow.flowLabel = towards.flowLabel ?? 0;
    flow.protocol = towards.protocol ?? 0;
    flow.sport = towards.sport ?? 0;
    flow.uid = towards.uid ?? (towards.iif ? 0xffffffff : 0);
    flow.dport = towards.dport ?? 0;
    flow.iif = towards.iif ?? null;
    flow.oif = towards.oif ?? null;
    flow.only = towards.anyDevice === true && !needsDevice(flow.dst) ? null : flow.oif;
    flow.dissected = false;
    if (towards.packet !== undefined && this.fib.rules.looksAtPorts) dissect(flow, towards.packet);
    return this.#lookup(towards.about ?? null);
  }

  /**
   * The same for a sender that may leave the source open, and the source; null when no address serves. Where nothing
   * leads there without one, what would be chosen is tried. Models `ip6_dst_lookup_tail()`.
   */
  routeAndSource(towards: Towards6 & { readonly src?: Int32Array | null }): {
    readonly route: Route6;
    readonly src: Int32Array | null;
  } {
    const route = this.routeOutput(towards);
    const said = towards.src ?? null;
    if (said !== null) return { route, src: said };
    const src = this.sourceFor(route, towards.dst);
    return { route: route.error === 0 || src === null ? route : this.routeOutput({ ...towards, src }), src };
  }

  /** The route of a packet that arrived. Models `ip6_route_input()`. */
  routeInput(skb: SkBuff): Route6 {
    const { data } = skb;
    const flow = this.#flow;
    flow.dst = readInto(this.#destination, data, IPV6_DST);
    flow.src = readInto(this.#source, data, IPV6_SRC);
    flow.mark = skb.mark;
    flow.trafficClass = ipv6TrafficClass(data, 0);
    flow.flowLabel = get32(data, 0) & 0xfffff;
    flow.uid = 0;
    flow.iif = skb.iif;
    flow.oif = null;
    // What is sent to a group, a neighbour or the loopback concerns the device it came by.
    flow.only = needsDevice(flow.dst) ? skb.iif : null;
    flow.dissected = this.fib.rules.looksAtPorts;
    if (flow.dissected) dissect(flow, skb);
    else {
      flow.protocol = data[IPV6_NEXT_HEADER];
      flow.sport = 0;
      flow.dport = 0;
    }
    return this.#lookup(skb);
  }

  /**
   * The device that a packet of `peer` came by; over the loopback, the one whose address it is for, but the loopback
   * itself for ::1. Models `inet6_iif()`.
   */
  inputDevice(skb: SkBuff, peer: Words): NetDevice | null {
    return skb.iif === this.net.loopback && !isLoopback6(peer) ? (skb.dst6?.dev ?? null) : skb.iif;
  }

  #lookup(skb: SkBuff | null): Route6 {
    this.#about = skb;
    this.#flow.failed = this.confAll.forwarding ? null : this.#failed;
    const route = this.fib.lookup(this.#flow, this.#choose);
    this.#about = null;
    return this.#redirects === null ? route : this.#redirected(route, this.#redirects);
  }

  #redirected(route: Route6, redirects: Redirects): Route6 {
    const key = formatIPv6(this.#flow.dst);
    const better = redirects.get(key);
    if (better === undefined || better.route.from !== route) return route;
    if (this.net.clock.nowMicros < better.expiresMicros) return better.route;
    redirects.delete(key);
    return route;
  }

  /** The route that a redirect changed into one by `router`, if there is one. */
  redirectedTo(dst: Words, router: Words): Route6 | null {
    const better = this.#redirects?.get(formatIPv6(dst))?.route;
    const gateway = better?.gateway ?? null;
    return better !== undefined && gateway !== null && equalIPv6(gateway, router) ? better.from : null;
  }

  /** A router said that packets to `dst` had better go by `gateway`, or straight (null). */
  redirect(from: Route6, dst: Int32Array, gateway: Int32Array | null): void {
    const { table, metric, prefsrc, protocol, mtu, mtuLocked, preference } = from;
    const said = { dst, prefixLength: 128, gateway, table, metric, prefsrc, protocol, mtu, mtuLocked, preference };
    const expiresMicros = this.net.clock.nowMicros + REDIRECT_MICROS;
    this.#redirects ??= new Map();
    this.#redirects.set(formatIPv6(dst), { route: new Route6(said, from.dev, from), expiresMicros });
    this.fib.genid++;
  }

  /** Whether a route's router was found not to answer: a host looks for another. Models `rt6_score_route()`. */
  readonly #failed = ({ gateway, dev }: Route6): boolean =>
    gateway !== null && dev.needsNeighbour && this.neighbourTable.failed(dev, gateway);

  /** Of several next hops the flow's. Models `fib6_select_path()`. */
  readonly #choose = (route: Route6): Route6 => {
    if (route.siblings === null) return route;
    const flow = this.#flow;
    const chosen = selectPath6(route.siblings, multipathHash6(this, flow, this.#about));
    if (flow.failed !== null && flow.failed(chosen)) return route;
    return flow.only === null || chosen.dev === flow.only ? chosen : route;
  };

  /** The greatest packet that a route takes, in bytes. */
  mtuOf(route: Route6): number {
    return Math.max(IPV6_MIN_MTU, route.mtu > 0 ? route.mtu : route.dev.mtu);
  }

  /** The source of a packet to `dst` whose sender names none; null when no address serves. */
  sourceFor(route: Route6, dst: Words): Int32Array | null {
    return route.prefsrc ?? this.selectAddress(route.local ? null : route.dev, dst);
  }

  /** The greatest packet that reaches `dst`, as far as is known, in bytes. Models `ip6_mtu()` with its exceptions. */
  pathMtu(route: Route6, dst: Words): number {
    if (route.local) return this.net.loopback.mtu;
    const known = this.mtuOf(route);
    if (this.#pmtus.size === 0) return known;
    const learned = this.#pmtus.get(formatIPv6(dst));
    if (learned === undefined || this.net.clock.nowMicros >= learned.expiresMicros) return known;
    return Math.min(known, learned.mtu);
  }

  /** A router said how much its next link takes. Models `ip6_rt_update_pmtu()`; below 1280 nobody is believed. */
  updatePmtu(dst: Words, mtu: number): void {
    const route = this.route(dst, null);
    if (route.error !== 0 || route.local || mtu < IPV6_MIN_MTU || mtu >= this.pathMtu(route, dst)) return;
    const expiresMicros = this.net.clock.nowMicros + this.#mtuExpires * 1_000_000;
    this.#pmtus.set(formatIPv6(dst), { mtu, expiresMicros });
    this.fib.genid++;
  }

  /** The hop limit that packets of this host get on a route. Models `ip6_dst_hoplimit()`. */
  hopLimitOf(route: Route6): number {
    return route.metrics?.hopLimit || (route.dev.ipv6?.conf.hopLimit ?? 64);
  }

  // --- addresses --------------------------------------------------------------------------------------------------

  /** Whether this host has an address. Models `ipv6_chk_addr()`. */
  isLocalAddress(address: Words): boolean {
    return this.fib.lookupLocal(address) !== null;
  }

  /** The same, or one that it answers for as any other router of the link. Models `ipv6_chk_acast_addr_src()`. */
  hasAddress(address: Words): boolean {
    return this.fib.lookupLocal(address, true) !== null;
  }

  /** Whether a solicitation for an address, come to `dev`, is answered. Models `ndisc_recv_ns()`. */
  answersFor(dev: NetDevice, address: Words): boolean {
    if (dev.ipv6?.addresses.some((ifa) => equalIPv6(ifa.local, address)) ?? false) return true;
    return this.fib
      .routes(RT_TABLE_LOCAL)
      .some((route) => route.type === RTN_ANYCAST && route.dev === dev && equalIPv6(route.dst, address));
  }

  /** A packet's own source if it is an address of the device, else that of the link. Models `ndisc_solicit()`. */
  #solicitSource(dev: NetDevice, source: Words | null): Int32Array {
    const own = dev.ipv6?.addresses ?? [];
    const same = source === null ? undefined : own.find((ifa) => equalIPv6(ifa.local, source));
    return (same ?? own.find((ifa) => isLinkLocal(ifa.local)))?.local ?? new Int32Array(4);
  }

  /** A packet whose next hop was not found. Models `ip6_link_failure()`. */
  #linkFailure(skb: SkBuff): void {
    this.icmp.send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
    this.net.free(skb);
  }

  /** Whether a device listens to a group: the nodes' everywhere, the routers' where multicast is on. */
  listensTo(dev: NetDevice, group: Words): boolean {
    const scope = scopeOf(group);
    const id = group[3];
    if (((group[0] & 0xffff) | group[1] | group[2]) !== 0 || group[0] >>> 20 !== 0xff0) return false;
    const near = scope === SCOPE_INTERFACE_LOCAL || scope === SCOPE_LINK_LOCAL;
    if (id === 1) return near;
    const routes = id === 2 && (dev.ipv6?.conf.forwarding ?? false) && (dev.flags & 0x1000) !== 0;
    return routes && (near || scope === SCOPE_SITE_LOCAL);
  }

  /**
   * The address that a packet to `dst` has as its source when its sender names none: by scope, device, label and
   * longest common prefix (RFC 6724); null when there is none. Models `ipv6_dev_get_saddr()`.
   */
  selectAddress(out: NetDevice | null, dst: Words): Int32Array | null {
    const scope = scopeOf(dst);
    const label = labelOf(dst);
    const onlyOut = isMulticast6(dst) || scope <= SCOPE_LINK_LOCAL;
    let best: IfAddr6 | null = null;
    for (const dev of this.net.devices.values()) {
      if (dev.ipv6 === null || dev.ipv6.conf.disabled || (onlyOut && out !== null && dev !== out)) continue;
      for (const ifa of dev.ipv6.addresses) {
        if (isUnspecified(ifa.local) || isMulticast6(ifa.local)) continue;
        if (best === null || this.#better(ifa, best, out, dst, scope, label)) best = ifa;
      }
    }
    return best?.local ?? null;
  }

  #better(a: IfAddr6, b: IfAddr6, out: NetDevice | null, dst: Words, scope: number, label: number): boolean {
    const same = Number(equalIPv6(a.local, dst)) - Number(equalIPv6(b.local, dst));
    if (same !== 0) return same > 0;
    const [sa, sb] = [scopeOf(a.local), scopeOf(b.local)];
    // The least scope that reaches so far; where none does, the widest.
    const reach = (each: number): number => (each >= scope ? 1000 - each : each - 1000);
    if (sa !== sb) return reach(sa) > reach(sb);
    const preferred = (ifa: IfAddr6): boolean => (ifa.flags & IFA_F_DEPRECATED) === 0;
    if (preferred(a) !== preferred(b)) return preferred(a);
    if (out !== null && (a.dev === out) !== (b.dev === out)) return a.dev === out;
    const [la, lb] = [labelOf(a.local) === label, labelOf(b.local) === label];
    if (la !== lb) return la;
    const within = (ifa: IfAddr6): number => Math.min(commonPrefix(ifa.local, dst), ifa.prefixLength);
    return within(a) > within(b);
  }

  /** Called for each address added or removed. */
  onAddressChange(listener: (dev: NetDevice, address: Int32Array, added: boolean) => void): void {
    this.#addressListeners.push(listener);
  }

  addresses(dev?: NetDevice): IfAddr6[] {
    const owners = dev === undefined ? [...this.net.devices.values()] : [dev];
    return owners.flatMap((owner) => owner.ipv6?.addresses ?? []);
  }

  /**
   * Adds an address, or changes one that is there; the prefix length of one with a peer is that of the peer. Models
   * `inet6_addr_add()`.
   */
  addAddress(
    dev: NetDevice,
    local: Int32Array,
    prefixLength: number,
    peer: Int32Array | null = null,
    { flags = 0, metric = 0, replace = false }: AddressOptions = {},
  ): void {
    const inDev = this.#inDevice(dev);
    if (prefixLength < 0 || prefixLength > 128) throw new SystemError(EINVAL, "ipv6: Invalid prefix length");
    const other = peer === null || isUnspecified(peer) || equalIPv6(peer, local) ? null : peer;
    const same = inDev.addresses.find((ifa) => equalIPv6(ifa.local, local));
    if (same !== undefined && replace) {
      this.#changeAddress(same, other, flags, metric);
      return;
    }
    if (!managesTemporary(flags, prefixLength))
      throw new SystemError(EINVAL, 'ipv6: address with "mngtmpaddr" flag must have a prefix length of 64');
    if (inDev.conf.disabled) throw new SystemError(EACCES, "ipv6: IPv6 is disabled on this device");
    if (isUnspecified(local)) throw new SystemError(EADDRNOTAVAIL, "ipv6: Invalid address");
    if (isMulticast6(local))
      throw new SystemError(EADDRNOTAVAIL, 'ipv6: Cannot assign multicast address without "IFA_F_MCAUTOJOIN" flag');
    if (isLoopback6(local) && dev !== this.net.loopback)
      throw new SystemError(EADDRNOTAVAIL, "ipv6: Cannot assign loopback address on this device");
    if (same !== undefined) throw new SystemError(EEXIST, "ipv6: address already assigned");
    this.#assign(inDev, local, prefixLength, other, flags, metric);
  }

  #assign(
    inDev: InDevice6,
    local: Int32Array,
    prefixLength: number,
    peer: Int32Array | null = null,
    flags = 0,
    metric = 0,
  ): void {
    const scope = scopeOf(local);
    const ifa: IfAddr6 = {
      dev: inDev.dev,
      local,
      prefixLength,
      scope,
      peer,
      flags: IFA_F_PERMANENT | flags,
      metric,
    };
    inDev.insert(ifa);
    this.#routesOfAddress(inDev, ifa);
    for (const listener of this.#addressListeners) listener(inDev.dev, local, true);
  }

  /** Models `addrconf_join_anycast()`, `addrconf_prefix_route()` and `addrconf_f6i_alloc()`. */
  #routesOfAddress(inDev: InDevice6, ifa: IfAddr6): void {
    const { dev, local, prefixLength, peer } = ifa;
    const kernel = { protocol: RTPROT_KERNEL, dev };
    this.#insert({ ...kernel, type: RTN_LOCAL, table: RT_TABLE_LOCAL, dst: local, prefixLength: 128, metric: -1 });
    this.#anycastOf(inDev, ifa);
    if (!dev.up) return;
    const hasPrefix = prefixLength < 128 || dev !== this.net.loopback;
    if (hasPrefix && (ifa.flags & IFA_F_NOPREFIXROUTE) === 0) this.#addPrefixRoute(ifa, local, prefixLength);
    if (peer !== null) this.#addPrefixRoute(ifa, peer, 128);
  }

  /** The route that comes with an address, or with its peer. Models `addrconf_prefix_route()`. */
  #addPrefixRoute({ dev, metric }: IfAddr6, dst: Int32Array, prefixLength: number): void {
    if (!dev.up) return;
    this.#insert({
      protocol: RTPROT_KERNEL,
      dev,
      type: RTN_UNICAST,
      dst,
      prefixLength,
      metric: metric || IP6_RT_PRIO_ADDRCONF,
    });
  }

  /** What `ip addr replace` changes of an address that is there. Models `inet6_addr_modify()`. */
  #changeAddress(ifa: IfAddr6, peer: Int32Array | null, flags: number, metric: number): void {
    const { dev, local, prefixLength } = ifa;
    if (!managesTemporary(flags, prefixLength)) throw new SystemError(EINVAL);
    const hadRoute = (ifa.flags & IFA_F_NOPREFIXROUTE) === 0;
    if (peer !== null && (ifa.peer === null || !equalIPv6(peer, ifa.peer))) {
      if (ifa.peer !== null) this.#dropRoute(this.#prefixRoute(dev, ifa.peer, prefixLength));
      ifa.peer = peer;
    }
    ifa.flags = IFA_F_PERMANENT | flags;
    if (metric !== 0) ifa.metric = metric;
    if ((flags & IFA_F_NOPREFIXROUTE) === 0) {
      for (const dst of ifa.peer === null ? [local] : [local, ifa.peer])
        if (!hadRoute || !this.#changePrefixRoute(ifa, dst)) this.#addPrefixRoute(ifa, dst, prefixLength);
    } else if (hadRoute && !this.#sharesPrefix(ifa)) this.#dropRoute(this.#prefixRoute(dev, local, prefixLength));
  }

  /** Gives the route to a prefix an address's metric; false without a route. Models `modify_prefix_route()`. */
  #changePrefixRoute(ifa: IfAddr6, dst: Int32Array): boolean {
    const route = this.#prefixRoute(ifa.dev, dst, ifa.prefixLength);
    if (route === undefined) return false;
    if (route.metric !== (ifa.metric || IP6_RT_PRIO_ADDRCONF)) {
      this.#dropRoute(route);
      this.#addPrefixRoute(ifa, dst, ifa.prefixLength);
    }
    return true;
  }

  #dropRoute(dropped: Route6 | undefined): void {
    if (dropped !== undefined) this.fib.purge((route) => route === dropped);
  }

  /** Whether its device has another address of the same prefix. */
  #sharesPrefix(ifa: IfAddr6): boolean {
    const { dev, local, prefixLength } = ifa;
    return this.addresses(dev).some(
      (other) =>
        other !== ifa && other.prefixLength === prefixLength && samePrefixIPv6(other.local, local, prefixLength),
    );
  }

  /** A router answers for the address of each of its subnets. */
  #anycastOf(inDev: InDevice6, { dev, local, prefixLength }: IfAddr6): void {
    if (!inDev.conf.forwarding || prefixLength >= 127) return;
    const dst = maskIPv6(local.slice(), prefixLength);
    if (isUnspecified(dst)) return;
    this.#insert({
      protocol: RTPROT_KERNEL,
      dev,
      type: RTN_ANYCAST,
      table: RT_TABLE_LOCAL,
      dst,
      prefixLength: 128,
      metric: -1,
    });
  }

  /** Adds a route of the kernel's own; one that is there already serves. */
  #insert(request: Route6Request & { readonly dev: NetDevice }): void {
    try {
      this.fib.insert(new Route6(request, request.dev));
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EEXIST) throw error;
    }
  }

  deleteAddress(dev: NetDevice, local: Int32Array, prefixLength: number): void {
    const inDev = this.#inDevice(dev);
    const ifa = inDev.addresses.find((other) => equalIPv6(other.local, local) && other.prefixLength === prefixLength);
    if (ifa === undefined) throw new SystemError(EADDRNOTAVAIL, "ipv6: address not found");
    this.#remove(inDev, ifa);
  }

  #remove(inDev: InDevice6, ifa: IfAddr6): void {
    const { dev, local, prefixLength, peer } = ifa;
    inDev.addresses = inDev.addresses.filter((other) => other !== ifa);
    const shared = this.#sharesPrefix(ifa);
    const without = shared || (ifa.flags & IFA_F_NOPREFIXROUTE) !== 0;
    const prefixRoute = without ? undefined : this.#prefixRoute(dev, local, prefixLength);
    this.fib.purge((route) => {
      if (route === prefixRoute) return true;
      if (route.dev !== dev || route.protocol !== RTPROT_KERNEL) return false;
      if (route.type === RTN_LOCAL) return equalIPv6(route.dst, local);
      if (peer !== null && route.prefixLength === 128 && equalIPv6(route.dst, peer)) return true;
      if (shared || route.type === RTN_MULTICAST) return false;
      return route.type === RTN_ANYCAST && samePrefixIPv6(route.dst, local, prefixLength);
    });
    for (const listener of this.#addressListeners) listener(dev, local, false);
  }

  /**
   * The route that goes with an address: the first to its prefix by its device, whoever made it. Models
   * `addrconf_get_prefix_route()`.
   */
  #prefixRoute(dev: NetDevice, address: Int32Array, prefixLength: number): Route6 | undefined {
    return this.fib
      .routes(RT_TABLE_MAIN)
      .find(
        (route) =>
          route.dev === dev &&
          route.gateway === null &&
          route.srcLength === 0 &&
          route.prefixLength === prefixLength &&
          samePrefixIPv6(route.dst, address, prefixLength),
      );
  }

  #flushAddresses(dev: NetDevice): void {
    const inDev = this.#inDevice(dev);
    while (inDev.addresses.length > 0) this.#remove(inDev, inDev.addresses[0]);
  }

  #inDevice(dev: NetDevice): InDevice6 {
    if (dev.ipv6 === null) throw new SystemError(EINVAL);
    return dev.ipv6;
  }

  // --- devices ----------------------------------------------------------------------------------------------------

  deviceAdded(dev: NetDevice): void {
    const conf = new DeviceConf6(this.confDefault.values);
    dev.ipv6 = new InDevice6(dev, conf);
    this.#registerConf(dev.name, conf);
  }

  deviceRemoved(dev: NetDevice): void {
    this.#flushAddresses(dev);
    this.fib.purge((route) => route.dev === dev);
    this.neighbourTable.flush(dev, true);
    for (const file of this.confDefault.values.keys()) this.net.sysctl.unregister(`net.ipv6.conf.${dev.name}.${file}`);
    dev.ipv6 = null;
  }

  /**
   * A device was set up: the loopback gets ::1, an Ethernet device its link-local address. Models `addrconf_notify()`.
   */
  setUp(dev: NetDevice): void {
    const inDev = this.#inDevice(dev);
    if (inDev.conf.disabled) return;
    this.fib.deviceUp(dev);
    if (dev === this.net.loopback) {
      if (inDev.addresses.length === 0) this.#assign(inDev, LOOPBACK, 128);
      return;
    }
    this.#insert({
      protocol: RTPROT_KERNEL,
      dev,
      type: RTN_MULTICAST,
      table: RT_TABLE_LOCAL,
      dst: ALL_GROUPS,
      prefixLength: 8,
      metric: IP6_RT_PRIO_ADDRCONF,
    });
    for (const ifa of inDev.addresses) this.#routesOfAddress(inDev, ifa);
    const linkLocal = inDev.conf.values.get("addr_gen_mode") === 0 && dev.mac !== null ? eui64(dev.mac) : null;
    if (linkLocal !== null && !inDev.addresses.some((ifa) => isLinkLocal(ifa.local)))
      this.#assign(inDev, linkLocal, 64);
  }

  /** A device was set down: its addresses and routes go. Models `addrconf_ifdown()`. */
  setDown(dev: NetDevice): void {
    if (dev.ipv6 === null) return;
    this.#flushAddresses(dev);
    this.fib.deviceDown(dev);
    this.neighbourTable.flush(dev, true);
  }

  // --- routes -----------------------------------------------------------------------------------------------------

  addRoute(request: Route6Request, mode: RouteAddMode = "add"): void {
    this.fib.add(request, this.net.loopback, mode);
  }

  deleteRoute(request: Route6Request): void {
    this.fib.delete(request);
  }

  /** Forgets what was learned of destinations. */
  flushCache(): void {
    this.#redirects = null;
    this.#pmtus.clear();
    this.fib.genid++;
  }

  routes(table: number = RT_TABLE_MAIN): readonly Route6[] {
    return this.fib.routes(table);
  }

  // --- rules ------------------------------------------------------------------------------------------------------

  addRule(request: Partial<PolicyRule6>): void {
    this.fib.addRule(request);
  }

  deleteRule(request: Partial<PolicyRule6>): void {
    this.fib.deleteRule(request);
  }

  // --- switches ---------------------------------------------------------------------------------------------------

  /** Writing conf.all sets every device, and for two switches what new ones get. */
  #write(name: string, conf: DeviceConf6, file: string, value: number): void {
    const { disabled } = conf;
    conf.set(file, value);
    if (name === "all" && (file === "forwarding" || file === "disable_ipv6")) {
      if (file === "forwarding") this.confDefault.set(file, value);
      for (const dev of this.net.devices.values())
        if (dev.ipv6 !== null) this.#write(dev.name, dev.ipv6.conf, file, value);
      if (file === "disable_ipv6") this.confDefault.set(file, value);
      return;
    }
    const inDev = this.net.devices.get(name)?.ipv6;
    if (inDev === undefined || inDev === null || inDev.conf !== conf) return;
    if (file === "disable_ipv6") {
      if (conf.disabled === disabled) return;
      if (conf.disabled) this.setDown(inDev.dev);
      else if (inDev.dev.up) this.setUp(inDev.dev);
    } else if (file === "forwarding") {
      this.fib.purge((route) => route.type === RTN_ANYCAST && route.dev === inDev.dev);
      for (const ifa of inDev.addresses) this.#anycastOf(inDev, ifa);
    }
  }

  #registerConf(name: string, conf: DeviceConf6): void {
    for (const file of conf.values.keys())
      this.net.sysctl.registerInt(
        `net.ipv6.conf.${name}.${file}`,
        () => conf.values.get(file) ?? 0,
        (value) => this.#write(name, conf, file, value),
      );
  }

  /** A number that is kept: nothing in the engine asks for it. */
  #registerInt(file: string, value: number): void {
    let current = value;
    const table: SysctlTable = this.net.sysctl;
    table.registerInt(
      `net.ipv6.${file}`,
      () => current,
      (next) => {
        current = next;
      },
    );
  }
}

/** Whether an address may have its flags: temporary ones come from prefixes of 64 bits only. */
function managesTemporary(flags: number, prefixLength: number): boolean {
  return (flags & IFA_F_MANAGETEMPADDR) === 0 || prefixLength === 64;
}

/** The link-local address that a MAC address makes. Models `addrconf_ifid_eui48()`. */
function eui64(mac: Uint8Array): Int32Array {
  const words = LINK_PREFIX.slice();
  words[2] = ((mac[0] ^ 2) << 24) | (mac[1] << 16) | (mac[2] << 8) | 0xff;
  words[3] = (0xfe << 24) | (mac[3] << 16) | (mac[4] << 8) | mac[5];
  return words;
}
