/**
 * Policy routing of IPv6: tables, rules by addresses, marks, devices, classes and ports, routes of every type and of
 * several next hops, and what a mark that a chain sets does to the way of packets.
 */
import type { Choice } from "../choice.js";
import { ACK, SYN, text } from "../packets.js";
import { echo6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import { arrives, closing, type Kind, putIn } from "./router.js";
import { FORWARDING_6 } from "./router6.js";
import {
  DEVICE_NAMES,
  marking,
  nexthops,
  question,
  type RoutingWords,
  rule,
  ruleCommand,
  TABLES,
} from "./routing-words.js";

const DEVICES: Scenario["devices"] = {
  lan0: ["2001:db8:1::1/64"],
  wan0: ["2001:db8:2::1/64"],
  wan1: ["2001:db8:9::1/64", "2001:db8:9::7/64"],
};
const WORDS: RoutingWords = {
  ip: "ip -6",
  prefixes: [
    "2001:db8:1::/64",
    "2001:db8:1::10",
    "2001:db8:2::/64",
    "2001:db8:2::9",
    "2001:db8:3::/48",
    "2001:db8:3::7",
    "2001:db8::/32",
    "::/0",
    "default",
    "8000::/1",
  ],
  targets: ["2001:db8:3::7", "2001:db8:2::9", "2001:db8:1::10", "2001:db8:9::9", "2001:db8:2::1", "fd00::9"],
  sources: ["2001:db8:1::10", "2001:db8:2::1", "2001:db8:9::7"],
  nexthops: ["via 2001:db8:2::2", "via 2001:db8:2::3", "via 2001:db8:9::2", "via 2001:db8:9::3"],
  icmp: "ipv6-icmp",
  lengths: [0, 32, 48, 64],
  marked: ["-d 2001:db8:3::7", "-s 2001:db8:1::10"],
};
/** Sources that a route may be for. */
const SOURCES = ["2001:db8:1::/64", "2001:db8:1::10", "2001:db8::/32", "2001:db8:2::/64", "2001:db8:3::7", "::/0"];
const GATEWAYS = ["2001:db8:2::2", "2001:db8:9::2", "2001:db8:1::77", "2001:db8:3::1", "2001:db8:2::1"];

function route(choice: Choice, verb: string): string {
  const prefix = choice.pick(WORDS.prefixes);
  const more = `${choice.oneIn(2) ? ` table ${choice.pick(TABLES)}` : ""}${choice.oneIn(4) ? ` metric ${choice.pick([1, 5, 100])}` : ""}${choice.oneIn(4) ? ` from ${choice.pick(SOURCES)}` : ""}`;
  const type = choice.pick(["", "", "", "", "blackhole", "unreachable", "prohibit", "throw"]);
  if (type !== "") return `ip -6 route ${verb} ${type} ${prefix}${more}`;
  const way = choice.pick([
    () => `via ${choice.pick(GATEWAYS)}`,
    () => `via ${choice.pick(GATEWAYS)} dev ${choice.pick(DEVICE_NAMES)}`,
    () => `dev ${choice.pick(["lan0", "wan0", "wan1"])}`,
    () => `dev ${choice.pick(["lan0", "wan0", "wan1"])} pref ${choice.pick(["low", "medium", "high"])}`,
    () => `dev wan1 src ${choice.pick(["2001:db8:9::1", "2001:db8:9::7", "2001:db8:2::1", "fd00::4"])}`,
    () => "via 2001:db8:3::1 dev wan1 onlink",
    () => nexthops(choice, WORDS),
  ])();
  return `ip -6 route ${verb} ${prefix} ${way}${more}`;
}

function command(choice: Choice): string {
  return choice.pick([
    () => ruleCommand(choice, WORDS),
    () => ruleCommand(choice, WORDS),
    () => ruleCommand(choice, WORDS),
    () => ruleCommand(choice, WORDS),
    () => route(choice, "add"),
    () => route(choice, choice.pick(["replace", "change", "append", "prepend", "del"])),
    () => `ip -6 route del ${choice.pick(WORDS.prefixes)}`,
    () => `ip -6 route show root 2000::/3 table ${choice.pick(["100", "101", "main", "77"])}`,
    () =>
      `ip -6 route flush ${choice.pick(["table 100", "2001:db8:3::/48", "type blackhole", "root 2001:db8:3::/40"])}`,
    () => question(choice, WORDS),
    () => question(choice, WORDS),
  ])();
}

function packet(choice: Choice, ports: readonly number[]): PacketStep {
  const trafficClass = choice.pick([0, 0, 0x10, 0x08, 0xb8, 3]);
  const out = {
    src: choice.pick(["2001:db8:1::10", "2001:db8:1::11"]),
    dst: choice.pick(["2001:db8:3::7", "2001:db8:2::9", "2001:db8:3::8", "2001:db8:2::1", "fd00::9"]),
    trafficClass,
    hopLimit: choice.pick([64, 64, 64, 1]),
    flowLabel: choice.pick([0, 0, 0x12345]),
  };
  const back = { src: choice.pick(["2001:db8:3::7", "2001:db8:2::9"]), dst: "2001:db8:1::10", trafficClass };
  const sport = choice.pick(ports);
  return choice.pick<() => PacketStep>([
    () => arrives("lan0", udp6(out, { sport, dport: choice.pick([53, 80]), payload: text(4) })),
    () => arrives("lan0", tcp6(out, { sport, dport: 80, flags: choice.pick([SYN, ACK]), seq: 1000 })),
    () => arrives("lan0", echo6(out, sport, 1)),
    () => arrives(choice.pick(["wan0", "wan1"]), udp6(back, { sport: 53, dport: sport, payload: text(4) })),
    () => arrives(choice.pick(["wan0", "wan1"]), echo6({ ...back, dst: "2001:db8:2::1" }, sport, 1)),
  ])();
}

export const ROUTING_6: Kind = {
  name: "routing6",
  about: "policy rules, tables and next hops of IPv6, and marks that change the way",
  make(choice) {
    const tool = choice.pick(["ip6tables-legacy", "ip6tables"]);
    const ports = choice.times(3, () => choice.between(1024, 65_535));
    const mayFail = (text: string): string => `${text} || true`;
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING_6,
        ...(choice.oneIn(3) ? { "net.ipv6.fwmark_reflect": "1" } : {}),
        ...(choice.oneIn(3) ? { "net.ipv6.fib_multipath_hash_policy": "1" } : {}),
        // Without a seed, Linux draws the key when it boots.
        "net.ipv4.fib_multipath_hash_seed": String(choice.between(1, 0xffff)),
      },
      setup: [
        choice.pick([
          "ip -6 route add 2001:db8:3::/48 dev wan0",
          "ip -6 route add 2001:db8:3::/48 nexthop via 2001:db8:2::2 weight 2 nexthop via 2001:db8:9::2",
          "ip -6 route add default nexthop via 2001:db8:2::2 nexthop via 2001:db8:9::2 nexthop via 2001:db8:2::77",
        ]),
        ...choice.times(choice.between(0, 5), () => mayFail(route(choice, "add"))),
        ...choice.times(choice.between(0, 5), () => mayFail(rule(choice, WORDS))),
        ...putIn(
          choice,
          tool,
          choice.times(choice.between(0, 3), () => marking(choice, tool, WORDS)),
        ),
      ],
      steps: choice.times(
        choice.between(5, 60),
        (): Step => (choice.oneIn(4) ? { run: command(choice) } : packet(choice, ports)),
      ),
      finally: [
        "ip -6 rule",
        // Whether the main table has a route to ::1 is a matter of how the loopback came up.
        "ip -6 route show root 2000::/3 table all",
        "ip -6 route show exact default table all",
        ...closing(tool),
      ],
    };
  },
};
