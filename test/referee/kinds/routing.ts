/**
 * Policy routing: several tables, rules by addresses, marks, devices, TOS and ports, routes of every type, and what a
 * mark that a chain sets does to the way of forwarded packets and of the router's own answers.
 */
import type { Choice } from "../choice.js";
import type { Scenario, Step } from "../scenario.js";
import { closing, FORWARDING, type Kind, OUTSIDE, putIn, TOOLS } from "./router.js";
import { traffic } from "./traffic.js";

/** A second way out beside the router's own two. */
const DEVICES: Scenario["devices"] = {
  lan0: ["192.168.1.1/24"],
  wan0: [`${OUTSIDE}/24`],
  wan1: ["198.18.0.1/24", "198.18.0.7/24", "10.0.0.1/8"],
};

const TABLES = ["100", "101", "main", "default", "local", "0x66"];
const PREFIXES = [
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
];
const GATEWAYS = ["198.51.100.2", "198.18.0.2", "192.168.1.77", "10.1.2.3", "203.0.113.1", "198.51.100.1"];
const DEVICE_NAMES = ["lan0", "wan0", "wan1", "lo"];

function selector(choice: Choice): string {
  return choice.pick([
    () => `from ${choice.pick(PREFIXES)}`,
    () => `to ${choice.pick(PREFIXES)}`,
    () => `iif ${choice.pick([...DEVICE_NAMES, "nosuch0"])}`,
    () => `oif ${choice.pick(DEVICE_NAMES)}`,
    () => `fwmark ${choice.pick(["0", "1", "2", "3", "0x10", "1/1", "0x2/0xff", "0/1", "3/0"])}`,
    () => `tos ${choice.pick(["0x10", "0x08", "4", "0x1c", "0", "0x20", "0x03"])}`,
    () => `dport ${choice.pick(["80", "53", "1-1023", "1024-65000", "0"])}`,
    () => `sport ${choice.pick(["80", "1000-2000"])}`,
    () => `ipproto ${choice.pick(["tcp", "udp", "icmp", "17"])}`,
  ])();
}

function action(choice: Choice): string {
  return choice.pick([
    () => `table ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)} suppress_prefixlength ${choice.pick([0, 8, 24, 32])}`,
    () => `lookup main suppress_ifgroup default`,
    () => `goto ${choice.pick([40, 60, 32766, 32767])}`,
    () => "nop",
    () => "blackhole",
    () => "unreachable",
    () => "prohibit",
    () => "",
  ])();
}

const priority = (choice: Choice): string =>
  choice.oneIn(3) ? `pref ${choice.pick([1, 10, 20, 40, 50, 60, 40000])}` : "";

function rule(choice: Choice): string {
  const selectors = choice.times(choice.between(0, 2), () => selector(choice));
  return ["ip rule add", choice.oneIn(8) ? "not" : "", ...selectors, action(choice), priority(choice)]
    .filter((word) => word !== "")
    .join(" ");
}

function ruleCommand(choice: Choice): string {
  return choice.pick([
    () => rule(choice),
    () => rule(choice),
    () => `ip rule del ${selector(choice)}`,
    () => `ip rule del pref ${choice.pick([0, 10, 40, 60, 32766])}`,
    () => `ip rule del ${action(choice) || "table main"}`,
    () => `ip rule list ${choice.pick([() => "", () => selector(choice), () => `table ${choice.pick(TABLES)}`])()}`,
    () => "ip rule flush",
    () => `ip rule flush table ${choice.pick(TABLES)}`,
  ])();
}

/** Several ways at once, each with its share. */
function nexthops(choice: Choice): string {
  return choice
    .times(choice.between(1, 3), () => {
      const weight = choice.oneIn(2) ? ` weight ${choice.pick([1, 2, 3, 100, 256])}` : "";
      const way = choice.pick([
        () => `via ${choice.pick(GATEWAYS)}`,
        () => `via ${choice.pick(["198.51.100.2", "198.51.100.3", "198.18.0.2"])}`,
        () => `dev ${choice.pick(DEVICE_NAMES)}`,
      ])();
      return `nexthop ${way}${weight}`;
    })
    .join(" ");
}

function route(choice: Choice, verb = "add"): string {
  const prefix = choice.pick(PREFIXES);
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
    () => nexthops(choice),
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
    () => `ip route del ${choice.pick(PREFIXES)}`,
    () => `ip route del ${choice.pick(PREFIXES)} table ${choice.pick(TABLES)}`,
    () => `ip route show table ${choice.pick([...TABLES, "all", "77"])}`,
    () => "ip route",
    () => `ip route show ${choice.pick(["dev", "proto kernel dev"])} ${choice.pick(DEVICE_NAMES)}`,
    () => `ip route flush table ${choice.pick(["100", "101", "0x66"])}`,
    () =>
      `ip route flush ${choice.pick(["203.0.113.0/24", "dev wan1", "proto boot", "root 203.0.0.0/8", "type blackhole"])}`,
    () => question(choice),
    () => question(choice),
    () => `ip link set ${choice.pick(["wan1", "wan0"])} ${choice.pick(["down", "up"])}`,
    () =>
      `ip addr ${choice.pick(["add", "del"])} ${choice.pick(["198.18.0.1/24", "198.18.0.7/24", "198.18.0.8/25"])} dev wan1`,
  ])();
}

/** `ip route get`. */
function question(choice: Choice): string {
  const from = choice.pick([
    "",
    "",
    ` from ${choice.pick(["192.168.1.10", "198.51.100.1", "198.18.0.7", "203.0.113.7"])}`,
  ]);
  const iif = choice.oneIn(2) ? ` iif ${choice.pick(["lan0", "wan0", "wan1"])}` : "";
  const mark = choice.oneIn(3) ? ` mark ${choice.pick(["1", "2", "0x10"])}` : "";
  const tos = choice.oneIn(5) ? ` tos ${choice.pick(["0x10", "0x08"])}` : "";
  const oif = iif === "" && choice.oneIn(4) ? ` oif ${choice.pick(["lan0", "wan0", "wan1"])}` : "";
  const to = choice.pick([
    "203.0.113.7",
    "203.0.113.250",
    "198.51.100.9",
    "192.168.1.10",
    "198.18.0.9",
    "198.51.100.1",
    "9.9.9.9",
    "127.0.0.1",
    "198.51.100.255",
  ]);
  return `ip route get ${to}${from}${iif}${mark}${tos}${oif}`;
}

function marking(choice: Choice, tool: string): string {
  const what = choice.pick([
    "-p tcp",
    "-p udp",
    "-p icmp",
    "-d 203.0.113.7",
    "-s 192.168.1.10",
    "-m conntrack --ctstate NEW",
  ]);
  const chain = choice.pick(["PREROUTING", "OUTPUT", "OUTPUT", "PREROUTING", "FORWARD"]);
  const target = choice.pick([
    "MARK --set-mark 1",
    "MARK --set-mark 2",
    "MARK --set-xmark 0x10/0x10",
    "TOS --set-tos 0x10/0xff",
    "CONNMARK --restore-mark",
    "CONNMARK --save-mark",
  ]);
  return `${tool} -t mangle -A ${chain} ${what} -j ${target}`;
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
      if (choice.oneIn(4)) steps.push({ run: choice.oneIn(2) ? ruleCommand(choice) : routeCommand(choice) });
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
        ...choice.times(choice.between(0, 5), () => mayFail(rule(choice))),
        ...putIn(choice, tool, [
          ...choice.times(choice.between(0, 3), () => marking(choice, tool)),
          ...(choice.oneIn(2) ? [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`] : []),
          `${tool} -A FORWARD -m conntrack --ctstate NEW`,
        ]),
      ],
      steps,
      finally: ["ip rule", "ip route show table all", ...closing(tool)],
    };
  },
};
