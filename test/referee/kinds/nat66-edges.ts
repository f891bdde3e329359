/**
 * NAT of IPv6 at its edges: pools with ports and flags, shifted maps, identifiers as ports, ranges that run out, ports
 * given away again; NETMAP at every hook, SNAT in INPUT, DNAT and REDIRECT in OUTPUT.
 */
import type { Choice } from "../choice.js";
import { ACK, FIN, put16, RST, SYN, text } from "../packets.js";
import { echo6, icmp6, ipv6, tcp6, udp6 } from "../packets6.js";
import type { Step } from "../scenario.js";
import { closing, type Kind, lan, loaded, stateCounters, wan } from "./router.js";
import {
  CLIENT,
  DEVICES_6,
  FAR_SERVER,
  FORWARDING_6,
  INSIDE,
  OTHER_CLIENT,
  OUTSIDE,
  ROUTES_6,
  SERVER,
} from "./router6.js";

const CLIENTS = [CLIENT, OTHER_CLIENT, "2001:db8:1::12"];
const SERVERS = [SERVER, FAR_SERVER];
const POOLS = [
  "2001:db8:2::20-2001:db8:2::23",
  "2001:db8:2::fffe-2001:db8:2::1:1",
  "2001:db8:2:ffff::1-2001:db8:3:1::9",
  "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
  "::1:0:0:1-ffff::",
  OUTSIDE,
];
const NETWORKS = ["2001:db8:2:7::/64", "2001:db8:1::10/127", "2001:db8:40::/45", "2001:db8:1::11", "::/0"];
const FIRST_PORTS = [1, 500, 4000, 5000, 65_500];

function ports(choice: Choice): string {
  const first = choice.pick(FIRST_PORTS);
  return `${first}-${first + choice.pick([0, 1, 2, 15, 35])}`;
}

function flags(choice: Choice, known: readonly string[]): string {
  if (!choice.oneIn(3)) return "";
  return known.map((flag) => (choice.oneIn(2) ? ` --${flag}` : "")).join("");
}

/** Where sources come from; what servers may see then is {@link OUTSIDE} and others. */
function sourceRule(choice: Choice, tool: string): string {
  const all = ["random", "random-fully", "persistent"];
  const post = `${tool} -t nat -A POSTROUTING -o wan0`;
  // Of ip6tables only these protocols' rules may name ports.
  const ported = choice.pick(["udp", "tcp", "tcp"]);
  return choice.pick([
    () => `${post} -j SNAT --to-source ${choice.pick(POOLS)}${flags(choice, all)}`,
    () => `${post} -p ${ported} -j SNAT --to-source [${choice.pick(POOLS)}]:${ports(choice)}${flags(choice, all)}`,
    () => `${post} -p ${ported} -j SNAT --to-source [${OUTSIDE}]:${ports(choice)}`,
    () => `${post} -j MASQUERADE${flags(choice, all.slice(0, 2))}`,
    () => `${post} -p ${ported} -j MASQUERADE --to-ports ${ports(choice)}${flags(choice, all.slice(0, 2))}`,
    () => `${post} -p tcp -j MASQUERADE --to-ports 5000`,
  ])();
}

function destinationRule(choice: Choice, tool: string): string {
  const all = ["random", "persistent"];
  const pre = `${tool} -t nat -A PREROUTING -i wan0 -d ${OUTSIDE}`;
  const ported = choice.pick(["udp", "tcp"]);
  const to = choice.pick([CLIENTS[0], `${CLIENTS[0]}-${CLIENTS[2]}`]);
  const map = choice.oneIn(2) ? `${ports(choice)}/${choice.pick(FIRST_PORTS)}` : ports(choice);
  return choice.pick([
    () => `${pre} -j DNAT --to-destination ${to}${flags(choice, all)}`,
    () => `${pre} -p ${ported} -j DNAT --to-destination [${to}]:${map}${flags(choice, all)}`,
    () => `${pre} -p ${ported} -j REDIRECT --to-ports ${ports(choice)}${flags(choice, all.slice(0, 1))}`,
    () => `${pre} -p ${ported} -j REDIRECT`,
  ])();
}

/** A rule at one of the router's own doors; none draws a port without a clash. */
function doorRule(choice: Choice, tool: string): string {
  const of = choice.pick(["", "-p udp", "-p tcp --dport 80", "-p ipv6-icmp", `-d ${OUTSIDE}`, `-s ${CLIENTS[0]}`]);
  const destination = (): string =>
    choice.pick([
      `-j DNAT --to-destination ${choice.pick(["::1", INSIDE, OUTSIDE, CLIENTS[0], SERVERS[0], "fe80::7"])}`,
      `-j DNAT --to-destination ${choice.pick(["::1", OUTSIDE, CLIENTS[1]])}`,
      "-j REDIRECT",
      `-j NETMAP --to ${choice.pick(NETWORKS)}`,
    ]);
  const source = (): string =>
    choice.pick([
      `-j SNAT --to-source ${choice.pick(["::1", INSIDE, OUTSIDE, "2001:db8:1::99", "2001:db8:2::20"])}`,
      `-j NETMAP --to ${choice.pick(NETWORKS)}`,
    ]);
  const nat = `${tool} -t nat -A`;
  return choice
    .pick([
      () => `${nat} PREROUTING ${choice.pick(["", "-i lan0", "-i wan0"])} ${of} ${destination()}`,
      () => `${nat} OUTPUT ${of} ${destination()}`,
      () => `${nat} INPUT ${choice.pick(["", "-i lan0", "-i lo"])} ${of} ${source()}`,
      () => `${nat} POSTROUTING ${choice.pick(["-o wan0", "-o lan0", "-o lo"])} ${of} ${source()}`,
    ])()
    .replaceAll(/ +/g, " ");
}

/** The router's own packets. */
function own(choice: Choice, number: number): Step {
  const to = choice.pick(["::1", INSIDE, OUTSIDE, ...CLIENTS, ...SERVERS, "2001:db8:2::77"]);
  const from = choice.oneIn(3) ? choice.pick([INSIDE, OUTSIDE]) : null;
  if (choice.oneIn(2)) {
    const source = from === null ? "" : ` -I ${from}`;
    return { run: `ping -n -q -c 1 -W 0.1 -s 8 -e ${100 + number}${source} ${to} >/dev/null 2>&1` };
  }
  const source = from === null ? "" : ` -s ${from}`;
  return { run: `echo hi | timeout 0.1 nc -n -u${source} -p ${4100 + number} ${to} 53 >/dev/null 2>&1 || true` };
}

function packet(choice: Choice, own: readonly number[]): Step {
  const inward = choice.oneIn(3);
  const src = choice.pick(inward ? SERVERS : CLIENTS);
  const seen = [OUTSIDE, OUTSIDE, OUTSIDE, "2001:db8:2::20", "2001:db8:2::21", "2001:db8:2:7::10", CLIENTS[0]];
  const dst = choice.pick(inward ? seen : [...SERVERS, ...SERVERS, INSIDE, OUTSIDE, CLIENTS[1], "2001:db8:2::77"]);
  const ip = { src, dst };
  const arrives = inward ? wan : lan;
  const port = choice.oneIn(8) ? choice.between(1, 65_535) : choice.pick(own);
  const served = choice.pick([53, 80]);
  const outward = inward !== choice.oneIn(4);
  const [sport, dport] = outward ? [port, served] : [served, port];
  const seq = choice.pick([1000, 1001, 2000, 50_000, 9000, 9001]);
  const ack = choice.pick([1001, 1002, 2001, 9001, 9002]);
  return choice.pick([
    () => arrives(udp6(ip, { sport, dport, payload: text(4) })),
    () => arrives(udp6(ip, { sport, dport, payload: text(4) })),
    () => arrives(tcp6(ip, { sport, dport, flags: SYN, seq })),
    () => arrives(tcp6(ip, { sport, dport, flags: choice.pick([SYN | ACK, ACK, RST, FIN | ACK]), seq, ack })),
    () => arrives(echo6(ip, port, 1, choice.oneIn(3))),
    () => {
      const payload = text(16);
      put16(payload, 0, sport);
      return arrives(ipv6(ip, choice.pick([33, 47, 253]), payload));
    },
    () => {
      const back = { src: dst, dst: src };
      const quoted = choice.oneIn(2)
        ? udp6(back, { sport: dport, dport: sport, payload: text(8) })
        : echo6(back, port, 1);
      return arrives(icmp6(ip, { type: 1, code: 4, payload: quoted }));
    },
  ])();
}

export const NAT66_EDGES: Kind = {
  name: "nat66-edges",
  about: "NAT of IPv6 at its edges: pools, ports and identifiers that run out, every hook, the router's own packets",
  make(choice) {
    const tool = choice.pick(["ip6tables-legacy", "ip6tables-legacy", "ip6tables"]);
    const rule = choice.pick([sourceRule, sourceRule, destinationRule, doorRule, doorRule]);
    const rules = choice.times(choice.pick(rule === doorRule ? [1, 3, 5] : [1, 1, 2]), () => rule(choice, tool));
    const used = choice.times(choice.between(1, 3), () => choice.pick([4000, 5000, 5001, 700, 300, 1, 65_535]));
    let number = 0;
    const steps = choice.times(choice.between(4, 70), (): Step => {
      if (rule === doorRule && choice.oneIn(10)) return own(choice, number++);
      if (choice.oneIn(30)) return { run: `conntrack -D -f ipv6 -p ${choice.pick(["udp", "tcp"])}` };
      return packet(choice, used);
    });
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, loaded(tool, [...rules, ...stateCounters(tool)])],
      steps,
      finally: ["conntrack -L -f ipv6", ...closing(tool).slice(1)],
    };
  },
};
