/**
 * The IPv4 layer of one network namespace: receive, route, forward, deliver, output, ICMP. This file joins the parts
 * and holds the addresses; input.ts, output.ts, icmp.ts and routing.ts hold the packet's way.
 * Models net/ipv4/devinet.c and fib_frontend.c here; ip_input.c, ip_forward.c, ip_output.c, route.c, icmp.c there.
 */
import type { NetDevice } from "../dev/device.js";
import { EADDRNOTAVAIL, EEXIST, EINVAL, SystemError } from "../errno.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { prefixMask } from "../wire/address.js";
import { Fib, Flow } from "./fib.js";
import { FragmentQueues } from "./fragment.js";
import { GlobalLimit } from "./global-limit.js";
import { Icmp } from "./icmp.js";
import { CONF_FILES, DeviceConf, IfAddr, InDevice } from "./indevice.js";
import { ipReceive } from "./input.js";
import { NeighbourTable } from "./neighbour.js";
import { describeOutput, IdentGenerator, ipLocalOut } from "./output.js";
import { Peers } from "./peers.js";
import {
  type RouteResult,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  type Rtable,
} from "./route.js";
import { Routing } from "./routing.js";
import {
  type AddressRequest,
  IFA_F_DEPRECATED,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  type InterfaceAddress,
  type Neighbour,
  type NeighbourState,
  type PolicyRule,
  type Route,
  type RouteAddMode,
  type RouteAnswer,
  type RouteGetRequest,
  type RouteRequest,
  RT_SCOPE_HOST,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  type RtnetlinkApi,
} from "./rtnetlink.js";
import { Snmp } from "./snmp.js";

/** Interface of the engine's IP layer that hooks, tables, NAT and sockets use; implemented in this folder. */
export interface IpApi {
  /** A packet arrives from a device. Models `ip_rcv()`. The stack owns the packet. */
  receive(skb: SkBuff, dev: NetDevice): void;
  /**
   * Sends a packet made on this host: fills total length, checksum (and id when 0 by the kernel's rules), passes
   * OUTPUT, routes again when a hook changed what routing depends on, passes POSTROUTING. Returns 0 or a negative
   * errno (-1 EPERM for a DROP). Models `ip_local_out()`.
   */
  localOut(skb: SkBuff): number;
  /** Longest-prefix routing of an outgoing packet; null: no route. Models `ip_route_output_key()`. */
  routeOutput(dst: number, src: number, mark: number, oif: NetDevice | null): RouteResult | null;
  /** Sends an ICMP error about `about`, subject to the kernel's rules and rate limits. Models `icmp_send()`. */
  icmpSend(about: SkBuff, type: number, code: number, info: number): void;
  /** Routes a packet anew after a hook changed its addresses or mark. Models `ip_route_me_harder()`. 0 or -errno. */
  routeMeHarder(skb: SkBuff): number;
  /** The kind of an address: `RTN_*`. Models `inet_addr_type()` (with `dev`: `inet_dev_addr_type()`). */
  addressType(address: number, dev?: NetDevice): number;
  /**
   * The primary address a device has for packets to `dst` (scope aware); 0 when it has none. Models
   * `inet_select_addr()`.
   */
  selectAddress(dev: NetDevice, dst: number): number;
  /** Called for each address added or removed and each device going down (MASQUERADE forgets its entries). */
  onAddressChange(listener: (dev: NetDevice, address: InterfaceAddress, added: boolean) => void): void;
  onDeviceDown(listener: (dev: NetDevice) => void): void;
}

/** Whether an address is in 224.0.0.0/4. */
export function isMulticast(address: number): boolean {
  return address >>> 28 === 14;
}

/** Whether an address is in 127.0.0.0/8. */
export function isLoopback(address: number): boolean {
  return address >>> 24 === 127;
}

/** IPv4 of one namespace: receives, routes, forwards, delivers and sends. */
export class IpStack implements IpApi, RtnetlinkApi {
  readonly net: NetNamespace;
  readonly fib: Fib;
  readonly routing: Routing;
  readonly neighbourTable: NeighbourTable;
  readonly icmp: Icmp;
  /** How many errors may go in all, IPv6's among them. */
  readonly errorLimit: GlobalLimit;
  /** Who was told of errors and better ways. */
  readonly peers: Peers<number>;
  readonly fragments: FragmentQueues;
  readonly idents: IdentGenerator = new IdentGenerator();
  /** The counters of /proc/net/snmp. */
  readonly snmp: Snmp = new Snmp();
  readonly confAll: DeviceConf = new DeviceConf();
  readonly confDefault: DeviceConf = new DeviceConf();
  /** `net.ipv4.ip_default_ttl`. */
  defaultTtl = 64;
  /** `net.ipv4.ip_early_demux`. */
  earlyDemux = true;
  /** `net.ipv4.ip_forward_use_pmtu`. */
  forwardUsePmtu = false;
  /** `net.ipv4.ip_nonlocal_bind`. */
  nonlocalBind = false;
  /** `net.ipv4.fwmark_reflect`: what this host answers of its own accord carries the mark of what it answers. */
  fwmarkReflect = false;
  readonly #addressListeners: ((dev: NetDevice, address: InterfaceAddress, added: boolean) => void)[] = [];
  readonly #downListeners: ((dev: NetDevice) => void)[] = [];
  readonly #flow = new Flow();

  constructor(net: NetNamespace) {
    this.net = net;
    this.fib = new Fib(net);
    this.routing = new Routing(this);
    this.neighbourTable = new NeighbourTable(net, {
      key: (address) => address,
      sender: (dev, address, source) =>
        source !== null && this.isLocalAddress(source) ? source : this.selectAddress(dev, address),
      isRouter: () => false,
      linkFailure: (skb) => this.linkFailure(skb),
      invalidate: () => this.fib.invalidate(),
    });
    this.errorLimit = new GlobalLimit(net.clock);
    this.peers = new Peers(net.clock);
    this.icmp = new Icmp(this);
    this.fragments = new FragmentQueues(net);
    this.confDefault.acceptSourceRoute = 1;
    this.#registerSysctls();
  }

  // --- the packet's way -------------------------------------------------------------------------------------------

  receive(skb: SkBuff, dev: NetDevice): void {
    ipReceive(this, skb, dev);
  }

  localOut(skb: SkBuff): number {
    return ipLocalOut(this, skb);
  }

  routeOutput(dst: number, src: number, mark: number, oif: NetDevice | null): RouteResult | null {
    return this.routing.output(dst, src, mark, 0, oif);
  }

  /** Positive errno of the last {@link routeOutput} that gave null: ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL... */
  get routeError(): number {
    return this.routing.error;
  }

  icmpSend(about: SkBuff, type: number, code: number, info: number): void {
    this.icmp.send(about, type, code, info);
  }

  routeMeHarder(skb: SkBuff): number {
    const { trace } = this.net;
    if (trace !== null) trace.enter("ip_route_me_harder", null, skb);
    const error = this.routing.meHarder(skb);
    if (trace !== null) {
      trace.note({ kind: "route", result: error === 0 ? describeOutput(skb.dst as Rtable) : "none" });
      trace.leave();
    }
    return error;
  }

  /**
   * Puts fragments together. Returns the packet itself when it is whole, the whole packet when this was the missing
   * piece, null when the piece is kept. `user` separates conntrack's queues from delivery's. Models `ip_defrag()`.
   */
  defrag(skb: SkBuff, user: "local" | "conntrack-in" | "conntrack-out"): SkBuff | null {
    const { trace } = this.net;
    if (trace !== null) trace.enter("ip_defrag", null, skb);
    const whole = this.fragments.defrag(skb, user);
    if (trace !== null) trace.leave();
    return whole;
  }

  /** A packet whose next hop was not found. Models `ipv4_link_failure()`. */
  linkFailure(skb: SkBuff): void {
    this.icmp.linkFailure(skb);
    this.net.free(skb);
  }

  // --- addresses --------------------------------------------------------------------------------------------------

  addressType(address: number, dev?: NetDevice): number {
    if (address === 0 || address === 0xffffffff) return RTN_BROADCAST;
    if (isMulticast(address)) return RTN_MULTICAST;
    const flow = this.#flow;
    flow.dst = address;
    const route = this.fib.lookupTable(RT_TABLE_LOCAL, flow);
    // A route that refuses says nothing of the address.
    if (route === null || route.type >= RTN_BLACKHOLE || (dev !== undefined && route.dev !== dev)) return RTN_UNICAST;
    return route.type;
  }

  /** Whether this host owns an address. */
  isLocalAddress(address: number): boolean {
    return address !== 0 && this.addressType(address) === RTN_LOCAL;
  }

  selectAddress(dev: NetDevice, dst: number, scope: number = RT_SCOPE_UNIVERSE): number {
    const found = dev.ipv4?.select(dst, scope, this.routesLocalnet(dev)) ?? 0;
    if (found !== 0) return found;
    for (const other of this.net.devices.values()) {
      const address = other === dev ? 0 : (other.ipv4?.selectForOther(scope) ?? 0);
      if (address !== 0) return address;
    }
    return 0;
  }

  onAddressChange(listener: (dev: NetDevice, address: InterfaceAddress, added: boolean) => void): void {
    this.#addressListeners.push(listener);
  }

  onDeviceDown(listener: (dev: NetDevice) => void): void {
    this.#downListeners.push(listener);
  }

  /**
   * Whether an ARP request for an address, come to `dev`, is answered. Models `arp_process()` with arp_ignore 0 and 1.
   */
  answersFor(dev: NetDevice, address: number): boolean {
    if (isLoopback(address) && !this.routesLocalnet(dev)) return false;
    if (this.addressType(address) !== RTN_LOCAL) return false;
    const mode = Math.max(this.confAll.arpIgnore, dev.ipv4?.conf.arpIgnore ?? 0);
    if (mode === 0) return true;
    if (mode === 8) return false;
    return dev.ipv4?.addresses.some((ifa) => ifa.local === address) ?? false;
  }

  addresses(dev?: NetDevice): InterfaceAddress[] {
    const all: InterfaceAddress[] = [];
    for (const owner of dev === undefined ? this.net.devices.values() : [dev])
      all.push(...(owner.ipv4?.addresses ?? []));
    return all;
  }

  addAddress(dev: NetDevice, request: AddressRequest): void {
    // inet_insert_ifa() frees an address that is none, and finds nothing wrong with it.
    if (request.local === 0) return;
    const inDev = this.#inDevice(dev);
    const { local, prefixLength } = request;
    if (prefixLength < 0 || prefixLength > 32) throw new SystemError(EINVAL, "ipv4: Invalid prefix length");
    const ifa = new IfAddr(
      dev,
      {
        local,
        peer: request.peer ?? local,
        prefixLength,
        broadcast: request.broadcast ?? 0,
        scope: request.scope ?? (isLoopback(local) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE),
        label: request.label ?? dev.name,
        flags: IFA_F_PERMANENT | (request.flags ?? 0),
        metric: request.metric ?? 0,
      },
      prefixMask(prefixLength),
    );
    const same = inDev.addresses.find(
      (other) => other.mask === ifa.mask && other.covers(ifa.peer) && other.local === local,
    );
    if (same !== undefined) {
      if (request.replace !== true) throw new SystemError(EEXIST, "ipv4: Address already assigned");
      this.#changeAddress(same, ifa);
      return;
    }
    let at = 0;
    for (let i = 0; i < inDev.addresses.length; i++) {
      const other = inDev.addresses[i];
      if (!other.secondary && ifa.scope <= other.scope) at = i + 1;
      if (other.mask === ifa.mask && other.covers(ifa.peer)) {
        if (other.scope !== ifa.scope) throw new SystemError(EINVAL, "ipv4: Invalid scope value");
        ifa.secondary = true;
      }
    }
    inDev.addresses.splice(ifa.secondary ? inDev.addresses.length : at, 0, ifa);
    this.#routesOfAddress(ifa);
    for (const listener of this.#addressListeners) listener(dev, ifa, true);
  }

  /** What `ip addr replace` changes of an address that is there. Models `inet_rtm_newaddr()`. */
  #changeAddress(ifa: IfAddr, { flags, metric }: IfAddr): void {
    ifa.flags = (ifa.flags & ~IFA_F_DEPRECATED) | (flags & IFA_F_DEPRECATED);
    const before = ifa.metric;
    ifa.metric = metric;
    if (metric === before || !ifa.dev.up) return;
    const route = this.#prefixRouteOf(ifa);
    if (route === null) return;
    this.fib.magicAdd(route);
    this.fib.magicDelete({ ...route, priority: before });
  }

  deleteAddress(dev: NetDevice, request: AddressRequest): void {
    const inDev = this.#inDevice(dev);
    const ifa = inDev.addresses.find(
      (other) =>
        other.local === request.local &&
        (request.label === undefined || other.label === request.label) &&
        (request.peer === undefined || other.peer === request.peer) &&
        other.prefixLength === request.prefixLength,
    );
    if (ifa === undefined) throw new SystemError(EADDRNOTAVAIL, "ipv4: Address not found");
    this.#removeAddress(inDev, ifa);
  }

  #flushAddresses(dev: NetDevice): void {
    const inDev = this.#inDevice(dev);
    while (inDev.addresses.length > 0) this.#removeAddress(inDev, inDev.addresses[0]);
  }

  /** Models `__inet_del_ifa()`. */
  #removeAddress(inDev: InDevice, ifa: IfAddr): void {
    const dev = ifa.dev;
    let promoted: IfAddr | undefined;
    let secondaries: readonly IfAddr[] = [];
    if (!ifa.secondary) {
      secondaries = inDev.addresses.filter(
        (other) => other.secondary && other.mask === ifa.mask && other.covers(ifa.peer),
      );
      if (Math.max(this.confAll.promoteSecondaries, inDev.conf.promoteSecondaries) !== 0) promoted = secondaries[0];
      else for (const other of secondaries) this.#removeAddress(inDev, other);
    }
    inDev.addresses = inDev.addresses.filter((other) => other !== ifa);
    if (promoted !== undefined) {
      promoted.secondary = false;
      const rest = inDev.addresses.filter((other) => other !== promoted);
      const primaries = rest.filter((other) => !other.secondary).length;
      inDev.addresses = [...rest.slice(0, primaries), promoted, ...rest.slice(primaries)];
    }
    this.#forgetRoutesOfAddress(inDev, ifa);
    if (promoted !== undefined) {
      // What its network's other addresses had with it as their source they have with the new first one.
      this.fib.purge(
        (route) =>
          route.table === RT_TABLE_LOCAL && route.dev === dev && route.prefsrc === ifa.local && ifa.covers(route.dst),
      );
      for (const other of secondaries) this.#routesOfAddress(other);
    }
    // A device without addresses has no routes either. Models `fib_disable_ip()` in fib_inetaddr_event().
    if (inDev.addresses.length === 0) {
      this.fib.deviceDown(dev, true);
      this.neighbourTable.flush(dev, true);
    }
    for (const listener of this.#addressListeners) listener(dev, ifa, false);
  }

  /** The source of routes that follow from an address: a secondary's are its primary's. */
  #primaryOf(ifa: IfAddr): number {
    if (!ifa.secondary) return ifa.local;
    const primary = ifa.dev.ipv4?.addresses.find(
      (other) => !other.secondary && other.mask === ifa.mask && other.covers(ifa.peer),
    );
    return primary?.local ?? ifa.local;
  }

  /** Models `fib_add_ifaddr()`. */
  #routesOfAddress(ifa: IfAddr): void {
    const { dev, local } = ifa;
    const subnet = (ifa.peer & ifa.mask) >>> 0;
    this.fib.magicAdd(this.fib.magicRequest(RTN_LOCAL, local, 32, dev, this.#primaryOf(ifa)));
    this.fib.invalidate();
    if (!dev.up) return;
    if (ifa.broadcast !== 0 && ifa.broadcast !== 0xffffffff)
      this.fib.magicAdd(this.fib.magicRequest(RTN_BROADCAST, ifa.broadcast, 32, dev, local));
    if (subnet === 0 || ifa.secondary || (subnet === local && ifa.prefixLength === 32)) return;
    const route = this.#prefixRouteOf(ifa);
    if (route !== null) this.fib.magicAdd(route);
    if (ifa.prefixLength < 31)
      this.fib.magicAdd(this.fib.magicRequest(RTN_BROADCAST, (subnet | ~ifa.mask) >>> 0, 32, dev, local));
  }

  /** The route to the subnet of a primary address; null where none comes with it. */
  #prefixRouteOf(ifa: IfAddr): RouteRequest | null {
    const { dev, local, prefixLength, metric } = ifa;
    const subnet = (ifa.peer & ifa.mask) >>> 0;
    const none = (ifa.flags & (IFA_F_SECONDARY | IFA_F_NOPREFIXROUTE)) !== 0;
    if (none || subnet === 0 || (subnet === local && prefixLength === 32)) return null;
    const type = dev === this.net.loopback ? RTN_LOCAL : RTN_UNICAST;
    return { ...this.fib.magicRequest(type, subnet, prefixLength, dev, local), priority: metric };
  }

  /** Models `fib_del_ifaddr()`. */
  #forgetRoutesOfAddress(inDev: InDevice, ifa: IfAddr): void {
    const { dev, local } = ifa;
    const subnet = (ifa.peer & ifa.mask) >>> 0;
    const highest = (subnet | ~ifa.mask) >>> 0;
    const others = inDev.addresses;
    const sameSubnet = others.some((other) => other.mask === ifa.mask && other.covers(ifa.peer));
    const prefixRoute = this.#prefixRouteOf(ifa);
    if (prefixRoute !== null && !sameSubnet) this.fib.magicDelete(prefixRoute);
    else if (prefixRoute !== null) {
      this.fib.purge(
        (route) => route.dev === dev && route.prefsrc === local && route.dst === subnet && route.type === RTN_UNICAST,
      );
    }
    const broadcastStays = (address: number): boolean =>
      others.some(
        (other) =>
          other.broadcast === address ||
          (!other.secondary && other.prefixLength < 31 && ((other.peer & other.mask) | ~other.mask) >>> 0 === address),
      );
    for (const address of [ifa.broadcast, highest])
      if (address !== 0 && !broadcastStays(address))
        this.fib.purge((route) => route.type === RTN_BROADCAST && route.dst === address && route.dev === dev);
    if (!others.some((other) => other.local === local)) {
      this.fib.purge((route) => route.type === RTN_LOCAL && route.dst === local && route.dev === dev);
      // Routes of main whose preferred source went with the address go too. Models `fib_sync_down_addr()`.
      if (!this.isLocalAddress(local))
        this.fib.purge((route) => route.prefsrc === local && route.table === RT_TABLE_MAIN);
    }
    this.fib.invalidate();
  }

  #inDevice(dev: NetDevice): InDevice {
    if (dev.ipv4 === null) throw new SystemError(EINVAL);
    return dev.ipv4;
  }

  // --- devices ----------------------------------------------------------------------------------------------------

  /** The namespace tells of a new device. */
  deviceAdded(dev: NetDevice): void {
    const inDev = new InDevice(dev);
    inDev.conf.assign(this.confDefault);
    dev.ipv4 = inDev;
    this.#registerConf(dev.name, inDev.conf);
  }

  /** The namespace tells that a device goes (it is down already). */
  deviceRemoved(dev: NetDevice): void {
    this.#flushAddresses(dev);
    this.fib.deviceDown(dev, true);
    this.neighbourTable.flush(dev, true);
    for (const [file] of CONF_FILES) this.net.sysctl.unregister(`net.ipv4.conf.${dev.name}.${file}`);
    dev.ipv4 = null;
  }

  setUp(dev: NetDevice): void {
    if (dev.up) return;
    dev.up = true;
    dev.everUp = true;
    const inDev = this.#inDevice(dev);
    if (dev === this.net.loopback && inDev.addresses.length === 0)
      this.addAddress(dev, { local: 0x7f000001, prefixLength: 8, scope: RT_SCOPE_HOST });
    else for (const ifa of inDev.addresses) this.#routesOfAddress(ifa);
    this.fib.deviceUp(dev);
    this.net.ip6.setUp(dev);
    this.fib.invalidate();
    dev.other?.net.ip.fib.invalidate();
  }

  setDown(dev: NetDevice): void {
    if (!dev.up) return;
    dev.up = false;
    this.net.ip6.setDown(dev);
    this.fib.deviceDown(dev, false);
    this.neighbourTable.flush(dev, true);
    dev.other?.net.ip.fib.invalidate();
    for (const listener of this.#downListeners) listener(dev);
  }

  setMtu(dev: NetDevice, mtu: number): void {
    if (mtu < 68) throw new SystemError(EINVAL, "mtu less than device minimum");
    if (mtu > 65535 && dev !== this.net.loopback) throw new SystemError(EINVAL, "mtu greater than device maximum");
    dev.mtu = mtu;
    if (dev.bridge !== null) dev.bridge.mtuChosen = true;
    dev.master?.adjustMtu();
    this.fib.invalidate();
    this.net.ip6.fib.genid++;
  }

  // --- routes, rules, neighbours ----------------------------------------------------------------------------------

  routes(table: number = RT_TABLE_MAIN): Route[] {
    return this.fib.routes(table);
  }

  tables(): number[] {
    return this.fib.tables();
  }

  hasTable(table: number): boolean {
    return table === RT_TABLE_MAIN || table === RT_TABLE_LOCAL || this.fib.hasTable(table);
  }

  addRoute(request: RouteRequest, mode: RouteAddMode = "add"): void {
    this.fib.add(request, mode);
    if (request.type === RTN_LOCAL) this.fib.customLocalRoutes = true;
  }

  deleteRoute(request: RouteRequest): void {
    this.fib.delete(request);
  }

  /** Forgets what was learned of destinations. Models a write to `net.ipv4.route.flush`. */
  flushCache(): void {
    for (const table of this.fib.tables())
      for (const route of this.fib.routes(table)) for (const path of route.paths ?? [route]) path.exceptions = null;
    this.fib.invalidate();
  }

  routeGet(request: RouteGetRequest): RouteAnswer {
    return this.routing.get(request);
  }

  rules(): readonly PolicyRule[] {
    return this.fib.rules.list();
  }

  ruleResolved(rule: PolicyRule): boolean {
    return this.fib.rules.resolved(rule);
  }

  addRule(rule: Partial<PolicyRule>): void {
    this.fib.addRule(rule);
  }

  deleteRule(rule: Partial<PolicyRule>): void {
    this.fib.deleteRule(rule);
  }

  neighbours(dev?: NetDevice): Neighbour[] {
    return this.neighbourTable.list(dev);
  }

  setNeighbour(dev: NetDevice, address: number, mac: Uint8Array, state: NeighbourState): void {
    this.neighbourTable.set(dev, address, mac, state);
  }

  deleteNeighbour(dev: NetDevice, address: number): void {
    this.neighbourTable.delete(dev, address);
  }

  flushNeighbours(dev?: NetDevice): void {
    this.neighbourTable.flush(dev, false);
  }

  // --- switches ---------------------------------------------------------------------------------------------------

  /** Whether a device's packets may be forwarded. */
  forwards(dev: NetDevice): boolean {
    return dev.ipv4 !== null && dev.ipv4.conf.forwarding !== 0;
  }

  /** Reverse path filter in force on a device: 0 none, 1 strict, 2 loose. */
  rpFilter(dev: NetDevice): number {
    return Math.max(this.confAll.rpFilter, dev.ipv4?.conf.rpFilter ?? 0);
  }

  acceptsLocal(dev: NetDevice): boolean {
    return this.confAll.acceptLocal !== 0 || (dev.ipv4?.conf.acceptLocal ?? 0) !== 0;
  }

  routesLocalnet(dev: NetDevice): boolean {
    return this.confAll.routeLocalnet !== 0 || (dev.ipv4?.conf.routeLocalnet ?? 0) !== 0;
  }

  /** Whether packets that arrive here may say their own way. Models `IN_DEV_SOURCE_ROUTE()`. */
  acceptsSourceRoutes(dev: NetDevice): boolean {
    return this.confAll.acceptSourceRoute !== 0 && (dev.ipv4?.conf.acceptSourceRoute ?? 0) !== 0;
  }

  logsMartians(dev: NetDevice): boolean {
    return this.confAll.logMartians !== 0 || (dev.ipv4?.conf.logMartians ?? 0) !== 0;
  }

  /** Whether senders are told of better first hops. Models `IN_DEV_TX_REDIRECTS()`. */
  sendsRedirects(dev: NetDevice): boolean {
    return this.confAll.sendRedirects !== 0 || (dev.ipv4?.conf.sendRedirects ?? 0) !== 0;
  }

  /** Whether such news are believed. Models `IN_DEV_RX_REDIRECTS()`. */
  acceptsRedirects(dev: NetDevice): boolean {
    const all = this.confAll.acceptRedirects !== 0;
    const own = (dev.ipv4?.conf.acceptRedirects ?? 0) !== 0;
    return this.forwards(dev) ? all && own : all || own;
  }

  /** Whether hosts of other subnets may be on a device's link. Models `IN_DEV_SHARED_MEDIA()`. */
  sharesMedia(dev: NetDevice): boolean {
    return this.confAll.sharedMedia !== 0 || (dev.ipv4?.conf.sharedMedia ?? 0) !== 0;
  }

  /** Whether only gateways of routes are believed to be better ones. Models `IN_DEV_SEC_REDIRECTS()`. */
  securesRedirects(dev: NetDevice): boolean {
    return this.confAll.secureRedirects !== 0 || (dev.ipv4?.conf.secureRedirects ?? 0) !== 0;
  }

  /** Whether routes over a device without carrier are passed over. */
  ignoresLinkdown(inDev: InDevice): boolean {
    return this.confAll.ignoreRoutesWithLinkdown !== 0 || inDev.conf.ignoreRoutesWithLinkdown !== 0;
  }

  /** Writing net.ipv4.ip_forward sets all devices and what new ones get. Models `inet_forward_change()`. */
  #setForwarding(value: number): void {
    this.confAll.forwarding = value;
    this.confDefault.forwarding = value;
    for (const dev of this.net.devices.values()) if (dev.ipv4 !== null) dev.ipv4.conf.forwarding = value;
    this.fib.invalidate();
  }

  #registerConf(name: string, conf: DeviceConf): void {
    for (const [file, field] of CONF_FILES)
      this.net.sysctl.registerInt(
        `net.ipv4.conf.${name}.${file}`,
        () => conf[field],
        (value) => {
          if (field === "forwarding" && name === "all") {
            this.#setForwarding(value);
            return;
          }
          conf[field] = value;
          this.fib.invalidate();
        },
      );
  }

  #registerSysctls(): void {
    const sysctl = this.net.sysctl;
    this.#registerConf("all", this.confAll);
    this.#registerConf("default", this.confDefault);
    sysctl.registerInt(
      "net.ipv4.ip_forward",
      () => this.confAll.forwarding,
      (value) => this.#setForwarding(value),
    );
    sysctl.registerInt(
      "net.ipv4.ip_default_ttl",
      () => this.defaultTtl,
      (value) => {
        this.defaultTtl = value;
      },
      1,
      255,
    );
    const flag = (name: string, get: () => boolean, set: (value: boolean) => void): void =>
      sysctl.registerInt(
        name,
        () => (get() ? 1 : 0),
        (value) => set(value !== 0),
        0,
        255,
      );
    flag(
      "net.ipv4.ip_early_demux",
      () => this.earlyDemux,
      (value) => {
        this.earlyDemux = value;
      },
    );
    flag(
      "net.ipv4.ip_forward_use_pmtu",
      () => this.forwardUsePmtu,
      (value) => {
        this.forwardUsePmtu = value;
      },
    );
    flag(
      "net.ipv4.ip_nonlocal_bind",
      () => this.nonlocalBind,
      (value) => {
        this.nonlocalBind = value;
      },
    );
    flag(
      "net.ipv4.fwmark_reflect",
      () => this.fwmarkReflect,
      (value) => {
        this.fwmarkReflect = value;
      },
    );
    this.routing.registerSysctls(sysctl);
    this.icmp.registerSysctls(sysctl);
    this.errorLimit.registerSysctls(sysctl);
  }
}
