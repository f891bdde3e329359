/**
 * Conversations through a gateway, legal and otherwise, made from a seed: what the tracker must judge as the kernel
 * does. The client is 192.168.1.10 behind lan0, the server 198.51.100.9 behind wan0, the gateway maps sources to
 * 198.51.100.1. Each scenario has a client port of its own, so that one table can hold them all.
 */
import { SeededRandom } from "../../packages/engine/src/random.js";
import { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ICMP_TIME_EXCEEDED } from "../../packages/engine/src/wire/icmp.js";
import { echo, icmpAbout, type TcpOptionsLine, tcp, udp } from "./packets.js";

/** One packet that arrives. */
export interface Step {
  readonly from: "lan" | "wan";
  readonly bytes: Uint8Array;
}

/** One conversation. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

export const CLIENT = "192.168.1.10";
export const SERVER = "198.51.100.9";
export const GATEWAY = "198.51.100.1";

/** Segment kinds of the transition table, by the flags that make them. */
export const KINDS: readonly string[] = ["S", "SA", "FA", "A", "R", "P"];
export const STATES: readonly string[] = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
];

/** A connection whose both ends' sequence numbers are known. */
class Conversation {
  readonly steps: Step[] = [];
  readonly port: number;
  seq: Record<"lan" | "wan", number> = { lan: 1000, wan: 9000 };

  constructor(port: number) {
    this.port = port;
  }

  /** A segment from one side, at its present sequence number unless told otherwise. */
  segment(from: "lan" | "wan", flags: string, options: TcpOptionsLine = {}): void {
    const to = from === "lan" ? "wan" : "lan";
    const seq = options.seq ?? this.seq[from];
    const filled = { ...options, seq, ack: options.ack ?? (flags.includes("A") ? this.seq[to] : 0) };
    const bytes =
      from === "lan"
        ? tcp(`${CLIENT}:${this.port}`, `${SERVER}:80`, flags, filled)
        : tcp(`${SERVER}:80`, `${GATEWAY}:${this.port}`, flags, filled);
    this.steps.push({ from, bytes });
    if (options.seq === undefined)
      this.seq[from] = (seq + (options.len ?? 0) + (flags.includes("S") ? 1 : 0) + (flags.includes("F") ? 1 : 0)) >>> 0;
  }

  /** Brings the connection into a state. */
  reach(state: string): void {
    if (state === "NONE") return;
    this.segment("lan", "S");
    if (state === "SYN_SENT") return;
    if (state === "SYN_SENT2") {
      this.segment("wan", "S");
      return;
    }
    this.segment("wan", "SA");
    if (state === "SYN_RECV") return;
    this.segment("lan", "A");
    if (state === "ESTABLISHED") return;
    if (state === "CLOSE") {
      this.segment("lan", "R");
      return;
    }
    this.segment("lan", "FA");
    if (state === "FIN_WAIT") return;
    this.segment("wan", "A");
    if (state === "CLOSE_WAIT") return;
    this.segment("wan", "FA");
    if (state === "LAST_ACK") return;
    this.segment("lan", "A");
  }
}

/** Every state, met by every kind of segment from both sides: 120 scenarios. */
export function transitionScenarios(firstPort: number): Scenario[] {
  const scenarios: Scenario[] = [];
  let port = firstPort;
  for (const from of ["lan", "wan"] as const)
    for (const state of STATES)
      for (const kind of KINDS) {
        const conversation = new Conversation(port++);
        conversation.reach(state);
        conversation.segment(from, kind);
        scenarios.push({ name: `${state} + ${kind} from ${from}`, steps: conversation.steps });
      }
  return scenarios;
}

/** A conversation of random segments, near what would be legal and far from it. */
export function adversarialScenario(seed: number, port: number): Scenario {
  const random = new SeededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.u32() % items.length];
  const conversation = new Conversation(port);
  conversation.reach(pick([...STATES, "ESTABLISHED", "ESTABLISHED", "SYN_SENT"]));
  const scale = pick([undefined, 0, 2, 7, 14, 15]);
  const length = 4 + (random.u32() % 14);
  for (let i = 0; i < length; i++) {
    const from = pick(["lan", "wan"] as const);
    const to = from === "lan" ? "wan" : "lan";
    const flags = pick([
      "S",
      "SA",
      "A",
      "A",
      "A",
      "PA",
      "PA",
      "FA",
      "FA",
      "R",
      "RA",
      "F",
      "",
      "SF",
      "SR",
      "AU",
      "P",
      "FAU",
    ]);
    const jitter = (): number =>
      pick([
        0,
        0,
        0,
        0,
        1,
        -1,
        5,
        -5,
        100,
        -100,
        1460,
        -1460,
        64240,
        64241,
        -64241,
        66000,
        -66001,
        70000,
        -70000,
        1 << 20,
        -(1 << 20),
        1 << 30,
        -(1 << 30),
      ]);
    const options: TcpOptionsLine = {
      len: flags.includes("S") || flags.includes("R") ? 0 : pick([0, 0, 0, 1, 5, 100, 1400]),
      win: pick([64240, 64240, 1000, 100, 1, 0, 65535]),
      ...(flags.includes("S") && scale !== undefined && random.u32() % 4 !== 0 ? { wscale: scale } : {}),
      ...(flags.includes("S") && random.u32() % 2 === 0 ? { sackPermitted: true } : {}),
      ...(flags === "A" && random.u32() % 4 === 0
        ? {
            sack: [
              { left: (conversation.seq[to] + 10) >>> 0, right: (conversation.seq[to] + pick([20, 200, 2000])) >>> 0 },
            ],
          }
        : {}),
    };
    if (random.u32() % 3 === 0)
      conversation.segment(from, flags, {
        ...options,
        seq: pick([0, (conversation.seq[from] + jitter()) >>> 0, (conversation.seq[from] + jitter()) >>> 0]),
        ack: pick([0, (conversation.seq[to] + jitter()) >>> 0, (conversation.seq[to] + jitter()) >>> 0]),
      });
    else conversation.segment(from, flags, options);
  }
  return { name: `adversarial ${seed}`, steps: conversation.steps };
}

/** Datagrams, echoes, and ICMP errors about all three protocols, some of them forged or cut short. */
export function datagramScenario(seed: number, port: number): Scenario {
  const random = new SeededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random.u32() % items.length];
  const steps: Step[] = [];
  const out = pick([
    () => udp(`${CLIENT}:${port}`, `${SERVER}:53`, random.u32() % 4 !== 0),
    () => echo(CLIENT, SERVER, port, random.u32() % 5),
    () => tcp(`${CLIENT}:${port}`, `${SERVER}:80`, "S", { seq: 1000 }),
  ])();
  const protocol = out[9];
  steps.push({ from: "lan", bytes: out });
  // The packet as the server saw it, which is what errors from outside carry.
  const seen =
    protocol === 17
      ? udp(`${GATEWAY}:${port}`, `${SERVER}:53`)
      : protocol === 1
        ? echo(GATEWAY, SERVER, port, 0)
        : tcp(`${GATEWAY}:${port}`, `${SERVER}:80`, "S", { seq: 1000 });
  const answer = (): Uint8Array =>
    protocol === 17
      ? udp(`${SERVER}:53`, `${GATEWAY}:${port}`)
      : protocol === 1
        ? echo(SERVER, GATEWAY, port, 0, true)
        : tcp(`${SERVER}:80`, `${GATEWAY}:${port}`, "SA", { seq: 5000, ack: 1001 });
  const inner =
    protocol === 17
      ? udp(`${SERVER}:53`, `${CLIENT}:${port}`)
      : protocol === 1
        ? echo(SERVER, CLIENT, port, 0, true)
        : tcp(`${SERVER}:80`, `${CLIENT}:${port}`, "SA", { seq: 5000, ack: 1001 });
  const length = 2 + (random.u32() % 6);
  for (let i = 0; i < length; i++) {
    const step = pick<() => Step>([
      () => ({ from: "lan", bytes: out }),
      () => ({ from: "wan", bytes: answer() }),
      () => ({ from: "wan", bytes: icmpAbout(SERVER, GATEWAY, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, seen) }),
      () => ({
        from: "wan",
        bytes: icmpAbout("203.0.113.7", GATEWAY, ICMP_TIME_EXCEEDED, 0, seen, pick([8, 8, 20, 28])),
      }),
      () => ({ from: "wan", bytes: icmpAbout("203.0.113.7", GATEWAY, pick([4, 5, 12]), 0, seen, 8) }),
      () => ({ from: "wan", bytes: icmpAbout(SERVER, "192.168.1.77", ICMP_DEST_UNREACH, 1, seen) }),
      () => ({ from: "wan", bytes: icmpAbout(SERVER, GATEWAY, ICMP_DEST_UNREACH, 1, seen, pick([0, 4])) }),
      () => ({ from: "lan", bytes: icmpAbout(CLIENT, SERVER, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, inner) }),
      () => ({ from: "wan", bytes: echo(SERVER, GATEWAY, port ^ 1, 0, true) }),
      () => ({ from: "lan", bytes: broken(out, random.u32()) }),
      () => ({ from: "wan", bytes: broken(answer(), random.u32()) }),
    ])();
    steps.push(step);
  }
  return { name: `datagrams ${seed}`, steps };
}

/** A packet with one byte of its transport part changed, so that its checksum is wrong (or its length is). */
function broken(bytes: Uint8Array, choice: number): Uint8Array {
  const copy = bytes.slice();
  const at = 20 + (choice % (copy.length - 20));
  copy[at] ^= 1 << (choice >>> 29);
  return copy;
}

/** One datagram each from many clients to many servers: what pools of addresses are chosen by. */
export function poolScenarios(seed: number, count: number): Scenario[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const client = `192.168.1.${10 + (random.u32() % 200)}:${2000 + i}`;
    const server = `198.51.100.${2 + (random.u32() % 200)}:53`;
    return { name: `${client} to ${server}`, steps: [{ from: "lan" as const, bytes: udp(client, server) }] };
  });
}

/** The pools that {@link poolScenarios} is sent through: name, nft statement, first and last address, persistent. */
export const POOLS: readonly { name: string; rule: string; min: string; max: string; persistent: boolean }[] = [
  {
    name: "68-addresses",
    rule: "snat to 203.0.113.10-203.0.113.77",
    min: "203.0.113.10",
    max: "203.0.113.77",
    persistent: false,
  },
  {
    name: "68-persistent",
    rule: "snat to 203.0.113.10-203.0.113.77 persistent",
    min: "203.0.113.10",
    max: "203.0.113.77",
    persistent: true,
  },
  {
    name: "262144-addresses",
    rule: "snat to 10.0.0.0-10.3.255.255",
    min: "10.0.0.0",
    max: "10.3.255.255",
    persistent: false,
  },
];

/** What is recorded: each set of scenarios by the name of its recording. */
export const RECORDED: Readonly<Record<string, () => Scenario[]>> = {
  "conntrack-transitions": () => transitionScenarios(2000),
  "conntrack-adversarial": () => Array.from({ length: 100 }, (_, i) => adversarialScenario(1 + i, 3000 + i)),
  "conntrack-datagrams": () => Array.from({ length: 100 }, (_, i) => datagramScenario(7000 + i, 33000 + i)),
};
