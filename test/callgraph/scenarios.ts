/**
 * The packets whose way through the kernel is recorded, function by function: scenarios of the front door
 * (`netfilter-lab scenario`), so that the recorder in the emulated machine and the engine run the same documents. What
 * each of them shows is said in agreement.json, for readers of the site as well.
 */
import { put16 } from "../../packages/engine/src/wire/bytes.js";
import { ICMP_DEST_UNREACH } from "../../packages/engine/src/wire/icmp.js";
import {
  IP_MF,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  ipv4SetChecksum,
} from "../../packages/engine/src/wire/ipv4.js";
import { toHex } from "../../packages/lab/src/scenario/bytes.js";
import type { Scenario, ScenarioStep } from "../../packages/lab/src/scenario/model.js";
import { echo, icmpAbout, tcp, udp } from "../referee/lines.js";

const CLIENT = "192.168.1.10:40000";
const OTHER = "192.168.1.11:40000";
const SERVER = "198.51.100.9:80";
const OUTSIDE = "198.51.100.1:40000";
const ROUTER = "198.51.100.2";

/** Conntrack without NAT; what is INVALID ends in FORWARD. */
const TRACK = "iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP";
const SNAT = "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1";

const lan = (bytes: Uint8Array): ScenarioStep => ({ in: "lan0", hex: toHex(bytes) });
const wan = (bytes: Uint8Array): ScenarioStep => ({ in: "wan0", hex: toHex(bytes) });

function scenario(name: string, setup: readonly string[], steps: readonly ScenarioStep[]): Scenario {
  return {
    version: 1,
    name,
    devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] },
    sysctl: { "net.ipv4.ip_forward": "1" },
    setup,
    steps,
  };
}

/** A TCP connection from the client to a server that sees it come from `outside`. */
function handshake(outside: string): ScenarioStep[] {
  return [
    lan(tcp(CLIENT, SERVER, "S", { seq: 1000 })),
    wan(tcp(SERVER, outside, "SA", { seq: 9000, ack: 1001 })),
    lan(tcp(CLIENT, SERVER, "A", { seq: 1001, ack: 9001 })),
  ];
}

/** Both sides close, the server first. */
function closing(outside: string): ScenarioStep[] {
  return [
    wan(tcp(SERVER, outside, "FA", { seq: 9001, ack: 1001 })),
    lan(tcp(CLIENT, SERVER, "FA", { seq: 1001, ack: 9002 })),
    wan(tcp(SERVER, outside, "A", { seq: 9002, ack: 1002 })),
  ];
}

/** A datagram with 24 bytes behind its IP header as two fragments, cut after the first 16 bytes. */
function fragments(from: string, to: string): ScenarioStep[] {
  const whole = udp(from, to, false);
  const first = new Uint8Array(20 + 16);
  first.set(whole);
  put16(first, IPV4_TOTAL_LENGTH, first.length);
  put16(first, IPV4_ID, 77);
  put16(first, IPV4_FRAGMENT, IP_MF);
  // The UDP length is that of the whole datagram.
  put16(first, 24, 24);
  ipv4SetChecksum(first, 0);
  const last = first.slice(0, 20 + 8);
  put16(last, IPV4_TOTAL_LENGTH, last.length);
  put16(last, IPV4_FRAGMENT, 2);
  last.fill(120, 20);
  ipv4SetChecksum(last, 0);
  return [lan(first), lan(last)];
}

/** All recorded scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  scenario("new-flow", [TRACK], [lan(tcp(CLIENT, SERVER, "S", { seq: 1000 }))]),
  scenario("reply", [TRACK], handshake(CLIENT).slice(0, 2)),
  scenario(
    "established",
    [TRACK],
    [
      ...handshake(CLIENT),
      lan(tcp(CLIENT, SERVER, "PA", { seq: 1001, ack: 9001, len: 10 })),
      wan(tcp(SERVER, CLIENT, "A", { seq: 9001, ack: 1011 })),
    ],
  ),
  scenario("snat", [SNAT], [...handshake(OUTSIDE), ...closing(OUTSIDE)]),
  scenario(
    "snat-nft",
    ["iptables -A FORWARD -j ACCEPT", SNAT.replace("iptables-legacy", "iptables")],
    handshake(OUTSIDE),
  ),
  scenario(
    "dnat",
    ["iptables-legacy -t nat -A PREROUTING -i wan0 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.20:8080"],
    [
      wan(tcp(SERVER, "198.51.100.1:80", "S", { seq: 1000 })),
      lan(tcp("192.168.1.20:8080", SERVER, "SA", { seq: 9000, ack: 1001 })),
      wan(tcp(SERVER, "198.51.100.1:80", "A", { seq: 1001, ack: 9001 })),
    ],
  ),
  scenario(
    "masquerade",
    ["iptables-legacy -t nat -A POSTROUTING -o wan0 -j MASQUERADE"],
    [lan(udp(CLIENT, "198.51.100.9:53")), wan(udp("198.51.100.9:53", OUTSIDE))],
  ),
  scenario(
    "redirect",
    ["iptables-legacy -t nat -A PREROUTING -i lan0 -p udp --dport 53 -j REDIRECT --to-ports 5353"],
    [lan(udp(CLIENT, "198.51.100.9:53"))],
  ),
  scenario("local-in", [TRACK], [lan(echo("192.168.1.10", "192.168.1.1", 7, 1))]),
  scenario("local-in-refused", [TRACK], [lan(tcp(CLIENT, "192.168.1.1:81", "S", { seq: 1000 }))]),
  scenario(
    "local-out",
    [TRACK],
    [
      { run: "echo hello | nc -u -w 1 -p 5000 198.51.100.9 53" },
      // The program has gone: the answer is refused.
      wan(udp("198.51.100.9:53", "198.51.100.1:5000")),
    ],
  ),
  scenario(
    "local-out-loopback",
    ["iptables-legacy -t nat -A OUTPUT -p udp --dport 53 -j DNAT --to-destination 127.0.0.1:5353"],
    [{ run: "echo hello | nc -u -w 1 -p 5000 127.0.0.1 53" }],
  ),
  scenario("udp", [TRACK], [lan(udp(CLIENT, "198.51.100.9:53")), wan(udp("198.51.100.9:53", CLIENT))]),
  scenario(
    "ping",
    [SNAT],
    [lan(echo("192.168.1.10", "198.51.100.9", 7, 1)), wan(echo("198.51.100.9", "198.51.100.1", 7, 1, true))],
  ),
  scenario(
    "icmp-error",
    [SNAT],
    [
      lan(udp(CLIENT, "198.51.100.9:53")),
      wan(icmpAbout(ROUTER, "198.51.100.1", ICMP_DEST_UNREACH, 1, udp(OUTSIDE, "198.51.100.9:53"))),
    ],
  ),
  scenario(
    "ttl-exceeded",
    [SNAT],
    [lan(udp(CLIENT, "198.51.100.9:53")), lan(withTtl(udp(CLIENT, "198.51.100.9:53"), 1))],
  ),
  scenario("invalid", [TRACK], [wan(tcp(SERVER, CLIENT, "SA", { seq: 9000, ack: 1001 }))]),
  scenario(
    "invalid-reply",
    [SNAT],
    [
      ...handshake(OUTSIDE),
      // Far outside of the window: conntrack gives no entry, NAT leaves it alone, and it is for the gateway itself.
      wan(tcp(SERVER, OUTSIDE, "A", { seq: 900_000_000, ack: 1001 })),
    ],
  ),
  scenario(
    "dropped-in-forward",
    ["iptables-legacy -A FORWARD -p tcp --dport 80 -j DROP", SNAT],
    [lan(tcp(CLIENT, SERVER, "S", { seq: 1000 }))],
  ),
  scenario(
    "rejected-in-forward",
    [
      "iptables-legacy -A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset",
      "iptables-legacy -A FORWARD -j REJECT",
      TRACK,
    ],
    [lan(tcp(CLIENT, SERVER, "S", { seq: 1000 })), lan(udp(CLIENT, "198.51.100.9:53"))],
  ),
  scenario("clash", [SNAT], [lan(udp(CLIENT, "198.51.100.9:53")), lan(udp(OTHER, "198.51.100.9:53"))]),
  scenario(
    "port-exhausted",
    [`${SNAT.replace("-o wan0", "-o wan0 -p udp")}:6000`],
    [lan(udp(CLIENT, "198.51.100.9:53")), lan(udp(OTHER, "198.51.100.9:53"))],
  ),
  scenario(
    "expiry",
    [SNAT, "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1"],
    [lan(udp(CLIENT, "198.51.100.9:53")), { sleep: "2s" }, lan(udp(CLIENT, "198.51.100.9:53"))],
  ),
  scenario(
    "reopened",
    [TRACK],
    [...handshake(CLIENT), ...closing(CLIENT), lan(tcp(CLIENT, SERVER, "S", { seq: 5_000_000 }))],
  ),
  scenario(
    "notrack",
    ["iptables-legacy -t raw -A PREROUTING -p udp -j CT --notrack", SNAT],
    [lan(udp(CLIENT, "198.51.100.9:53"))],
  ),
  scenario(
    "notrack-error",
    ["iptables-legacy -t raw -A PREROUTING -p udp -j CT --notrack", SNAT],
    [lan(withTtl(udp(CLIENT, "198.51.100.9:53"), 1))],
  ),
  scenario("fragments", [TRACK], fragments(CLIENT, "198.51.100.9:53")),
  scenario(
    "mangle",
    [
      "iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 1",
      "iptables-legacy -t mangle -A OUTPUT -j MARK --set-mark 1",
    ],
    [lan(udp(CLIENT, "198.51.100.9:53")), { run: "echo hello | nc -u -w 1 -p 5000 198.51.100.9 53" }],
  ),
  scenario(
    "accounting",
    [TRACK, "sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1"],
    [lan(udp(CLIENT, "198.51.100.9:53"))],
  ),
  scenario("other-protocol", [SNAT], [lan(withProtocol(udp(CLIENT, "198.51.100.9:53"), 99))]),
  scenario(
    "hairpin",
    [
      "iptables-legacy -t nat -A PREROUTING -d 198.51.100.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.20:8080",
      "iptables-legacy -t nat -A POSTROUTING -o lan0 -s 192.168.1.0/24 -j MASQUERADE",
    ],
    [
      lan(tcp(CLIENT, "198.51.100.1:80", "S", { seq: 1000 })),
      lan(tcp("192.168.1.20:8080", "192.168.1.1:40000", "SA", { seq: 9000, ack: 1001 })),
    ],
  ),
  scenario("reset", [SNAT], [...handshake(OUTSIDE), wan(tcp(SERVER, OUTSIDE, "R", { seq: 9001 }))]),
];

function withProtocol(packet: Uint8Array, protocol: number): Uint8Array {
  packet[IPV4_PROTOCOL] = protocol;
  ipv4SetChecksum(packet, 0);
  return packet;
}

function withTtl(packet: Uint8Array, ttl: number): Uint8Array {
  packet[IPV4_TTL] = ttl;
  ipv4SetChecksum(packet, 0);
  return packet;
}
