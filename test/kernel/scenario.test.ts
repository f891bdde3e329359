/**
 * Scenarios on both backends, with the same answers but for what the named rules let differ; and that the Linux one
 * leaves nothing behind. Needs root and the tools.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { toHex } from "../../packages/lab/src/scenario/bytes.js";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { LinuxRunner } from "../../packages/lab/src/scenario/linux/runner.js";
import type { Scenario, ScenarioStep } from "../../packages/lab/src/scenario/model.js";
import { answerLine } from "../../packages/lab/src/scenario/stream.js";
import { compareAnswers } from "../referee/compare.js";
import { echo, icmpAbout, tcp, udp } from "../referee/lines.js";

// Folders of runners, and nobody else's.
const scratch = mkdtempSync(path.join(tmpdir(), "scenario-test-"));
process.env.TMPDIR = scratch;
const engine = new EngineRunner();
const linux = new LinuxRunner();
afterAll(() => {
  linux.close();
  rmSync(scratch, { recursive: true });
});

const CLIENT = "192.168.1.10:40000";
const SERVER = "198.51.100.9:80";
const OUTSIDE = "198.51.100.1:40000";
const SNAT = "iptables -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1";
const TRACK = "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP";
const LOOK = ["iptables-save -c", "conntrack -L"];

const lan = (bytes: Uint8Array): ScenarioStep => ({ in: "lan0", hex: toHex(bytes) });
const wan = (bytes: Uint8Array): ScenarioStep => ({ in: "wan0", hex: toHex(bytes) });

/** A TCP connection through the gateway, from its first packet to its last. */
const CONVERSATION: readonly ScenarioStep[] = [
  lan(tcp(CLIENT, SERVER, "S", { seq: 1000 })),
  wan(tcp(SERVER, OUTSIDE, "SA", { seq: 9000, ack: 1001 })),
  lan(tcp(CLIENT, SERVER, "A", { seq: 1001, ack: 9001 })),
  lan(tcp(CLIENT, SERVER, "PA", { seq: 1001, ack: 9001, len: 10 })),
  wan(tcp(SERVER, OUTSIDE, "A", { seq: 9001, ack: 1011 })),
  wan(tcp(SERVER, OUTSIDE, "FA", { seq: 9001, ack: 1011 })),
  lan(tcp(CLIENT, SERVER, "FA", { seq: 1011, ack: 9002 })),
  wan(tcp(SERVER, OUTSIDE, "A", { seq: 9002, ack: 1012 })),
];

const SCENARIOS: readonly Partial<Scenario>[] = [
  {
    name: "the design's own example",
    setup: [SNAT],
    steps: [CONVERSATION[0], { sleep: "1s" }, { run: "conntrack -L" }],
    finally: LOOK,
  },
  { name: "a TCP connection through SNAT", setup: [SNAT], steps: CONVERSATION, finally: LOOK },
  {
    name: "the same with the legacy tables and counters",
    sysctl: { "net.ipv4.ip_forward": "1", "net.netfilter.nf_conntrack_acct": "1" },
    setup: [SNAT.replace("iptables", "iptables-legacy")],
    steps: CONVERSATION,
    finally: ["iptables-legacy-save -c -t nat", "conntrack -L"],
  },
  {
    name: "an invalid reply reaches the gateway itself, which resets",
    setup: [SNAT],
    steps: [...CONVERSATION.slice(0, 3), wan(tcp(SERVER, OUTSIDE, "A", { seq: 2 ** 31, ack: 1001 }))],
    finally: LOOK,
  },
  {
    name: "UDP there and back, and an error about it",
    setup: [SNAT],
    steps: [
      lan(udp("192.168.1.10:5353", "198.51.100.9:53")),
      wan(udp("198.51.100.9:53", "198.51.100.1:5353")),
      wan(icmpAbout("198.51.100.9", "198.51.100.1", 3, 3, udp("198.51.100.1:5353", "198.51.100.9:53"))),
    ],
    finally: LOOK,
  },
  {
    name: "echo through the gateway and to it",
    setup: [SNAT],
    steps: [
      lan(echo("192.168.1.10", "198.51.100.9", 77, 1)),
      wan(echo("198.51.100.9", "198.51.100.1", 77, 1, true)),
      lan(echo("192.168.1.10", "192.168.1.1", 78, 1)),
    ],
    finally: LOOK,
  },
  {
    name: "closed ports, no route, no more hops",
    steps: [
      lan(udp(CLIENT, "192.168.1.1:9")),
      lan(tcp(CLIENT, "192.168.1.1:9", "S")),
      lan(udp(CLIENT, "203.0.113.1:9")),
      { in: "lan0", hex: `45000014000040000111${"0".repeat(4)}c0a8010ac6336409` },
    ],
  },
  {
    name: "a device that goes away: packets come by the other one alone",
    setup: [SNAT],
    steps: [
      CONVERSATION[0],
      { run: "ip link del wan0" },
      { run: "ip -br link" },
      wan(tcp(SERVER, OUTSIDE, "SA", { seq: 9000, ack: 1001 })),
      lan(echo("192.168.1.10", "192.168.1.1", 78, 1)),
      { run: "ip link del lo" },
    ],
    finally: ["conntrack -L", "ip -br addr"],
  },
  {
    name: "DNAT from outside to a host inside",
    setup: ["iptables -t nat -A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.10:80"],
    steps: [
      wan(tcp("198.51.100.9:1024", "198.51.100.1:8080", "S", { seq: 1 })),
      lan(tcp("192.168.1.10:80", "198.51.100.9:1024", "SA", { seq: 5, ack: 2 })),
    ],
    finally: LOOK,
  },
  {
    name: "MASQUERADE, and the address goes",
    setup: ["iptables -t nat -A POSTROUTING -o wan0 -j MASQUERADE"],
    steps: [...CONVERSATION.slice(0, 3), { run: "ip addr del 198.51.100.1/24 dev wan0" }, { run: "conntrack -L" }],
  },
  {
    name: "REJECT, DROP and their counters",
    setup: ["iptables -A FORWARD -p udp -j REJECT", "iptables -A FORWARD -p tcp -j DROP"],
    steps: [lan(udp(CLIENT, SERVER)), CONVERSATION[0]],
    finally: ["iptables-save -c"],
  },
  {
    name: "an entry is deleted in the middle",
    setup: [SNAT, TRACK],
    steps: [...CONVERSATION.slice(0, 3), { run: "conntrack -D -p tcp" }, ...CONVERSATION.slice(3, 5)],
    finally: LOOK,
  },
  {
    name: "a timeout passes",
    sysctl: { "net.ipv4.ip_forward": "1", "net.netfilter.nf_conntrack_udp_timeout": "1" },
    setup: [TRACK],
    steps: [
      lan(udp("192.168.1.10:1", "198.51.100.9:2")),
      { sleep: "1500ms" },
      { run: "conntrack -L" },
      lan(udp("192.168.1.10:1", "198.51.100.9:2")),
    ],
  },
  {
    name: "wrong commands",
    steps: [{ run: "iptables -A NOSUCH -j ACCEPT" }, { run: "conntrack -D" }, { run: "sysctl net.ipv4.no_such" }],
  },
  {
    name: "bytes that are no packet",
    steps: ["00", "45", "4500", `60${"00".repeat(39)}`, `46${"00".repeat(19)}`, `45000013${"00".repeat(16)}`].map(
      (hex) => ({ in: "wan0", hex }),
    ),
  },
];

const scenario = (change: Partial<Scenario>): Scenario => ({
  version: 1,
  name: "x",
  devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] },
  sysctl: { "net.ipv4.ip_forward": "1" },
  ...change,
});

test.each(SCENARIOS.map((change) => [change.name, scenario(change)] as const))("%s", (_, each) => {
  const ours = engine.run(each);
  const theirs = linux.run(each);
  expect(compareAnswers({ steps: [], ...each }, ours, theirs)).toBeNull();
});

describe("on Linux too, a bad line has its error and no more", () => {
  test.each<[string, Partial<Scenario>, RegExp]>([
    [
      "an unknown tunable",
      { sysctl: { "net.ipv4.no_such": "1" } },
      /^sysctl\["net.ipv4.no_such"\]: this kernel has no/,
    ],
    [
      "a value refused",
      { sysctl: { "net.ipv4.ip_default_ttl": "999" } },
      /^sysctl\[.*\]: "999" is refused \(EINVAL\)$/,
    ],
    ["a set-up that fails", { setup: ["true", "exit 3", "true"] }, /^setup\[1\]: exit status 3$/],
    ["no such command in the set-up", { setup: ["frobnicate"] }, /^setup\[0\]: unsupported command: .*frobnicate/],
    [
      "no such command in a step",
      { steps: [{ run: "frobnicate" }] },
      /^steps\[0\].run: unsupported command: .*frobnicate/,
    ],
  ])("%s", (_, change, message) => {
    expect(answerLine(linux, JSON.stringify(scenario(change)))).toMatchObject({
      name: "x",
      error: expect.stringMatching(message),
    });
    expect(answerLine(linux, JSON.stringify(scenario({})))).toEqual({ version: 1, name: "x", steps: [], finally: [] });
  });
});

test("nothing of a scenario reaches the next one: rules, entries, files, processes", () => {
  const trace = scenario({
    setup: [SNAT, "ip route add 203.0.113.0/24 dev wan0", "touch file", "sleep 1000 &"],
    steps: [CONVERSATION[0]],
    finally: ["ls", "conntrack -L"],
  });
  const [files, entries] = linux.run(trace).finally;
  expect(files.stdout).toBe("file\n");
  expect(entries.stdout).toContain("SYN_SENT");
  const look = scenario({ finally: ["ls", "conntrack -L", "iptables-save", "ip route"] });
  expect(linux.run(look).finally.map(({ stdout }) => stdout.replace(/^1.*\n/gm, ""))).toEqual(["", "", "", ""]);
  expect(spawnSync("pgrep", ["-f", "^sleep 1000$"]).status).toBe(1);
});

test("a runner that was closed leaves this program and its folder as they were", () => {
  const look = (): unknown => [readdirSync(scratch), readlinkSync("/proc/thread-self/ns/net")];
  const before = look();
  const runner = new LinuxRunner();
  runner.run(scenario({ steps: CONVERSATION, finally: ["echo > file"] }));
  expect(() => runner.run(scenario({ setup: ["false"] }))).toThrow("setup[0]");
  runner.close();
  expect(look()).toEqual(before);
});

describe("the command", () => {
  const program = fileURLToPath(new URL("../../packages/lab/bin/netfilter-lab.mjs", import.meta.url));

  test("answers each line before the next one comes, and leaves nothing after Ctrl-C", async () => {
    const before = readdirSync(scratch);
    const running = spawn(process.execPath, [program, "scenario", "--backend", "linux"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => {
      running.on("exit", (_, signal) => resolve(signal));
    });
    const answer = async (): Promise<unknown> =>
      JSON.parse(await new Promise<string>((resolve) => running.stdout.once("data", (data) => resolve(String(data)))));
    running.stdin.write(`${JSON.stringify(scenario({ name: "first", setup: ["sleep 2000 &"] }))}\n`);
    expect(await answer()).toMatchObject({ name: "first", steps: [] });
    running.stdin.write("no JSON\n");
    expect(await answer()).toMatchObject({ name: null, error: expect.stringMatching(/^not JSON/) });
    running.stdin.write(`${JSON.stringify(scenario({ steps: [{ run: "sleep 3000 & sleep 3000" }] }))}\n`);
    while (spawnSync("pgrep", ["-fc", "^sleep 3000$"]).stdout.toString() !== "2\n") await pause();
    running.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    while (spawnSync("pgrep", ["-f", "^sleep [23]000$"]).status === 0) await pause();
    while (readdirSync(scratch).length > before.length) await pause();
    expect(readdirSync(scratch)).toEqual(before);
  });

  test("runs on the engine when not told otherwise, one line out for each line in", () => {
    const lines = SCENARIOS.map((change) => JSON.stringify(scenario(change)));
    lines.splice(3, 0, "", "{");
    const { stdout, status } = spawnSync(process.execPath, [program, "scenario"], { input: lines.join("\n") });
    expect(status).toBe(0);
    expect(stdout.toString()).toBe(lines.map((line) => `${JSON.stringify(answerLine(engine, line))}\n`).join(""));
  });

  test("without root it says what it needs", () => {
    const refused = spawnSync(
      "setpriv",
      ["--reuid=65534", "--", process.execPath, program, "scenario", "--backend=linux"],
      {
        input: "",
      },
    );
    expect(refused.status).toBe(2);
    expect(refused.stderr.toString()).toContain("netfilter-lab scenario --backend linux: needs root");
  });
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
