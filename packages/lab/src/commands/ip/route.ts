/** `ip route`: the routing tables. Metrics of TCP, realms, encapsulation and nexthop objects are not supported. */
import {
  type Cidr,
  ESRCH,
  formatIPv4,
  type NetDevice,
  type NexthopRequest,
  type Route,
  type RouteAddMode,
  type RouteRequest,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_NAT,
  RTN_UNICAST,
  RTPROT_BOOT,
  SystemError,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import type { IpOptions } from "./link.js";
import {
  dsfieldOf,
  dsfieldText,
  ipProtocolOf,
  protocolOf,
  protocolText,
  routeTypeOf,
  routeTypeText,
  tableName,
  tableOf,
} from "./names.js";
import { SCOPES, scopeOf } from "./scope.js";
import { IP_ROUTE_USAGE } from "./usage.js";
import {
  abbreviated,
  addressOf,
  deviceOf,
  EVERY,
  IpError,
  netlink,
  numberOf,
  prefixOf,
  type Words,
  wrongArgument,
} from "./words.js";

const prefixText = (address: number, length: number): string =>
  length === 0 ? "default" : length === 32 ? formatIPv4(address) : `${formatIPv4(address)}/${length}`;

// --- listing --------------------------------------------------------------------------------------------------------

interface RouteFilter {
  table: number | "all";
  dev: NetDevice | null;
  protocol: number | null;
  type: number | null;
  scope: number | null;
  via: number | null;
  src: number | null;
  metric: number | null;
  tos: number | null;
  exact: Cidr | null;
  match: Cidr | null;
  root: Cidr | null;
  cache: boolean;
}

/** Lists everything. */
const EVERYTHING: RouteFilter = {
  table: "all",
  dev: null,
  protocol: null,
  type: null,
  scope: null,
  via: null,
  src: null,
  metric: null,
  tos: null,
  exact: null,
  match: null,
  root: null,
  cache: false,
};

/** Models `print_route()`: what the filter says already is not said again. */
function routeText(route: Route, filter: RouteFilter, oneLine: boolean, type: number = route.type): string {
  let text = type === RTN_UNICAST ? "" : `${routeTypeText(type)} `;
  text += `${prefixText(route.dst, route.prefixLength)} `;
  if (route.tos !== 0 && filter.tos === null) text += `tos ${dsfieldText(route.tos)} `;
  if (route.paths === null) {
    if (route.gateway !== 0 && filter.via === null) text += `via ${formatIPv4(route.gateway)} `;
    if (route.dev !== null && filter.dev === null) text += `dev ${route.dev.name} `;
  }
  if (filter.table === "all" && route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT && filter.protocol === null) text += `proto ${protocolText(route.protocol)} `;
  if (route.scope !== RT_SCOPE_UNIVERSE && filter.scope === null)
    text += `scope ${SCOPES.get(route.scope) ?? route.scope} `;
  if (route.prefsrc !== 0 && filter.src === null) text += `src ${formatIPv4(route.prefsrc)} `;
  if (route.priority !== 0 && filter.metric === null) text += `metric ${route.priority} `;
  if (route.paths === null) text += flagsText(false, route.onlink, route.linkdown);
  if (route.mtu !== 0) text += `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `;
  for (const path of route.paths ?? []) {
    text += `${oneLine ? "\\" : "\n"}\tnexthop `;
    if (path.gateway !== 0) text += `via ${formatIPv4(path.gateway)} `;
    if (path.dev !== null) text += `dev ${path.dev.name} `;
    text += `weight ${path.weight} ${flagsText(path.dead, path.onlink, path.linkdown)}`;
  }
  return text;
}

/** Models `print_rt_flags()`. */
export function flagsText(dead: boolean, onlink: boolean, linkdown: boolean): string {
  return `${dead ? "dead " : ""}${onlink ? "onlink " : ""}${linkdown ? "linkdown " : ""}`;
}

export const begins = (word: string, ...names: readonly string[]): boolean =>
  word !== "" && names.some((name) => name.startsWith(word));

/** Models `iproute_list_flush_or_save()`. */
function routeFilter(context: LabContext, words: Words): RouteFilter {
  const filter: RouteFilter = { ...EVERYTHING, table: RT_TABLE_MAIN };
  while (!words.done) {
    let word = words.next();
    if (begins(word, "table")) {
      const text = words.next();
      if (text === "cache") filter.cache = true;
      else {
        const table = text === "all" ? 0 : tableOf(text);
        filter.table = table === 0 ? "all" : table;
      }
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
      words.take("inet");
      filter.via = prefixOf(words.next()).address;
    } else if (word === "src") filter.src = prefixOf(words.next()).address;
    else if (begins(word, "realms", "vrf") || word === "nhid" || begins(word, "from"))
      throw new IpError(`ip route: ${word}: not supported by the lab`, 255);
    else {
      if (begins(word, "to")) word = words.next();
      if (begins(word, "root")) filter.root = prefixOf(words.next());
      else if (begins(word, "match")) filter.match = prefixOf(words.next());
      else {
        if (begins(word, "exact")) word = words.next();
        if (begins(word, "help")) throw new IpError(IP_ROUTE_USAGE, 255);
        // These two say nothing; "default" is a prefix.
        if (word !== "any" && word !== "all") filter.exact = prefixOf(word);
      }
    }
  }
  return filter;
}

const within = (outer: Cidr, address: number, length: number): boolean =>
  length >= outer.prefixLength &&
  (outer.prefixLength === 0 || outer.address >>> (32 - outer.prefixLength) === address >>> (32 - outer.prefixLength));

/** The routes that a filter is about. Refuses a table that there is not. Models `filter_nlmsg()`. */
function filtered(context: LabContext, filter: RouteFilter, doing: string): Route[] {
  const { net } = context;
  if (filter.cache) return [];
  if (filter.table !== "all" && !net.ip.hasTable(filter.table))
    throw new IpError(`Error: ipv4: FIB table does not exist.\n${doing} terminated`, 2);
  const tables = filter.table === "all" ? [...net.ip.tables()].sort(byListing) : [filter.table];
  return tables
    .flatMap((table) => net.ip.routes(table))
    .filter(
      (route) =>
        (filter.dev === null || (route.paths === null && route.dev === filter.dev)) &&
        (filter.protocol === null || route.protocol === filter.protocol) &&
        (filter.type === null || route.type === filter.type) &&
        (filter.scope === null || route.scope === filter.scope) &&
        (filter.via === null || (route.paths === null && route.gateway === filter.via)) &&
        (filter.src === null || route.prefsrc === filter.src) &&
        (filter.metric === null || route.priority === filter.metric) &&
        (filter.tos === null || route.tos === filter.tos) &&
        (filter.exact === null ||
          (filter.exact.prefixLength === route.prefixLength && filter.exact.address === route.dst)) &&
        (filter.root === null || within(filter.root, route.dst, route.prefixLength)) &&
        (filter.match === null ||
          within(
            { address: route.dst, prefixLength: route.prefixLength },
            filter.match.address,
            filter.match.prefixLength,
          )),
    );
}

/** `ip route show table all`: other tables as the kernel's hash has them (by number), then main, then local. */
function byListing(a: number, b: number): number {
  const bucket = (table: number): number => table & 0xff;
  return bucket(a) - bucket(b) || a - b;
}

function showRoutes(context: LabContext, options: IpOptions, words: Words): number {
  const filter = routeFilter(context, words);
  for (const route of filtered(context, filter, "Dump"))
    context.stdout.write(`${routeText(route, filter, options.oneLine)}\n`);
  return 0;
}

/** Deletes what a listing would show. */
function flushRoutes(context: LabContext, options: IpOptions, words: Words): number {
  if (words.done) throw new IpError('"ip route flush" requires arguments.', 1);
  const filter = routeFilter(context, words);
  const routes = filtered(context, filter, "Flush");
  for (const route of routes)
    try {
      const { dev, paths: _, ...rest } = route;
      context.net.ip.deleteRoute({ ...rest, ...(dev === null ? {} : { dev }) });
    } catch (error) {
      // One that went with another is gone already.
      if (!(error instanceof SystemError) || error.errno !== ESRCH) throw error;
    }
  if (options.statistics > 0 && !filter.cache) context.stdout.write(flushedText(routes.length));
  return 0;
}

// --- changes --------------------------------------------------------------------------------------------------------

/** Words of a route that the lab does not follow. */
export const UNSUPPORTED: ReadonlySet<string> = new Set([
  "as",
  "from",
  "expires",
  "hoplimit",
  "advmss",
  "reordering",
  "rtt",
  "rto_min",
  "window",
  "cwnd",
  "initcwnd",
  "initrwnd",
  "features",
  "quickack",
  "congctl",
  "rttvar",
  "ssthresh",
  "realms",
  "nhid",
  "vrf",
  "encap",
  "ttl-propagate",
  "fastopen_no_cookie",
]);

function gatewayOf(words: Words, expected: string): number {
  if (words.peek() === "inet6") throw new IpError("ip route: via inet6: not supported by the lab", 255);
  words.take("inet");
  const text = words.next();
  // An address of no length, which the kernel sees.
  if (text === "any" || text === "all") throw new IpError("Error: Attribute failed policy validation.", 2);
  return addressOf(text, expected);
}

/** `nexthop ...`, as many as there are. Models `parse_nexthops()`. */
function nexthopsOf(context: LabContext, words: Words): NexthopRequest[] {
  const nexthops: NexthopRequest[] = [];
  while (!words.done) {
    const word = words.next();
    if (word !== "nexthop") throw new IpError(`Error: "nexthop" or end of line is expected instead of "${word}"`, 255);
    if (words.done) throw new IpError('Error: unexpected end of line after "nexthop"', 255);
    const nexthop: { -readonly [K in keyof NexthopRequest]?: NexthopRequest[K] } = {};
    for (;;) {
      if (words.take("via")) nexthop.gateway = gatewayOf(words, "inet address");
      else if (words.take("dev")) nexthop.dev = deviceOf(context.net, words.next());
      else if (words.take("weight")) {
        const text = words.next();
        nexthop.weight = numberOf(text, '"weight" is invalid\n', 256);
        if (nexthop.weight === 0) throw wrongArgument(text, '"weight" is invalid\n');
      } else if (words.take("onlink")) nexthop.onlink = true;
      else if (["realms", "encap", "as"].includes(words.peek() ?? ""))
        throw new IpError(`ip route: ${words.next()}: not supported by the lab`, 255);
      else break;
    }
    nexthops.push(nexthop);
  }
  return nexthops;
}

/** Models `iproute_modify()`. */
function requestOf(context: LabContext, words: Words, deleting: boolean): RouteRequest {
  const { net } = context;
  let type: number | null = null;
  let destination: Cidr | null = null;
  let device: string | null = null;
  const request: { -readonly [K in keyof RouteRequest]?: RouteRequest[K] } = {};
  while (!words.done) {
    let word = words.next();
    if (word === "src") request.prefsrc = addressOf(words.next());
    else if (word === "via") {
      if (request.gateway !== undefined) throw wrongArgument(word, "use nexthop syntax to specify multiple via\n");
      request.gateway = gatewayOf(words, destination === null ? "any valid address" : "inet address");
    } else if (UNSUPPORTED.has(word)) throw new IpError(`ip route: ${word}: not supported by the lab`, 255);
    else if (word === "tos" || begins(word, "dsfield"))
      request.tos = dsfieldOf(words.next(), '"tos" value is invalid\n');
    else if (begins(word, "metric", "priority", "preference") && word !== "pref")
      request.priority = numberOf(words.next(), '"metric" value is invalid\n');
    else if (word === "scope") request.scope = scopeOf(words.next(), 'invalid "scope" value\n');
    else if (word === "mtu") {
      if (words.take("lock")) request.mtuLocked = true;
      request.mtu = numberOf(words.next(), '"mtu" value is invalid\n');
    } else if (word === "onlink") request.onlink = true;
    else if (word === "nexthop") request.nexthops = nexthopsOf(context, words.back());
    else if (begins(word, "protocol")) request.protocol = protocolOf(words.next());
    else if (begins(word, "table")) request.table = tableOf(words.next(), '"table" value is invalid\n');
    else if (word === "dev" || word === "oif") device = words.next();
    // A router's preference is IPv6's; IPv4 takes the word in silence.
    else if (word === "pref") words.next();
    else {
      if (word === "to") word = words.next();
      const named = /^\d/.test(word) ? null : routeTypeOf(word);
      if (named !== null) {
        type = named;
        word = words.next();
      }
      if (begins(word, "help")) throw new IpError(IP_ROUTE_USAGE, 255);
      if (destination !== null) throw new IpError(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      if (word.includes(":")) throw new IpError("ip route: IPv6 beside IPv4: not supported by the lab", 255);
      destination = prefixOf(word);
    }
  }
  if (destination === null) throw new IpError(IP_ROUTE_USAGE, 255);
  if (device !== null) request.dev = deviceOf(net, device);
  const local = type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_NAT || type === RTN_ANYCAST;
  if (request.table === undefined && local) request.table = RT_TABLE_LOCAL;
  if (request.scope === undefined) {
    if (type === RTN_LOCAL || type === RTN_NAT) request.scope = RT_SCOPE_HOST;
    else if (type === RTN_BROADCAST || type === RTN_MULTICAST || type === RTN_ANYCAST) request.scope = RT_SCOPE_LINK;
    else if (!deleting && (type === null || type === RTN_UNICAST))
      request.scope =
        request.gateway === undefined && request.nexthops === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    else if (!deleting) request.scope = RT_SCOPE_UNIVERSE;
  }
  return {
    ...request,
    dst: destination.address,
    prefixLength: destination.prefixLength,
    ...(type === null ? {} : { type }),
  };
}

// --- questions ------------------------------------------------------------------------------------------------------

/** `ip route get`. Models `iproute_get()`. */
function getRoute(context: LabContext, options: IpOptions, words: Words): number {
  const { net } = context;
  let dst: Cidr | null = null;
  let from: Cidr | null = null;
  let uid = 0;
  let fibmatch = false;
  const more: {
    mark?: number;
    tos?: number;
    oif?: NetDevice;
    iif?: NetDevice;
    protocol?: number;
    sport?: number;
    dport?: number;
  } = {};
  const portOf = (what: string): number => {
    const text = words.next();
    return numberOf(text, `${what}: invalid port number\n`, 0xffff);
  };
  while (!words.done) {
    const word = words.next();
    if (word === "tos" || begins(word, "dsfield")) more.tos = dsfieldOf(words.next(), "TOS value is invalid\n");
    else if (begins(word, "from")) from = prefixOf(words.next(), "inet prefix");
    else if (begins(word, "iif")) more.iif = deviceOf(net, words.next());
    else if (begins(word, "mark")) more.mark = numberOf(words.next(), "invalid mark value");
    else if (begins(word, "oif") || word === "dev") more.oif = deviceOf(net, words.next());
    else if (begins(word, "uid")) uid = numberOf(words.next(), "invalid UID\n");
    else if (begins(word, "fibmatch")) fibmatch = true;
    else if (word === "ipproto") more.protocol = ipProtocolOf(words.next(), 'Invalid "ipproto" value\n');
    else if (word === "sport") more.sport = portOf("sport");
    else if (word === "dport") more.dport = portOf("dport");
    else if (["notify", "connected", "vrf", "as"].some((name) => begins(word, name)))
      throw new IpError(`ip route get: ${word}: not supported by the lab`, 255);
    else {
      const text = begins(word, "to") ? words.next() : word;
      // The family is known once there was a first address.
      dst = prefixOf(text, dst === null ? "any valid prefix" : "inet prefix");
      if (dst.prefixLength !== 32 && !EVERY.includes(text))
        context.stderr.write(`Warning: /${dst.prefixLength} as prefix is invalid, only /32 (or none) is supported.\n`);
    }
  }
  if (dst === null) throw new IpError("need at least a destination address", 1);
  if (from !== null && from.prefixLength !== 32)
    throw new IpError("Error: ipv4: Invalid values in header for route get request.", 2);
  const target = dst.address;
  const src = from?.address;
  const answer = netlink(() => net.ip.routeGet({ dst: target, ...(src === undefined ? {} : { src }), ...more }));
  if (fibmatch) {
    if (answer.route === null) throw new IpError("RTNETLINK answers: No route to host", 2);
    context.stdout.write(`${routeText(answer.route, EVERYTHING, options.oneLine, answer.type)}\n`);
    return 0;
  }
  let text = answer.type === RTN_UNICAST ? "" : `${routeTypeText(answer.type)} `;
  text += `${formatIPv4(answer.dst)} `;
  if (src !== undefined) text += `from ${formatIPv4(src)} `;
  if (answer.tos !== 0) text += `tos ${dsfieldText(answer.tos)} `;
  if (answer.gateway !== 0) text += `via ${formatIPv4(answer.gateway)} `;
  if (answer.dev !== null) text += `dev ${answer.dev.name} `;
  if (answer.table !== RT_TABLE_MAIN && answer.table !== 0) text += `table ${tableName(answer.table)} `;
  if (answer.prefsrc !== 0) text += `src ${formatIPv4(answer.prefsrc)} `;
  // RTCF_MULTICAST has the bit of a newer flag.
  if (answer.flags.includes("mc")) text += "rt_offload_failed ";
  if (answer.mark !== 0) text += `mark ${answer.mark < 16 ? answer.mark : `0x${answer.mark.toString(16)}`} `;
  if (more.iif === undefined) text += `uid ${uid} `;
  text += `${options.oneLine ? "\\" : "\n"}    cache ${answer.flags.length > 0 ? `<${answer.flags.join(",")}> ` : ""}`;
  if (answer.pmtu !== null) text += `expires ${answer.pmtu.expiresSeconds}sec mtu ${answer.pmtu.mtu} `;
  else if (answer.mtu !== 0) text += `mtu ${answer.mtu} `;
  if (more.iif !== undefined) text += `iif ${more.iif.name} `;
  context.stdout.write(`${text}\n`);
  return 0;
}

export const MODES: Readonly<Record<string, RouteAddMode>> = {
  add: "add",
  replace: "replace",
  change: "change",
  chg: "change",
  append: "append",
  prepend: "prepend",
};

const COMMANDS: readonly string[] = [
  "list",
  "show",
  "lst",
  "get",
  "add",
  "append",
  "prepend",
  "change",
  "chg",
  "replace",
  "delete",
  "flush",
  "save",
  "restore",
  "showdump",
  "help",
];

/** The command of `ip route`, without one a listing. */
export function routeCommand(words: Words): string {
  const word = words.peek();
  if (word === undefined) return "list";
  const command = abbreviated(word, COMMANDS);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip route help".`, 255);
  words.next();
  return command;
}

/** What a flush tells with `-s`. */
export function flushedText(count: number): string {
  return count === 0
    ? "Nothing to flush.\n"
    : `\n*** Round 1, deleting ${count} entries ***\n*** Flush is complete after 1 round ***\n`;
}

export function ipRoute(context: LabContext, options: IpOptions, words: Words): number {
  const command = routeCommand(words);
  if (command in MODES) {
    if (words.done) throw new IpError(IP_ROUTE_USAGE, 255);
    const request = requestOf(context, words, false);
    netlink(() => context.net.ip.addRoute(request, MODES[command]));
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
      const request = requestOf(context, words, true);
      netlink(() => context.net.ip.deleteRoute(request));
      return 0;
    }
    case "flush":
      return flushRoutes(context, options, words);
    case "help":
      throw new IpError(IP_ROUTE_USAGE, 255);
    default:
      throw new IpError(`ip route ${command}: not supported by the lab`, 255);
  }
}
