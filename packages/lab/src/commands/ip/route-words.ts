/**
 * The words of `ip route` that nearly every lab says, which both families share: a change, the plain listing. The
 * others are in route-command.ts. Addresses, and what becomes of it all, are a family's own. Encapsulation and nexthop
 * objects are not supported. Models iproute2's ip/iproute.c.
 */
import {
  type NetDevice,
  type RouteAddMode,
  type RouteMetrics,
  type RouterPreference,
  RT_TABLE_MAIN,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { dsfieldOf, protocolOf, routeTypeOf, tableOf } from "./names.js";
import type { IpOptions } from "./options.js";
import type { RealmFilter } from "./realm-filter.js";
import { realmsOf } from "./realms.js";
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

/** What changes of routes and the plain listing need of a family. */
export interface RouteFamily<A, R extends RouteCore<A>> {
  /** As `via` names it, and the other one. */
  readonly names: readonly [own: "inet" | "inet6", other: "inet" | "inet6"];
  /** Reads metrics beside the MTU; absent where that is for {@link OtherReader}. */
  readonly metrics?: () => MetricReader;
  /** As the kernel names it. */
  readonly label: "ipv4" | "ipv6";
  /** The command so far, as a complaint begins. */
  readonly command: string;
  /** A prefix; the first says of which family all are, where no option did. Throws {@link OtherReader}. */
  prefix(text: string): Prefix<A>;
  /**
   * An address; the first says of which family all are, where no option did. Null: of no length. Throws
   * {@link OtherReader}.
   */
  address(text: string): A | null;
  hasTable(table: number): boolean;
  /** As they are listed. */
  routes(table: number): readonly R[];
  /** Models `print_route()`: what the filter says already is not said again. */
  text(route: R, filter: RouteFilter<A>, oneLine: boolean): string;
  add(said: SaidRoute<A>, mode: RouteAddMode): void;
  delete(said: SaidRoute<A>): void;
}

/** A listing of every table, which leaves nothing unsaid. */
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

/** A listing that nothing is said of: the main table. */
export const PLAIN: RouteFilter<never> = { ...EVERYTHING, table: RT_TABLE_MAIN };

type Family<A> = Pick<RouteFamily<A, RouteCore<A>>, "names" | "label" | "command" | "metrics" | "prefix" | "address">;

/**
 * Only another reader understands the command, which is to read it from its beginning: IPv6's, where the first address
 * was one of it and nobody had said which they are; or IPv4's that reads everything.
 */
export class OtherReader extends Error {
  override readonly name = "OtherReader";
  readonly reader: "route4" | "route6";

  constructor(reader: "route4" | "route6") {
    super();
    this.reader = reader;
  }
}

export const unsupported = ({ command }: Pick<Family<unknown>, "command">, word: string): IpError =>
  new IpError(`${command}${word}: not supported by the lab`, 255);

const realmsWord = (word: string): boolean => begins(word, "realms");
export const tosWord = (word: string): boolean => word === "tos" || begins(word, "dsfield");
export const metricWord = (word: string): boolean => begins(word, "metric", "priority") || word === "preference";
export const metricOf = (words: Words): number => numberOf(words.next(), '"metric" value is invalid\n');

// --- changes --------------------------------------------------------------------------------------------------------

/** Words of a route that the lab does not follow. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["as", "expires", "nhid", "vrf", "encap", "ttl-propagate"]);

/** Metrics beside the MTU. */
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
      if (metrics === undefined) throw new OtherReader("route4");
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

/** What is to be done. The words are left behind it. Models the beginning of `do_iproute()`. */
export function routeCommandOf(words: Words): string {
  const word = words.peek();
  if (word === undefined) return "list";
  const command = abbreviated(word, COMMANDS);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip route help".`, 255);
  words.next();
  return command === "show" || command === "lst" ? "list" : command;
}

/** Does it where it is a change of the routes; false where it is none. */
export function changesRoutes<A, R extends RouteCore<A>>(
  context: LabContext,
  family: RouteFamily<A, R>,
  command: string,
  words: Words,
): boolean {
  const mode = MODES[command];
  if (mode === undefined && command !== "delete") return false;
  if (words.done) throw new UsageError("route");
  const said = routeOf(context, family, words);
  netlink(() => (mode === undefined ? family.delete(said) : family.add(said, mode)));
  return true;
}

export function printRoutes<A, R extends RouteCore<A>>(
  { stdout }: LabContext,
  family: RouteFamily<A, R>,
  routes: readonly R[],
  filter: RouteFilter<A>,
  { oneLine }: IpOptions,
): void {
  for (const route of routes) stdout.write(`${family.text(route, filter, oneLine)}\n`);
}
