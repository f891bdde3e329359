/** A whole router: resets of REJECT, REDIRECT, MASQUERADE as addresses and devices come and go, fragments. */

import { lan, wan } from "../kinds/router.js";
import { udp } from "../lines.js";
import { fragments, text, udpDatagram } from "../packets.js";
import type { PacketStep } from "../scenario.js";
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
} from "./group.js";

const CLIENT = "192.168.1.10";
const SERVER = "198.51.100.9";
const OUTSIDE = "198.51.100.1";

function reset(tool: string, nat: boolean): Parts {
  const [client, server] = [`${CLIENT}:40000`, `${SERVER}:80`];
  const outside = nat ? `${OUTSIDE}:40000` : client;
  return {
    name: `REJECT --reject-with tcp-reset closes the connection (${tool}${nat ? ", SNAT" : ""})`,
    setup: [nat ? SNAT : TRACK],
    steps: [
      ...handshake(client, outside, server),
      { run: `${tool} -I FORWARD -p tcp -j REJECT --reject-with tcp-reset` },
      fromLan.tcp(client, server, "PA", { seq: 1001, ack: 9001, len: 10 }),
      { run: LIST },
      fromLan.tcp(client, server, "PA", { seq: 1001, ack: 9001, len: 10 }),
      fromWan.tcp(server, outside, "PA", { seq: 9001, ack: 1001, len: 10 }),
      // A first packet: its entry was never confirmed.
      fromLan.tcp(`${CLIENT}:40001`, server, "S", { seq: 5 }),
    ],
    finally: [LIST],
  };
}

/** The pieces of a datagram of `size` bytes, cut at these offsets. */
function pieces(from: "lan" | "wan", size: number, cuts: readonly number[], id: number, df = false): PacketStep[] {
  const ip = from === "lan" ? { src: CLIENT, dst: SERVER } : { src: SERVER, dst: OUTSIDE };
  const ports = from === "lan" ? { sport: 4000, dport: 5000 } : { sport: 5000, dport: 4000 };
  const datagram = udpDatagram(ip, { ...ports, payload: text(size) });
  return fragments({ ...ip, id, df }, datagram, cuts).map(from === "lan" ? lan : wan);
}

const FRAGMENTS: readonly Parts[] = [
  {
    name: "fragments of unequal size keep their sizes through SNAT",
    setup: [SNAT],
    steps: [...pieces("lan", 2000, [1000, 1400], 7), ...pieces("wan", 1000, [504], 8)],
  },
  {
    name: "fragments in any order",
    setup: [SNAT],
    steps: [1, 2, 0].map((i) => pieces("lan", 2000, [800, 1600], 7)[i]),
  },
  {
    name: "fragments smaller than the MTU stay fragments",
    setup: [SNAT],
    steps: pieces("lan", 100, [48], 7),
  },
  {
    name: "fragments larger than the next MTU are cut again",
    setup: [SNAT, "ip link set wan0 mtu 600"],
    steps: pieces("lan", 2500, [1480], 7),
  },
  { name: "fragments with DF keep it", setup: [SNAT], steps: pieces("lan", 2000, [1000], 7, true) },
  {
    name: "fragments with DF larger than the next MTU",
    setup: [SNAT, "ip link set wan0 mtu 600"],
    steps: pieces("lan", 2000, [1000], 7, true),
  },
  {
    name: "overlapping fragments end the packet",
    setup: [SNAT],
    steps: [pieces("lan", 1000, [504], 7)[0], pieces("lan", 1000, [496], 7)[1], pieces("lan", 1000, [504], 7)[1]],
  },
  {
    name: "a repeated fragment is ignored",
    setup: [SNAT],
    steps: [0, 0, 1].map((i) => pieces("lan", 1000, [504], 7)[i]),
  },
  {
    name: "two datagrams at once are told apart by their ids",
    setup: [SNAT],
    steps: [0, 1].flatMap((i) => [pieces("lan", 1000, [504], 7)[i], pieces("lan", 900, [400], 8)[i]]),
  },
  {
    name: "without conntrack fragments pass one by one",
    steps: [2, 0].map((i) => pieces("lan", 2000, [800, 1600], 7)[i]),
  },
];

function redirect(name: string, addresses: readonly string[]): Parts {
  return {
    name,
    setup: [...addresses, "iptables-legacy -t nat -A PREROUTING -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128"],
    steps: [
      // Nobody listens: the answer comes from the address that was asked for.
      fromLan.tcp(`${CLIENT}:40000`, "203.0.113.9:80", "S", { seq: 1 }),
      fromLan.tcp(`${CLIENT}:40000`, "203.0.113.9:81", "S", { seq: 1 }),
    ],
  };
}

const REDIRECTS: readonly Parts[] = [
  redirect("REDIRECT goes to the device's first address", []),
  redirect("REDIRECT with several addresses", [
    "ip addr add 192.168.1.7/24 dev lan0",
    "ip addr add 10.9.9.1/24 dev lan0",
  ]),
  redirect("REDIRECT when the first address has another scope", [
    "ip addr flush dev lan0",
    "ip addr add 169.254.3.1/16 dev lan0 scope link",
    "ip addr add 192.168.1.1/24 dev lan0",
  ]),
  redirect("REDIRECT on a device without address", ["ip addr flush dev lan0", "ip route add 192.168.1.0/24 dev lan0"]),
  {
    name: "REDIRECT in OUTPUT goes to the loopback",
    setup: ["iptables-legacy -t nat -A OUTPUT -p icmp -j REDIRECT"],
    steps: [{ run: "ping -c 1 -W 1 -e 77 203.0.113.9 >/dev/null" }],
  },
];

const DNS = `${SERVER}:53`;

const MASQUERADES: readonly Parts[] = [
  {
    name: "MASQUERADE takes the address of the next hop's subnet",
    setup: ["ip addr add 198.51.100.7/24 dev wan0", "ip addr add 203.0.113.1/24 dev wan0", MASQUERADE],
    steps: [fromLan.udp(`${CLIENT}:4000`, DNS), fromLan.udp(`${CLIENT}:4000`, "203.0.113.9:53")],
  },
  {
    name: "MASQUERADE behind a gateway of another subnet",
    setup: [
      "ip addr add 203.0.113.1/25 dev wan0",
      "ip route add 8.8.0.0/16 via 203.0.113.2",
      "ip route add 9.9.0.0/16 via 198.51.100.2 src 203.0.113.1",
      MASQUERADE,
    ],
    steps: [fromLan.udp(`${CLIENT}:4000`, "8.8.8.8:53"), fromLan.udp(`${CLIENT}:4000`, "9.9.9.9:53")],
  },
  {
    name: "MASQUERADE --to-ports with a single port",
    setup: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -p udp -j MASQUERADE --to-ports 5000"],
    steps: [
      fromLan.udp(`${CLIENT}:4000`, DNS),
      fromLan.udp(`${CLIENT}:4000`, `${SERVER}:54`),
      // The only port is taken: the packet cannot leave.
      fromLan.udp("192.168.1.11:4000", DNS),
    ],
  },
  {
    name: "MASQUERADE forgets connections with the address they had",
    setup: ["ip addr add 198.51.100.7/24 dev wan0", "ip addr add 203.0.113.1/25 dev wan0", MASQUERADE],
    steps: [
      fromLan.udp(`${CLIENT}:4000`, DNS),
      fromLan.udp(`${CLIENT}:4001`, "203.0.113.9:53"),
      { run: "ip addr del 203.0.113.1/25 dev wan0" },
      { run: LIST },
      { run: "ip addr del 198.51.100.1/24 dev wan0" },
    ],
  },
  {
    name: "MASQUERADE forgets connections when the device goes down",
    setup: [MASQUERADE],
    steps: [
      fromLan.udp(`${CLIENT}:4000`, DNS),
      ...handshake(`${CLIENT}:4001`, `${OUTSIDE}:4001`, `${SERVER}:80`),
      { run: "ip link set wan0 down" },
      { run: LIST },
      { run: "ip link set wan0 up" },
      fromLan.udp(`${CLIENT}:4000`, DNS),
    ],
  },
  {
    name: "SNAT keeps connections when the device goes down",
    setup: [SNAT],
    steps: [fromLan.udp(`${CLIENT}:4000`, DNS), { run: "ip link set wan0 down" }],
  },
  {
    name: "an ICMP error about a masqueraded datagram finds its way back",
    setup: [MASQUERADE],
    steps: [fromLan.udp(`${CLIENT}:4000`, DNS), fromWan.about(SERVER, OUTSIDE, 3, 3, udp(`${OUTSIDE}:4000`, DNS))],
  },
];

/** When what chains' policies do is counted. */
const POLICIES: readonly Parts[] = [
  ...["iptables -Z", "iptables -L", "iptables -L -Z", "iptables -L FORWARD -Z", "iptables -S -Z"].map((command) => ({
    name: `nft's tool with a chain of one's own, and ${command}`,
    setup: ["iptables -N own"],
    steps: [{ run: command }, fromLan.udp(`${CLIENT}:4000`, DNS)],
    finally: ["iptables-save -c"],
  })),
  {
    name: "nft's tool lists and zeroes a table that is not there",
    steps: [{ run: "iptables -L -Z -v" }, { run: "iptables -S -Z" }, { run: "iptables -t nat -L OUTPUT -Z" }],
    finally: ["iptables-save -c"],
  },
  ...["", "-A FORWARD -p tcp\n", ":FORWARD DROP\n"].map((lines) => ({
    name: `a legacy restore without a flush, of ${JSON.stringify(lines)}`,
    setup: ["iptables-legacy -N own"],
    steps: [
      fromLan.udp(`${CLIENT}:4000`, DNS),
      { run: `iptables-legacy-restore -n << 'END'\n*filter\n${lines}COMMIT\nEND` },
    ],
    finally: ["iptables-legacy-save -c"],
  })),
];

export const ROUTERS: Group = {
  name: "routers",
  about: "resets of REJECT, REDIRECT, MASQUERADE as addresses and devices come and go, fragments, what policies count",
  scenarios: () =>
    [
      ...["iptables-legacy", "iptables"].flatMap((tool) => [false, true].map((nat) => reset(tool, nat))),
      ...REDIRECTS,
      ...MASQUERADES,
      ...FRAGMENTS,
      ...POLICIES,
    ].map(onRouter),
};
