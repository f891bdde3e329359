/**
 * Routing decisions: which way an arriving packet goes, and by which device and from which address this host sends.
 * Decisions are kept at the route they follow from and shared by packets, so that forwarding allocates nothing.
 * Models net/ipv4/route.c and the source checks of fib_frontend.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, EOPNOTSUPP, EXDEV, SystemError } from "../errno.js";
import type { SkBuff } from "../skb.js";
import type { SysctlTable } from "../sysctl.js";
import { formatIPv4 } from "../wire/address.js";
import { get32, getInt32 } from "../wire/bytes.js";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_DST, IPV4_SRC, IPV4_TOS } from "../wire/ipv4.js";
import { type FibRoute, Flow, type PathException } from "./fib.js";
import { outerKeys } from "./flow-keys.js";
import { MultipathHash, upperBound } from "./multipath.js";
import { HASH_FIELDS_ALL } from "./multipath-fields.js";
import { combineTag, setClassTag } from "./realms.js";
import { onLink } from "./redirect.js";
import {
  DST_ERROR,
  DST_FORWARD,
  DST_LOCAL_DELIVER,
  DST_OUTPUT_ONLY,
  RTN_ANYCAST,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  Rtable,
} from "./route.js";
import {
  type RouteAnswer,
  type RouteGetRequest,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from "./rtnetlink.js";
import { type IpStack, isLoopback, isMulticast } from "./stack.js";

/** The part of TOS that routing looks at. Models `IPTOS_RT_MASK` (the DSCP bits). */
const TOS_ROUTING = 0xfc;
/** All hosts on this link: every multicast-capable device has joined it. */
const ALL_HOSTS = 0xe0000001;
/** `net.ipv4.route.min_pmtu` and `mtu_expires`. */
const MIN_PMTU = 552;
const MTU_EXPIRES = 600_000_000;

/** Places of the cache of input decisions, at first and at most: powers of two. */
const FIRST_CACHE_SIZE = 64;
const CACHE_SIZE = 4096;

/**
 * Input decisions by what they depend on, one place for each hash: asking rules, tables and the source check again for
 * each packet of a flow would cost more than all else. (Linux had such a cache until 3.6, then made its trie faster.)
 */
class InputCache {
  readonly size: number;
  readonly dst: Int32Array;
  readonly src: Int32Array;
  readonly mark: Uint32Array;
  readonly tos: Uint8Array;
  readonly iif: Uint32Array;
  readonly decision: (Rtable | null)[];
  /** How many decisions were put in, over others or not: a small one that is full is replaced by the great one. */
  kept = 0;

  constructor(size: number) {
    this.size = size;
    this.dst = new Int32Array(size);
    this.src = new Int32Array(size);
    this.mark = new Uint32Array(size);
    this.tos = new Uint8Array(size);
    this.iif = new Uint32Array(size);
    this.decision = Array.from({ length: size }, () => null);
  }
}

/** What a namespace has that forwards nothing: one place, for nobody. */
const NO_CACHE = new InputCache(1);
NO_CACHE.kept = 1;

/** The input decision kept at a route for packets with this tag and class. */
function keptInput(route: FibRoute, tag: number, tclassid: number): Rtable | null {
  return tag === 0 ? route.rthInput : (route.rthInputByClass?.get(tclassid) ?? null);
}

/** A decision with a tag is none of the one that a route keeps for all. Models `do_cache` of `__mkroute_input()`. */
function keepInput(route: FibRoute, tag: number, rt: Rtable): void {
  if (tag === 0) {
    route.rthInput = rt;
    return;
  }
  route.rthInputByClass ??= new Map();
  route.rthInputByClass.set(rt.tclassid, rt);
}

export class Routing {
  readonly #ip: IpStack;
  /** Has room from the first decision to forward on. */
  #cache: InputCache = NO_CACHE;
  readonly #flow = new Flow();
  readonly #reverse = new Flow();
  /** How flows are spread over several next hops; IPv6's have the same key. */
  readonly multipath: MultipathHash;
  /** The packet that is asked about, where there is one. */
  #skb: SkBuff | null = null;
  /** A person asks: Linux makes a packet of the question. */
  #asked = false;
  /** Positive errno of the last question that gave null. */
  error = 0;
  /** Decisions that follow from no route, by device; valid for {@link #genid}. */
  readonly #broadcastInput = new Map<NetDevice, Rtable>();
  readonly #onLink = new Map<NetDevice, Rtable>();
  readonly #errors = new Map<number, Rtable>();
  /** What the last way back said of the packet's realms. Models `itag` of ip_route_input_slow(). */
  #itag = 0;
  #genid = 0;

  constructor(ip: IpStack) {
    this.#ip = ip;
    this.multipath = new MultipathHash(ip.net);
  }

  /** `net.ipv4.fib_multipath_*`. */
  registerSysctls(sysctl: SysctlTable): void {
    const multipath = this.multipath;
    sysctl.registerInt(
      "net.ipv4.fib_multipath_hash_policy",
      () => multipath.policy,
      (value) => {
        multipath.policy = value;
        this.#ip.fib.invalidate();
      },
      0,
      3,
    );
    sysctl.registerInt(
      "net.ipv4.fib_multipath_hash_fields",
      () => multipath.fields,
      (value) => {
        multipath.fields = value;
        this.#ip.fib.invalidate();
      },
      1,
      HASH_FIELDS_ALL,
    );
    sysctl.registerInt(
      "net.ipv4.fib_multipath_hash_seed",
      () => multipath.seed,
      (value) => {
        multipath.seed = value;
        this.#ip.fib.invalidate();
      },
      0,
      0xffffffff,
    );
  }

  #fresh(): number {
    const genid = this.#ip.fib.genid;
    if (genid !== this.#genid) {
      this.#broadcastInput.clear();
      this.#onLink.clear();
      this.#errors.clear();
      this.#genid = genid;
    }
    return genid;
  }

  /** Whether a kept decision still holds. Models `dst_check()`. */
  valid(rt: Rtable): boolean {
    return rt.genid === this.#ip.fib.genid;
  }

  // --- arriving packets -------------------------------------------------------------------------------------------

  /**
   * Decides where an arriving packet goes; null for a martian, with {@link error} EXDEV when the reverse path filter
   * refused it, else EINVAL. Models `ip_route_input_slow()`.
   */
  input(skb: SkBuff, dev: NetDevice): Rtable | null {
    const data = skb.data;
    const dst = getInt32(data, IPV4_DST);
    const src = getInt32(data, IPV4_SRC);
    const hash = Math.imul(
      dst ^ Math.imul(src, 0x9e3779b1) ^ Math.imul(skb.mark + dev.ifindex, 0x85ebca6b),
      0xc2b2ae35,
    );
    const cache = this.#cache;
    const slot = (hash >>> 20) & (cache.size - 1);
    const kept = cache.decision[slot];
    if (
      kept !== null &&
      kept.genid === this.#ip.fib.genid &&
      cache.dst[slot] === dst &&
      cache.src[slot] === src &&
      cache.mark[slot] === skb.mark &&
      cache.tos[slot] === data[IPV4_TOS] &&
      cache.iif[slot] === dev.ifindex
    )
      return kept;
    return this.#inputSlow(skb, dst, src, dev, hash);
  }

  #inputSlow(skb: SkBuff, dst: number, src: number, dev: NetDevice, hash: number): Rtable | null {
    const tos = skb.data[IPV4_TOS];
    const { looksAtPorts } = this.#ip.fib.rules;
    if (looksAtPorts) this.#dissect(skb);
    else this.#transport(0, 0, 0);
    const rt = this.#inputOf(skb, dst >>> 0, src >>> 0, tos, dev);
    // Only what the route itself keeps may be kept here: no learned path MTU that expires, and no choice among several
    // next hops or by a rule that asks for ports, for which more of the packet counts.
    if (
      rt !== null &&
      rt.route !== null &&
      (rt.route.rthInput === rt || rt.route.rthInputByClass?.get(rt.tclassid) === rt) &&
      rt.route.exceptions === null &&
      rt.route.whole === null &&
      !looksAtPorts
    )
      this.#keep(hash, dst, src, skb.mark, tos, dev, rt);
    return rt;
  }

  #keep(hash: number, dst: number, src: number, mark: number, tos: number, dev: NetDevice, rt: Rtable): void {
    let cache = this.#cache;
    if (cache.kept >= cache.size && cache.size < CACHE_SIZE) {
      cache = new InputCache(cache === NO_CACHE ? FIRST_CACHE_SIZE : CACHE_SIZE);
      this.#cache = cache;
    }
    cache.kept++;
    const slot = (hash >>> 20) & (cache.size - 1);
    cache.dst[slot] = dst;
    cache.src[slot] = src;
    cache.mark[slot] = mark;
    cache.tos[slot] = tos;
    cache.iif[slot] = dev.ifindex;
    cache.decision[slot] = rt;
  }

  #inputOf(skb: SkBuff, dst: number, src: number, tos: number, dev: NetDevice): Rtable | null {
    this.#skb = skb;
    const rt = this.#inputFor(dst, src, tos, skb.mark, dev);
    this.#skb = null;
    return rt;
  }

  /** {@link input} by addresses, for a packet of no protocol. */
  inputFor(dst: number, src: number, tos: number, mark: number, dev: NetDevice): Rtable | null {
    this.#transport(0, 0, 0);
    return this.#inputFor(dst, src, tos, mark, dev);
  }

  /** What rules see of a packet's transport header. Models `fib4_rules_early_flow_dissect()`. */
  #dissect(skb: SkBuff): void {
    const { protocol, sport, dport } = outerKeys(skb);
    this.#transport(protocol, sport, dport);
  }

  /** Sets what the next questions say of protocol and ports. */
  #transport(protocol: number, sport: number, dport: number): void {
    const there = this.#flow;
    const back = this.#reverse;
    there.protocol = protocol;
    there.sport = sport;
    there.dport = dport;
    back.protocol = protocol;
    back.sport = dport;
    back.dport = sport;
  }

  #inputFor(dst: number, src: number, tos: number, mark: number, dev: NetDevice): Rtable | null {
    const ip = this.#ip;
    const genid = this.#fresh();
    this.error = EINVAL;
    if (isMulticast(dst)) {
      if (dst !== ALL_HOSTS) return this.#martian("destination", dst, src, dev);
      if (isMulticast(src) || src === 0xffffffff || (isLoopback(src) && !ip.routesLocalnet(dev)))
        return this.#martian("source", dst, src, dev);
      this.#itag = 0;
      if (src >>> 24 !== 0 && !this.#sourceOk(0, src, tos, mark, dev, null)) return null;
      const rt = new Rtable(RTN_MULTICAST, ip.net.loopback, 0, dev.mtu, DST_LOCAL_DELIVER, 0, null, genid);
      rt.tclassid = this.#itag;
      return rt;
    }
    if (isMulticast(src) || src === 0xffffffff) return this.#martian("source", dst, src, dev);
    if (dst === 0xffffffff || (src === 0 && dst === 0)) return this.#broadcast(dst, src, tos, mark, dev, genid);
    if (src === 0) return this.#martian("source", dst, src, dev);
    if (dst === 0) return this.#martian("destination", dst, src, dev);
    if (isLoopback(dst) && !ip.routesLocalnet(dev)) return this.#martian("destination", dst, src, dev);
    if (isLoopback(src) && !ip.routesLocalnet(dev)) return this.#martian("source", dst, src, dev);
    const flow = this.#flow;
    flow.dst = dst;
    flow.src = src;
    flow.tos = tos & TOS_ROUTING;
    flow.mark = mark;
    flow.iif = dev;
    flow.oif = null;
    let route = ip.fib.lookup(flow);
    if (route === null) return this.#errorRoute(ip.forwards(dev) ? ip.fib.error : EHOSTUNREACH, genid);
    if (route.type === RTN_BROADCAST) return this.#broadcast(dst, src, tos, mark, dev, genid);
    if (route.type === RTN_LOCAL) {
      if (!this.#sourceOk(dst, src, tos, mark, dev, null)) return this.#martian("source", dst, src, dev);
      const tag = this.#itag;
      const kept = keptInput(route, tag, tag);
      if (kept !== null && kept.genid === genid) return kept;
      const rt = new Rtable(RTN_LOCAL, ip.net.loopback, 0, ip.net.loopback.mtu, DST_LOCAL_DELIVER, 0, route, genid);
      rt.tclassid = tag;
      keepInput(route, tag, rt);
      return rt;
    }
    if (!ip.forwards(dev)) return this.#errorRoute(EHOSTUNREACH, genid);
    if (route.type !== RTN_UNICAST) return this.#martian("destination", dst, src, dev);
    const rule = ip.fib.tclassid;
    if (route.paths !== null) route = this.#select(route.paths, this.#hash(src, dst), 0);
    if (!this.#sourceOk(dst, src, tos, mark, dev, route.dev)) return this.#martian("source", dst, src, dev);
    const tag = this.#itag;
    const tclassid = tag === 0 ? 0 : setClassTag(setClassTag(route.realms, rule), tag);
    const kept = keptInput(route, tag, tclassid);
    if (kept !== null && kept.genid === genid && route.exceptions === null) return kept;
    const exception = this.#exception(route, dst);
    const out = route.dev as NetDevice;
    const rt = new Rtable(
      RTN_UNICAST,
      out,
      exception?.gateway || route.nexthop,
      exception?.mtu || (route.mtu > 0 ? route.mtu : Math.min(out.mtu, 65535)),
      DST_FORWARD,
      0,
      route,
      genid,
    );
    rt.tclassid = tag === 0 ? ip.fib.classOf(route, rule, "rthInput") : tclassid;
    if (exception === null) keepInput(route, tag, rt);
    else rt.redirected = exception.gateway !== 0;
    return rt;
  }

  /** The hash of the flow that is asked about, or of the packet where there is one. Models `fib_multipath_hash()`. */
  #hash(src: number, dst: number): number {
    const { protocol, sport, dport } = this.#flow;
    const skb = this.#skb;
    if (skb === null)
      return this.multipath.ofFlow(src, dst, protocol, sport, dport, this.#asked || this.#flow.iif !== null);
    if (this.multipath.policy === 1) this.#dissect(skb);
    return this.multipath.ofPacket(skb, this.#flow.protocol, this.#flow.sport, this.#flow.dport);
  }

  /**
   * The next hop whose share a hash falls into; the source that was asked for counts for more than the share. Models
   * `fib_select_multipath()` with the bounds of `fib_rebalance()`.
   */
  #select(paths: readonly FibRoute[], hash: number, src: number): FibRoute {
    const ip = this.#ip;
    let total = 0;
    for (let i = 0; i < paths.length; i++) if (this.#takesShare(paths[i])) total += paths[i].weight;
    const best = src === 0 ? 1 : 3;
    let chosen: FibRoute = paths[0];
    let most = -1;
    let sum = 0;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i];
      if (!this.#takesShare(path)) continue;
      sum += path.weight;
      let score = 0;
      if (src !== 0 && ip.selectAddress(path.dev as NetDevice, path.gateway, path.scope) === src) score += 2;
      if (hash <= upperBound(sum, total)) score++;
      if (score <= most) continue;
      if (score === best) return path;
      chosen = path;
      most = score;
    }
    return chosen;
  }

  #takesShare(path: FibRoute): boolean {
    const dev = path.dev as NetDevice;
    return !path.dead && (dev.running || dev.ipv4 === null || !this.#ip.ignoresLinkdown(dev.ipv4));
  }

  #broadcast(dst: number, src: number, tos: number, mark: number, dev: NetDevice, genid: number): Rtable | null {
    this.#itag = 0;
    if (src !== 0 && !this.#sourceOk(0, src, tos, mark, dev, null)) return this.#martian("source", dst, src, dev);
    const tag = this.#itag;
    let rt = tag === 0 ? this.#broadcastInput.get(dev) : undefined;
    if (rt === undefined) {
      rt = new Rtable(RTN_BROADCAST, this.#ip.net.loopback, 0, dev.mtu, DST_LOCAL_DELIVER, 0, null, genid);
      rt.tclassid = tag;
      if (tag === 0) this.#broadcastInput.set(dev, rt);
    }
    return rt;
  }

  #errorRoute(errno: number, genid: number): Rtable {
    let rt = this.#errors.get(errno);
    if (rt === undefined) {
      rt = new Rtable(RTN_UNREACHABLE, null, 0, 1500, DST_ERROR, errno, null, genid);
      this.#errors.set(errno, rt);
    }
    return rt;
  }

  #martian(what: "source" | "destination", dst: number, src: number, dev: NetDevice): null {
    if (what === "destination" || this.error !== EXDEV) this.error = EINVAL;
    if (this.#ip.logsMartians(dev))
      this.#ip.net.printk(
        what === "source"
          ? `IPv4: martian source ${formatIPv4(dst)} from ${formatIPv4(src)}, on dev ${dev.name}`
          : `IPv4: martian destination ${formatIPv4(dst)} from ${formatIPv4(src)}, dev ${dev.name}`,
      );
    return null;
  }

  /** What is asked of the tables about the way back. */
  #reversed(dst: number, src: number, tos: number, mark: number, dev: NetDevice): Flow {
    const flow = this.#reverse;
    flow.dst = src;
    flow.src = dst;
    flow.tos = tos & TOS_ROUTING;
    flow.mark = this.#ip.confAll.srcValidMark !== 0 || (dev.ipv4?.conf.srcValidMark ?? 0) !== 0 ? mark : 0;
    flow.oif = null;
    return flow;
  }

  /**
   * Whether a source may arrive here; sets {@link error}, and what its realm is. `out` is the device that the packet
   * goes on by: for rules, the way back comes from there. Models `fib_validate_source()`.
   */
  #sourceOk(dst: number, src: number, tos: number, mark: number, dev: NetDevice, out: NetDevice | null): boolean {
    const ip = this.#ip;
    const filter = ip.rpFilter(dev);
    this.error = EINVAL;
    this.#itag = 0;
    if (filter === 0 && !ip.fib.usesRealms) {
      if (ip.acceptsLocal(dev)) return true;
      // Rules and local routes of a person's own make the addresses alone no answer.
      if (!ip.fib.rules.custom && !ip.fib.customLocalRoutes) return !ip.isLocalAddress(src);
    }
    const flow = this.#reversed(dst, src, tos, mark, dev);
    flow.iif = out;
    const refused = (): boolean => {
      if (filter === 0) return true;
      this.error = EXDEV;
      return false;
    };
    const route = ip.fib.lookup(flow);
    if (route === null) return refused();
    if (route.type !== RTN_UNICAST && (route.type !== RTN_LOCAL || !ip.acceptsLocal(dev))) return false;
    if (ip.fib.usesRealms) this.#itag = combineTag(ip.fib.nexthopOf(route, flow).realms, ip.fib.tclassid);
    if (route.uses(dev)) return true;
    if ((dev.ipv4?.addresses.length ?? 0) === 0) {
      this.#itag = 0;
      return refused();
    }
    if (filter === 1) {
      this.error = EXDEV;
      return false;
    }
    // Loose: that there is a way back at all will do.
    return true;
  }

  /** Whether the sender of a packet that leaves by the device that it came by should hear of a better first hop. */
  asksForRedirect(skb: SkBuff, { gateway }: Rtable, dev: NetDevice): boolean {
    const { data, mark } = skb;
    if (this.#ip.fib.rules.looksAtPorts) this.#dissect(skb);
    else this.#transport(0, 0, 0);
    return this.#redirects(get32(data, IPV4_DST), get32(data, IPV4_SRC), data[IPV4_TOS], mark, gateway, dev);
  }

  /** Models what `__mkroute_input()` asks before it sets IPSKB_DOREDIRECT. */
  #redirects(dst: number, src: number, tos: number, mark: number, gateway: number, dev: NetDevice): boolean {
    const ip = this.#ip;
    if (!ip.sendsRedirects(dev) || !this.#isNeighbour(dst, src, tos, mark, dev)) return false;
    return ip.sharesMedia(dev) || onLink(dev, src, gateway);
  }

  /** Whether a source is on a device's link. Models what `__fib_validate_source()` returns. */
  #isNeighbour(dst: number, src: number, tos: number, mark: number, dev: NetDevice): boolean {
    const { fib } = this.#ip;
    const flow = this.#reversed(dst, src, tos, mark, dev);
    flow.iif = dev;
    let route = fib.lookup(flow);
    if (route === null) return false;
    if (!route.uses(dev)) {
      flow.oif = dev;
      route = fib.lookup(flow);
      if (route === null || route.type !== RTN_UNICAST) return false;
    }
    const path = route.paths?.find((each) => flow.oif === null || each.dev === dev) ?? route;
    return path.nexthopScope >= RT_SCOPE_HOST;
  }

  // --- packets of this host ---------------------------------------------------------------------------------------

  /**
   * Decides how this host sends to `dst`; null with {@link error} set. The result's prefsrc is the source to use
   * when `src` is 0. Protocol and ports are for the rules that look at them. Models `ip_route_output_key_hash_rcu()`.
   */
  output(
    dst: number,
    src: number,
    mark: number,
    tos: number,
    oif: NetDevice | null,
    protocol = 0,
    sport = 0,
    dport = 0,
  ): Rtable | null {
    const ip = this.#ip;
    this.#transport(protocol, sport, dport);
    const genid = this.#fresh();
    const lo = ip.net.loopback;
    if (src !== 0) {
      if (isMulticast(src) || src === 0xffffffff) return this.#fail(EINVAL);
      if (oif === null && (isMulticast(dst) || dst === 0xffffffff)) {
        oif = this.deviceOf(src);
        if (oif === null) return this.#fail(EINVAL);
        return this.#onLinkRoute(dst, src, oif, genid);
      }
      if (!ip.isLocalAddress(src)) return this.#fail(ENETUNREACH);
    }
    return this.#outputSlow(dst, src, mark, tos, oif, genid, lo);
  }

  /** {@link output} for an error about a packet, which goes the packet's way where there are several. */
  outputAbout(about: SkBuff, dst: number, src: number, mark: number, tos: number, dport: number): Rtable | null {
    this.#skb = about;
    const rt = this.output(dst, src, mark, tos, null, IPPROTO_ICMP, 0, dport);
    this.#skb = null;
    return rt;
  }

  /**
   * What {@link outputAbout} asks besides: the way by which the packet in question would be answered. Its answer serves
   * IPsec alone, but a next hop keeps it, with the realms of the rule that led there. Models the second half of
   * `icmp_route_lookup()`.
   */
  relookup(about: SkBuff, tos: number): void {
    const ip = this.#ip;
    const src = get32(about.data, IPV4_SRC);
    const dst = get32(about.data, IPV4_DST);
    if (!ip.fib.rulesHaveRealms || ip.addressType(src) === RTN_LOCAL) return;
    if (ip.addressType(dst) === RTN_LOCAL) {
      const { protocol, sport, dport } = outerKeys(about);
      this.output(src, dst, about.mark, tos, about.iif, protocol, dport, sport);
      return;
    }
    const out = this.output(dst, 0, 0, 0, null)?.dev ?? null;
    if (out === null) return;
    this.#dissect(about);
    this.#inputOf(about, src, dst, tos, out);
  }

  /** {@link output} with a source that this host does not own: forwarded replies, REJECT, transparent proxies. */
  outputAnySource(
    dst: number,
    src: number,
    mark: number,
    tos: number,
    oif: NetDevice | null,
    protocol = 0,
    sport = 0,
    dport = 0,
  ): Rtable | null {
    this.#transport(protocol, sport, dport);
    return this.#outputSlow(dst, src, mark, tos, oif, this.#fresh(), this.#ip.net.loopback);
  }

  #outputSlow(
    dst: number,
    src: number,
    mark: number,
    tos: number,
    oif: NetDevice | null,
    genid: number,
    lo: NetDevice,
  ): Rtable | null {
    const ip = this.#ip;
    if (oif !== null) {
      if (!oif.up || oif.ipv4 === null) return this.#fail(ENETUNREACH);
      if (dst === 0xffffffff || (isMulticast(dst) && dst >>> 8 === 0xe00000))
        return this.#onLinkRoute(dst, src, oif, genid);
    }
    if (dst === 0) {
      const rt = new Rtable(RTN_LOCAL, lo, 0, lo.mtu, DST_LOCAL_DELIVER, 0, null, genid);
      rt.prefsrc = src || (oif === null ? 0 : ip.selectAddress(oif, 0, RT_SCOPE_HOST)) || 0x7f000001;
      return rt;
    }
    const flow = this.#flow;
    flow.dst = dst;
    flow.src = src;
    flow.tos = tos & TOS_ROUTING;
    flow.mark = mark;
    flow.iif = null;
    flow.oif = oif;
    let route = ip.fib.lookup(flow);
    if (route === null) {
      // A device was named but no route leads there: taken to be on its link.
      if (oif !== null) return this.#onLinkRoute(dst, src, oif, genid, ip.fib.tclassid);
      return this.#fail(ip.fib.error);
    }
    const rule = ip.fib.tclassid;
    if (route.type === RTN_LOCAL) {
      if (route.rthOutput !== null && route.rthOutput.genid === genid) return route.rthOutput;
      const rt = new Rtable(RTN_LOCAL, lo, 0, lo.mtu, DST_LOCAL_DELIVER, 0, route, genid);
      rt.prefsrc = route.prefsrc !== 0 ? route.prefsrc : dst;
      rt.inputDevice = route.dev;
      rt.tclassid = ip.fib.classOf(route, rule, "rthOutput");
      if (route.prefsrc !== 0) route.rthOutput = rt;
      return rt;
    }
    if (route.paths !== null && oif === null) route = this.#select(route.paths, this.#hash(src, dst), src);
    const out = route.dev as NetDevice;
    if (isLoopback(src) && out !== lo && !ip.routesLocalnet(out)) return this.#fail(EINVAL);
    const exception = route.exceptions === null ? null : this.#exception(route, dst);
    if (exception !== null && exception.rtable !== null && exception.rtable.genid === genid) return exception.rtable;
    const ordinary = dst !== 0xffffffff && !isMulticast(dst);
    if (ordinary && exception === null && route.rthOutput !== null && route.rthOutput.genid === genid)
      return route.rthOutput;
    const type =
      route.type === RTN_BROADCAST || dst === 0xffffffff
        ? RTN_BROADCAST
        : isMulticast(dst)
          ? RTN_MULTICAST
          : RTN_UNICAST;
    const mtu = exception?.mtu || (route.mtu > 0 ? route.mtu : Math.min(out.mtu, 65535));
    // Broadcasts and multicasts take a route's device, not its gateway.
    // A broadcast comes back to its sender by the same decision.
    // So does all that leaves by the loopback.
    const input = type === RTN_BROADCAST || out === lo ? DST_LOCAL_DELIVER : DST_OUTPUT_ONLY;
    const rt = ordinary
      ? new Rtable(type, out, exception?.gateway || route.nexthop, mtu, input, 0, route, genid)
      : new Rtable(type, out, 0, Math.min(out.mtu, 65535), input, 0, null, genid);
    // Linux takes a multicast's route for none at all where it is a default of any kind.
    const unrouted = dst === 0xffffffff || (type === RTN_MULTICAST && route.prefixLength < 4);
    rt.tclassid = unrouted ? rule : ip.fib.classOf(route, rule, "rthOutput");
    rt.mtuLocked = exception?.locked ?? route.mtuLocked;
    rt.prefsrc = route.prefsrc !== 0 ? route.prefsrc : ip.selectAddress(out, route.gateway, route.scope);
    if (exception !== null) {
      exception.rtable = rt;
      rt.redirected = exception.gateway !== 0;
    } else if (type === route.type) route.rthOutput = rt;
    return rt;
  }

  #fail(errno: number): null {
    this.error = errno;
    return null;
  }

  #onLinkRoute(dst: number, src: number, dev: NetDevice, genid: number, tclassid = 0): Rtable | null {
    if (!dev.up) return this.#fail(ENETDOWN);
    const type = dst === 0xffffffff ? RTN_BROADCAST : isMulticast(dst) ? RTN_MULTICAST : RTN_UNICAST;
    const kept = type === RTN_UNICAST && tclassid === 0;
    let rt = kept ? this.#onLink.get(dev) : undefined;
    if (rt === undefined) {
      const loops = type === RTN_BROADCAST || dev === this.#ip.net.loopback;
      const input = loops ? DST_LOCAL_DELIVER : DST_OUTPUT_ONLY;
      rt = new Rtable(type, dev, 0, Math.min(dev.mtu, 65535), input, 0, null, genid);
      rt.prefsrc = this.#ip.selectAddress(dev, 0, RT_SCOPE_LINK);
      rt.tclassid = tclassid;
      if (kept) this.#onLink.set(dev, rt);
    }
    if (src !== 0 && rt.prefsrc === 0) rt.prefsrc = src;
    return rt;
  }

  /** The device that has an address. Models `ip_dev_find()`. */
  deviceOf(address: number): NetDevice | null {
    for (const dev of this.#ip.net.devices.values())
      if (dev.ipv4 !== null && dev.ipv4.addresses.some((ifa) => ifa.local === address)) return dev;
    return null;
  }

  /** Models `ip_route_me_harder()`, net/ipv4/netfilter.c. */
  meHarder(skb: SkBuff): number {
    const ip = this.#ip;
    const src = get32(skb.data, IPV4_SRC);
    const dst = get32(skb.data, IPV4_DST);
    if (ip.fib.rules.looksAtPorts) this.#dissect(skb);
    else this.#transport(0, 0, 0);
    const { protocol, sport, dport } = this.#flow;
    // A source of another host is no address to route from.
    const rt = ip.isLocalAddress(src)
      ? this.output(dst, src, skb.mark, skb.data[IPV4_TOS], null, protocol, sport, dport)
      : this.outputAnySource(dst, 0, skb.mark, skb.data[IPV4_TOS], null, protocol, sport, dport);
    if (rt === null) return -this.error;
    skb.dst = rt;
    return 0;
  }

  // --- path MTU ---------------------------------------------------------------------------------------------------

  #exception(route: FibRoute, dst: number): PathException | null {
    const exception = route.exceptions?.get(dst);
    if (exception === undefined) return null;
    if (exception.expiresMicros > this.#ip.net.clock.nowMicros) return exception;
    route.exceptions?.delete(dst);
    if (route.exceptions?.size === 0) route.exceptions = null;
    return null;
  }

  /** A router says that only `mtu` bytes pass to `dst`. Models `ip_rt_update_pmtu()`. */
  updatePmtu(dst: number, mark: number, mtu: number): void {
    const rt = this.output(dst, 0, mark, 0, null);
    if (rt === null || rt.route === null || rt.type !== RTN_UNICAST || rt.route.mtuLocked || rt.mtuLocked) return;
    if (rt.mtu < mtu) return;
    const locked = mtu < MIN_PMTU;
    const value = locked ? Math.min(rt.mtu, MIN_PMTU) : mtu;
    const expiresMicros = this.#ip.net.clock.nowMicros + MTU_EXPIRES;
    const gateway = this.#exception(rt.route, dst)?.gateway ?? 0;
    this.#remember(rt.route, dst, { mtu: value, locked, gateway, expiresMicros, rtable: null });
  }

  /** A router said that packets to `dst` had better go by `gateway`. */
  redirect({ route }: Rtable, dst: number, gateway: number, keptMicros: number): void {
    if (route === null) return;
    const { mtu = 0, locked = false } = this.#exception(route, dst) ?? {};
    const expiresMicros = this.#ip.net.clock.nowMicros + keptMicros;
    this.#remember(route, dst, { mtu, locked, gateway, expiresMicros, rtable: null });
  }

  /** Models `update_or_create_fnhe()`. */
  #remember(route: FibRoute, dst: number, exception: PathException): void {
    route.exceptions ??= new Map();
    route.exceptions.set(dst, exception);
    // Kept decisions for this destination must be asked for again; the route's own stays as it is.
    this.#ip.fib.invalidate();
  }

  // --- `ip route get` ---------------------------------------------------------------------------------------------

  /**
   * The route that was found for a question. A decision about broadcasts or multicasts keeps none: what was asked of
   * the tables, if anything was, still stands.
   */
  #found({ route }: Rtable, { dst, iif = null, oif = null }: RouteGetRequest): FibRoute | null {
    if (route !== null) return route.whole ?? route;
    const all = dst === 0xffffffff;
    const unasked =
      dst === 0 || (iif === null ? oif !== null && (all || dst >>> 8 === 0xe00000) : all || isMulticast(dst));
    return unasked ? null : this.#ip.fib.lookup(this.#flow);
  }

  /** The table that an answer tells of: while nobody made a rule, local is part of main. */
  #tableOf(route: FibRoute | null): number {
    return route === null || (route.table === RT_TABLE_LOCAL && !this.#ip.fib.rules.custom)
      ? RT_TABLE_MAIN
      : route.table;
  }

  /** Models `inet_rtm_getroute()`: what names no protocol asks about UDP. */
  get(request: RouteGetRequest): RouteAnswer {
    const { dst } = request;
    const src = request.src ?? 0;
    const mark = request.mark ?? 0;
    const tos = request.tos ?? 0;
    const iif = request.iif ?? null;
    const { protocol = IPPROTO_UDP, sport = 0, dport = 0 } = request;
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_ICMP)
      throw new SystemError(EOPNOTSUPP, "Unsupported ip proto");
    let rt: Rtable | null;
    if (iif === null) {
      this.#flow.uid = request.uid ?? 0;
      this.#asked = true;
      rt = this.output(dst, src, mark, tos, request.oif ?? null, protocol, sport, dport);
      this.#asked = false;
      this.#flow.uid = 0;
    } else {
      if (protocol === IPPROTO_ICMP) this.#transport(protocol, 0, 0);
      else this.#transport(protocol, sport, dport);
      rt = this.#inputFor(dst, src, tos, mark, iif);
      if (rt !== null && rt.input === DST_ERROR) throw new SystemError(rt.error);
    }
    // An arriving packet that is refused is told in one way.
    if (rt === null) throw new SystemError(iif === null ? this.error : EINVAL);
    const flags: string[] = [];
    // Of multicasts those of a group that is joined.
    if (rt.type === RTN_MULTICAST ? dst === ALL_HOSTS : rt.input === DST_LOCAL_DELIVER) flags.push("local");
    if (rt.type === RTN_BROADCAST) flags.push("brd");
    if (rt.type === RTN_MULTICAST) flags.push("mc");
    if (
      iif !== null &&
      rt.input === DST_FORWARD &&
      rt.dev === iif &&
      this.#redirects(dst, src, tos, mark, rt.gateway, iif)
    )
      flags.push("redirect");
    if (rt.redirected) flags.push("redirected");
    const exception = rt.route === null ? null : this.#exception(rt.route, dst);
    const found = this.#found(rt, request);
    return {
      // Otherwise an anycast address is as any other.
      type: rt.route?.type === RTN_ANYCAST ? RTN_ANYCAST : rt.type,
      dst,
      src,
      tos: found?.tos ?? 0,
      gateway: rt.gateway,
      dev: rt.dev,
      table: this.#tableOf(found),
      route: found,
      mark,
      realms: rt.tclassid,
      prefsrc: iif === null && src === 0 ? rt.prefsrc : 0,
      mtu: rt.route?.mtu ?? 0,
      flags,
      pmtu:
        exception === null
          ? null
          : {
              mtu: exception.mtu,
              expiresSeconds: Math.floor((exception.expiresMicros - this.#ip.net.clock.nowMicros) / 1e6),
            },
    };
  }
}
