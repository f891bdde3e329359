/**
 * Where a translation's address and port come from: pools of addresses with and without ports, their flags, shifted
 * port maps, identifiers of echoes as ports, small ranges that run out, and protocols that have no ports to change.
 */
import type { Choice } from "../choice.js";
import {
  ACK,
  echo,
  gre,
  type IpFields,
  ipv4,
  put16,
  RST,
  SYN,
  sctp,
  sctpChunk,
  sctpInit,
  tcp,
  text,
  udp,
  udplite,
} from "../packets.js";
import type { PacketStep, Step } from "../scenario.js";
import {
  closing,
  DEVICES,
  FAR_SERVER,
  FORWARDING,
  INSIDE,
  type Kind,
  lan,
  OUTSIDE,
  putIn,
  ROUTE,
  SERVER,
  TOOLS,
  wan,
} from "./router.js";

const PROTOCOLS = ["udp", "tcp", "sctp", "icmp", "udplite", "dccp", "gre", "253"] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** Those whose rules may name ports; of ICMP, identifiers. */
const PORTED: readonly Protocol[] = ["udp", "udp", "tcp", "tcp", "sctp", "icmp", "dccp"];
const INSIDE_POOL = ["192.168.1.100-192.168.1.103", "192.168.1.100"];
const OUTSIDE_POOL = [
  "198.51.100.20-198.51.100.23",
  "198.51.100.20-198.51.100.20",
  "198.51.100.1-198.51.100.2",
  "198.51.100.254-198.51.101.2",
  "10.0.0.0-10.255.255.255",
  "0.0.0.1-255.255.255.254",
  OUTSIDE,
];

const FIRST_PORTS = [1, 500, 599, 1000, 1020, 4000, 4001, 40_000, 65_500];

/** A rule's range of ports, now and then of one. */
function ports(choice: Choice): string {
  const first = choice.pick(FIRST_PORTS);
  const more = choice.pick([0, 0, 1, 2, 3, 15, 16, 35]);
  return more === 0 && choice.oneIn(2) ? `${first}` : `${first}-${first + more}`;
}

/** The flags that a target knows, some of them. */
function flags(choice: Choice, known: readonly string[]): string {
  if (!choice.oneIn(3)) return "";
  return known.map((flag) => (choice.oneIn(2) ? ` --${flag}` : "")).join("");
}

function sourceRule(choice: Choice, tool: string): string {
  const all = ["random", "random-fully", "persistent"];
  const ported = choice.pick(PORTED);
  const post = `${tool} -t nat -A POSTROUTING -o wan0`;
  return choice.pick([
    () => `${post} -j SNAT --to-source ${choice.pick(OUTSIDE_POOL)}${flags(choice, all)}`,
    () => `${post} -p ${ported} -j SNAT --to-source ${choice.pick(OUTSIDE_POOL)}:${ports(choice)}${flags(choice, all)}`,
    () => `${post} -p ${ported} -j SNAT --to-source :${ports(choice)}${flags(choice, all)}`,
    () => `${post} -j MASQUERADE${flags(choice, all.slice(0, 2))}`,
    () => `${post} -p ${ported} -j MASQUERADE --to-ports ${ports(choice)}${flags(choice, all.slice(0, 2))}`,
  ])();
}

function destinationRule(choice: Choice, tool: string): string {
  const all = ["random", "persistent"];
  const ported = choice.pick(PORTED);
  const pre = `${tool} -t nat -A PREROUTING -i wan0 -d ${OUTSIDE}`;
  const shifted = (): string => `${ports(choice)}/${choice.pick(FIRST_PORTS)}`;
  const map = (): string => (choice.oneIn(2) ? shifted() : ports(choice));
  return choice.pick([
    () => `${pre} -j DNAT --to-destination ${choice.pick(INSIDE_POOL)}${flags(choice, all)}`,
    () => `${pre} -p ${ported} -j DNAT --to-destination ${choice.pick(INSIDE_POOL)}:${map()}${flags(choice, all)}`,
    () => `${pre} -p ${ported} -j DNAT --to-destination :${map()}${flags(choice, all)}`,
    () => `${pre} -p ${ported} -j REDIRECT --to-ports ${ports(choice)}${flags(choice, all.slice(0, 1))}`,
    () => `${pre} -p ${ported} -j REDIRECT${flags(choice, all.slice(0, 1))}`,
  ])();
}

/** A packet that begins something, or goes on. */
function packet(choice: Choice, protocol: Protocol, ip: IpFields, sport: number, dport: number): Uint8Array {
  switch (protocol) {
    case "udp":
      return udp(ip, { sport, dport, payload: text(4) });
    case "tcp":
      return tcp(ip, { sport, dport, flags: choice.pick([SYN, SYN, SYN, ACK, RST, SYN | ACK]), seq: 1000, ack: 1001 });
    case "sctp":
      return sctp(ip, { sport, dport, vtag: 0, chunks: [sctpChunk(1, 0, sctpInit(choice.between(1, 3)))] });
    case "icmp":
      return echo(ip, sport, 1);
    case "udplite":
      return udplite(ip, { sport, dport, payload: text(4) });
    case "gre":
      return gre(ip, { version: choice.below(2), callId: sport });
    default: {
      const payload = text(16);
      put16(payload, 0, sport);
      put16(payload, 2, dport);
      return ipv4({ protocol: protocol === "dccp" ? 33 : 253, ...ip }, payload);
    }
  }
}

/** Now and then clients are in zones of their own: what is taken in one is free in another. */
function zoneRules(choice: Choice, tool: string): string[] {
  if (!choice.oneIn(6)) return [];
  const raw = `${tool} -t raw -A PREROUTING`;
  const zone = choice.pick(["--zone", "--zone-orig", "--zone-orig", "--zone-reply"]);
  return [
    `${raw} -i lan0 -s 192.168.1.10/31 -j CT ${zone} 1`,
    ...choice.pick([[], [`${raw} -i lan0 -s 192.168.1.12/30 -j CT ${zone} 2`]]),
    ...choice.pick([[], [`${raw} -i wan0 -j CT --zone${choice.pick(["", "-orig", "-reply"])} 1`]]),
  ];
}

export const NAT_RANGES: Kind = {
  name: "nat-ranges",
  about: "where NAT takes addresses and ports from: pools, flags, shifted maps, ranges that run out, other protocols",
  make(choice) {
    const tool = choice.pick(TOOLS);
    // One rule that may draw a port for a packet, as the comparison cannot tell one draw from another.
    const inward = choice.oneIn(3);
    const rules = choice.times(choice.pick([1, 1, 2, 3]), () =>
      inward ? destinationRule(choice, tool) : sourceRule(choice, tool),
    );
    const named = PROTOCOLS.filter((protocol) => rules.some((rule) => rule.includes(`-p ${protocol} `)));
    const protocols =
      named.length > 0 ? [...named, choice.pick(PROTOCOLS)] : choice.times(3, () => choice.pick(PROTOCOLS));
    const zones = zoneRules(choice, tool);
    // Two entries may have one tuple then, and which of them a deletion finds depends on the table's order.
    const looks = zones.length > 0 ? ["conntrack -L"] : ["conntrack -L", "conntrack -D -p udp", "conntrack -D -p tcp"];
    const own = choice.times(choice.between(1, 3), () => choice.pick([40_000, 700, 300, 4000, 1, 1023, 1024, 65_535]));
    const clients = choice.pick([2, 6, 40]);
    const steps = choice.times(choice.between(2, 90), (): Step => {
      if (choice.oneIn(30)) return { run: choice.pick(looks) };
      const protocol = choice.pick(protocols);
      const client = `192.168.1.${10 + choice.below(clients)}`;
      const visitor = `203.0.113.${7 + choice.below(clients)}`;
      const port = choice.oneIn(6) ? choice.between(0, 65_535) : choice.pick(own);
      const served = choice.oneIn(5) ? choice.pick(FIRST_PORTS) + choice.below(4) : 80;
      const arrives = inward
        ? choice.pick<() => PacketStep>([
            () => wan(packet(choice, protocol, { src: visitor, dst: OUTSIDE }, port, served)),
            () => wan(packet(choice, protocol, { src: visitor, dst: OUTSIDE }, port, served)),
            () => lan(packet(choice, protocol, { src: "192.168.1.100", dst: visitor }, served, port)),
            () => lan(packet(choice, protocol, { src: client, dst: INSIDE }, port, served)),
          ])
        : choice.pick<() => PacketStep>([
            () => lan(packet(choice, protocol, { src: client, dst: SERVER }, port, served)),
            () => lan(packet(choice, protocol, { src: client, dst: SERVER }, port, served)),
            () => lan(packet(choice, protocol, { src: client, dst: FAR_SERVER }, port, served)),
            () => wan(packet(choice, protocol, { src: SERVER, dst: OUTSIDE }, served, port)),
          ]);
      return arrives();
    });
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, ...putIn(choice, tool, [...zones, ...rules])],
      steps,
      finally: closing(tool),
    };
  },
};
