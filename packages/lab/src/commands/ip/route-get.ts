/** `ip route get`: the route that a packet would take, of either family. */
import { formatIPv4, RT_TABLE_MAIN, RTN_UNICAST } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import type { IpOptions } from "./link.js";
import { dsfieldOf, dsfieldText, ipProtocolOf, routeTypeText, tableName } from "./names.js";
import { RealmNames } from "./realms.js";
import { routes4, routeText } from "./route.js";
import { metricReader } from "./route-metrics.js";
import {
  EVERYTHING,
  type Prefix,
  type RouteCore,
  type RouteFamily,
  type RouteQuestion,
  runIpRoute,
  tosWord,
  unsupported,
} from "./route-words.js";
import { begins, deviceOf, EVERY, IpError, netlink, numberOf, type Words } from "./words.js";

/** A family that says which route a packet would take. */
export interface AnsweringFamily<A, R extends RouteCore<A>> extends RouteFamily<A, R> {
  /** The answer's line, or with `fibmatch` the route that was found. */
  answer(question: RouteQuestion<A>, fibmatch: boolean, oneLine: boolean): string;
}

/** `ip route get`. Models `iproute_get()`. */
export function answerRoute<A, R extends RouteCore<A>>(
  context: LabContext,
  family: AnsweringFamily<A, R>,
  { oneLine, family: asked }: IpOptions,
  words: Words,
): number {
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
  return 0;
}

/** `ip route get` of IPv4. Throws {@link OtherReader} where the words turn out to be about IPv6. */
export function getRoute(context: LabContext, options: IpOptions, words: Words): number {
  const { ip } = context.net;
  const realmNames = new RealmNames();
  const answer = (question: RouteQuestion<number>, fibmatch: boolean, oneLine: boolean): string => {
    // Who asks about a packet that arrives is nobody.
    const { src, iif, uid = iif === undefined ? 0 : 0xffffffff } = question;
    const answer = ip.routeGet(question);
    if (fibmatch) {
      if (answer.route === null) throw new IpError("RTNETLINK answers: No route to host", 2);
      return routeText(answer.route, EVERYTHING, oneLine, realmNames, answer.type);
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
    text += realmNames.routeText(answer.realms);
    if (uid !== 0xffffffff) text += `uid ${uid} `;
    text += `${oneLine ? "\\" : "\n"}    cache ${answer.flags.length > 0 ? `<${answer.flags.join(",")}> ` : ""}`;
    if (answer.pmtu !== null) text += `expires ${answer.pmtu.expiresSeconds}sec `;
    const mtu = answer.pmtu?.mtu || answer.mtu;
    if (mtu !== 0) text += `mtu ${mtu} `;
    text += answer.route?.metrics?.text ?? "";
    if (iif !== undefined) text += `iif ${iif.name} `;
    return text;
  };
  return answerRoute(context, { ...routes4(context, new AddressFamily(options), realmNames), answer }, options, words);
}

/** `ip route` of IPv4 with metrics beside the MTU. Throws {@link OtherReader} where the words turn out to be about IPv6. */
export function changeRoute(context: LabContext, options: IpOptions, words: Words): number {
  const family = { ...routes4(context, new AddressFamily(options), new RealmNames()), metrics: metricReader };
  return runIpRoute(context, family, options, words) as number;
}
