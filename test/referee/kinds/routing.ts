/**
 * Policy routing: several tables, rules by addresses, marks, devices, TOS and ports, routes of every type, and what a
 * mark that a chain sets does to the way of forwarded packets and of the router's own answers.
 */
import type { Choice } from "../choice.js";
import type { Scenario, Step } from "../scenario.js";
import { closing, FORWARDING, type Kind, OUTSIDE, putIn, TOOLS } from "./router.js";
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
import { traffic } from "./traffic.js";

/** A second way out beside the router's own two. */
const DEVICES: Scenario["devices"] = {
  lan0: ["192.168.1.1/24"],
  wan0: [`${OUTSIDE}/24`],
  wan1: ["198.18.0.1/24", "198.18.0.7/24", "10.0.0.1/8"],
};

const WORDS: RoutingWords = {
  ip: "ip",
  prefixes: [
    "192.168.1.0/24",
    "192.168.1.10",
    "192.168.1.11",
    "198.51.100.0/24",
    "198.51.100.9",
    "198.51.100.1",
    "203.0.113.0/24",
    "203.0.113.7",
    "203.0.0.0/8",
    "0.0.0.0/1",
    "0/0",
    "default",
  ],
  targets: [
    "203.0.113.7",
    "203.0.113.250",
    "198.51.100.9",
    "192.168.1.10",
    "198.18.0.9",
    "198.51.100.1",
    "9.9.9.9",
    "127.0.0.1",
    "198.51.100.255",
  ],
  sources: ["192.168.1.10", "198.51.100.1", "198.18.0.7", "203.0.113.7"],
  nexthops: [
    "via 198.51.100.2",
    "via 198.51.100.3",
    "via 198.18.0.2",
    "via 192.168.1.77",
    "via 10.1.2.3",
    "dev lan0",
    "dev wan0",
    "dev wan1",
    "dev lo",
  ],
  icmp: "icmp",
  lengths: [0, 8, 24, 32],
  marked: ["-d 203.0.113.7", "-s 192.168.1.10"],
};
const GATEWAYS = ["198.51.100.2", "198.18.0.2", "192.168.1.77", "10.1.2.3", "203.0.113.1", "198.51.100.1"];

function route(choice: Choice, verb = "add"): string {
  const prefix = choice.pick(WORDS.prefixes);
  const table = choice.oneIn(2) ? ` table ${choice.pick(TABLES)}` : "";
  const metric = choice.oneIn(4) ? ` metric ${choice.pick([1, 5, 100])}` : "";
  const tos = choice.oneIn(8) ? ` tos ${choice.pick(["0x10", "0x08"])}` : "";
  const way = choice.pick([
    () => `via ${choice.pick(GATEWAYS)}`,
    () => `via ${choice.pick(GATEWAYS)} dev ${choice.pick(DEVICE_NAMES)}`,
    () => `dev ${choice.pick(DEVICE_NAMES)}`,
    () => `dev ${choice.pick(DEVICE_NAMES)} scope ${choice.pick(["global", "link", "host"])}`,
    () => `dev wan1 src ${choice.pick(["198.18.0.1", "198.18.0.7", OUTSIDE, "1.2.3.4"])}`,
    () => `via 203.0.113.1 dev wan1 onlink`,
    () => nexthops(choice, WORDS),
  ])();
  const type = choice.pick([
    "",
    "",
    "",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "local",
    "broadcast",
    "unicast",
  ]);
  if (["blackhole", "unreachable", "prohibit", "throw"].includes(type) && !choice.oneIn(6))
    return `ip route ${verb} ${type} ${prefix}${tos}${table}${metric}`;
  return `ip route ${verb} ${type === "" ? "" : `${type} `}${prefix}${tos} ${way}${table}${metric}`;
}

function routeCommand(choice: Choice): string {
  return choice.pick([
    () => route(choice),
    () => route(choice),
    () => route(choice, choice.pick(["replace", "change", "append", "prepend", "del"])),
    () => `ip route del ${choice.pick(WORDS.prefixes)}`,
    () => `ip route del ${choice.pick(WORDS.prefixes)} table ${choice.pick(TABLES)}`,
    () => `ip route show table ${choice.pick([...TABLES, "all", "77"])}`,
    () => "ip route",
    () => `ip route show ${choice.pick(["dev", "proto kernel dev"])} ${choice.pick(DEVICE_NAMES)}`,
    () => `ip route flush table ${choice.pick(["100", "101", "0x66"])}`,
    () =>
      `ip route flush ${choice.pick(["203.0.113.0/24", "dev wan1", "proto boot", "root 203.0.0.0/8", "type blackhole"])}`,
    () => question(choice, WORDS),
    () => question(choice, WORDS),
    () => `ip link set ${choice.pick(["wan1", "wan0"])} ${choice.pick(["down", "up"])}`,
    () =>
      `ip addr ${choice.pick(["add", "del"])} ${choice.pick(["198.18.0.1/24", "198.18.0.7/24", "198.18.0.8/25"])} dev wan1`,
  ])();
}

const sysctls = (choice: Choice): Readonly<Record<string, string>> => {
  const flag = (name: string, values: readonly string[]): Record<string, string> =>
    choice.oneIn(3) ? { [name]: choice.pick(values) } : {};
  return {
    ...flag("net.ipv4.conf.all.rp_filter", ["1", "2"]),
    ...flag("net.ipv4.conf.all.src_valid_mark", ["1"]),
    ...flag("net.ipv4.conf.wan1.rp_filter", ["1", "2"]),
    ...flag("net.ipv4.conf.all.accept_local", ["1"]),
    ...flag("net.ipv4.conf.all.route_localnet", ["1"]),
    ...flag("net.ipv4.fwmark_reflect", ["1"]),
    ...flag("net.ipv4.fib_multipath_hash_policy", ["1"]),
    // Without a seed, Linux draws the key when it boots.
    "net.ipv4.fib_multipath_hash_seed": String(choice.between(1, 0xffff)),
  };
};

export const ROUTING: Kind = {
  name: "routing",
  about: "policy rules, tables, routes of every type, and marks that change the way",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const steps: Step[] = [];
    for (const packet of traffic(choice, choice.between(5, 60))) {
      if (choice.oneIn(4)) steps.push({ run: choice.oneIn(2) ? ruleCommand(choice, WORDS) : routeCommand(choice) });
      steps.push(choice.oneIn(6) ? { ...packet, in: "wan1" } : packet);
    }
    const mayFail = (command: string): string => `${command} || true`;
    return {
      devices: DEVICES,
      sysctl: { ...FORWARDING, ...sysctls(choice) },
      setup: [
        choice.pick([
          "ip route add 203.0.113.0/24 via 198.51.100.2",
          "ip route add 203.0.113.0/24 nexthop via 198.51.100.2 weight 2 nexthop via 198.18.0.2",
          "ip route add default nexthop dev wan0 nexthop dev wan1 nexthop via 198.51.100.77",
        ]),
        ...choice.times(choice.between(0, 5), () => mayFail(route(choice))),
        ...choice.times(choice.between(0, 5), () => mayFail(rule(choice, WORDS))),
        ...putIn(choice, tool, [
          ...choice.times(choice.between(0, 3), () => marking(choice, tool, WORDS)),
          ...(choice.oneIn(2) ? [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`] : []),
          `${tool} -A FORWARD -m conntrack --ctstate NEW`,
        ]),
      ],
      steps,
      finally: ["ip rule", "ip route show table all", ...closing(tool)],
    };
  },
};
