/**
 * The words of `ip route`, which both families share: what a listing is about, what a change says, what a question asks.
 * Addresses, and what becomes of it all, are a family's own. Encapsulation and nexthop objects are not supported. Models iproute2's ip/iproute.c.
 */
import {
  type NetDevice,
  type RouteAddMode,
  type RouteMetrics,
  type RouterPreference,
  RT_TABLE_MAIN,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import type { IpOptions } from "./link.js";
import { dsfieldOf, protocolOf, routeTypeOf, tableOf } from "./names.js";
import { type RealmFilter, realmFilterOf, realmsOf } from "./realms.js";
import { scopeOf } from "./scope.js";
import {
  abbreviated,
  begins,
  deviceOf,
  IpError,
  netlink,
  numberOf,
  UsageError,
  type Words,
  wrongArgument,
} from "./words.js";

/** Addresses that begin with the same bits. */
export interface Prefix<A> {
  readonly address: A;
  readonly prefixLength: number;
}

/** What a listing asks of every route alike. */
export interface RouteCore<A> {
  readonly type: number;
  readonly dst: A;
  readonly prefixLength: number;
  readonly protocol: number;
  readonly gateway: A | null;
  readonly dev: NetDevice | null;
  readonly prefsrc: A | null;
}

/** Which routes are meant; null where nothing is said of it. Models `struct filter` of iproute.c. */
export interface RouteFilter<A> {
  table: number | "all";
  dev: NetDevice | null;
  protocol: number | null;
  type: number | null;
  scope: number | null;
  via: Prefix<A> | null;
  src: Prefix<A> | null;
  metric: number | null;
  tos: number | null;
  realms: RealmFilter | null;
  exact: Prefix<A> | null;
  match: Prefix<A> | null;
  root: Prefix<A> | null;
  /** The same three of the sources that a route is for. */
  fromExact: Prefix<A> | null;
  fromMatch: Prefix<A> | null;
  fromRoot: Prefix<A> | null;
  cache: boolean;
}

/** One of several next hops, as it is said. */
export interface SaidNexthop<A> {
  gateway?: A;
  dev?: NetDevice;
  weight?: number;
  onlink?: boolean;
  realms?: number;
}

/** A route as it is said; absent is what is not. */
export interface SaidRoute<A> extends SaidNexthop<A> {
  dst: A;
  prefixLength: number;
  type?: number;
  table?: number;
  protocol?: number;
  scope?: number;
  tos?: number;
  priority?: number;
  prefsrc?: A;
  mtu?: number;
  mtuLocked?: boolean;
  metrics?: RouteMetrics | null;
  nexthops?: SaidNexthop<A>[];
  from?: Prefix<A>;
  preference?: RouterPreference;
}

/** What `ip route get` asks. */
export interface RouteQuestion<A> {
  readonly dst: A;
  src?: A;
  uid?: number;
  mark?: number;
  tos?: number;
  oif?: NetDevice;
  iif?: NetDevice;
  protocol?: number;
  sport?: number;
  dport?: number;
}

/** What `ip route` needs of a family. */
export interface RouteFamily<A, R extends RouteCore<A>> {
  /** As `via` names it, and the other one. */
  readonly names: readonly [own: "inet" | "inet6", other: "inet" | "inet6"];
  /** Reads metrics beside the MTU; absent where that is for a part. */
  readonly metrics?: () => MetricReader;
  /** As the kernel names it. */
  readonly label: "ipv4" | "ipv6";
  /** The bits of an address. */
  readonly bits: number;
  /** The command so far, as a complaint begins. */
  readonly command: string;
  /** A prefix; the first says of which family all are, where no option did. Throws {@link OtherReader}. */
  prefix(text: string): Prefix<A>;
  /** One of a listing, which says nothing of the others. Throws {@link OtherReader}. */
  readPrefix(text: string): Prefix<A>;
  /**
   * An address; the first says of which family all are, where no option did. Null: of no length. Throws
   * {@link OtherReader}.
   */
  address(text: string): A | null;
  /** Whether the first bits of two addresses are the same. */
  alike(a: A, b: A | null, bits: number): boolean;

  hasTable(table: number): boolean;
  /** As they are listed. */
  tables(): readonly number[];
  routes(table: number): readonly R[];
  /** Whether the route has no next hops beside its own. */
  isAlone(route: R): boolean;
  /** The sources that a route is for. */
  from(route: R): Prefix<A>;
  /** What of a filter only this family's routes have. */
  passes(route: R, filter: RouteFilter<A>): boolean;
  /** Models `print_route()`: what the filter says already is not said again. */
  text(route: R, filter: RouteFilter<A>, oneLine: boolean): string;
  flush(routes: readonly R[]): void;
  /** Forgets what was learned of destinations. */
  flushCache(): void;

  add(said: SaidRoute<A>, mode: RouteAddMode): void;
  delete(said: SaidRoute<A>): void;
}

/** Lists everything. */
export const EVERYTHING: RouteFilter<never> = {
  table: "all",
  dev: null,
  protocol: null,
  type: null,
  scope: null,
  via: null,
  src: null,
  metric: null,
  tos: null,
  realms: null,
  exact: null,
  match: null,
  root: null,
  fromExact: null,
  fromMatch: null,
  fromRoot: null,
  cache: false,
};

type Family<A> = Pick<
  RouteFamily<A, RouteCore<A>>,
  "names" | "bits" | "command" | "label" | "metrics" | "prefix" | "readPrefix" | "address"
>;

/**
 * Only another reader understands the command, which is to read it from its beginning: IPv6's, where the first address was
 * one of it and nobody had said which they are; or the one with metrics.
 */
export class OtherReader extends Error {
  override readonly name = "OtherReader";
  readonly reader: "route6" | "changeRoute";

  constructor(reader: "route6" | "changeRoute") {
    super();
    this.reader = reader;
  }
}

export const unsupported = ({ command }: Pick<Family<unknown>, "command">, word: string): IpError =>
  new IpError(`${command}${word}: not supported by the lab`, 255);

const realmsWord = (word: string): boolean => begins(word, "realms");
export const tosWord = (word: string): boolean => word === "tos" || begins(word, "dsfield");
const metricWord = (word: string): boolean => begins(word, "metric", "priority") || word === "preference";
const metricOf = (words: Words): number => numberOf(words.next(), '"metric" value is invalid\n');

// --- listing --------------------------------------------------------------------------------------------------------

/** Models `iproute_list_flush_or_save()`. */
function filterOf<A>(context: LabContext, family: Family<A>, words: Words): RouteFilter<A> {
  const filter: RouteFilter<A> = { ...EVERYTHING, table: RT_TABLE_MAIN };
  const orAll = <T>(read: (text: string) => T): T | null => {
    const text = words.next();
    return text === "all" ? null : read(text);
  };
  while (!words.done) {
    let word = words.next();
    if (begins(word, "table")) {
      const text = words.next();
      if (text === "cache") filter.cache = true;
      else filter.table = (text === "all" ? 0 : tableOf(text)) || "all";
    } else if (begins(word, "cached", "cloned")) filter.cache = true;
    else if (tosWord(word)) filter.tos = dsfieldOf(words.next(), "TOS value is invalid\n");
    else if (begins(word, "protocol")) filter.protocol = orAll((text) => protocolOf(text, 'invalid "protocol"\n'));
    else if (begins(word, "scope")) filter.scope = orAll((text) => scopeOf(text, 'invalid "scope"\n'));
    else if (begins(word, "type")) {
      const text = words.next();
      filter.type = routeTypeOf(text);
      if (filter.type === null) throw wrongArgument(text, "node type value is invalid\n");
    } else if (word === "dev" || word === "oif" || word === "iif") filter.dev = deviceOf(context.net, words.next());
    else if (metricWord(word)) filter.metric = metricOf(words);
    else if (word === "via") {
      words.take(family.names[0]);
      filter.via = family.readPrefix(words.next());
    } else if (word === "src") filter.src = family.readPrefix(words.next());
    else if (begins(word, "realms")) filter.realms = realmFilterOf(words);
    else if (begins(word, "vrf") || word === "nhid") throw unsupported(family, word);
    else if (begins(word, "from")) {
      const text = words.next();
      if (begins(text, "root")) filter.fromRoot = family.readPrefix(words.next());
      else if (begins(text, "match")) filter.fromMatch = family.readPrefix(words.next());
      else filter.fromExact = family.readPrefix(begins(text, "exact") ? words.next() : text);
    } else {
      if (begins(word, "to")) word = words.next();
      if (begins(word, "root")) filter.root = family.readPrefix(words.next());
      else if (begins(word, "match")) filter.match = family.readPrefix(words.next());
      else {
        if (begins(word, "exact")) word = words.next();
        if (begins(word, "help")) throw new UsageError("route");
        // Of IPv4 these two say nothing; "default" is a prefix.
        if (family.bits > 32 || (word !== "any" && word !== "all")) filter.exact = family.readPrefix(word);
      }
    }
  }
  return filter;
}

/** The routes that a filter is about. Refuses a table that there is not. Models `filter_nlmsg()`. */
function filtered<A, R extends RouteCore<A>>(family: RouteFamily<A, R>, filter: RouteFilter<A>, doing: string): R[] {
  const { table, dev, protocol, type, via, src, exact, root, match, fromExact, fromRoot, fromMatch } = filter;
  if (filter.cache) return [];
  if (table !== "all" && !family.hasTable(table)) throw noTable(family.label, doing);
  const lies = (within: Prefix<A> | null, has: A | null): boolean =>
    within === null || within.prefixLength === 0 || family.alike(within.address, has, within.prefixLength);
  const covers = (outer: Prefix<A>, inner: Prefix<A>): boolean =>
    inner.prefixLength >= outer.prefixLength && family.alike(outer.address, inner.address, outer.prefixLength);
  const fits = (has: Prefix<A>, one: Prefix<A> | null, within: Prefix<A> | null, around: Prefix<A> | null): boolean =>
    (one === null || (covers(one, has) && covers(has, one))) &&
    (within === null || covers(within, has)) &&
    (around === null || covers(has, around));
  const wanted = (route: R): boolean =>
    ((dev === null && !via?.prefixLength) || family.isAlone(route)) &&
    (dev === null || route.dev === dev) &&
    lies(via, route.gateway) &&
    lies(src, route.prefsrc) &&
    (protocol === null || route.protocol === protocol) &&
    (type === null || route.type === type) &&
    fits({ address: route.dst, prefixLength: route.prefixLength }, exact, root, match) &&
    fits(family.from(route), fromExact, fromRoot, fromMatch) &&
    family.passes(route, filter);
  return (table === "all" ? family.tables() : [table]).flatMap((each) => family.routes(each).filter(wanted));
}

// --- changes --------------------------------------------------------------------------------------------------------

/** Words of a route that the lab does not follow. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["as", "expires", "nhid", "vrf", "encap", "ttl-propagate"]);

/** Metrics beside the MTU, which a part reads. */
const METRICS: ReadonlySet<string> = new Set(
  "advmss congctl cwnd fastopen_no_cookie features hoplimit initcwnd initrwnd quickack reordering rto_min rtt rttvar ssthresh window".split(
    " ",
  ),
);

/** Reads the metrics of one route. */
export interface MetricReader {
  /** Takes a word, with what follows; false when it is none of its. */
  take(word: string, words: Words): boolean;
  /** What was said; null: nothing. Throws {@link IpError} where the kernel refuses it. */
  made(): RouteMetrics | null;
}

/** What routers say of themselves, by the number that stands for it. */
const PREFERENCES: readonly RouterPreference[] = ["medium", "high", "medium", "low"];

/** Reads an address of a route; that it has no length (`any`) only the kernel will see. */
type ReadAddress<A> = (words: Words) => A;

function gatewayOf<A>(family: Family<A>, words: Words, address: ReadAddress<A>): A {
  const [own, other] = family.names;
  if (words.peek() === other) throw unsupported(family, `via ${other}`);
  words.take(own);
  return address(words);
}

/** `nexthop ...`, as many as there are. Models `parse_nexthops()`. */
function nexthopsOf<A>(
  context: LabContext,
  family: Family<A>,
  words: Words,
  address: ReadAddress<A>,
): SaidNexthop<A>[] {
  const nexthops: SaidNexthop<A>[] = [];
  while (!words.done) {
    const word = words.next();
    if (word !== "nexthop") throw new IpError(`Error: "nexthop" or end of line is expected instead of "${word}"`, 255);
    if (words.done) throw new IpError('Error: unexpected end of line after "nexthop"', 255);
    const nexthop: SaidNexthop<A> = {};
    for (;;) {
      if (words.take("via")) nexthop.gateway = gatewayOf(family, words, address);
      else if (words.take("dev")) nexthop.dev = deviceOf(context.net, words.next());
      else if (words.take("weight")) {
        const text = words.next();
        nexthop.weight = numberOf(text, '"weight" is invalid\n', 256);
        if (nexthop.weight === 0) throw wrongArgument(text, '"weight" is invalid\n');
      } else if (words.take("onlink")) nexthop.onlink = true;
      else if (realmsWord(words.peek() ?? "")) {
        words.next();
        nexthop.realms = realmsOf(words, '"realm" value is invalid\n');
      } else if (["encap", "as"].includes(words.peek() ?? "")) throw unsupported(family, words.next());
      else break;
    }
    nexthops.push(nexthop);
  }
  return nexthops;
}

/** Models `iproute_modify()`. */
function routeOf<A>(context: LabContext, family: Family<A>, words: Words): SaidRoute<A> {
  let destination: Prefix<A> | null = null;
  let device: string | null = null;
  const said: Partial<SaidRoute<A>> = {};
  let empty = false;
  const address = (from: Words): A => {
    const address = family.address(from.next());
    empty ||= address === null;
    return address ?? family.prefix("any").address;
  };
  const metrics = family.metrics?.();
  while (!words.done) {
    let word = words.next();
    if (word === "src") said.prefsrc = address(words);
    else if (word === "via") {
      if (said.gateway !== undefined) throw wrongArgument(word, "use nexthop syntax to specify multiple via\n");
      said.gateway = gatewayOf(family, words, address);
    } else if (UNSUPPORTED.has(word)) throw unsupported(family, word);
    else if (METRICS.has(word)) {
      if (metrics === undefined) throw new OtherReader("changeRoute");
      metrics.take(word, words);
    } else if (realmsWord(word)) said.realms = realmsOf(words, '"realm" value is invalid\n');
    else if (tosWord(word)) said.tos = dsfieldOf(words.next(), '"tos" value is invalid\n');
    else if (metricWord(word)) said.priority = metricOf(words);
    else if (word === "scope") said.scope = scopeOf(words.next(), 'invalid "scope" value\n');
    else if (word === "mtu") {
      if (words.take("lock")) said.mtuLocked = true;
      said.mtu = numberOf(words.next(), '"mtu" value is invalid\n');
    } else if (word === "onlink") said.onlink = true;
    else if (word === "nexthop") said.nexthops = nexthopsOf(context, family, words.back(), address);
    else if (begins(word, "protocol")) said.protocol = protocolOf(words.next());
    else if (begins(word, "table")) said.table = tableOf(words.next(), '"table" value is invalid\n');
    else if (word === "dev" || word === "oif") device = words.next();
    else if (word === "pref") {
      const text = words.next();
      const named = PREFERENCES.indexOf(text as RouterPreference);
      const number = named < 0 ? numberOf(text, '"pref" value is invalid\n', 0xff) : named;
      said.preference = PREFERENCES[number] ?? "medium";
    } else if (word === "from") said.from = family.prefix(words.next());
    else {
      if (word === "to") word = words.next();
      const named = /^\d/.test(word) ? null : routeTypeOf(word);
      if (named !== null) {
        said.type = named;
        word = words.next();
      }
      if (begins(word, "help")) throw new UsageError("route");
      if (destination !== null) throw new IpError(`Error: either "to" is duplicate, or "${word}" is a garbage.`, 255);
      destination = family.prefix(word);
    }
  }
  if (destination === null) throw new UsageError("route");
  if (device !== null) said.dev = deviceOf(context.net, device);
  if (metrics !== undefined) said.metrics = metrics.made();
  if (empty)
    throw new IpError(
      said.nexthops === undefined
        ? "Error: Attribute failed policy validation."
        : `Error: Invalid ${family.label.replace("ip", "IP")} address in RTA_GATEWAY.`,
      2,
    );
  return { ...said, dst: destination.address, prefixLength: destination.prefixLength };
}

// --- questions ------------------------------------------------------------------------------------------------------

// --- the command ----------------------------------------------------------------------------------------------------

const MODES: Readonly<Record<string, RouteAddMode>> = {
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

/** Models `print_rt_flags()`. */
export function flagsText(dead: boolean, onlink: boolean, linkdown: boolean): string {
  return `${dead ? "dead " : ""}${onlink ? "onlink " : ""}${linkdown ? "linkdown " : ""}`;
}

/** What a flush tells with `-s`. */
function flushedText(count: number): string {
  return count === 0
    ? "Nothing to flush.\n"
    : `\n*** Round 1, deleting ${count} entries ***\n*** Flush is complete after 1 round ***\n`;
}

/** Whether addresses of IPv6 choose among the routes of IPv4, which a listing of one table shows unless `-6` is said. */
function otherListing(
  { net }: LabContext,
  { bits }: Pick<Family<unknown>, "bits">,
  { family }: IpOptions,
  { table }: Pick<RouteFilter<unknown>, "table">,
  doing: string,
): boolean {
  if (bits === 32 || family !== null || table === "all") return false;
  if (!net.ip.hasTable(table)) throw noTable("ipv4", doing);
  return true;
}

const noTable = (label: string, doing: string): IpError =>
  new IpError(`Error: ${label}: FIB table does not exist.\n${doing} terminated`, 2);

/** `ip route` of a family. Models `do_iproute()`. */
export function runIpRoute<A, R extends RouteCore<A>>(
  context: LabContext,
  family: RouteFamily<A, R>,
  options: IpOptions,
  words: Words,
): number | "getRoute" {
  const { stdout } = context;
  const word = words.peek();
  const command = word === undefined ? "list" : abbreviated(word, COMMANDS);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip route help".`, 255);
  if (word !== undefined) words.next();
  const mode = MODES[command];
  switch (mode === undefined ? command : "add") {
    case "add":
    case "delete": {
      if (words.done) throw new UsageError("route");
      const said = routeOf(context, family, words);
      netlink(() => (mode === undefined ? family.delete(said) : family.add(said, mode)));
      return 0;
    }
    case "list":
    case "show":
    case "lst": {
      const filter = filterOf(context, family, words);
      if (otherListing(context, family, options, filter, "Dump")) return 0;
      for (const route of filtered(family, filter, "Dump"))
        stdout.write(`${family.text(route, filter, options.oneLine)}\n`);
      return 0;
    }
    case "get":
      return "getRoute";
    case "flush": {
      if (words.done) throw new IpError('"ip route flush" requires arguments.', 1);
      const filter = filterOf(context, family, words);
      const routes = otherListing(context, family, options, filter, "Flush") ? [] : filtered(family, filter, "Flush");
      if (filter.cache) family.flushCache();
      else family.flush(routes);
      if (options.statistics > 0)
        stdout.write(
          filter.cache && family.bits === 32 ? "*** IPv4 routing cache is flushed.\n" : flushedText(routes.length),
        );
      return 0;
    }
    case "help":
      throw new UsageError("route");
    default:
      throw unsupported(family, command);
  }
}
