/**
 * Realms: of routes (one way or several), of rules, of both directions, and `-m realm` wherever it may stand. Linux
 * keeps what it decided for its own packets for each CPU, with the realms of the rule that came first: rules that lead
 * those to one table are all of the same realms here.
 */
import type { Choice } from "../choice.js";
import type { Scenario, Step } from "../scenario.js";
import { closing, FORWARDING, type Kind, OUTSIDE, putIn, TOOLS } from "./router.js";
import { traffic } from "./traffic.js";

const DEVICES: Scenario["devices"] = {
  lan0: ["192.168.1.1/24"],
  wan0: [`${OUTSIDE}/24`],
  wan1: ["198.18.0.1/24"],
};
const INPUTS = ["lan0", "wan0", "wan1"];
/** Not by name: `ip` takes its second name in one command for the number before it. */
const NUMBERS = ["1", "2", "3", "1", "2", "3", "0", "255"];
const PREFIXES = ["192.168.1.0/24", "192.168.1.10", "198.51.100.0/24", "198.51.100.9", "203.0.113.0/24", "203.0.113.7"];
const FAR = [...PREFIXES, "203.0.0.0/8", "192.0.2.0/24", "0.0.0.0/1", "default"];
const GATEWAYS = ["via 198.51.100.2", "via 198.51.100.3", "via 198.18.0.2", "via 192.168.1.77"];
const NARROW = "lookup main suppress_prefixlength 8";
const ACTIONS = ["lookup main", "lookup 100", "lookup 100", "lookup 101", NARROW, "unreachable", "nop", "goto 32766"];
const TABLES = ["main", "100", "101"];

function realms(choice: Choice): string {
  return choice.pick([
    () => choice.pick(NUMBERS),
    () => choice.pick(NUMBERS),
    () => `${choice.pick(NUMBERS)}/${choice.pick(NUMBERS)}`,
    () => `${choice.pick(NUMBERS)}/${choice.pick(NUMBERS)}`,
    () => `${choice.pick(NUMBERS)}/`,
    () => choice.pick(["0x30005", "0x10000", "256", "0xffffffff"]),
  ])();
}

const some = (choice: Choice): string => (choice.oneIn(4) ? "" : ` realm${choice.pick(["", "s"])} ${realms(choice)}`);

function way(choice: Choice): string {
  return choice.pick([
    () => `${choice.pick([...GATEWAYS, "dev wan1", "dev wan0"])}${some(choice)}`,
    () => `${choice.pick(GATEWAYS)}${some(choice)}`,
    () =>
      choice
        .times(choice.between(1, 3), () => `nexthop ${choice.pick(GATEWAYS)}${some(choice)}`)
        .concat(choice.oneIn(2) ? [] : [`weight ${choice.between(1, 9)}`])
        .join(" "),
  ])();
}

function route(choice: Choice, verb = "add"): string {
  const table = choice.pick(TABLES);
  const to = choice.pick(FAR);
  if (choice.oneIn(8))
    return `ip route ${verb} ${choice.pick(["unreachable", "throw"])} ${to} table ${table}${some(choice)}`;
  if (choice.oneIn(8)) return `ip route ${verb} local ${choice.pick(PREFIXES)} dev lan0 table local${some(choice)}`;
  if (choice.oneIn(6)) return `ip route ${verb} 192.168.1.0/24 dev lan0 src 192.168.1.1 table ${table}${some(choice)}`;
  return `ip route ${verb} ${to} ${way(choice)} table ${table}`;
}

/** `own`: the realms of every rule for this host's own packets. */
function rule(choice: Choice, own: string): string {
  const where = choice.pick(["", "", ` from ${choice.pick(PREFIXES)}`, ` to ${choice.pick(PREFIXES)}`]);
  const pref = choice.oneIn(2) ? ` pref ${choice.pick([1, 10, 20, 30])}` : "";
  if (choice.oneIn(5)) return `ip rule add iif lo${where} realms ${own} lookup 101${pref}`;
  const action = choice.pick(ACTIONS);
  return `ip rule add iif ${choice.pick(INPUTS)}${where} realms ${realms(choice)} ${action}${pref}`;
}

function command(choice: Choice, own: string): string {
  return choice.pick([
    () => rule(choice, own),
    () => `ip rule del iif ${choice.pick(INPUTS)} realms ${realms(choice)}`,
    () => `ip rule del pref ${choice.pick([1, 10, 20, 30])}`,
    () => route(choice),
    () => route(choice, choice.pick(["replace", "change", "append", "del"])),
    () => `ip route show realms ${realms(choice)} table ${choice.pick(["main", "all"])}`,
    () => `ip route flush realms ${realms(choice)} table ${choice.pick(["main", "100"])}`,
    () => question(choice),
    () => question(choice),
  ])();
}

function question(choice: Choice): string {
  const to = choice.pick(["203.0.113.7", "198.51.100.9", "192.168.1.10", "198.51.100.1", "192.0.2.1", "224.0.0.1"]);
  if (choice.oneIn(4)) return `ip route get ${to}`;
  const from = choice.pick(["203.0.113.7", "198.51.100.9", "192.168.1.10", "192.0.2.1"]);
  return `ip route get ${to} from ${from} iif ${choice.pick(INPUTS)}`;
}

const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ["OUTPUT"],
  mangle: ["INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

const VALUES = ["0", "0/0xffff", "0x30005", "1/1", "0x10000/0x10000", "0x5/0xff00"];

/** Mostly it counts. */
function looking(choice: Choice, tool: string): string {
  const table = choice.pick(["raw", "mangle", "mangle", "mangle", "nat", "filter", "filter"]);
  const chain = choice.pick(CHAINS[table]);
  const half = choice.pick(NUMBERS.slice(0, 7));
  const value = choice.pick([
    ...VALUES,
    half,
    `${half}/0xffff`,
    `${half}/0xffff`,
    `0x${half}0000/0xffff0000`,
    `0x${half}0000/0xffff0000`,
    `0x${half}0001`,
    `0x${half}0002`,
  ]);
  const target = table === "filter" && choice.oneIn(6) ? choice.pick([" -j DROP", " -j REJECT"]) : "";
  return `${tool} -t ${table} -A ${chain} -m realm ${choice.oneIn(4) ? "! " : ""}--realm ${value}${target}`;
}

const sysctls = (choice: Choice): Readonly<Record<string, string>> => ({
  ...FORWARDING,
  ...(choice.oneIn(3) ? { "net.ipv4.conf.all.rp_filter": choice.pick(["1", "2"]) } : {}),
  ...(choice.oneIn(4) ? { "net.ipv4.conf.all.accept_local": "1" } : {}),
  // Without a seed, Linux draws the key when it boots.
  "net.ipv4.fib_multipath_hash_seed": String(choice.between(1, 0xffff)),
});

export const REALMS: Kind = {
  name: "realms",
  about: "realms of routes, next hops and rules, in both directions, and -m realm wherever it may stand",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const own = realms(choice);
    const mayFail = (line: string): string => `${line} || true`;
    const steps: Step[] = [];
    for (const packet of traffic(choice, choice.between(5, 40))) {
      if (choice.oneIn(6)) steps.push({ run: command(choice, own) });
      steps.push(choice.oneIn(8) ? { ...packet, in: "wan1" } : packet);
    }
    return {
      devices: DEVICES,
      sysctl: sysctls(choice),
      setup: [
        `ip route add 203.0.113.0/24 ${way(choice)}`,
        ...(choice.oneIn(2) ? [] : [`ip route replace 192.168.1.0/24 dev lan0 src 192.168.1.1${some(choice)}`]),
        ...(choice.oneIn(2) ? [] : [`ip route replace 198.51.100.0/24 dev wan0${some(choice)}`]),
        ...choice.times(choice.between(1, 5), () => mayFail(route(choice))),
        ...choice.times(choice.pick([0, 0, 1, 2, 4]), () => mayFail(rule(choice, own))),
        ...putIn(choice, tool, [
          ...choice.times(choice.between(3, 10), () => looking(choice, tool)),
          ...(choice.oneIn(3) ? [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`] : []),
        ]),
      ],
      steps,
      finally: ["ip rule", "ip -4 route show table all", ...closing(tool)],
    };
  },
};
