/**
 * Policy routing of IPv6: tables, rules by addresses, marks, devices, classes and ports, routes of every type and of
 * several next hops, and what a mark that a chain sets does to the way of packets.
 */
import type { Choice } from "../choice.js";
import { ACK, SYN, text } from "../packets.js";
import { echo6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";
import { FORWARDING_6 } from "./ipv6.js";
import { arrives, closing, type Kind, putIn } from "./router.js";

const DEVICES: Scenario["devices"] = {
  lan0: ["2001:db8:1::1/64"],
  wan0: ["2001:db8:2::1/64"],
  wan1: ["2001:db8:9::1/64", "2001:db8:9::7/64"],
};
const DEVICE_NAMES = ["lan0", "wan0", "wan1", "lo"];
const TABLES = ["100", "101", "main", "default", "local", "0x66"];
const PREFIXES = [
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
];
const GATEWAYS = ["2001:db8:2::2", "2001:db8:9::2", "2001:db8:1::77", "2001:db8:3::1", "2001:db8:2::1"];

function selector(choice: Choice): string {
  return choice.pick([
    () => `from ${choice.pick(PREFIXES)}`,
    () => `to ${choice.pick(PREFIXES)}`,
    () => `iif ${choice.pick([...DEVICE_NAMES, "nosuch0"])}`,
    () => `oif ${choice.pick(DEVICE_NAMES)}`,
    () => `fwmark ${choice.pick(["0", "1", "2", "0x10", "1/1", "0x2/0xff", "0/1"])}`,
    () => `tos ${choice.pick(["0x10", "0x08", "4", "0xb8", "0", "0x03"])}`,
    () => `dport ${choice.pick(["80", "53", "1-1023", "0"])}`,
    () => `sport ${choice.pick(["1000", "1000-2000"])}`,
    () => `ipproto ${choice.pick(["tcp", "udp", "ipv6-icmp", "17"])}`,
  ])();
}

function action(choice: Choice): string {
  return choice.pick([
    () => `table ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)} suppress_prefixlength ${choice.pick([0, 32, 48, 64])}`,
    () => "lookup main suppress_ifgroup default",
    () => `goto ${choice.pick([40, 60, 32766])}`,
    () => "nop",
    () => "blackhole",
    () => "unreachable",
    () => "prohibit",
    () => "",
  ])();
}

function rule(choice: Choice): string {
  const selectors = choice.times(choice.between(0, 2), () => selector(choice));
  const priority = choice.oneIn(3) ? `pref ${choice.pick([1, 10, 20, 40, 50, 60, 40000])}` : "";
  return ["ip -6 rule add", choice.oneIn(8) ? "not" : "", ...selectors, action(choice), priority]
    .filter((word) => word !== "")
    .join(" ");
}

function nexthops(choice: Choice): string {
  return choice
    .times(choice.between(1, 3), () => {
      const weight = choice.oneIn(2) ? ` weight ${choice.pick([1, 2, 3, 256])}` : "";
      return `nexthop via ${choice.pick(["2001:db8:2::2", "2001:db8:2::3", "2001:db8:9::2", "2001:db8:9::3"])}${weight}`;
    })
    .join(" ");
}

function route(choice: Choice, verb: string): string {
  const prefix = choice.pick(PREFIXES);
  const more = `${choice.oneIn(2) ? ` table ${choice.pick(TABLES)}` : ""}${choice.oneIn(4) ? ` metric ${choice.pick([1, 5, 100])}` : ""}`;
  const type = choice.pick(["", "", "", "", "blackhole", "unreachable", "prohibit", "throw"]);
  if (type !== "") return `ip -6 route ${verb} ${type} ${prefix}${more}`;
  const way = choice.pick([
    () => `via ${choice.pick(GATEWAYS)}`,
    () => `via ${choice.pick(GATEWAYS)} dev ${choice.pick(DEVICE_NAMES)}`,
    () => `dev ${choice.pick(["lan0", "wan0", "wan1"])}`,
    () => `dev wan1 src ${choice.pick(["2001:db8:9::1", "2001:db8:9::7", "2001:db8:2::1", "fd00::4"])}`,
    () => "via 2001:db8:3::1 dev wan1 onlink",
    () => nexthops(choice),
  ])();
  return `ip -6 route ${verb} ${prefix} ${way}${more}`;
}

/** `ip -6 route get`. */
function question(choice: Choice): string {
  const from = choice.oneIn(2) ? ` from ${choice.pick(["2001:db8:1::10", "2001:db8:2::1", "2001:db8:9::7"])}` : "";
  const iif = choice.oneIn(2) ? ` iif ${choice.pick(["lan0", "wan0", "wan1"])}` : "";
  const mark = choice.oneIn(3) ? ` mark ${choice.pick(["1", "2", "0x10"])}` : "";
  const to = choice.pick([
    "2001:db8:3::7",
    "2001:db8:2::9",
    "2001:db8:1::10",
    "2001:db8:9::9",
    "2001:db8:2::1",
    "fd00::9",
  ]);
  return `ip -6 route get ${to}${from}${iif}${mark}`;
}

function command(choice: Choice): string {
  return choice.pick([
    () => rule(choice),
    () => `ip -6 rule del ${selector(choice)}`,
    () => `ip -6 rule del pref ${choice.pick([10, 40, 60, 32766])}`,
    () => `ip -6 rule list ${choice.pick([() => "", () => `table ${choice.pick(TABLES)}`])()}`,
    () => "ip -6 rule flush",
    () => route(choice, "add"),
    () => route(choice, choice.pick(["replace", "change", "append", "prepend", "del"])),
    () => `ip -6 route del ${choice.pick(PREFIXES)}`,
    () => `ip -6 route show root 2000::/3 table ${choice.pick(["100", "101", "main", "77"])}`,
    () =>
      `ip -6 route flush ${choice.pick(["table 100", "2001:db8:3::/48", "type blackhole", "root 2001:db8:3::/40"])}`,
    () => question(choice),
    () => question(choice),
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

function marking(choice: Choice, tool: string): string {
  const what = choice.pick(["-p tcp", "-p udp", "-p ipv6-icmp", "-d 2001:db8:3::7", "-s 2001:db8:1::10"]);
  const target = choice.pick([
    "MARK --set-mark 1",
    "MARK --set-mark 2",
    "MARK --set-xmark 0x10/0x10",
    "TOS --set-tos 0x10/0xff",
  ]);
  return `${tool} -t mangle -A ${choice.pick(["PREROUTING", "OUTPUT", "OUTPUT", "FORWARD"])} ${what} -j ${target}`;
}

export const ROUTING_6: Kind = {
  name: "routing6",
  about: "policy rules, tables and next hops of IPv6, and marks that change the way",
  unfinished:
    "Where a rule of the kind `from … prohibit` refuses a packet, Linux sends no ICMPv6 error, and the engine does (seed 81001 number 103).",
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
        ...choice.times(choice.between(0, 5), () => mayFail(rule(choice))),
        ...putIn(
          choice,
          tool,
          choice.times(choice.between(0, 3), () => marking(choice, tool)),
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
