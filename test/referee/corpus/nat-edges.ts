/** NAT where it gives away what others had, and where what it stood on goes away. */

import { lan, wan } from "../kinds/router.js";
import { DEVICES_6, FORWARDING_6 } from "../kinds/router6.js";
import { ipv4, SYN, text } from "../packets.js";
import { echo6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep, Scenario } from "../scenario.js";
import {
  fromLan,
  fromWan,
  type Group,
  handshake,
  LIST,
  MASQUERADE,
  onRouter,
  type Parts,
  SNAT,
  TRACK,
  tunable,
} from "./group.js";

const WEB = "198.51.100.9:80";
const SERVER = "198.51.100.9:53";
const CLIENT = "192.168.1.10:4000";
const NEIGHBOUR = "192.168.1.11:4000";
const POST = "iptables-legacy -t nat -A POSTROUTING -o wan0";
const PRE = "iptables-legacy -t nat -A PREROUTING";
/** Both clients are seen by one port. */
const ONE_PORT = `${POST} -p tcp -j SNAT --to-source 198.51.100.1:5000`;
/** The client is seen as its neighbour, whose own packets nobody changes. */
const AS_NEIGHBOUR = `${POST} -s 192.168.1.10 -p tcp -j SNAT --to-source 192.168.1.11:5000`;

/** A connection that the server closed and the client too. */
function closed(client: string, outside: string): PacketStep[] {
  return [
    ...handshake(client, outside, WEB),
    fromWan.tcp(WEB, outside, "FA", { seq: 9001, ack: 1001 }),
    fromLan.tcp(client, WEB, "FA", { seq: 1001, ack: 9002 }),
    fromWan.tcp(WEB, outside, "A", { seq: 9002, ack: 1002 }),
  ];
}

/** A connection that its client reset before it was established. */
function reset(client: string, outside: string): PacketStep[] {
  return [
    fromLan.tcp(client, WEB, "S", { seq: 1000 }),
    fromWan.tcp(WEB, outside, "SA", { seq: 9000, ack: 1001 }),
    fromLan.tcp(client, WEB, "R", { seq: 1001 }),
  ];
}

/** A connection both of whose ends have asked, and neither was answered. */
function bothAsked(client: string, outside: string): PacketStep[] {
  return [fromLan.tcp(client, WEB, "S", { seq: 1000 }), fromWan.tcp(WEB, outside, "S", { seq: 9000 })];
}

const later = fromLan.tcp(CLIENT, WEB, "S", { seq: 50_000 });
const earlier = fromLan.tcp(CLIENT, WEB, "S", { seq: 5 });

const REUSE: readonly Parts[] = [
  {
    name: "a port in TIME_WAIT is given to another client",
    setup: [ONE_PORT],
    steps: [...closed(NEIGHBOUR, "198.51.100.1:5000"), later],
  },
  {
    name: "a port in TIME_WAIT is kept from a client whose numbers are behind",
    setup: [ONE_PORT],
    steps: [...closed(NEIGHBOUR, "198.51.100.1:5000"), earlier],
  },
  {
    name: "a port in TIME_WAIT is kept from what does not begin with SYN",
    setup: [ONE_PORT],
    steps: [...closed(NEIGHBOUR, "198.51.100.1:5000"), fromLan.tcp(CLIENT, WEB, "A", { seq: 50_000, ack: 1 })],
  },
  {
    name: "a port in LAST_ACK is kept",
    setup: [ONE_PORT],
    steps: [...closed(NEIGHBOUR, "198.51.100.1:5000").slice(0, -1), later],
  },
  {
    name: "a port in CLOSE that never was assured is given away",
    setup: [ONE_PORT],
    steps: [...reset(NEIGHBOUR, "198.51.100.1:5000"), later],
  },
  {
    name: "a port in SYN_SENT2 is given away",
    setup: [ONE_PORT],
    steps: [...bothAsked(NEIGHBOUR, "198.51.100.1:5000"), later],
  },
  {
    name: "a port in TIME_WAIT that no NAT chose is kept",
    setup: [AS_NEIGHBOUR],
    steps: [...closed("192.168.1.11:5000", "192.168.1.11:5000"), later],
  },
  {
    name: "a port in CLOSE that no NAT chose is kept",
    setup: [AS_NEIGHBOUR],
    steps: [...reset("192.168.1.11:5000", "192.168.1.11:5000"), later],
  },
  {
    name: "a port is free when its connection's time is over",
    sysctl: tunable("tcp_timeout_time_wait", 1),
    setup: [ONE_PORT],
    steps: [...closed(NEIGHBOUR, "198.51.100.1:5000"), { sleep: "1510ms" }, earlier],
  },
  {
    name: "the same client opens again what is in TIME_WAIT, through NAT",
    setup: [SNAT],
    steps: [
      ...closed(CLIENT, "198.51.100.1:4000"),
      later,
      fromWan.tcp(WEB, "198.51.100.1:4000", "SA", { seq: 70_000, ack: 50_001 }),
    ],
  },
  {
    name: "a stranger who holds the port that a client wants: the client has another",
    setup: [SNAT],
    steps: [
      fromWan.udp(SERVER, "198.51.100.1:4000"),
      fromLan.udp(CLIENT, SERVER),
      fromWan.udp(SERVER, "198.51.100.1:4000"),
    ],
  },
  {
    name: "a SYN in an open connection through NAT, the challenge and the reset that follow",
    setup: [SNAT],
    steps: [
      ...handshake(CLIENT, "198.51.100.1:4000", WEB),
      fromLan.tcp(CLIENT, WEB, "S", { seq: 50_000 }),
      fromWan.tcp(WEB, "198.51.100.1:4000", "A", { seq: 9001, ack: 1001 }),
      fromLan.tcp(CLIENT, WEB, "R", { seq: 1001 }),
      fromLan.tcp(CLIENT, WEB, "S", { seq: 50_000 }),
    ],
  },
  {
    name: "both ends open at once, through NAT",
    setup: [SNAT],
    steps: [
      ...bothAsked(CLIENT, "198.51.100.1:4000"),
      fromLan.tcp(CLIENT, WEB, "SA", { seq: 1000, ack: 9001 }),
      fromWan.tcp(WEB, "198.51.100.1:4000", "SA", { seq: 9000, ack: 1001 }),
      fromLan.tcp(CLIENT, WEB, "A", { seq: 1001, ack: 9001 }),
    ],
  },
];

const BY_HAND: readonly Parts[] = [
  {
    name: "the table is flushed in the middle of a connection: its next packet is hidden anew",
    setup: [SNAT],
    steps: [
      ...handshake(CLIENT, "198.51.100.1:4000", WEB),
      { run: "conntrack -F" },
      fromLan.tcp(CLIENT, WEB, "PA", { seq: 1001, ack: 9001, len: 5 }),
      fromWan.tcp(WEB, "198.51.100.1:4000", "A", { seq: 9001, ack: 1006 }),
    ],
  },
  {
    name: "the table is flushed, and the server speaks first: the router resets it, and the client keeps its port",
    setup: [ONE_PORT],
    steps: [
      ...handshake(CLIENT, "198.51.100.1:5000", WEB),
      { run: "conntrack -F" },
      fromWan.tcp(WEB, "198.51.100.1:5000", "PA", { seq: 9001, ack: 1001, len: 5 }),
      fromLan.tcp(CLIENT, WEB, "PA", { seq: 1001, ack: 9001, len: 5 }),
    ],
  },
  {
    name: "a datagram's entry made by hand streams at its first answer",
    setup: [SNAT],
    steps: [
      { run: "conntrack -I -p udp -s 192.168.1.10 -d 198.51.100.9 --sport 4000 --dport 53 -t 60 -n 198.51.100.1:5000" },
      fromWan.udp(SERVER, "198.51.100.1:5000"),
      fromLan.udp(CLIENT, SERVER),
    ],
  },
  {
    name: "made by hand, a connection's NAT has a port for TCP and UDP alone",
    setup: [SNAT],
    steps: [
      "tcp --sport 1 --dport 2 --state ESTABLISHED",
      "udp --sport 1 --dport 2",
      "udplite --sport 1 --dport 2",
      "sctp --sport 1 --dport 2 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2",
      "icmp --icmp-type 8 --icmp-code 0 --icmp-id 7",
      "gre --srckey 1 --dstkey 2",
    ].map((flow) => ({ run: `conntrack -I -s 192.168.1.10 -d 198.51.100.9 -t 60 -n 198.51.100.1:77 -p ${flow}` })),
  },
  {
    name: "without a nat table, a new flow whose answers an entry made by hand has is dropped",
    setup: [TRACK],
    steps: [
      {
        run: "conntrack -I -p udp -s 10.9.9.9 -d 10.8.8.8 --sport 1 --dport 2 -t 60 -r 198.51.100.9 -q 192.168.1.10 --reply-port-src 53 --reply-port-dst 4000",
      },
      fromLan.udp(CLIENT, SERVER),
      {
        run: "conntrack -I -p tcp -s 10.9.9.9 -d 10.8.8.8 --sport 1 --dport 2 -t 60 --state ESTABLISHED -r 198.51.100.9 -q 192.168.1.10 --reply-port-src 80 --reply-port-dst 4000",
      },
      fromLan.tcp(CLIENT, WEB, "S", { seq: 1000 }),
      {
        run: "conntrack -I -p udp -s 10.9.9.9 -d 10.8.8.8 --sport 3 --dport 4 -t 60 -r 198.51.100.9 -q 198.51.100.1 --reply-port-src 53 --reply-port-dst 4000",
      },
      { run: "echo hi | timeout 0.1 nc -n -u -p 4000 198.51.100.9 53 >/dev/null 2>&1 || true" },
    ],
  },
  {
    name: "a mark changed by hand is told once",
    setup: [SNAT],
    steps: [
      fromLan.tcp(CLIENT, WEB, "S", { seq: 1000 }),
      { run: "conntrack -U -p tcp -s 192.168.1.10 -d 198.51.100.9 --sport 4000 --dport 80 -m 3" },
      fromLan.tcp(CLIENT, WEB, "S", { seq: 1000 }),
    ],
  },
  {
    name: "an entry deleted by hand: its port is its neighbour's meanwhile",
    setup: [`${POST} -p udp -j SNAT --to-source 198.51.100.1:5000-5001`],
    steps: [
      fromLan.udp(CLIENT, SERVER),
      { run: "conntrack -D -p udp -s 192.168.1.10" },
      fromLan.udp(NEIGHBOUR, SERVER),
      fromLan.udp(CLIENT, SERVER),
    ],
  },
];

/** A datagram of a protocol without ports that NAT may choose. */
const other = (protocol: number, src: string): PacketStep =>
  lan(ipv4({ src, dst: "198.51.100.9", protocol }, text(16)));

const VETH = "ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up";

const AWAY: readonly Parts[] = [
  {
    name: "MASQUERADE: an address goes, and its connections; others stay",
    setup: ["ip addr add 198.51.100.2/24 dev wan0", MASQUERADE],
    steps: [
      fromLan.udp(CLIENT, SERVER),
      { run: "ip addr del 198.51.100.2/24 dev wan0" },
      fromLan.udp(CLIENT, SERVER),
      { run: "ip addr del 198.51.100.1/24 dev wan0" },
      { run: LIST },
    ],
  },
  {
    name: "MASQUERADE: the device goes down, and SNAT's connections stay",
    setup: [`${POST} -p udp -j MASQUERADE`, `${POST} -p tcp -j SNAT --to-source 198.51.100.1`],
    steps: [
      fromLan.udp(CLIENT, SERVER),
      fromLan.tcp(CLIENT, WEB, "S", { seq: 1 }),
      { run: "ip link set wan0 down" },
      { run: LIST },
    ],
  },
  {
    name: "MASQUERADE: of an address with a peer Linux looks for the peer's, and forgets nothing",
    setup: ["ip addr add 10.8.8.8 peer 203.0.113.9 dev wan0", "ip addr del 198.51.100.1/24 dev wan0", MASQUERADE],
    steps: [
      fromLan.udp(CLIENT, "203.0.113.9:53"),
      { run: "ip addr del 10.8.8.8 peer 203.0.113.9 dev wan0" },
      { run: LIST },
    ],
  },
  {
    name: "MASQUERADE: the device is deleted, and comes again with another address",
    setup: [
      `${VETH} && ip addr add 10.0.0.1/24 dev v0`,
      "iptables-legacy -t nat -A POSTROUTING -o v0 -j MASQUERADE",
      "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0",
    ],
    steps: [
      fromLan.udp(CLIENT, "10.0.0.7:53"),
      { run: "ip link del v0; sleep 0.1" },
      { run: LIST },
      { run: `${VETH} && ip addr add 10.0.0.2/24 dev v0` },
      { run: "ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev v0" },
      fromLan.udp(CLIENT, "10.0.0.7:53"),
    ],
  },
  {
    name: "MASQUERADE: the route turns to another device, and the next packet ends the connection",
    setup: [MASQUERADE],
    steps: [
      fromLan.udp(CLIENT, "203.0.113.9:53"),
      { run: "ip route replace 203.0.113.0/24 dev lan0" },
      fromLan.udp(CLIENT, "203.0.113.9:53"),
      fromLan.udp(CLIENT, "203.0.113.9:53"),
    ],
  },
];

const RANGES: readonly Parts[] = [
  {
    name: "a shifted map of ports",
    setup: [`${PRE} -i wan0 -p tcp -j DNAT --to-destination 192.168.1.10:5000-5010/80`],
    steps: [80, 85, 90, 91, 79, 5000].map((port) =>
      fromWan.tcp("203.0.113.7:4000", `198.51.100.1:${port}`, "S", { seq: 1 }),
    ),
  },
  {
    name: "a range of one port runs out: the second client's first packet is dropped",
    setup: [`${POST} -p udp -j SNAT --to-source 198.51.100.1:5000`],
    steps: [
      fromLan.udp("192.168.1.10:5000", SERVER),
      fromLan.udp("192.168.1.11:5000", SERVER),
      fromLan.udp(NEIGHBOUR, SERVER),
    ],
  },
  {
    name: "identifiers of echoes are MASQUERADE's ports",
    setup: [`${POST} -p icmp -j MASQUERADE --to-ports 5000`],
    steps: [
      fromLan.echo("192.168.1.10", "198.51.100.9", 7, 1),
      fromLan.echo("192.168.1.11", "198.51.100.9", 7, 1),
      fromWan.echo("198.51.100.9", "198.51.100.1", 5000, 1, true),
    ],
  },
  {
    name: "protocols without ports: two clients under one address are one too many",
    setup: [SNAT],
    steps: [33, 47, 253].flatMap((protocol) =>
      ["192.168.1.10", "192.168.1.11"].map((client) => other(protocol, client)),
    ),
  },
];

const OUTSIDE_6 = "2001:db8:2::1";
const VISITOR_6 = { src: "2001:db8:2::9", dst: OUTSIDE_6 };

/** The loopback's address of IPv6 concerns the loopback alone, whatever NAT says. */
const LOOPBACK_6: readonly Scenario[] = [
  [
    "DNAT to ::1 of what comes from outside: there is no route",
    "PREROUTING -d 2001:db8:2::1 -j DNAT --to-destination ::1",
  ],
  ["REDIRECT of the same has one", "PREROUTING -d 2001:db8:2::1 -j REDIRECT"],
  ["SNAT in INPUT to ::1: the visitor is not answered but by an error", "INPUT -j SNAT --to-source ::1"],
].map(([name, rule]) => ({
  version: 1,
  name,
  devices: DEVICES_6,
  sysctl: FORWARDING_6,
  setup: [`ip6tables-legacy -t nat -A ${rule}`],
  steps: [
    wan(tcp6(VISITOR_6, { sport: 4000, dport: 80, flags: SYN, seq: 1 })),
    wan(udp6(VISITOR_6, { sport: 4000, dport: 53, payload: text(4) })),
    wan(echo6(VISITOR_6, 7, 1)),
  ],
  finally: ["conntrack -L -f ipv6", "ip6tables-legacy-save -c"],
}));

export const NAT_EDGES: Group = {
  name: "nat-edges",
  about: "NAT where it gives away what others had, and where what it stood on goes away",
  scenarios: () => [...[...REUSE, ...BY_HAND, ...AWAY, ...RANGES].map(onRouter), ...LOOPBACK_6],
};
