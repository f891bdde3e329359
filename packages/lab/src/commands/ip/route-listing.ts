/** `ip route list` and `ip route flush` with words that say which routes are meant, of either family. */
import type { LabContext } from "../../environment.js";
import { dsfieldOf, protocolOf, routeTypeOf, tableOf } from "./names.js";
import type { IpOptions } from "./options.js";
import { realmFilterOf } from "./realm-filter.js";
import {
  metricOf,
  metricWord,
  PLAIN,
  type Prefix,
  printRoutes,
  type RouteCore,
  type RouteFamily,
  type RouteFilter,
  tosWord,
  unsupported,
} from "./route-words.js";
import { scopeOf } from "./scope.js";
import { begins, deviceOf, IpError, UsageError, type Words, wrongArgument } from "./words.js";

/** What a choice among the routes needs of a family. */
export interface ListedFamily<A, R extends RouteCore<A>> extends RouteFamily<A, R> {
  /** The bits of an address. */
  readonly bits: number;
  /** A prefix of a listing, which says nothing of the others. Throws {@link OtherReader}. */
  readPrefix(text: string): Prefix<A>;
  /** Whether the first bits of two addresses are the same. */
  alike(a: A, b: A | null, bits: number): boolean;
  /** As they are listed. */
  tables(): readonly number[];
  /** Whether the route has no next hops beside its own. */
  isAlone(route: R): boolean;
  /** The sources that a route is for. */
  from(route: R): Prefix<A>;
  /** What of a filter only this family's routes have. */
  passes(route: R, filter: RouteFilter<A>): boolean;
  flush(routes: readonly R[]): void;
  /** Forgets what was learned of destinations. */
  flushCache(): void;
}

/** Models `iproute_list_flush_or_save()`. */
function filterOf<A>(context: LabContext, family: ListedFamily<A, RouteCore<A>>, words: Words): RouteFilter<A> {
  const filter: RouteFilter<A> = { ...PLAIN };
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
function filtered<A, R extends RouteCore<A>>(family: ListedFamily<A, R>, filter: RouteFilter<A>, doing: string): R[] {
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

/** What a flush tells with `-s`. */
function flushedText(count: number): string {
  return count === 0
    ? "Nothing to flush.\n"
    : `\n*** Round 1, deleting ${count} entries ***\n*** Flush is complete after 1 round ***\n`;
}

/**
 * Whether addresses of IPv6 choose among the routes of IPv4, which a listing of one table shows unless `-6` is said.
 */
function otherListing(
  { net }: LabContext,
  { bits }: Pick<ListedFamily<unknown, RouteCore<unknown>>, "bits">,
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

export function listRoutes<A, R extends RouteCore<A>>(
  context: LabContext,
  family: ListedFamily<A, R>,
  options: IpOptions,
  words: Words,
): void {
  const filter = filterOf(context, family, words);
  if (otherListing(context, family, options, filter, "Dump")) return;
  printRoutes(context, family, filtered(family, filter, "Dump"), filter, options);
}

export function flushRoutes<A, R extends RouteCore<A>>(
  context: LabContext,
  family: ListedFamily<A, R>,
  options: IpOptions,
  words: Words,
): void {
  if (words.done) throw new IpError('"ip route flush" requires arguments.', 1);
  const filter = filterOf(context, family, words);
  const routes = otherListing(context, family, options, filter, "Flush") ? [] : filtered(family, filter, "Flush");
  if (filter.cache) family.flushCache();
  else family.flush(routes);
  if (options.statistics > 0)
    context.stdout.write(
      filter.cache && family.bits === 32 ? "*** IPv4 routing cache is flushed.\n" : flushedText(routes.length),
    );
}
