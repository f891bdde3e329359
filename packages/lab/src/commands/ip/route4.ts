/** `ip route` of IPv4 with all its words. */
import {
  ESRCH,
  formatIPv4,
  prefixMask,
  type Route,
  RT_TABLE_MAIN,
  RTN_UNICAST,
  SystemError,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import { dsfieldText, routeTypeText, tableName } from "./names.js";
import type { IpOptions } from "./options.js";
import { fitsRealms } from "./realm-filter.js";
import { RealmNames } from "./realms.js";
import { ofIPv4, routes4, routeText } from "./route.js";
import { type AnsweringFamily, type RouteQuestion, runIpRoute } from "./route-command.js";
import { metricReader } from "./route-metrics.js";
import { EVERYTHING } from "./route-words.js";
import { IpError, type Words } from "./words.js";

/** `ip route show table all`: other tables as the kernel's hash has them (by number), then main, then local. */
function byListing(a: number, b: number): number {
  const bucket = (table: number): number => table & 0xff;
  return bucket(a) - bucket(b) || a - b;
}

const EVERYWHERE = { address: 0, prefixLength: 0 };

/** Models inet_rtm_getroute()'s answer as `print_route()` shows it. */
function answerText(
  { net: { ip } }: LabContext,
  realmNames: RealmNames,
  question: RouteQuestion<number>,
  fibmatch: boolean,
  oneLine: boolean,
): string {
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
}

/** `ip route` of IPv4. Throws {@link OtherReader} where the words turn out to be about IPv6. */
export function ipRoute4(context: LabContext, options: IpOptions, words: Words): number {
  const { ip } = context.net;
  const addresses = new AddressFamily(options);
  const realmNames = new RealmNames();
  const family: AnsweringFamily<number, Route> = {
    ...routes4(context, addresses, realmNames),
    bits: 32,
    metrics: metricReader,
    readPrefix: (text) => ofIPv4(addresses.readPrefix(text)),
    alike: (a, b, bits) => b !== null && ((a ^ b) & prefixMask(bits)) === 0,
    tables: () => [...ip.tables()].sort(byListing),
    isAlone: (route) => route.paths === null,
    // Linux takes `from` here and makes nothing of it.
    from: () => EVERYWHERE,
    passes: (route, { scope, metric, tos, realms }) =>
      // Those of several next hops are the next hops'.
      fitsRealms(realms, route.paths === null ? route.realms : 0) &&
      (scope === null || route.scope === scope) &&
      (metric === null || route.priority === metric) &&
      (tos === null || route.tos === tos),
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
    answer: (question, fibmatch, oneLine) => answerText(context, realmNames, question, fibmatch, oneLine),
  };
  return runIpRoute(context, family, options, words);
}
