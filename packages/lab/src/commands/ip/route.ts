/** `ip route` of IPv4: what its words, which route-words.ts reads, become. */
import {
  type Cidr,
  type Cidr6,
  ESRCH,
  formatIPv4,
  prefixMask,
  type Route,
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
import { AddressFamily } from "./family.js";
import type { IpOptions } from "./link.js";
import { dsfieldText, protocolText, routeTypeText, tableName } from "./names.js";
import { fitsRealms, RealmNames } from "./realms.js";
import {
  flagsText,
  OtherReader,
  type RouteFamily,
  type RouteFilter,
  runIpRoute,
  type SaidRoute,
} from "./route-words.js";
import { SCOPES } from "./scope.js";
import type { Words } from "./words.js";

const prefixText = (address: number, length: number): string =>
  length === 0 ? "default" : length === 32 ? formatIPv4(address) : `${formatIPv4(address)}/${length}`;

export function routeText(
  route: Route,
  filter: RouteFilter<number>,
  oneLine: boolean,
  names: RealmNames,
  type: number = route.type,
): string {
  if (filter.realms?.named) names.read();
  let text = type === RTN_UNICAST ? "" : `${routeTypeText(type)} `;
  text += `${prefixText(route.dst, route.prefixLength)} `;
  if (route.tos !== 0 && filter.tos === null) text += `tos ${dsfieldText(route.tos)} `;
  if (route.paths === null) {
    if (route.gateway !== 0 && filter.via?.prefixLength !== 32) text += `via ${formatIPv4(route.gateway)} `;
    if (route.dev !== null && filter.dev === null) text += `dev ${route.dev.name} `;
  }
  if (filter.table === "all" && route.table !== RT_TABLE_MAIN) text += `table ${tableName(route.table)} `;
  if (route.protocol !== RTPROT_BOOT && filter.protocol === null) text += `proto ${protocolText(route.protocol)} `;
  if (route.scope !== RT_SCOPE_UNIVERSE && filter.scope === null)
    text += `scope ${SCOPES.get(route.scope) ?? route.scope} `;
  if (route.prefsrc !== 0 && filter.src?.prefixLength !== 32) text += `src ${formatIPv4(route.prefsrc)} `;
  if (route.priority !== 0 && filter.metric === null) text += `metric ${route.priority} `;
  if (route.paths === null) {
    text += flagsText(false, route.onlink, route.linkdown);
    if (filter.realms?.mask !== 0xffffffff) text += names.routeText(route.realms);
  }
  if (route.mtu !== 0) text += `mtu ${route.mtuLocked ? "lock " : ""}${route.mtu} `;
  text += route.metrics?.text ?? "";
  for (const path of route.paths ?? []) {
    text += `${oneLine ? "\\" : "\n"}\tnexthop `;
    if (path.gateway !== 0) text += `via ${formatIPv4(path.gateway)} `;
    text += names.routeText(path.realms);
    if (path.dev !== null) text += `dev ${path.dev.name} `;
    text += `weight ${path.weight} ${flagsText(path.dead, path.onlink, path.linkdown)}`;
  }
  return text;
}

/** The table and the scope that go without saying. Models the end of `iproute_modify()`. */
function completed(said: SaidRoute<number>, deleting: boolean): SaidRoute<number> {
  const { type = RTN_UNICAST, gateway, nexthops } = said;
  const local = type === RTN_LOCAL || type === RTN_NAT;
  const wide = type === RTN_BROADCAST || type === RTN_ANYCAST;
  if (local || wide) said.table ??= RT_TABLE_LOCAL;
  const onLink = type === RTN_UNICAST && gateway === undefined && nexthops === undefined;
  if (local) said.scope ??= RT_SCOPE_HOST;
  else if (wide || type === RTN_MULTICAST) said.scope ??= RT_SCOPE_LINK;
  else if (!deleting) said.scope ??= onLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return said;
}

/** `ip route show table all`: other tables as the kernel's hash has them (by number), then main, then local. */
function byListing(a: number, b: number): number {
  const bucket = (table: number): number => table & 0xff;
  return bucket(a) - bucket(b) || a - b;
}

const EVERYWHERE = { address: 0, prefixLength: 0 };

function ofIPv4(prefix: Cidr | Cidr6): Cidr {
  if (typeof prefix.address !== "number") throw new OtherReader("route6");
  return prefix as Cidr;
}

/** IPv4's routes, as `ip route` handles them. */
export const routes4 = (
  { net: { ip } }: LabContext,
  addresses: AddressFamily,
  realmNames: RealmNames,
): RouteFamily<number, Route> => ({
  names: ["inet", "inet6"],
  label: "ipv4",
  bits: 32,
  command: "ip route ",
  prefix: (text) => ofIPv4(addresses.prefix(text)),
  readPrefix: (text) => ofIPv4(addresses.readPrefix(text)),
  address(text) {
    const address = addresses.address(text);
    if (typeof address === "object" && address !== null) throw new OtherReader("route6");
    return address;
  },
  alike: (a, b, bits) => b !== null && ((a ^ b) & prefixMask(bits)) === 0,
  hasTable: (table) => ip.hasTable(table),
  tables: () => [...ip.tables()].sort(byListing),
  routes: (table) => ip.routes(table),
  isAlone: (route) => route.paths === null,
  // Linux takes `from` here and makes nothing of it.
  from: () => EVERYWHERE,
  passes: (route, { scope, metric, tos, realms }) =>
    // Those of several next hops are the next hops'.
    fitsRealms(realms, route.paths === null ? route.realms : 0) &&
    (scope === null || route.scope === scope) &&
    (metric === null || route.priority === metric) &&
    (tos === null || route.tos === tos),
  text: (route, filter, oneLine) => routeText(route, filter, oneLine, realmNames),
  flushCache: () => ip.flushCache(),
  flush(routes) {
    for (const { dev, paths: _, ...rest } of routes)
      try {
        ip.deleteRoute({ ...rest, dev });
      } catch (error) {
        // One that went with another is gone already.
        if (!(error instanceof SystemError) || error.errno !== ESRCH) throw error;
      }
  },
  add: (said, mode) => ip.addRoute(completed(said, false), mode),
  delete: (said) => ip.deleteRoute(completed(said, true)),
});

/** `ip route` of IPv4. Throws {@link OtherReader} where the words turn out to be about IPv6. */
export function ipRoute(context: LabContext, options: IpOptions, words: Words): number | "getRoute" {
  return runIpRoute(context, routes4(context, new AddressFamily(options), new RealmNames()), options, words);
}
