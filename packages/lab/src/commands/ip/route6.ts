/**
 * `ip -6 route`: IPv6's routing tables. Source routes, the preference of routers, life times, metrics of TCP,
 * encapsulation and nexthop objects are not supported.
 */
import {
  type Cidr6,
  ENETDOWN,
  equalIPv6,
  formatIPv6,
  type NetDevice,
  type Nexthop6Request,
  type Route6,
  type Route6Request,
  type Route6Type,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_THROW,
  RTN_UNICAST,
  RTPROT_BOOT,
  SystemError,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { addressOf6, prefixOf6, prefixText6 } from "./ipv6.js";
import type { IpOptions } from "./link.js";
import {
  dsfieldOf,
  ipProtocolOf,
  protocolOf,
  protocolText,
  routeTypeOf,
  routeTypeText,
  tableName,
  tableOf,
} from "./names.js";
import { begins, flagsText, flushedText, MODES, routeCommand, UNSUPPORTED } from "./route.js";
import { scopeOf } from "./scope.js";
import { IP_ROUTE_USAGE } from "./usage.js";
import { deviceOf, EVERY, IpError, netlink, numberOf, type Words, wrongArgument } from "./words.js";

const unsupported = (word: string): IpError => new IpError(`ip -6 route: ${word}: not supported by the lab`, 255);

// --- listing --------------------------------------------------------------------------------------------------------

interface Filter {
  table: number | "all";
  dev: NetDevice | null;
  protocol: number | null;
  type: number | null;
  scope: number | null;
  via: Int32Array | null;
  src: Int32Array | null;
  metric: number | null;
  tos: number;
  exact: Cidr6 | null;
  match: Cidr6 | null;
  root: Cidr6 | null;
  cache: boolean;
}

const NOTHING_SAID: Filter = {
  table: RT_TABLE_MAIN,
  dev: null,
  protocol: null,
  type: null,
  scope: null,
  via: null,
  src: null,
  metric: null,
  tos: 0,
  exact: null,
  match: null,
  root: null,
  cache: false,
};

/** Models `iproute_list_flush_or_save()`. */
function filterOf(context: LabContext, words: Words): Filter {
  const filter = { ...NOTHING_SAID };
  while (!words.done) {
    let word = words.next();
    if (begins(word, "table")) {
      const text = words.next();
      if (text === "cache") filter.cache = true;
      else filter.table = (text === "all" ? 0 : tableOf(text)) || "all";
    } else if (begins(word, "cached", "cloned")) filter.cache = true;
    else if (word === "tos" || begins(word, "dsfield")) filter.tos = dsfieldOf(words.next(), "TOS value is invalid\n");
    else if (begins(word, "protocol")) {
      const text = words.next();
      filter.protocol = text === "all" ? null : protocolOf(text, 'invalid "protocol"\n');
    } else if (begins(word, "scope")) {
      const text = words.next();
      filter.scope = text === "all" ? null : scopeOf(text, 'invalid "scope"\n');
    } else if (begins(word, "type")) {
      const text = words.next();
      filter.type = routeTypeOf(text);
      if (filter.type === null) throw wrongArgument(text, "node type value is invalid\n");
    } else if (word === "dev" || word === "oif" || word === "iif") filter.dev = deviceOf(context.net, words.next());
    else if (begins(word, "metric", "priority", "preference"))
      filter.metric = numberOf(words.next(), '"metric" value is invalid\n');
    else if (word === "via") {
      words.take("inet6");
      filter.via = prefixOf6(words.next()).address;
    } else if (word === "src") filter.src = prefixOf6(words.next()).address;
    else if (begins(word, "realms", "vrf") || word === "nhid" || begins(word, "from")) throw unsupported(word);
    else {
      if (begins(word, "to")) word = words.next();
      if (begins(word, "root")) filter.root = prefixOf6(words.next());
      else if (begins(word, "match")) filter.match = prefixOf6(words.next());
      else {
        if (begins(word, "exact")) word = words.next();
        if (begins(word, "help")) throw new IpError(IP_ROUTE_USAGE, 255);
        filter.exact = prefixOf6(word);
      }
    }
  }
  return filter;
}

/** Routes as the kernel's tree lists them: by address, a prefix behind all that lie in it. Models `fib6_walk_continue()`. */
function inListing(a: Route6, b: Route6): number {
  if (samePrefixIPv6(a.dst, b.dst, Math.min(a.prefixLength, b.prefixLength)))
    return b.prefixLength - a.prefixLength || a.metric - b.metric;
  for (let i = 0; i < 4; i++) if (a.dst[i] !== b.dst[i]) return (a.dst[i] >>> 0) - (b.dst[i] >>> 0);
  return 0;
}

const within = (outer: Cidr6, address: Int32Array, length: number): boolean =>
  length >= outer.prefixLength && samePrefixIPv6(outer.address, address, outer.prefixLength);

const isOne = (wanted: Int32Array | null, has: Int32Array | null): boolean =>
  wanted === null || (has !== null && equalIPv6(wanted, has));

/** The routes that a filter is about, of several that share flows the first. Models `filter_nlmsg()`. */
function filtered(context: LabContext, filter: Filter, doing: string): Route6[] {
  const { fib } = context.net.ip6;
  if (filter.cache) return [];
  if (filter.table !== "all" && !fib.hasTable(filter.table))
    throw new IpError(`Error: ipv6: FIB table does not exist.\n${doing} terminated`, 2);
  const alone = (route: Route6): boolean => route.siblings === null;
  return (filter.table === "all" ? fib.tables() : [filter.table])
    .flatMap((table) => withoutSiblings([...fib.routes(table)].sort(inListing)))
    .filter(
      (route) =>
        (filter.dev === null || (alone(route) && route.dev === filter.dev)) &&
        (filter.protocol === null || route.protocol === filter.protocol) &&
        (filter.type === null || route.type === filter.type) &&
        // All of IPv6's routes are of scope "global", and none asks for a class.
        (filter.scope ?? 0) === 0 &&
        filter.tos === 0 &&
        (filter.via === null || (alone(route) && isOne(filter.via, route.gateway))) &&
        isOne(filter.src, route.prefsrc) &&
        (filter.metric === null || route.metric === filter.metric) &&
        (filter.exact === null ||
          (filter.exact.prefixLength === route.prefixLength && equalIPv6(filter.exact.address, route.dst))) &&
        (filter.root === null || within(filter.root, route.dst, route.prefixLength)) &&
        (filter.match === null ||
          within(
            { address: route.dst, prefixLength: route.prefixLength },
            filter.match.address,
            filter.match.prefixLength,
          )),
    );
}

/** A dump shows routes that share flows as one, and goes on behind the last of them. Models `fib6_dump_node()`. */
function withoutSiblings(routes: readonly Route6[]): Route6[] {
  const shown: Route6[] = [];
  for (let i = 0; i < routes.length; i++) {
    shown.push(routes[i]);
    const last = routes[i].siblings?.at(-1);
    if (last !== undefined) i = routes.indexOf(last);
  }
  return shown;
}

const linkdown = ({ dead, dev, error, local }: Route6): boolean =>
  dead || (dev.up && !dev.running && error === 0 && !local);

/** Models `print_route()`: what the filter says already is not said again. */
function routeText(route: Route6, filter: Filter, oneLine: boolean): string {
  let text = route.type === RTN_UNICAST ? "" : `${routeTypeText(route.type)} `;
  text += `${prefixText6(route.dst, route.prefixLength, "default")} `;
  const { siblings } = route;
  if (siblings === null) {
    if (route.gateway !== null && filter.via === null) text += `via ${formatIPv6(route.gateway)} `;
    if (filter.dev === null) text += `dev ${route.dev.name} `;
  }
  if (filter.table === "all" && route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT && filter.protocol === null) text += `proto ${protocolText(route.protocol)} `;
  if (route.prefsrc !== null && filter.src === null) text += `src ${formatIPv6(route.prefsrc)} `;
  if (filter.metric === null) text += `metric ${route.metric} `;
  if (siblings === null) text += flagsText(route.dead, route.onlink, linkdown(route));
  if (route.mtu > 0) text += `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `;
  text += "pref medium";
  if (siblings === null) return text;
  // The one that was found comes first.
  const at = siblings.indexOf(route);
  for (const path of [...siblings.slice(at), ...siblings.slice(0, at)]) {
    text += `${oneLine ? "\\" : "\n"}\tnexthop `;
    if (path.gateway !== null) text += `via ${formatIPv6(path.gateway)} `;
    text += `dev ${path.dev.name} weight ${path.weight} ${flagsText(path.dead, path.onlink, linkdown(path))}`;
  }
  return text;
}

function showRoutes(context: LabContext, { oneLine }: IpOptions, words: Words): number {
  const filter = filterOf(context, words);
  for (const route of filtered(context, filter, "Dump")) context.stdout.write(`${routeText(route, filter, oneLine)}\n`);
  return 0;
}

/** Deletes what a listing would show. */
function flushRoutes(context: LabContext, { statistics }: IpOptions, words: Words): number {
  if (words.done) throw new IpError('"ip route flush" requires arguments.', 1);
  const filter = filterOf(context, words);
  const routes = filtered(context, filter, "Flush");
  const doomed = new Set(routes.flatMap((route) => route.siblings ?? [route]));
  context.net.ip6.fib.purge((route) => doomed.has(route));
  if (statistics > 0) context.stdout.write(flushedText(routes.length));
  return 0;
}

// --- changes --------------------------------------------------------------------------------------------------------

function gatewayOf(words: Words): Int32Array {
  if (words.peek() === "inet") throw unsupported("via inet");
  words.take("inet6");
  return addressOf6(words.next());
}

/** `nexthop ...`, as many as there are. Models `parse_nexthops()`. */
function nexthopsOf(context: LabContext, words: Words): Nexthop6Request[] {
  const nexthops: Nexthop6Request[] = [];
  while (!words.done) {
    const word = words.next();
    if (word !== "nexthop") throw new IpError(`Error: "nexthop" or end of line is expected instead of "${word}"`, 255);
    if (words.done) throw new IpError('Error: unexpected end of line after "nexthop"', 255);
    const nexthop: { -readonly [K in keyof Nexthop6Request]?: Nexthop6Request[K] } = {};
    for (;;) {
      if (words.take("via")) nexthop.gateway = gatewayOf(words);
      else if (words.take("dev")) nexthop.dev = deviceOf(context.net, words.next());
      else if (words.take("weight")) {
        const text = words.next();
        nexthop.weight = numberOf(text, '"weight" is invalid\n', 256);
        if (nexthop.weight === 0) throw wrongArgument(text, '"weight" is invalid\n');
      } else if (words.take("onlink")) nexthop.onlink = true;
      else if (["realms", "encap", "as"].includes(words.peek() ?? "")) throw unsupported(words.next());
      else break;
    }
    nexthops.push(nexthop);
  }
  return nexthops;
}

/** Models `iproute_modify()`. */
function requestOf(context: LabContext, words: Words): Route6Request {
  let type: number | null = null;
  let destination: Cidr6 | null = null;
  let device: string | null = null;
  let tos = 0;
  const request: { -readonly [K in keyof Route6Request]?: Route6Request[K] } = {};
  while (!words.done) {
    let word = words.next();
    if (word === "src") request.prefsrc = addressOf6(words.next());
    else if (word === "via") {
      if (request.gateway !== undefined) throw wrongArgument(word, "use nexthop syntax to specify multiple via\n");
      request.gateway = gatewayOf(words);
    } else if (UNSUPPORTED.has(word)) throw unsupported(word);
    else if (word === "tos" || begins(word, "dsfield")) tos = dsfieldOf(words.next(), '"tos" value is invalid\n');
    else if (begins(word, "metric", "priority", "preference") && word !== "pref")
      request.metric = numberOf(words.next(), '"metric" value is invalid\n');
    else if (word === "scope") scopeOf(words.next(), 'invalid "scope" value\n');
    else if (word === "mtu") {
      if (words.take("lock")) request.mtuLocked = true;
      request.mtu = numberOf(words.next(), '"mtu" value is invalid\n');
    } else if (word === "onlink") request.onlink = true;
    else if (word === "nexthop") request.nexthops = nexthopsOf(context, words.back());
    else if (begins(word, "protocol")) request.protocol = protocolOf(words.next());
    else if (begins(word, "table")) request.table = tableOf(words.next(), '"table" value is invalid\n');
    else if (word === "dev" || word === "oif") device = words.next();
    else if (word === "pref") {
      const preference = words.next();
      if (preference !== "medium") throw unsupported(`pref ${preference}`);
    } else {
      if (word === "to") word = words.next();
      const named = /^\d/.test(word) ? null : routeTypeOf(word);
      if (named !== null) {
        type = named;
        word = words.next();
      }
      if (begins(word, "help")) throw new IpError(IP_ROUTE_USAGE, 255);
      if (destination !== null) throw new IpError(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      destination = prefixOf6(word);
    }
  }
  if (destination === null) throw new IpError(IP_ROUTE_USAGE, 255);
  if (type !== null && (type < RTN_UNICAST || type > RTN_THROW)) throw unsupported(routeTypeText(type));
  if (device !== null) request.dev = deviceOf(context.net, device);
  if (tos !== 0) throw new IpError("Error: Invalid dsfield (tos): option not available for IPv6.", 2);
  const local = type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST;
  if (request.table === undefined && local) request.table = RT_TABLE_LOCAL;
  return {
    ...request,
    dst: destination.address,
    prefixLength: destination.prefixLength,
    ...(type === null ? {} : { type: type as Route6Type }),
  };
}

// --- questions ------------------------------------------------------------------------------------------------------

/** `ip -6 route get`. Models `iproute_get()` and `inet6_rtm_getroute()`. */
function getRoute(context: LabContext, { oneLine }: IpOptions, words: Words): number {
  const { net } = context;
  let dst: Cidr6 | null = null;
  let from: Cidr6 | null = null;
  let fibmatch = false;
  const more: { mark?: number; oif?: NetDevice; iif?: NetDevice; protocol?: number; sport?: number; dport?: number } =
    {};
  let trafficClass = 0;
  const portOf = (what: string): number => numberOf(words.next(), `${what}: invalid port number\n`, 0xffff);
  while (!words.done) {
    const word = words.next();
    if (word === "tos" || begins(word, "dsfield")) trafficClass = dsfieldOf(words.next(), "TOS value is invalid\n");
    else if (begins(word, "from")) from = prefixOf6(words.next());
    else if (begins(word, "iif")) more.iif = deviceOf(net, words.next());
    else if (begins(word, "mark")) more.mark = numberOf(words.next(), "invalid mark value");
    else if (begins(word, "oif") || word === "dev") more.oif = deviceOf(net, words.next());
    else if (begins(word, "uid")) numberOf(words.next(), "invalid UID\n");
    else if (begins(word, "fibmatch")) fibmatch = true;
    else if (word === "ipproto") more.protocol = ipProtocolOf(words.next(), 'Invalid "ipproto" value\n');
    else if (word === "sport") more.sport = portOf("sport");
    else if (word === "dport") more.dport = portOf("dport");
    else if (["notify", "connected", "vrf", "as"].some((name) => begins(word, name))) throw unsupported(word);
    else {
      const text = begins(word, "to") ? words.next() : word;
      dst = prefixOf6(text);
      if (dst.prefixLength !== 128 && !EVERY.includes(text))
        context.stderr.write(`Warning: /${dst.prefixLength} as prefix is invalid, only /128 (or none) is supported.\n`);
    }
  }
  if (dst === null) throw new IpError("need at least a destination address", 1);
  if (from !== null && from.prefixLength !== 128)
    throw new IpError("Error: ipv6: Invalid values in header for get route request.", 2);
  const target = dst.address;
  const route = netlink(() => {
    if (more.iif !== undefined && !more.iif.up) throw new SystemError(ENETDOWN);
    const found = net.ip6.routeOutput({ dst: target, src: from?.address ?? null, trafficClass, ...more });
    if (found.error !== 0) throw new SystemError(found.error);
    return found;
  });
  if (fibmatch) {
    context.stdout.write(`${routeText(route, { ...NOTHING_SAID, table: "all" }, oneLine)}\n`);
    return 0;
  }
  let text = route.type === RTN_UNICAST ? "" : `${routeTypeText(route.type)} `;
  text += `${formatIPv6(target)} from ${from === null ? "::" : formatIPv6(from.address)} `;
  if (route.gateway !== null) text += `via ${formatIPv6(route.gateway)} `;
  text += `dev ${route.local ? "lo" : route.dev.name} `;
  if (route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT) text += `proto ${protocolText(route.protocol)} `;
  const src = more.iif === undefined ? net.ip6.sourceFor(route, target) : route.prefsrc;
  if (src !== null) text += `src ${formatIPv6(src)} `;
  text += `metric ${route.metric} `;
  if (route.mtu > 0) text += `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `;
  if (more.iif !== undefined) text += `iif ${more.iif.name} `;
  context.stdout.write(`${text}pref medium\n`);
  return 0;
}

/** `ip -6 route`. */
export function ipRoute6(context: LabContext, options: IpOptions, words: Words): number {
  const command = routeCommand(words);
  if (command in MODES) {
    if (words.done) throw new IpError(IP_ROUTE_USAGE, 255);
    const request = requestOf(context, words);
    netlink(() => context.net.ip6.addRoute(request, MODES[command]));
    return 0;
  }
  switch (command) {
    case "list":
    case "show":
    case "lst":
      return showRoutes(context, options, words);
    case "get":
      return getRoute(context, options, words);
    case "delete": {
      if (words.done) throw new IpError(IP_ROUTE_USAGE, 255);
      const request = requestOf(context, words);
      netlink(() => context.net.ip6.deleteRoute(request));
      return 0;
    }
    case "flush":
      return flushRoutes(context, options, words);
    case "help":
      throw new IpError(IP_ROUTE_USAGE, 255);
    default:
      throw unsupported(command);
  }
}
