/** What a match counts for itself begins again when its rule is put in anew: with the legacy tool at every change. */
import { expect, test } from "vitest";
import { VirtualClock } from "../clock.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { SkBuff } from "../skb.js";
import { type Match, type RuleHeader, XtActionParam } from "./extension.js";
import { limitMatch } from "./matches/limit.js";
import { quotaMatch } from "./matches/quota.js";
import { statisticMatch } from "./matches/statistic.js";
import { OptionValues } from "./options.js";

const HEADER: RuleHeader = {
  family: "ipv4",
  proto: 0,
  invertProto: false,
  protocolText: null,
  goto: false,
  flavour: "legacy",
};

function values(options: Readonly<Record<string, unknown>>): OptionValues {
  const made = new OptionValues();
  for (const [id, value] of Object.entries(options)) made.set(id, value, false);
  return made;
}

test.each<[string, Match, string, string]>([
  // A period of 36 million ten-thousandths of a second: an hour.
  ["limit", limitMatch.build(values({ limit: 36_000_000, "limit-burst": 2 }), HEADER), "1100", "1100"],
  ["quota", quotaMatch.build(values({ quota: 250n }), HEADER), "1100", "1100"],
  ["statistic", statisticMatch.build(values({ mode: "nth", every: 3, packet: 0 }), HEADER), "1001", "1001"],
])("%s", (_name, match, before, after) => {
  const net = new NetNamespace("host", new VirtualClock(), new SeededRandom(1));
  const par = new XtActionParam(net, "ipv4");
  par.skb = new SkBuff(new Uint8Array(100));
  const four = (): string => [1, 2, 3, 4].map(() => (match.match(par) ? "1" : "0")).join("");
  match.attach?.(net, 2);
  expect(four()).toBe(before);
  match.renew?.(net);
  expect(four()).toBe(after);
});
