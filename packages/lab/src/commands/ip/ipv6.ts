/** `ip -6 route` and IPv6's part of `ip address`. Multipath, source routes and policy rules of IPv6 are not supported. */
import {
  type Cidr6,
  equalIPv6,
  formatIPv6,
  type IfAddr6,
  type NetDevice,
  parseCidr6,
  parseIPv6,
  type Route6,
  type Route6Request,
  type Route6Type,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_BLACKHOLE,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
  RTPROT_STATIC,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { abbreviated, deviceOf, IpError, netlink, numberOf, type Words } from "./words.js";

const TYPES: readonly (readonly [string, Route6Type])[] = [
  ["unicast", RTN_UNICAST],
  ["local", RTN_LOCAL],
  ["anycast", RTN_ANYCAST],
  ["multicast", RTN_MULTICAST],
  ["blackhole", RTN_BLACKHOLE],
  ["unreachable", RTN_UNREACHABLE],
  ["prohibit", RTN_PROHIBIT],
];
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [RTPROT_KERNEL, "kernel"],
  [RTPROT_BOOT, "boot"],
  [RTPROT_STATIC, "static"],
]);
const TABLES: ReadonlyMap<string, number> = new Map([
  ["main", RT_TABLE_MAIN],
  ["local", RT_TABLE_LOCAL],
]);
const SCOPE_NAMES: ReadonlyMap<number, string> = new Map([
  [2, "link"],
  [5, "site"],
  [14, "global"],
]);

/** A prefix of IPv6, as a person writes it. */
export function prefixOf6(text: string): Cidr6 {
  if (text === "default" || text === "any" || text === "all") return { address: new Int32Array(4), prefixLength: 0 };
  try {
    return parseCidr6(text);
  } catch {
    throw new IpError(`Error: inet6 prefix is expected rather than "${text}".`, 1);
  }
}

/** An address of IPv6, as a person writes it. */
export function addressOf6(text: string): Int32Array {
  try {
    return parseIPv6(text);
  } catch {
    throw new IpError(`Error: inet6 address is expected rather than "${text}".`, 1);
  }
}

function tableOf6(text: string): number {
  return TABLES.get(text) ?? numberOf(text, "table id value is invalid\n");
}

const prefixText = (address: Int32Array, length: number): string =>
  length === 0 ? "default" : length === 128 ? formatIPv6(address) : `${formatIPv6(address)}/${length}`;

/** A route as a line of `ip -6 route`. */
function routeLine6(route: Route6, table: number | "all", device: boolean): string {
  const type = TYPES.find(([, number]) => number === route.type)?.[0] ?? "unicast";
  let text = route.type === RTN_UNICAST ? "" : `${type} `;
  text += `${prefixText(route.dst, route.prefixLength)} `;
  if (route.gateway !== null) text += `via ${formatIPv6(route.gateway)} `;
  if (!device) text += `dev ${route.dev.name} `;
  if (table === "all" && route.table !== RT_TABLE_MAIN)
    text += `table ${[...TABLES].find(([, id]) => id === route.table)?.[0] ?? route.table} `;
  if (route.protocol !== RTPROT_BOOT) text += `proto ${PROTOCOLS.get(route.protocol) ?? route.protocol} `;
  if (route.prefsrc !== null) text += `src ${formatIPv6(route.prefsrc)} `;
  text += `metric ${route.metric} `;
  if (route.dev.up && !route.dev.running && route.error === 0 && !route.local) text += "linkdown ";
  if (route.mtu > 0) text += `mtu ${route.mtu} `;
  return `${text}pref medium`;
}

/** Routes as the kernel's tree lists them: by address, of equal ones the shorter prefix last; the default at the end. */
function inListing(a: Route6, b: Route6): number {
  if ((a.prefixLength === 0) !== (b.prefixLength === 0)) return a.prefixLength === 0 ? 1 : -1;
  for (let i = 0; i < 4; i++) if (a.dst[i] !== b.dst[i]) return (a.dst[i] >>> 0) - (b.dst[i] >>> 0);
  return b.prefixLength - a.prefixLength || a.metric - b.metric;
}

function show(context: LabContext, words: Words): number {
  const { ip6, devices } = context.net;
  let table: number | "all" = RT_TABLE_MAIN;
  let dev: NetDevice | null = null;
  let exact: Cidr6 | null = null;
  while (!words.done) {
    if (words.take("table")) {
      const text = words.next();
      table = text === "all" ? "all" : tableOf6(text);
    } else if (words.take("dev", "oif")) dev = deviceOf(context.net, words.next());
    else {
      words.take("to");
      words.take("exact");
      exact = prefixOf6(words.next());
    }
  }
  const tables = table === "all" ? ip6.fib.tables() : [table];
  for (const id of tables)
    for (const route of [...ip6.routes(id)].sort(inListing)) {
      if (dev !== null && route.dev !== dev) continue;
      if (exact !== null && (exact.prefixLength !== route.prefixLength || !equalIPv6(exact.address, route.dst)))
        continue;
      if (devices.has(route.dev.name)) context.stdout.write(`${routeLine6(route, table, dev !== null)}\n`);
    }
  return 0;
}

function requestOf6(context: LabContext, words: Words): Route6Request {
  const { net } = context;
  let type: Route6Type | undefined;
  let dst: Cidr6 | null = null;
  const request: { -readonly [K in keyof Route6Request]?: Route6Request[K] } = {};
  while (!words.done) {
    if (words.take("via")) {
      words.take("inet6");
      request.gateway = addressOf6(words.next());
    } else if (words.take("dev", "oif")) request.dev = deviceOf(net, words.next());
    else if (words.take("table")) request.table = tableOf6(words.next());
    else if (words.take("metric", "priority", "preference"))
      request.metric = numberOf(words.next(), '"metric" value is invalid\n');
    else if (words.take("src")) request.prefsrc = addressOf6(words.next());
    else if (words.take("mtu")) request.mtu = numberOf(words.next(), '"mtu" value is invalid\n');
    else if (words.take("proto", "protocol")) {
      const name = words.next();
      request.protocol =
        [...PROTOCOLS].find(([, each]) => each === name)?.[0] ?? numberOf(name, '"protocol" value is invalid\n');
    } else if (words.take("onlink")) request.onlink = true;
    else if (words.take("scope", "pref")) words.next();
    else {
      words.take("to");
      const word = words.next();
      const named = TYPES.find(([name]) => name === word);
      if (named !== undefined && dst === null) {
        type = named[1];
        continue;
      }
      if (dst !== null) throw new IpError(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      dst = prefixOf6(word);
    }
  }
  if (dst === null) throw new IpError("Error: argument is missing.", 255);
  return { ...request, ...(type === undefined ? {} : { type }), dst: dst.address, prefixLength: dst.prefixLength };
}

function get(context: LabContext, words: Words): number {
  const { ip6 } = context.net;
  let dst: Int32Array | null = null;
  let oif: NetDevice | null = null;
  while (!words.done) {
    if (words.take("oif", "dev")) oif = deviceOf(context.net, words.next());
    else {
      words.take("to");
      dst = prefixOf6(words.next()).address;
    }
  }
  if (dst === null) throw new IpError("need at least a destination address", 1);
  const route = ip6.route(dst, oif);
  if (route.error !== 0)
    throw new IpError(
      `RTNETLINK answers: ${{ 22: "Invalid argument", 13: "Permission denied", 113: "No route to host" }[route.error] ?? "Network is unreachable"}`,
      2,
    );
  const src = route.prefsrc ?? ip6.selectAddress(route.local ? null : route.dev, dst);
  let text = route.local ? "local " : "";
  text += `${formatIPv6(dst)} from :: `;
  if (route.gateway !== null) text += `via ${formatIPv6(route.gateway)} `;
  text += `dev ${route.local ? "lo" : route.dev.name} `;
  if (route.local) text += "table local ";
  if (route.protocol !== RTPROT_BOOT) text += `proto ${PROTOCOLS.get(route.protocol) ?? route.protocol} `;
  if (src !== null) text += `src ${formatIPv6(src)} `;
  context.stdout.write(`${text}metric ${route.metric} pref medium\n`);
  return 0;
}

/** `ip -6 route`. */
export function ipRoute6(context: LabContext, words: Words): number {
  const word = words.peek();
  if (word === undefined) return show(context, words);
  const { ip6 } = context.net;
  const command = abbreviated(word, ["add", "change", "replace", "delete", "show", "list", "get", "flush", "help"]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip route help".`, 255);
  words.next();
  switch (command) {
    case "show":
    case "list":
      return show(context, words);
    case "get":
      return get(context, words);
    case "add": {
      const request = requestOf6(context, words);
      netlink(() => ip6.addRoute(request));
      return 0;
    }
    case "delete": {
      const request = requestOf6(context, words);
      netlink(() => ip6.deleteRoute(request));
      return 0;
    }
    default:
      throw new IpError(`ip -6 route ${command}: not supported by the lab`, 255);
  }
}

/** An address as `ip address` shows it. */
export function addressText6({ dev, local, prefixLength, scope }: IfAddr6): string {
  const host = (dev.flags & 8) !== 0 && scope === 2;
  return `inet6 ${formatIPv6(local)}/${prefixLength} scope ${host ? "host" : (SCOPE_NAMES.get(scope) ?? "global")} `;
}

/** `ip address add|del` of an IPv6 address. */
export function changeAddress6(context: LabContext, device: NetDevice, text: string, command: "add" | "del"): void {
  const { ip6 } = context.net;
  const { address, prefixLength } = prefixOf6(text);
  netlink(() =>
    command === "add"
      ? ip6.addAddress(device, address, prefixLength)
      : ip6.deleteAddress(device, address, prefixLength),
  );
}
