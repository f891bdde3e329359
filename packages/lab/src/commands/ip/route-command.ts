/** `ip route` with all its words, of either family: what is asked of a family, and `ip route get`. */
import type { NetDevice } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { dsfieldOf, ipProtocolOf } from "./names.js";
import type { IpOptions } from "./options.js";
import { flushRoutes, type ListedFamily, listRoutes } from "./route-listing.js";
import { changesRoutes, type Prefix, type RouteCore, routeCommandOf, tosWord, unsupported } from "./route-words.js";
import { begins, deviceOf, EVERY, IpError, netlink, numberOf, UsageError, type Words } from "./words.js";

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

/** A family that says which route a packet would take. */
export interface AnsweringFamily<A, R extends RouteCore<A>> extends ListedFamily<A, R> {
  /** The answer's line, or with `fibmatch` the route that was found. */
  answer(question: RouteQuestion<A>, fibmatch: boolean, oneLine: boolean): string;
}

/** `ip route get`. Models `iproute_get()`. */
function answerRoute<A, R extends RouteCore<A>>(
  context: LabContext,
  family: AnsweringFamily<A, R>,
  { oneLine, family: asked }: IpOptions,
  words: Words,
): void {
  const { net } = context;
  let dst: Prefix<A> | null = null;
  let from: Prefix<A> | null = null;
  let fibmatch = false;
  const more: Omit<RouteQuestion<A>, "dst"> = {};
  const portOf = (what: string): number => numberOf(words.next(), `${what}: invalid port number\n`, 0xffff);
  while (!words.done) {
    const word = words.next();
    if (tosWord(word)) more.tos = dsfieldOf(words.next(), "TOS value is invalid\n");
    else if (begins(word, "from")) {
      const text = words.next();
      from = family.prefix(text);
      // Of no length, it is not told to the kernel.
      if (text === "any" || text === "all") from = null;
    } else if (begins(word, "iif")) more.iif = deviceOf(net, words.next());
    else if (begins(word, "mark")) more.mark = numberOf(words.next(), "invalid mark value");
    else if (begins(word, "oif") || word === "dev") more.oif = deviceOf(net, words.next());
    else if (begins(word, "uid")) more.uid = numberOf(words.next(), "invalid UID\n");
    else if (begins(word, "fibmatch")) fibmatch = true;
    else if (word === "ipproto") more.protocol = ipProtocolOf(words.next(), 'Invalid "ipproto" value\n');
    else if (word === "sport" || word === "dport") more[word] = portOf(word);
    else if (["notify", "connected", "vrf", "as"].some((name) => begins(word, name)))
      throw unsupported(family, `get: ${word}`);
    else {
      const text = begins(word, "to") ? words.next() : word;
      dst = family.prefix(text);
      if (dst.prefixLength !== family.bits && (asked !== null || !EVERY.includes(text)))
        context.stderr.write(
          `Warning: /${dst.prefixLength} as prefix is invalid, only /${family.bits} (or none) is supported.\n`,
        );
    }
  }
  if (dst === null) throw new IpError("need at least a destination address", 1);
  if (from !== null) {
    if (from.prefixLength === 0)
      throw new IpError(
        `Error: ${family.label}: rtm_src_len and rtm_dst_len must be ${family.bits} for ${family.label.replace("ip", "IP")}.`,
        2,
      );
    if (from.prefixLength !== family.bits)
      throw new IpError(
        `Error: ${family.label}: Invalid values in header for ${family.bits > 32 ? "get route" : "route get"} request.`,
        2,
      );
    more.src = from.address;
  }
  const question = { ...more, dst: dst.address };
  context.stdout.write(`${netlink(() => family.answer(question, fibmatch, oneLine))}\n`);
}

/** `ip route` of a family. Models `do_iproute()`. */
export function runIpRoute<A, R extends RouteCore<A>>(
  context: LabContext,
  family: AnsweringFamily<A, R>,
  options: IpOptions,
  words: Words,
): number {
  const command = routeCommandOf(words);
  if (changesRoutes(context, family, command, words)) return 0;
  if (command === "list") listRoutes(context, family, options, words);
  else if (command === "get") answerRoute(context, family, options, words);
  else if (command === "flush") flushRoutes(context, family, options, words);
  else if (command === "help") throw new UsageError("route");
  else throw unsupported(family, command);
  return 0;
}
