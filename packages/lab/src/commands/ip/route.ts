/** `ip route`: the routing tables. */
import {
  type Cidr,
  formatIPv4,
  type NetDevice,
  type Route,
  type RouteAddMode,
  type RouteRequest,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { ipRoute6 } from "./ipv6.js";
import type { IpOptions } from "./link.js";
import { protocolOf, protocolText, tableName, tableOf } from "./names.js";
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

const TYPES: ReadonlyMap<string, number> = new Map([
  ["unicast", RTN_UNICAST],
  ["local", RTN_LOCAL],
  ["broadcast", RTN_BROADCAST],
  ["multicast", RTN_MULTICAST],
  ["blackhole", RTN_BLACKHOLE],
  ["unreachable", RTN_UNREACHABLE],
  ["prohibit", RTN_PROHIBIT],
]);

const prefixText = (address: number, length: number): string =>
  length === 0 ? "default" : length === 32 ? formatIPv4(address) : `${formatIPv4(address)}/${length}`;

/** What of a route the listing already says by its own filter. */
interface Implied {
  readonly table: number | "all";
  readonly device: boolean;
  readonly protocol: boolean;
  readonly scope: boolean;
}

function routeLine(route: Route, implied: Implied): string {
  let text = "";
  const type = [...TYPES].find(([, number]) => number === route.type)?.[0] ?? "unicast";
  if (route.type !== RTN_UNICAST) text += `${type} `;
  text += `${prefixText(route.dst, route.prefixLength)} `;
  if (route.tos !== 0) text += `tos 0x${route.tos.toString(16).padStart(2, "0")} `;
  if (route.gateway !== 0) text += `via ${formatIPv4(route.gateway)} `;
  if (route.dev !== null && !implied.device) text += `dev ${route.dev.name} `;
  if (implied.table === "all" && route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT && !implied.protocol) text += `proto ${protocolText(route.protocol)} `;
  if (route.scope !== 0 && !implied.scope) text += `scope ${SCOPES.get(route.scope) ?? route.scope} `;
  if (route.prefsrc !== 0) text += `src ${formatIPv4(route.prefsrc)} `;
  if (route.priority !== 0) text += `metric ${route.priority} `;
  if (route.linkdown) text += "linkdown ";
  if (route.onlink) text += "onlink ";
  if (route.mtu !== 0) text += `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `;
  return text;
}

interface RouteFilter {
  table: number | "all";
  dev: NetDevice | null;
  protocol: number | null;
  type: number | null;
  scope: number | null;
  via: number | null;
  exact: Cidr | null;
  match: Cidr | null;
  root: Cidr | null;
}

function routeFilter(context: LabContext, words: Words): RouteFilter {
  const filter: RouteFilter = {
    table: RT_TABLE_MAIN,
    dev: null,
    protocol: null,
    type: null,
    scope: null,
    via: null,
    exact: null,
    match: null,
    root: null,
  };
  while (!words.done) {
    if (words.take("table")) {
      const text = words.next();
      filter.table = text === "all" ? "all" : text === "cache" ? RT_TABLE_MAIN : tableOf(text);
    } else if (words.take("dev", "oif")) filter.dev = deviceOf(context.net, words.next());
    else if (words.take("proto", "protocol")) filter.protocol = protocolOf(words.next(), 'invalid "protocol"\n');
    else if (words.take("type")) filter.type = TYPES.get(words.next()) ?? RTN_UNICAST;
    else if (words.take("scope")) filter.scope = scopeOf(words.next(), 'invalid "scope"\n');
    else if (words.take("via")) filter.via = addressOf(words.next(), "any valid prefix");
    else if (words.take("match")) filter.match = prefixOf(words.next());
    else if (words.take("root")) filter.root = prefixOf(words.next());
    else {
      words.take("to");
      words.take("exact");
      filter.exact = prefixOf(words.next());
    }
  }
  return filter;
}

const within = (outer: Cidr, address: number, length: number): boolean =>
  length >= outer.prefixLength &&
  (outer.prefixLength === 0 || outer.address >>> (32 - outer.prefixLength) === address >>> (32 - outer.prefixLength));

function filtered(context: LabContext, filter: RouteFilter): Route[] {
  const { net } = context;
  const tables = filter.table === "all" ? [...net.ip.tables()].sort(byListing) : [filter.table];
  return tables
    .flatMap((table) => net.ip.routes(table))
    .filter(
      (route) =>
        (filter.dev === null || route.dev === filter.dev) &&
        (filter.protocol === null || route.protocol === filter.protocol) &&
        (filter.type === null || route.type === filter.type) &&
        (filter.scope === null || route.scope === filter.scope) &&
        (filter.via === null || route.gateway === filter.via) &&
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
  const order = (table: number): number => (table === RT_TABLE_LOCAL ? 1000 : table === RT_TABLE_MAIN ? 999 : 0);
  return order(a) - order(b) || a - b;
}

function showRoutes(context: LabContext, words: Words): number {
  const filter = routeFilter(context, words);
  if (filter.table !== "all" && filter.table !== RT_TABLE_MAIN && filter.table !== RT_TABLE_LOCAL) {
    if (!context.net.ip.tables().includes(filter.table) && filter.table !== RT_TABLE_DEFAULT)
      throw new IpError("Error: ipv4: FIB table does not exist.\nDump terminated", 2);
  }
  const implied = {
    table: filter.table,
    device: filter.dev !== null,
    protocol: filter.protocol !== null,
    scope: filter.scope !== null,
  };
  for (const route of filtered(context, filter)) context.stdout.write(`${routeLine(route, implied)}\n`);
  return 0;
}

function requestOf(context: LabContext, words: Words, deleting: boolean): RouteRequest {
  const { net } = context;
  let type: number | null = null;
  let destination: Cidr | null = null;
  let gateway: number | null = null;
  let device: string | null = null;
  let table: number | null = null;
  let scope: number | null = null;
  const more: { -readonly [K in keyof RouteRequest]?: RouteRequest[K] } = {};
  while (!words.done) {
    const word = words.next();
    if (word === "via") {
      if (gateway !== null) throw wrongArgument("via", "use nexthop syntax to specify multiple via\n");
      words.take("inet");
      gateway = addressOf(words.next(), destination === null ? "any valid address" : "inet address");
    } else if (word === "dev" || word === "oif") device = words.next();
    else if (word === "src") more.prefsrc = addressOf(words.next());
    else if (abbreviated(word, ["metric", "priority", "preference"]) !== null)
      more.priority = numberOf(words.next(), '"metric" value is invalid\n');
    else if (word === "table") table = tableOf(words.next(), '"table" value is invalid\n');
    else if (word === "proto" || word === "protocol") more.protocol = protocolOf(words.next());
    else if (word === "scope") scope = scopeOf(words.next(), 'invalid "scope" value\n');
    else if (word === "tos" || word === "dsfield") more.tos = numberOf(words.next(), '"tos" value is invalid\n');
    else if (word === "onlink") more.onlink = true;
    else if (word === "mtu") {
      if (words.take("lock")) more.mtuLocked = true;
      more.mtu = numberOf(words.next(), '"mtu" value is invalid\n');
    } else if (word === "nexthop" || word === "encap" || word === "nhid")
      throw new IpError(`ip route: ${word}: not supported by the lab`, 255);
    else if (TYPES.has(word) && type === null && destination === null) type = TYPES.get(word) ?? RTN_UNICAST;
    else {
      if (destination !== null) throw new IpError(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      if (word.includes(":")) throw new IpError("ip route: IPv6 is not supported by the lab yet", 255);
      destination = prefixOf(word === "to" ? words.next() : word);
    }
  }
  if (destination === null) throw new IpError(IP_ROUTE_USAGE.trimEnd(), 255);
  const dev = device === null ? null : deviceOf(net, device);
  const local = type === RTN_LOCAL || type === RTN_BROADCAST;
  const defaultScope = type === RTN_LOCAL ? RT_SCOPE_HOST : type === RTN_BROADCAST ? RT_SCOPE_LINK : null;
  return {
    dst: destination.address,
    prefixLength: destination.prefixLength,
    ...more,
    ...(type === null ? {} : { type }),
    ...(gateway === null ? {} : { gateway }),
    ...(dev === null ? {} : { dev }),
    ...(table === null ? (local ? { table: RT_TABLE_LOCAL } : {}) : { table }),
    ...(scope === null ? (defaultScope === null || deleting ? {} : { scope: defaultScope }) : { scope }),
  };
}

function getRoute(context: LabContext, words: Words): number {
  const { net } = context;
  let dst: number | null = null;
  const more: { src?: number; mark?: number; tos?: number; oif?: NetDevice; iif?: NetDevice } = {};
  while (!words.done) {
    if (words.take("from")) more.src = prefixOf(words.next(), "inet prefix").address;
    else if (words.take("mark")) more.mark = numberOf(words.next(), "invalid mark value");
    else if (words.take("tos", "dsfield")) more.tos = numberOf(words.next(), "TOS value is invalid\n");
    else if (words.take("oif", "dev")) more.oif = deviceOf(net, words.next());
    else if (words.take("iif")) more.iif = deviceOf(net, words.next());
    else if (words.take("uid")) words.next();
    else {
      words.take("to");
      const text = words.next();
      const prefix = prefixOf(text, dst === null ? "any valid prefix" : "inet prefix");
      if (prefix.prefixLength !== 32 && !EVERY.includes(text))
        context.stderr.write(
          `Warning: /${prefix.prefixLength} as prefix is invalid, only /32 (or none) is supported.\n`,
        );
      dst = prefix.address;
    }
  }
  if (dst === null) throw new IpError("need at least a destination address", 1);
  const target = dst;
  const answer = netlink(() => net.ip.routeGet({ dst: target, ...more }));
  let text = "";
  const type = [...TYPES].find(([, number]) => number === answer.type)?.[0];
  if (type !== undefined && answer.type !== RTN_UNICAST) text += `${type} `;
  text += `${formatIPv4(answer.dst)} `;
  if (more.src !== undefined) text += `from ${formatIPv4(more.src)} `;
  if (answer.gateway !== 0) text += `via ${formatIPv4(answer.gateway)} `;
  if (answer.dev !== null) text += `dev ${answer.dev.name} `;
  if (answer.table !== RT_TABLE_MAIN && answer.table !== RT_TABLE_LOCAL && answer.table !== 0)
    text += `table ${tableName(answer.table)} `;
  if (more.src === undefined && answer.prefsrc !== 0) text += `src ${formatIPv4(answer.prefsrc)} `;
  if (more.mark !== undefined) text += `mark ${more.mark < 16 ? more.mark : `0x${more.mark.toString(16)}`} `;
  text += more.iif === undefined ? "uid 0 " : "";
  text += `\n    cache ${answer.flags.length > 0 ? `<${answer.flags.join(",")}> ` : ""}`;
  if (answer.pmtu !== null) text += `expires ${answer.pmtu.expiresSeconds}sec mtu ${answer.pmtu.mtu} `;
  if (more.iif !== undefined) text += `iif ${more.iif.name} `;
  context.stdout.write(`${text}\n`);
  return 0;
}

const MODES: Readonly<Record<string, RouteAddMode>> = {
  add: "add",
  replace: "replace",
  change: "change",
  chg: "change",
  append: "append",
  prepend: "prepend",
};

export function ipRoute(context: LabContext, options: IpOptions, words: Words): number {
  if (options.family === 6 || (options.family === null && words.mentions(":"))) return ipRoute6(context, words);
  const word = words.peek();
  if (word === undefined) return showRoutes(context, words);
  const command = abbreviated(word, [
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
  ]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip route help".`, 255);
  words.next();
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
      return showRoutes(context, words);
    case "get":
      return getRoute(context, words);
    case "delete": {
      if (words.done) throw new IpError(IP_ROUTE_USAGE, 255);
      const request = requestOf(context, words, true);
      netlink(() => context.net.ip.deleteRoute(request));
      return 0;
    }
    case "flush": {
      if (words.done) throw new IpError('"ip route flush" requires arguments.', 1);
      if (words.peek() === "cache") return 0;
      for (const route of filtered(context, routeFilter(context, words)))
        netlink(() => context.net.ip.deleteRoute({ ...route, ...(route.dev === null ? {} : { dev: route.dev }) }));
      return 0;
    }
    default:
      throw new IpError(`ip route ${command}: not supported by the lab`, 255);
  }
}
