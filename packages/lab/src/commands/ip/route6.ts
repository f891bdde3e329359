/**
 * `ip -6 route`: what its words, which route-words.ts reads, become. Life times are not supported.
 */
import {
  type Cidr6,
  compareWords,
  ENETDOWN,
  equalIPv6,
  formatIPv6,
  isAnyAddress,
  type NetDevice,
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
import { AddressFamily } from "./family.js";
import { prefixText6 } from "./ipv6.js";
import { protocolText, routeTypeText, tableName } from "./names.js";
import type { IpOptions } from "./options.js";
import { fitsRealms } from "./realm-filter.js";
import { type AnsweringFamily, runIpRoute } from "./route-command.js";
import { metricReader } from "./route-metrics.js";
import { EVERYTHING, flagsText, type RouteFilter, type SaidRoute } from "./route-words.js";
import { IpError, type Words } from "./words.js";

/**
 * Routes as the kernel's tree lists them: by address, a prefix behind all that lie in it, but its routes for some
 * sources before. Models `fib6_walk_continue()`.
 */
function inListing(a: Route6, b: Route6): number {
  const nested = samePrefixIPv6(a.dst, b.dst, Math.min(a.prefixLength, b.prefixLength));
  if (!nested) return compareWords(a.dst, b.dst);
  if (a.prefixLength < b.prefixLength) return a.srcLength > 0 ? -1 : 1;
  if (a.prefixLength > b.prefixLength) return b.srcLength > 0 ? 1 : -1;
  if (samePrefixIPv6(a.src, b.src, Math.min(a.srcLength, b.srcLength)))
    return b.srcLength - a.srcLength || a.metric - b.metric;
  return compareWords(a.src, b.src);
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

/** Whence a packet would come, where a question was about one that arrives. */
const iifText = (iif: NetDevice | undefined): string => (iif === undefined ? "" : `iif ${iif.name} `);

function metricsText({ mtu, mtuLocked, metrics }: Route6): string {
  return `${mtu > 0 ? `mtu ${mtuLocked ? "lock " : ""}${mtu} ` : ""}${metrics?.text ?? ""}`;
}

function routeText(route: Route6, filter: RouteFilter<Int32Array>, oneLine: boolean, iif?: NetDevice): string {
  let text = route.type === RTN_UNICAST ? "" : `${routeTypeText(route.type)} `;
  text += `${prefixText6(route.dst, route.prefixLength, "default")} `;
  if (route.srcLength > 0) text += `from ${prefixText6(route.src, route.srcLength, "all")} `;
  const { siblings } = route;
  if (siblings === null) {
    if (route.gateway !== null && filter.via?.prefixLength !== 128) text += `via ${formatIPv6(route.gateway)} `;
    if (filter.dev === null) text += `dev ${route.dev.name} `;
  }
  if (filter.table === "all" && route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT && filter.protocol === null) text += `proto ${protocolText(route.protocol)} `;
  if (route.prefsrc !== null && filter.src?.prefixLength !== 128) text += `src ${formatIPv6(route.prefsrc)} `;
  if (filter.metric === null) text += `metric ${route.metric} `;
  if (siblings === null) text += flagsText(route.dead, route.onlink, linkdown(route));
  text += `${metricsText(route)}${iifText(iif)}pref ${route.preference}`;
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

/** What the words ask of the kernel. Models the end of `iproute_modify()`. */
function requestOf(words: SaidRoute<Int32Array>): Route6Request {
  // All of IPv6's routes are of one scope and of no realm, whatever is said.
  const { type, tos = 0, table, priority, from, scope: _, realms: __, ...said } = words;
  if (type !== undefined && (type < RTN_UNICAST || type > RTN_THROW))
    throw new IpError(`ip -6 route ${routeTypeText(type)}: not supported by the lab`, 255);
  const gateways = [said, ...(said.nexthops ?? [])].map(({ gateway }) => gateway);
  if (gateways.some((gateway) => gateway !== undefined && isAnyAddress(gateway)))
    throw new IpError("Error: Invalid gateway address.", 2);
  // No address is none to prefer.
  if (said.prefsrc !== undefined && isAnyAddress(said.prefsrc)) delete said.prefsrc;
  if (tos !== 0) throw new IpError("Error: Invalid dsfield (tos): option not available for IPv6.", 2);
  const local = type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST;
  return {
    ...said,
    ...(type === undefined ? {} : { type: type as Route6Type }),
    ...(priority === undefined ? {} : { metric: priority }),
    ...(from === undefined ? {} : { src: from.address, srcLength: from.prefixLength }),
    table: table ?? (local ? RT_TABLE_LOCAL : RT_TABLE_MAIN),
  };
}

const addresses = new AddressFamily({ family: 6 });

function routes6({ net: { ip6 } }: LabContext, options: IpOptions): AnsweringFamily<Int32Array, Route6> {
  const listed = new AddressFamily(options);
  let mixed = false;
  return {
    names: ["inet6", "inet"],
    metrics: metricReader,
    label: "ipv6",
    bits: 128,
    command: "ip -6 route ",
    // That it is IPv6 is known before: no other comes.
    prefix: (text) => addresses.prefix(text) as Cidr6,
    readPrefix(text) {
      const prefix = listed.readPrefix(text);
      if (typeof prefix.address !== "number") return prefix as Cidr6;
      // No route has addresses of both families.
      mixed = true;
      return { address: new Int32Array(4), prefixLength: 0 };
    },
    address: (text) => addresses.address(text) as Int32Array | null,
    alike: (a, b, bits) => b !== null && (bits < 128 ? samePrefixIPv6(a, b, bits) : equalIPv6(a, b)),
    hasTable: (table) => ip6.fib.hasTable(table),
    tables: () => ip6.fib.tables(),
    routes: (table) => (mixed ? [] : withoutSiblings([...ip6.fib.routes(table)].sort(inListing))),
    isAlone: (route) => route.siblings === null,
    from: ({ src, srcLength }) => ({ address: src, prefixLength: srcLength }),
    // All of IPv6's routes are of scope "global", and none asks for a class or has a realm.
    passes: ({ metric }, filter) =>
      (filter.scope ?? 0) === 0 &&
      (filter.tos ?? 0) === 0 &&
      (filter.metric === null || metric === filter.metric) &&
      fitsRealms(filter.realms, 0),
    text: routeText,
    flushCache: () => ip6.flushCache(),
    flush(routes) {
      const doomed = new Set(routes.flatMap((route) => route.siblings ?? [route]));
      ip6.fib.purge((route) => doomed.has(route));
    },
    add: (said, mode) => ip6.addRoute(requestOf(said), mode),
    delete: (said) => ip6.deleteRoute(requestOf(said)),
    /** Models `inet6_rtm_getroute()`. */
    answer({ tos = 0, ...question }, fibmatch, oneLine) {
      const { dst, src, iif } = question;
      if (iif !== undefined && !iif.up) throw new SystemError(ENETDOWN);
      const route = ip6.routeOutput({ ...question, trafficClass: tos, anyDevice: src !== undefined });
      if (route.error !== 0) throw new SystemError(route.error);
      if (fibmatch) return routeText(route, EVERYTHING, oneLine, iif);
      let text = route.type === RTN_UNICAST ? "" : `${routeTypeText(route.type)} `;
      text += `${formatIPv6(dst)} from ${src === undefined ? "::" : formatIPv6(src)} `;
      if (route.gateway !== null) text += `via ${formatIPv6(route.gateway)} `;
      text += `dev ${route.local ? "lo" : route.dev.name} `;
      if (route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
      if (route.protocol !== RTPROT_BOOT) text += `proto ${protocolText(route.protocol)} `;
      const prefsrc = iif === undefined ? ip6.sourceFor(route, dst) : route.prefsrc;
      if (prefsrc !== null) text += `src ${formatIPv6(prefsrc)} `;
      text += `metric ${route.metric} `;
      return `${text}${metricsText(route)}${iifText(iif)}pref ${route.preference}`;
    },
  };
}

/** `ip -6 route`. */
export function ipRoute6(context: LabContext, options: IpOptions, words: Words): number {
  return runIpRoute(context, routes6(context, options), options, words);
}
