/**
 * NAT at the router's own doors: NETMAP at every hook, SNAT in INPUT, DNAT and REDIRECT in OUTPUT, destinations on the
 * loopback, and clients that meet their neighbours by an outside name.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, icmp, RST, SYN, tcp, text, udp } from "../packets.js";
import type { Step } from "../scenario.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  INSIDE,
  type Kind,
  lan,
  OTHER_CLIENT,
  OUTSIDE,
  putIn,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
  wan,
} from "./router.js";

/** Networks that stand for each other, with masks that cut within a byte and not. */
const MAPPED = [
  "198.51.100.128/25",
  "203.0.113.0/28",
  "192.168.1.64/27",
  "10.1.2.0/24",
  "192.168.1.10",
  "127.9.0.0/16",
];

/** Where a destination may be sent: out, in, to this host. */
const DESTINATIONS = ["127.0.0.1", "127.0.0.5", INSIDE, OUTSIDE, CLIENT, OTHER_CLIENT, SERVER, "203.0.113.7"];

const SOURCES = [INSIDE, OUTSIDE, "127.0.0.1", "192.168.1.99", "198.51.100.20", "203.0.113.20"];

const PROTOCOLS = ["", "-p udp", "-p udp --dport 53", "-p tcp --dport 80", "-p icmp"];

function destinationRule(choice: Choice, where: string): string {
  const protocol = choice.pick(PROTOCOLS);
  const of = choice.pick(["", "", `-d ${choice.pick([OUTSIDE, INSIDE, SERVER, "203.0.113.0/24", "127.0.0.0/8"])}`]);
  const ported = protocol.includes("dport") && choice.oneIn(2) ? `:${choice.pick([53, 80, 5353])}` : "";
  const to = choice.pick(DESTINATIONS);
  return `${where} ${of} ${protocol} ${choice.pick([
    () => `-j DNAT --to-destination ${to}${ported}`,
    () => `-j DNAT --to-destination ${to}${ported}`,
    () => "-j DNAT --to-destination 192.168.1.10-192.168.1.13 --persistent",
    () => "-j DNAT --to-destination 127.0.0.1-127.0.0.9",
    () => `-j REDIRECT${protocol.includes("dport") && choice.oneIn(2) ? " --to-ports 5353" : ""}`,
    () => `-j NETMAP --to ${choice.pick(MAPPED)}`,
    () => `-j NETMAP --to ${choice.pick(MAPPED)}`,
    () => "-j ACCEPT",
  ])()}`;
}

function sourceRule(choice: Choice, where: string, post: boolean): string {
  const protocol = choice.pick(PROTOCOLS);
  const of = choice.pick(["", "", `-s ${choice.pick(["192.168.1.0/24", OUTSIDE, "127.0.0.0/8"])}`]);
  const ported = protocol.includes("dport") && choice.oneIn(4) ? `:${choice.pick([4000, 5353])}` : "";
  return `${where} ${of} ${protocol} ${choice.pick([
    () => `-j SNAT --to-source ${choice.pick(SOURCES)}${ported}`,
    () => `-j SNAT --to-source ${choice.pick(SOURCES)}${ported}`,
    () => "-j SNAT --to-source 198.51.100.20-198.51.100.40",
    () => `-j NETMAP --to ${choice.pick(MAPPED)}`,
    () => `-j NETMAP --to ${choice.pick(MAPPED)}`,
    () => (post ? "-j MASQUERADE" : "-j ACCEPT"),
  ])()}`;
}

function rule(choice: Choice, tool: string): string {
  const nat = `${tool} -t nat -A`;
  return choice
    .pick([
      () => destinationRule(choice, `${nat} PREROUTING ${choice.pick(["", "-i lan0", "-i wan0"])}`),
      () => destinationRule(choice, `${nat} PREROUTING ${choice.pick(["", "-i lan0", "-i wan0"])}`),
      () => destinationRule(choice, `${nat} OUTPUT`),
      () => destinationRule(choice, `${nat} OUTPUT ${choice.pick(["-o lo", "-o wan0", "-o lan0", ""])}`),
      () => sourceRule(choice, `${nat} INPUT ${choice.pick(["", "-i lan0", "-i lo"])}`, false),
      () => sourceRule(choice, `${nat} POSTROUTING ${choice.pick(["-o wan0", "-o lan0", "-o lo", ""])}`, true),
    ])()
    .replaceAll(/ +/g, " ");
}

/** The router's own packets: no more than 15 bytes of an echo, as later ones have the time of day. */
function own(choice: Choice, number: number): Step {
  const to = choice.pick([...DESTINATIONS, "203.0.113.9", "192.168.1.77", "198.51.100.200"]);
  const from = choice.oneIn(3) ? choice.pick([INSIDE, OUTSIDE, "127.0.0.1"]) : null;
  if (choice.oneIn(2)) {
    const source = from === null ? "" : ` -I ${from}`;
    return { run: `ping -n -q -c 1 -W 0.1 -s 8 -e ${100 + number}${source} ${to} >/dev/null 2>&1` };
  }
  const source = from === null ? "" : ` -s ${from}`;
  const port = choice.pick([53, 53, 80, 5353, 99]);
  return { run: `echo hi | timeout 0.1 nc -n -u${source} -p ${4100 + number} ${to} ${port} >/dev/null 2>&1 || true` };
}

function packet(choice: Choice): Step {
  const inward = choice.oneIn(3);
  const seen = [OUTSIDE, INSIDE, "198.51.100.20", "198.51.100.130", "203.0.113.1", "10.1.2.10", "192.168.1.99"];
  const src = inward ? choice.pick([SERVER, "203.0.113.7"]) : choice.pick([CLIENT, OTHER_CLIENT]);
  const dst = inward
    ? choice.pick([...seen, CLIENT])
    : choice.pick([...seen, SERVER, "203.0.113.7", "203.0.113.77", OTHER_CLIENT, "127.0.0.1", "10.1.2.99"]);
  const arrives = inward ? wan : lan;
  const ip = { src, dst };
  const port = 4000 + choice.below(4);
  const served = choice.pick([53, 80, 5353]);
  const [sport, dport] = choice.oneIn(4) ? [served, port] : [port, served];
  return choice.pick([
    () => arrives(udp(ip, { sport, dport, payload: text(4) })),
    () => arrives(udp(ip, { sport, dport, payload: text(4) })),
    () => arrives(tcp(ip, { sport, dport, flags: choice.pick([SYN, SYN, SYN | ACK, ACK, RST]), seq: 1000, ack: 1001 })),
    () => arrives(echo(ip, port, 1, choice.oneIn(3))),
    () => {
      const quoted = choice.pick([udp, echoOf])(
        { src: dst, dst: src },
        { sport: dport, dport: sport, payload: text(4) },
      );
      return arrives(icmp(ip, { type: 3, code: 3, payload: quoted }));
    },
  ])();
}

function echoOf(ip: { readonly src: string; readonly dst: string }, { sport }: { readonly sport: number }): Uint8Array {
  return echo(ip, sport, 1);
}

export const NAT_LOCAL: Kind = {
  name: "nat-local",
  about: "NETMAP at every hook, SNAT in INPUT, DNAT and REDIRECT in OUTPUT, route_localnet, hairpins",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const rules = choice.times(choice.between(1, 5), () => rule(choice, tool));
    let number = 0;
    const steps = choice.times(
      choice.between(4, 60),
      (): Step => (choice.oneIn(10) ? own(choice, number++) : packet(choice)),
    );
    const settings: Record<string, string> = { ...FORWARDING };
    for (const dev of ["all", "lan0", "wan0"])
      for (const [name, values] of [
        ["route_localnet", ["0", "1"]],
        ["rp_filter", ["0", "0", "0", "1", "2"]],
        ["accept_local", ["0", "0", "1"]],
      ] as const)
        if (choice.oneIn(2)) settings[`net.ipv4.conf.${dev}.${name}`] = choice.pick(values);
    return {
      devices: DEVICES,
      sysctl: settings,
      setup: [ROUTE, ...putIn(choice, tool, [...rules, ...stateCounters(tool)])],
      steps,
      finally: closing(tool),
    };
  },
};
