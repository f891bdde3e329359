/**
 * What a whole router does with packets and commands, and the same asked of the running kernel by
 * test/kernel/record_router.py: REJECT's resets, REDIRECT, MASQUERADE as addresses and devices come and go, fragments
 * through conntrack. lan0 has 192.168.1.1/24, wan0 198.51.100.1/24 with a route to 203.0.113.0/24.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { put16 } from "../../packages/engine/src/wire/bytes.js";
import { ICMP_DEST_UNREACH } from "../../packages/engine/src/wire/icmp.js";
import { buildIPv4, IPPROTO_ICMP, IPPROTO_UDP, IPV4_ID, ipv4SetChecksum } from "../../packages/engine/src/wire/ipv4.js";
import { buildUdp } from "../../packages/engine/src/wire/udp.js";
import { alignTimeout, fromHex, hex } from "./compare.js";
import { eventLine } from "./gateway.js";
import { endpoint, ends, icmpAbout, tcp, udp } from "./packets.js";
import { makeRouter, runLine } from "./router.js";

/** A packet that arrives, or a command. */
export type RouterStep = readonly ["lan" | "wan", Uint8Array] | readonly [string];

export interface RouterScenario {
  readonly name: string;
  /** Commands; each must succeed. */
  readonly setup: readonly string[];
  readonly steps: readonly RouterStep[];
}

/** What a step gave. */
export interface RouterResult {
  readonly out: readonly (readonly [string, string])[];
  readonly events: readonly string[];
  readonly stdout?: string;
  readonly status?: number;
}

export interface RouterAnswers {
  readonly name: string;
  readonly results: readonly RouterResult[];
}

const MASQUERADE = "iptables-legacy -t nat -A POSTROUTING -o wan0 -j MASQUERADE";
const SNAT = "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1";
/** Conntrack without NAT. */
const TRACK = "iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP";
const LIST = "conntrack -L 2>/dev/null";

/** A TCP handshake through the router, whose outside address (or the client's own) is `outside`. */
function handshake(client: string, outside: string, server: string): RouterStep[] {
  return [
    ["lan", tcp(client, server, "S", { seq: 1000 })],
    ["wan", tcp(server, outside, "SA", { seq: 9000, ack: 1001 })],
    ["lan", tcp(client, server, "A", { seq: 1001, ack: 9001 })],
  ];
}

function resetScenario(name: string, rule: string, nat: boolean): RouterScenario {
  const client = "192.168.1.10:40000";
  const server = "198.51.100.9:80";
  const outside = nat ? "198.51.100.1:40000" : client;
  return {
    name,
    setup: [nat ? SNAT : TRACK],
    steps: [
      ...handshake(client, outside, server),
      [rule],
      ["lan", tcp(client, server, "PA", { seq: 1001, ack: 9001, len: 10 })],
      [LIST],
      ["lan", tcp(client, server, "PA", { seq: 1001, ack: 9001, len: 10 })],
      ["wan", tcp(server, outside, "PA", { seq: 9001, ack: 1001, len: 10 })],
      // A first packet: its entry was never confirmed.
      ["lan", tcp("192.168.1.10:40001", server, "S", { seq: 5 })],
      [LIST],
    ],
  };
}

/** The pieces of a datagram, cut at offsets that are multiples of 8 (payload of the IP packet). */
function pieces(from: string, to: string, size: number, cuts: readonly number[], id: number, df = false): Uint8Array[] {
  const src = endpoint(from);
  const dst = endpoint(to);
  const payload = buildUdp(
    { sport: src.port, dport: dst.port, payload: Uint8Array.from({ length: size }, (_, i) => i) },
    src.address,
    dst.address,
  );
  const ends = [...cuts, payload.length];
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1];
    return buildIPv4({
      src: src.address,
      dst: dst.address,
      protocol: IPPROTO_UDP,
      id,
      dontFragment: df,
      moreFragments: end !== payload.length,
      fragmentOffset: start / 8,
      payload: payload.subarray(start, end),
    });
  });
}

function lan(packets: readonly Uint8Array[]): RouterStep[] {
  return packets.map((bytes) => ["lan", bytes]);
}

function wan(packets: readonly Uint8Array[]): RouterStep[] {
  return packets.map((bytes) => ["wan", bytes]);
}

const CLIENT = "192.168.1.10:4000";
const SERVER = "198.51.100.9:5000";
const OUTSIDE = "198.51.100.1:4000";

const FRAGMENTS: readonly RouterScenario[] = [
  {
    name: "fragments of unequal size keep their sizes through SNAT",
    setup: [SNAT],
    steps: [
      ...lan(pieces(CLIENT, SERVER, 2000, [1000, 1400], 7)),
      ...wan(pieces(SERVER, OUTSIDE, 1000, [504], 8)),
      [LIST],
    ],
  },
  {
    name: "fragments in any order",
    setup: [SNAT],
    steps: [1, 2, 0].map((i) => ["lan", pieces(CLIENT, SERVER, 2000, [800, 1600], 7)[i]]),
  },
  {
    name: "fragments smaller than the MTU stay fragments",
    setup: [SNAT],
    steps: lan(pieces(CLIENT, SERVER, 100, [48], 7)),
  },
  {
    name: "fragments larger than the next MTU are cut again",
    setup: [SNAT, "ip link set wan0 mtu 600"],
    steps: lan(pieces(CLIENT, SERVER, 2500, [1480], 7)),
  },
  {
    name: "fragments with DF keep it",
    setup: [SNAT],
    steps: lan(pieces(CLIENT, SERVER, 2000, [1000], 7, true)),
  },
  {
    name: "fragments with DF larger than the next MTU",
    setup: [SNAT, "ip link set wan0 mtu 600"],
    steps: [...lan(pieces(CLIENT, SERVER, 2000, [1000], 7, true)), [LIST]],
  },
  {
    name: "overlapping fragments end the packet",
    setup: [SNAT],
    steps: [
      ["lan", pieces(CLIENT, SERVER, 1000, [504], 7)[0]],
      ["lan", pieces(CLIENT, SERVER, 1000, [496], 7)[1]],
      ["lan", pieces(CLIENT, SERVER, 1000, [504], 7)[1]],
      [LIST],
    ],
  },
  {
    name: "a repeated fragment is ignored",
    setup: [SNAT],
    steps: [0, 0, 1].map((i) => ["lan", pieces(CLIENT, SERVER, 1000, [504], 7)[i]]),
  },
  {
    name: "two datagrams at once are told apart by their ids",
    setup: [SNAT],
    steps: [
      ["lan", pieces(CLIENT, SERVER, 1000, [504], 7)[0]],
      ["lan", pieces(CLIENT, SERVER, 900, [400], 8)[0]],
      ["lan", pieces(CLIENT, SERVER, 1000, [504], 7)[1]],
      ["lan", pieces(CLIENT, SERVER, 900, [400], 8)[1]],
    ],
  },
  {
    name: "without conntrack fragments pass one by one",
    setup: [],
    steps: [2, 0].map((i) => ["lan", pieces(CLIENT, SERVER, 2000, [800, 1600], 7)[i]]),
  },
];

function redirectScenario(name: string, addresses: readonly string[]): RouterScenario {
  return {
    name,
    setup: [...addresses, "iptables-legacy -t nat -A PREROUTING -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128"],
    steps: [
      // Nobody listens: the answer comes from the address that was asked for.
      ["lan", tcp("192.168.1.10:40000", "203.0.113.9:80", "S", { seq: 1 })],
      ["lan", tcp("192.168.1.10:40000", "203.0.113.9:81", "S", { seq: 1 })],
    ],
  };
}

const REDIRECTS: readonly RouterScenario[] = [
  redirectScenario("REDIRECT goes to the device's first address", []),
  redirectScenario("REDIRECT with several addresses", [
    "ip addr add 192.168.1.7/24 dev lan0",
    "ip addr add 10.9.9.1/24 dev lan0",
  ]),
  redirectScenario("REDIRECT when the first address has another scope", [
    "ip addr flush dev lan0",
    "ip addr add 169.254.3.1/16 dev lan0 scope link",
    "ip addr add 192.168.1.1/24 dev lan0",
  ]),
  redirectScenario("REDIRECT on a device without address", [
    "ip addr flush dev lan0",
    "ip route add 192.168.1.0/24 dev lan0",
  ]),
  {
    name: "REDIRECT in OUTPUT goes to the loopback",
    setup: ["iptables-legacy -t nat -A OUTPUT -p icmp -j REDIRECT"],
    steps: [["ping -c 1 -W 1 -e 77 203.0.113.9 >/dev/null"], [LIST]],
  },
];

const MASQUERADES: readonly RouterScenario[] = [
  {
    name: "MASQUERADE takes the address of the next hop's subnet",
    setup: ["ip addr add 198.51.100.7/24 dev wan0", "ip addr add 203.0.113.1/24 dev wan0", MASQUERADE],
    steps: [
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      ["lan", udp("192.168.1.10:4000", "203.0.113.9:53")],
      [LIST],
    ],
  },
  {
    name: "MASQUERADE behind a gateway of another subnet",
    setup: [
      "ip addr add 203.0.113.1/25 dev wan0",
      "ip route add 8.8.0.0/16 via 203.0.113.2",
      "ip route add 9.9.0.0/16 via 198.51.100.2 src 203.0.113.1",
      MASQUERADE,
    ],
    steps: [
      ["lan", udp("192.168.1.10:4000", "8.8.8.8:53")],
      ["lan", udp("192.168.1.10:4000", "9.9.9.9:53")],
    ],
  },
  {
    name: "MASQUERADE --to-ports",
    setup: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -p udp -j MASQUERADE --to-ports 5000"],
    steps: [
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:54")],
      // The only port is taken: the packet cannot leave.
      ["lan", udp("192.168.1.11:4000", "198.51.100.9:53")],
      [LIST],
    ],
  },
  {
    name: "MASQUERADE forgets connections with the address they had",
    setup: ["ip addr add 198.51.100.7/24 dev wan0", "ip addr add 203.0.113.1/25 dev wan0", MASQUERADE],
    steps: [
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      ["lan", udp("192.168.1.10:4001", "203.0.113.9:53")],
      ["ip addr del 203.0.113.1/25 dev wan0"],
      [LIST],
      ["ip addr del 198.51.100.1/24 dev wan0"],
      [LIST],
    ],
  },
  {
    name: "MASQUERADE forgets connections when the device goes down",
    setup: [MASQUERADE],
    steps: [
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      ...handshake("192.168.1.10:4001", "198.51.100.1:4001", "198.51.100.9:80"),
      ["ip link set wan0 down"],
      [LIST],
      ["ip link set wan0 up"],
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      [LIST],
    ],
  },
  {
    name: "SNAT keeps connections when the device goes down",
    setup: [SNAT],
    steps: [["lan", udp("192.168.1.10:4000", "198.51.100.9:53")], ["ip link set wan0 down"], [LIST]],
  },
  {
    name: "an ICMP error about a masqueraded datagram finds its way back",
    setup: [MASQUERADE],
    steps: [
      ["lan", udp("192.168.1.10:4000", "198.51.100.9:53")],
      ["wan", icmpAbout("198.51.100.9", "198.51.100.1", 3, 3, udp("198.51.100.1:4000", "198.51.100.9:53"))],
    ],
  },
];

export const ROUTER_SCENARIOS: readonly RouterScenario[] = [
  ...["iptables-legacy", "iptables"].flatMap((tool) =>
    [false, true].map((nat) =>
      resetScenario(
        `REJECT --reject-with tcp-reset closes the connection (${tool}${nat ? ", SNAT" : ""})`,
        `${tool} -I FORWARD -p tcp -j REJECT --reject-with tcp-reset`,
        nat,
      ),
    ),
  ),
  ...REDIRECTS,
  ...MASQUERADES,
  ...FRAGMENTS,
];

/** Runs a scenario on the engine. */
export function runRouterScenario(scenario: RouterScenario): RouterAnswers {
  const { net, lan, wan } = makeRouter({
    lan: { name: "lan0", address: "192.168.1.1/24" },
    wan: { name: "wan0", address: "198.51.100.1/24" },
    rules: ["ip link set lo up", "ip route add 203.0.113.0/24 dev wan0"],
  });
  let events: string[] = [];
  net.ct.subscribe((event) => events.push(eventLine(event)));
  const out: Record<"lan" | "wan", string[]> = { lan: [], wan: [] };
  lan.onTransmit = (bytes) => out.lan.push(hex(bytes));
  wan.onTransmit = (bytes) => out.wan.push(hex(bytes));
  for (const line of scenario.setup) {
    const { status, stderr } = runLine(net, line);
    if (status !== 0) throw new Error(`${line}: ${stderr}`);
  }
  const results = scenario.steps.map((step): RouterResult => {
    events = [];
    out.lan = [];
    out.wan = [];
    let printed = {};
    if (step.length === 1) {
      const { stdout, status } = runLine(net, step[0]);
      printed = { stdout, status };
    } else (step[0] === "lan" ? lan : wan).inject(step[1].slice());
    const left = (["lan", "wan"] as const).flatMap((name) => out[name].map((bytes) => [name, bytes] as const));
    return { ...printed, out: left, events };
  });
  return { name: scenario.name, results };
}

/** Asks the kernel. Needs root; returns its answers and their text. */
export function askKernelRouter(scenarios: readonly RouterScenario[]): { answers: RouterAnswers[]; text: string } {
  const input = scenarios.map(({ name, setup, steps }) =>
    JSON.stringify({ name, setup, steps: steps.map(([first, bytes]) => (bytes ? [first, hex(bytes)] : [first])) }),
  );
  const script = fileURLToPath(new URL("../kernel/record_router.py", import.meta.url));
  const run = spawnSync("python3", [script], { input: `${input.join("\n")}\n`, encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`record_router.py: ${run.stderr}`);
  return { answers: parseRouterAnswers(run.stdout), text: run.stdout };
}

export function parseRouterAnswers(text: string): RouterAnswers[] {
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as RouterAnswers);
}

/** What an order goes by that no clock has a part in. */
function sortKey(line: string): string {
  return line.replace(/^((?:\[\w+\] )?\w+ +(?:\d+ )?)\d+ /, "$1");
}

/** Lines in an order of their own: where the table is walked, the hash's order is the kernel's free choice. */
function sorted(lines: readonly string[]): string[] {
  return [...lines].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

/** A packet in hexadecimal, without what the kernel draws at random: the identification of an ICMP error it makes. */
function packetText(text: string): string {
  const bytes = fromHex(text);
  if (bytes[9] === IPPROTO_ICMP && bytes[20] === ICMP_DEST_UNREACH) {
    put16(bytes, IPV4_ID, 0);
    ipv4SetChecksum(bytes, 0);
  }
  return `${ends(bytes) ?? ""}: ${hex(bytes)}`;
}

/** What a step gave, ready to be compared; the kernel's clock runs on between steps. */
function comparable(result: RouterResult, other: RouterResult): unknown {
  const align = (ours: readonly string[], lines: readonly string[]): string[] =>
    lines.map((line, i) => alignTimeout(ours[i], line, 1));
  return {
    status: result.status,
    stdout: align(sorted((other.stdout ?? "").split("\n")), sorted((result.stdout ?? "").split("\n"))),
    // A command ends entries in the table's order; a packet's events have their own.
    events:
      result.stdout === undefined
        ? align(other.events, result.events)
        : align(sorted(other.events), sorted(result.events)),
    out: result.out.map(([device, bytes]) => `${device}: ${packetText(bytes)}`),
  };
}

/** Our answer and the kernel's, each as a comparison wants it. */
export function compareRouter(ours: RouterAnswers, theirs: RouterAnswers): { ours: unknown; kernel: unknown } {
  return {
    ours: ours.results.map((result) => comparable(result, result)),
    kernel: theirs.results.map((result, i) => comparable(result, ours.results[i])),
  };
}
