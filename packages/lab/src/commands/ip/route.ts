/** `ip route` of IPv4 as far as nearly every lab has it; the rest is in route4.ts. */
import {
  formatIPv4,
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
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import { dsfieldText, protocolText, routeTypeText, tableName } from "./names.js";
import type { IpOptions } from "./options.js";
import { RealmNames } from "./realms.js";
import {
  changesRoutes,
  flagsText,
  OtherReader,
  PLAIN,
  printRoutes,
  type RouteFamily,
  type RouteFilter,
  routeCommandOf,
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

/** Of IPv4; else IPv6's reader is to read the words. */
export function ofIPv4<Written extends { readonly address: number | Int32Array }>(
  written: Written,
): Written & { readonly address: number } {
  if (typeof written.address !== "number") throw new OtherReader("route6");
  return written as Written & { readonly address: number };
}

/** IPv4's routes, as `ip route` changes and prints them. */
export const routes4 = (
  { net: { ip } }: LabContext,
  addresses: AddressFamily,
  realmNames: RealmNames,
): RouteFamily<number, Route> => ({
  names: ["inet", "inet6"],
  label: "ipv4",
  command: "ip route ",
  prefix: (text) => ofIPv4(addresses.prefix(text)),
  address(text) {
    const address = addresses.address(text);
    if (address !== null && typeof address !== "number") throw new OtherReader("route6");
    return address;
  },
  hasTable: (table) => ip.hasTable(table),
  routes: (table) => ip.routes(table),
  text: (route, filter, oneLine) => routeText(route, filter, oneLine, realmNames),
  add: (said, mode) => ip.addRoute(completed(said, false), mode),
  delete: (said) => ip.deleteRoute(completed(said, true)),
});

/** What nearly every lab says of IPv4's routes. Throws {@link OtherReader} where another is to read it. */
export function ipRoute(context: LabContext, options: IpOptions, words: Words): number {
  const family = routes4(context, new AddressFamily(options), new RealmNames());
  const command = routeCommandOf(words);
  if (changesRoutes(context, family, command, words)) return 0;
  if (command !== "list" || !words.done || !family.hasTable(RT_TABLE_MAIN)) throw new OtherReader("route4");
  printRoutes(context, family, family.routes(RT_TABLE_MAIN), PLAIN, options);
  return 0;
}
