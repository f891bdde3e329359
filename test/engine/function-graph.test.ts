/**
 * The path of each packet of the question's connection through the gateway, function by function, is what the kernel's
 * tracer recorded: one lookup a packet, in PREROUTING; answers are rewritten there, and POSTROUTING looks nothing up.
 */
import { describe, expect, it } from "vitest";
import { isCall, type PacketTrace, type TraceCall } from "../../packages/engine/src/index.js";
import { readRecording } from "./kernel.js";
import { ends, tcp } from "./packets.js";
import { makeRouter } from "./router.js";

/** A call and what it called, as text: `name [module]` with what is inside indented. */
function render(call: TraceCall, depth = 0): string {
  const name = `${"  ".repeat(depth)}${call.fn}${call.module === null ? "" : ` [${call.module}]`}`;
  return [name, ...call.children.filter(isCall).map((child) => render(child, depth + 1))].join("\n");
}

/** The gateway's calls in the recording: each `ip_rcv` that runs hook functions, with everything inside it. */
function recordedPassages(): string[] {
  const passages: string[] = [];
  let lines: string[] | null = null;
  let start = 0;
  for (const line of readRecording("snat-connection.linux-6.12.function-graph.txt").split("\n")) {
    const depth = line.search(/\S/) / 2;
    if (lines === null && /^\s*ip_rcv\(\) \{$/.test(line)) {
      lines = [];
      start = depth;
    }
    if (lines === null) continue;
    if (/^\s*\}/.test(line)) {
      if (depth !== start) continue;
      if (lines.some((each) => each.includes("ipv4_conntrack_in"))) passages.push(lines.join("\n"));
      lines = null;
    } else lines.push("  ".repeat(depth - start) + line.trim().replace(/\(\)(;| \{)$/, ""));
  }
  return passages;
}

const CLIENT = "192.168.2.55:50798";
const SERVER = "217.254.1.76:443";
const OUTSIDE = "193.157.56.3:50798";

/** The recorded connection: `echo hello | nc`, the server closing as soon as the client has. */
const CONVERSATION: readonly (readonly ["lan" | "wan", Uint8Array])[] = [
  ["lan", tcp(CLIENT, SERVER, "S", { seq: 1000, sackPermitted: true, wscale: 7 })],
  ["wan", tcp(SERVER, OUTSIDE, "SA", { seq: 5000, ack: 1001, sackPermitted: true, wscale: 7 })],
  ["lan", tcp(CLIENT, SERVER, "A", { seq: 1001, ack: 5001, win: 502 })],
  ["lan", tcp(CLIENT, SERVER, "PA", { seq: 1001, ack: 5001, win: 502, len: 6 })],
  ["wan", tcp(SERVER, OUTSIDE, "A", { seq: 5001, ack: 1007, win: 502 })],
  ["lan", tcp(CLIENT, SERVER, "FA", { seq: 1007, ack: 5001, win: 502 })],
  ["wan", tcp(SERVER, OUTSIDE, "FA", { seq: 5001, ack: 1008, win: 502 })],
  ["lan", tcp(CLIENT, SERVER, "A", { seq: 1008, ack: 5002, win: 502 })],
];

function run(): { passages: PacketTrace[]; sent: (string | null)[]; lookups: number[] } {
  const { net, lan, wan } = makeRouter({
    lan: { name: "eth0", address: "192.168.2.1/24" },
    wan: { name: "eth1", address: "193.157.56.3/24" },
    gateway: "193.157.56.1",
    rules: [
      "iptables-legacy -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3",
      "iptables-legacy -t mangle -A POSTROUTING",
      "iptables-legacy -A FORWARD",
    ],
  });
  net.ct.subscribe(() => {});
  const passages: PacketTrace[] = [];
  const sent: (string | null)[] = [];
  net.listen((passage) => passages.push(passage));
  lan.onTransmit = (bytes) => sent.push(`lan ${ends(bytes)}`);
  wan.onTransmit = (bytes) => sent.push(`wan ${ends(bytes)}`);
  for (const [from, bytes] of CONVERSATION) (from === "lan" ? lan : wan).inject(bytes.slice());
  const count = (call: TraceCall): number =>
    call.children.reduce(
      (sum, child) => sum + (isCall(child) ? count(child) : 0),
      call.fn === "__nf_conntrack_find_get" ? 1 : 0,
    );
  return { passages, sent, lookups: passages.map(({ calls }) => calls.reduce((sum, call) => sum + count(call), 0)) };
}

describe("the question's connection through the gateway", () => {
  const recorded = recordedPassages();

  it("was recorded with eight packets", () => {
    expect(recorded).toHaveLength(CONVERSATION.length);
  });

  it("calls the kernel's functions, nested as the kernel nests them, for every packet", () => {
    const { passages } = run();
    expect(passages.map(({ calls }) => calls.map((call) => render(call)).join("\n"))).toEqual(recorded);
  });

  it("looks the table up once a packet", () => {
    expect(run().lookups).toEqual(CONVERSATION.map(() => 1));
  });

  it("rewrites the source on the way out and the destination on the way back", () => {
    const out = `wan tcp ${OUTSIDE} > ${SERVER}`;
    const back = `lan tcp ${SERVER} > ${CLIENT}`;
    expect(run().sent).toEqual([out, back, out, out, back, out, back, out]);
  });
});
