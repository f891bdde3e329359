/** Every kind of NAT: what is rewritten, how a port or an address is chosen, and what becomes of errors about it. */
import { SeededRandom } from "@netfilter-lab/engine";
import { udp } from "../lines.js";
import { fromLan, fromWan, type Group, handshake, MASQUERADE, onRouter, type Parts, SNAT } from "./group.js";

const CLIENT = "192.168.1.10:4000";
const SERVER = "198.51.100.9:53";
const WEB = "198.51.100.9:80";
const POST = "iptables-legacy -t nat -A POSTROUTING -o wan0";
const PRE = "iptables-legacy -t nat -A PREROUTING";

/** Three clients that want the same port, a stranger, and a protocol with echoes. */
const CROWD = [
  fromLan.udp(CLIENT, SERVER),
  fromLan.udp("192.168.1.11:4000", SERVER),
  fromLan.udp("192.168.1.12:4000", SERVER),
  fromLan.tcp("192.168.1.10:4000", WEB, "S", { seq: 1 }),
  fromLan.tcp("192.168.1.11:4000", WEB, "S", { seq: 1 }),
  fromLan.echo("192.168.1.10", "198.51.100.9", 7, 1),
  fromLan.echo("192.168.1.11", "198.51.100.9", 7, 1),
  fromWan.udp(SERVER, "198.51.100.1:4000"),
];

/** What comes from outside to the gateway's address. */
const VISITORS = [
  fromWan.tcp("203.0.113.7:5000", "198.51.100.1:80", "S", { seq: 100 }),
  fromLan.tcp("192.168.1.10:80", "203.0.113.7:5000", "SA", { seq: 500, ack: 101 }),
  fromLan.tcp("192.168.1.10:8080", "203.0.113.7:5000", "SA", { seq: 500, ack: 101 }),
  fromWan.tcp("203.0.113.7:5000", "198.51.100.1:80", "A", { seq: 101, ack: 501 }),
  fromWan.tcp("203.0.113.8:5000", "198.51.100.1:80", "S", { seq: 100 }),
  fromWan.udp("203.0.113.7:5000", "198.51.100.1:80"),
];

/** A client whose own gateway takes its connections. */
const CAUGHT = [
  fromLan.tcp("192.168.1.10:40000", "203.0.113.9:80", "S", { seq: 1 }),
  fromLan.tcp("192.168.1.10:40001", "203.0.113.9:80", "S", { seq: 1 }),
  fromLan.tcp("192.168.1.10:40000", "203.0.113.9:81", "S", { seq: 1 }),
];

function kind(name: string, setup: string, steps: Parts["steps"]): Parts {
  return { name, setup: [setup], steps };
}

const ERRORS: readonly (readonly [string, number, number])[] = [
  ["port unreachable", 3, 3],
  ["fragmentation needed", 3, 4],
  ["time exceeded", 11, 0],
  ["source quench", 4, 0],
  ["parameter problem", 12, 0],
];

const SCENARIOS: readonly Parts[] = [
  kind("SNAT to one address", `${POST} -j SNAT --to-source 198.51.100.1`, CROWD),
  kind("SNAT to a range of ports", `${POST} -p udp -j SNAT --to-source 198.51.100.1:5000-5100`, CROWD),
  kind("SNAT to a range of addresses", `${POST} -j SNAT --to-source 198.51.100.20-198.51.100.29`, CROWD),
  kind("SNAT --persistent", `${POST} -j SNAT --to-source 198.51.100.20-198.51.100.29 --persistent`, [
    ...CROWD,
    fromLan.udp(CLIENT, "198.51.100.8:53"),
  ]),
  kind("SNAT --random", `${POST} -p udp -j SNAT --to-source 198.51.100.1 --random`, CROWD),
  kind("SNAT --random-fully", `${POST} -p udp -j SNAT --to-source 198.51.100.1 --random-fully`, CROWD),
  kind("MASQUERADE", MASQUERADE, CROWD),
  kind("MASQUERADE --to-ports", `${POST} -p udp -j MASQUERADE --to-ports 5000-5100`, CROWD),
  kind("MASQUERADE --random", `${POST} -p udp -j MASQUERADE --random`, CROWD),
  kind("MASQUERADE --random-fully", `${POST} -p udp -j MASQUERADE --random-fully`, CROWD),
  kind("DNAT to an address", `${PRE} -i wan0 -j DNAT --to-destination 192.168.1.10`, VISITORS),
  kind("DNAT to a port", `${PRE} -i wan0 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.10:8080`, VISITORS),
  kind("DNAT to a range of addresses", `${PRE} -i wan0 -j DNAT --to-destination 192.168.1.10-192.168.1.13`, VISITORS),
  kind("DNAT to a range of ports", `${PRE} -i wan0 -p tcp -j DNAT --to-destination 192.168.1.10:8000-8010`, VISITORS),
  kind("DNAT --random", `${PRE} -i wan0 -p tcp -j DNAT --to-destination 192.168.1.10:8000-8010 --random`, VISITORS),
  kind("DNAT --persistent", `${PRE} -i wan0 -j DNAT --to-destination 192.168.1.10-192.168.1.13 --persistent`, VISITORS),
  kind("REDIRECT", `${PRE} -i lan0 -p tcp --dport 80 -j REDIRECT`, CAUGHT),
  kind("REDIRECT --to-ports", `${PRE} -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128`, CAUGHT),
  kind("REDIRECT to a range of ports", `${PRE} -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128-3130`, CAUGHT),
  kind("REDIRECT --random", `${PRE} -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128-3130 --random`, CAUGHT),
  kind("SNAT in INPUT", "iptables-legacy -t nat -A INPUT -p udp -j SNAT --to-source 192.168.1.99", [
    fromLan.udp(CLIENT, "192.168.1.1:81"),
    fromLan.tcp("192.168.1.10:4000", "192.168.1.1:81", "S", { seq: 1 }),
  ]),
  kind("DNAT in OUTPUT", "iptables-legacy -t nat -A OUTPUT -p icmp -j DNAT --to-destination 192.168.1.1", [
    { run: "ping -c 1 -W 1 -e 77 203.0.113.9 >/dev/null" },
  ]),
  {
    name: "both ends rewritten",
    setup: [`${PRE} -i lan0 -d 203.0.113.9 -j DNAT --to-destination 198.51.100.9`, SNAT],
    steps: [
      fromLan.udp(CLIENT, "203.0.113.9:53"),
      fromWan.udp(SERVER, "198.51.100.1:4000"),
      fromLan.tcp("192.168.1.10:4000", "203.0.113.9:80", "S", { seq: 1000 }),
      fromWan.tcp(WEB, "198.51.100.1:4000", "SA", { seq: 9000, ack: 1001 }),
    ],
  },
  {
    name: "a null binding keeps what no rule names",
    setup: [`${POST} -p tcp -j SNAT --to-source 198.51.100.1`],
    steps: [fromLan.udp(CLIENT, SERVER), fromWan.udp(SERVER, CLIENT), fromLan.udp("192.168.1.11:4000", SERVER)],
  },
  {
    name: "a null binding gives way where its answer would be another's",
    setup: [`${POST} -s 192.168.1.10 -j SNAT --to-source 192.168.1.11`],
    steps: [fromLan.udp(CLIENT, SERVER), fromLan.udp("192.168.1.11:4000", SERVER)],
  },
  {
    name: "ACCEPT in nat ends the search for a rule",
    setup: [`${POST} -p udp -j ACCEPT`, `${POST} -j SNAT --to-source 198.51.100.1`],
    steps: CROWD,
  },
  {
    name: "NOTRACK: no entry, no NAT",
    setup: [SNAT, "iptables-legacy -t raw -A PREROUTING -p udp -j NOTRACK"],
    steps: CROWD,
  },
  {
    name: "hairpin with SNAT to the gateway",
    setup: [
      `${PRE} -d 198.51.100.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.11`,
      "iptables-legacy -t nat -A POSTROUTING -s 192.168.1.0/24 -o lan0 -j SNAT --to-source 192.168.1.1",
    ],
    steps: [
      fromLan.tcp("192.168.1.10:40000", "198.51.100.1:80", "S", { seq: 1000 }),
      fromLan.tcp("192.168.1.11:80", "192.168.1.1:40000", "SA", { seq: 9000, ack: 1001 }),
      fromLan.tcp("192.168.1.10:40000", "198.51.100.1:80", "A", { seq: 1001, ack: 9001 }),
    ],
  },
  {
    name: "hairpin without SNAT: the answer goes past the gateway",
    setup: [`${PRE} -d 198.51.100.1 -p tcp --dport 80 -j DNAT --to-destination 192.168.1.11`],
    steps: [
      fromLan.tcp("192.168.1.10:40000", "198.51.100.1:80", "S", { seq: 1000 }),
      fromLan.tcp("192.168.1.10:40000", "198.51.100.1:80", "A", { seq: 1001, ack: 9001 }),
    ],
  },
  ...ERRORS.flatMap(([what, type, code]): Parts[] => [
    {
      name: `${what} about a packet through SNAT`,
      setup: [SNAT],
      steps: [
        fromLan.udp(CLIENT, SERVER),
        fromWan.about("203.0.113.7", "198.51.100.1", type, code, udp("198.51.100.1:4000", SERVER), 9, 576),
      ],
    },
    {
      name: `${what} about an answer through SNAT`,
      setup: [SNAT],
      steps: [
        fromLan.udp(CLIENT, SERVER),
        fromWan.udp(SERVER, "198.51.100.1:4000"),
        fromLan.about("192.168.1.10", "198.51.100.9", type, code, udp(SERVER, CLIENT), 9, 576),
      ],
    },
    {
      name: `${what} about a packet through DNAT`,
      setup: [`${PRE} -i wan0 -p udp -j DNAT --to-destination 192.168.1.10:5353`],
      steps: [
        fromWan.udp("203.0.113.7:5000", "198.51.100.1:53"),
        fromLan.about("192.168.1.10", "203.0.113.7", type, code, udp("203.0.113.7:5000", "192.168.1.10:5353"), 9, 576),
      ],
    },
  ]),
  {
    name: "an ICMP error about an echo through SNAT has its identifier put back",
    setup: [SNAT],
    steps: [
      fromLan.echo("192.168.1.10", "198.51.100.9", 7, 1),
      fromLan.echo("192.168.1.11", "198.51.100.9", 7, 1),
      fromWan.echo("198.51.100.9", "198.51.100.1", 7, 1, true),
    ],
  },
  {
    name: "NAT holds when its rule is gone, and is not for connections that there were before",
    setup: [],
    steps: [
      { run: "iptables-legacy -A FORWARD -m conntrack --ctstate NEW" },
      fromLan.udp(CLIENT, SERVER),
      { run: SNAT },
      fromLan.udp(CLIENT, SERVER),
      ...handshake("192.168.1.10:40000", "198.51.100.1:40000", WEB),
      { run: "iptables-legacy -t nat -F" },
      fromLan.tcp("192.168.1.10:40000", WEB, "PA", { seq: 1001, ack: 9001, len: 5 }),
      fromLan.udp("192.168.1.10:4001", SERVER),
    ],
  },
];

export const NAT: Group = {
  name: "nat",
  about: "every kind of NAT, the choice of ports and addresses, and ICMP errors about what was rewritten",
  scenarios: () => SCENARIOS.map(onRouter),
};

/** One datagram each from many clients to many servers: what an address out of a pool is chosen by. */
function throughPool(range: string): Parts {
  const random = new SeededRandom(5);
  return {
    name: `a pool: ${range}`,
    setup: [`${POST} -j SNAT --to-source ${range}`],
    steps: Array.from({ length: 60 }, (_, i) => {
      const client = `192.168.1.${10 + (random.u32() % 200)}:${2000 + i}`;
      return fromLan.udp(client, `198.51.100.${2 + (random.u32() % 200)}:53`);
    }),
  };
}

export const NAT_POOLS: Group = {
  name: "nat-pools",
  about: "the addresses chosen from pools, which are no free choice",
  scenarios: () =>
    ["203.0.113.10-203.0.113.77", "203.0.113.10-203.0.113.77 --persistent", "10.0.0.0-10.3.255.255"].map((range) =>
      onRouter(throughPool(range)),
    ),
};
