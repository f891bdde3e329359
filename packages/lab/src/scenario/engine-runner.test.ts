import { describe, expect, test } from "vitest";
import { echo, tcp, udp } from "../../../../test/referee/lines.js";
import { toHex } from "./bytes.js";
import { EngineRunner } from "./engine-runner.js";
import type { Scenario, ScenarioStep, StepResult } from "./model.js";

const runner = new EngineRunner();

const GATEWAY = {
  version: 1,
  name: "gateway",
  devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] },
  sysctl: { "net.ipv4.ip_forward": "1" },
} as const;

const SNAT = "iptables -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1";

const packet = (dev: string, bytes: Uint8Array): ScenarioStep => ({ in: dev, hex: toHex(bytes) });

function run(change: Partial<Scenario>): { steps: readonly StepResult[]; finally: readonly StepResult[] } {
  const { steps, finally: last } = runner.run({ ...GATEWAY, ...change });
  return { steps, finally: last };
}

const SYN = tcp("192.168.1.10:40000", "198.51.100.9:80", "S", { seq: 1000 });
/** What the gateway makes of {@link SYN}: its own address, one hop less. */
const SYN_OUT = tcp("198.51.100.1:40000", "198.51.100.9:80", "S", { seq: 1000 });
SYN_OUT[8]--;

test("DESIGN's own example", () => {
  const result = runner.run({
    ...GATEWAY,
    name: "snat",
    setup: [SNAT],
    steps: [packet("lan0", SYN), { sleep: "1s" }, { run: "conntrack -L" }],
    finally: ["iptables-save -c", "conntrack -L"],
  });
  expect(Object.keys(result)).toEqual(["version", "name", "steps", "finally"]);
  expect(result).toMatchObject({ version: 1, name: "snat" });
  const [sent, pause, listing] = result.steps;
  expect(sent.out?.map(({ dev, hex }) => [dev, hex.slice(24, 48)])).toEqual([["wan0", toHex(SYN_OUT).slice(24, 48)]]);
  expect(sent).toMatchObject({
    events: [
      "[NEW] tcp      6 120 SYN_SENT src=192.168.1.10 dst=198.51.100.9 sport=40000 dport=80 " +
        "[UNREPLIED] src=198.51.100.9 dst=198.51.100.1 sport=80 dport=40000",
    ],
  });
  expect(pause).toEqual({ out: [], events: [] });
  expect(listing).toEqual({
    stdout:
      "tcp      6 119 SYN_SENT src=192.168.1.10 dst=198.51.100.9 sport=40000 dport=80 " +
      "[UNREPLIED] src=198.51.100.9 dst=198.51.100.1 sport=80 dport=40000 mark=0 use=1\n",
    stderr: "conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.\n",
    status: 0,
  });
  expect(result.finally).toHaveLength(2);
  expect(result.finally[0].stdout).toContain("[1:40] -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1\n");
});

test("commands take less time than the quickest kernel's: what a listing shows is no second later", () => {
  const { finally: last } = run({
    setup: [SNAT],
    steps: [packet("lan0", SYN), ...Array.from({ length: 20 }, () => ({ run: "true" }))],
    finally: ["conntrack -L"],
  });
  expect(last).toMatchObject([{ stdout: expect.stringMatching(/^tcp +6 120 SYN_SENT /) }]);
});

test("a packet's bytes leave as the kernel would send them", () => {
  const { steps } = run({ steps: [packet("lan0", udp("192.168.1.10:5353", "198.51.100.9:53"))] });
  // Forwarded without NAT: one hop less, the header's checksum one (in its high byte) more.
  const sent = udp("192.168.1.10:5353", "198.51.100.9:53");
  sent[8]--;
  sent[10]++;
  expect(steps).toEqual([{ out: [{ dev: "wan0", hex: toHex(sent) }], events: [] }]);
});

describe("each scenario begins from nothing", () => {
  test.each(["rules", "entries"])("%s of the one before are gone", () => {
    const change: Partial<Scenario> = {
      setup: [SNAT],
      steps: [packet("lan0", SYN)],
      finally: ["iptables-save -t nat", "conntrack -L"],
    };
    expect(run(change)).toEqual(run(change));
    expect(run({ finally: ["conntrack -L"] }).finally[0]).toMatchObject({ stdout: "" });
  });
});

describe("events and packets stand where they came", () => {
  test("a command that destroys entries says so beside its output", () => {
    const { steps } = run({ setup: [SNAT], steps: [packet("lan0", SYN), { run: "conntrack -D -p tcp" }] });
    expect(steps[1]).toMatchObject({
      status: 0,
      events: [expect.stringMatching(/^\[DESTROY\] tcp {6}6 .* \[USERSPACE\] portid=\d+ progname=conntrack$/)],
    });
  });

  test("an error of the gateway's own comes back by the device", () => {
    const { steps } = run({ steps: [packet("lan0", udp("192.168.1.10:1", "203.0.113.9:2"))] });
    expect(steps[0].out?.map(({ dev, hex }) => [dev, hex.slice(18, 20), hex.slice(40, 44)])).toEqual([
      ["lan0", "01", "0300"],
    ]);
  });

  test("more errors than the kernel's limits would let through in an instant", () => {
    const steps = Array.from({ length: 200 }, (_, i) => packet("lan0", udp(`192.168.1.10:${i + 1}`, "192.168.1.1:2")));
    expect(run({ steps }).steps.every((step) => step.out?.length === 1)).toBe(true);
  });

  test("an echo request is answered", () => {
    const { steps } = run({ steps: [packet("wan0", echo("198.51.100.9", "198.51.100.1", 7, 1))] });
    expect(steps[0].out).toHaveLength(1);
  });

  test("a pause lets entries expire", () => {
    const { steps } = run({ setup: [SNAT], steps: [packet("lan0", SYN), { sleep: "121s" }, { run: "conntrack -L" }] });
    expect(steps[2]).toMatchObject({ stdout: "" });
  });
});

test.each([
  ["version 0", "0500"],
  ["one byte", "45"],
  ["half a header", toHex(SYN).slice(0, 20)],
  ["IPv6", `60${"0".repeat(78)}`],
])("bytes that are no packet are swallowed: %s", (_, hex) => {
  expect(run({ steps: [{ in: "lan0", hex }] }).steps).toEqual([{ out: [], events: [] }]);
});

test("random pins the port after a clash", () => {
  const MASQUERADE = "iptables -t nat -A POSTROUTING -o wan0 -j MASQUERADE --random";
  const port = (random: number[]): number => {
    const { steps } = run({ setup: [MASQUERADE], steps: [packet("lan0", SYN)], random });
    const hex = steps[0].out?.[0].hex ?? "";
    return Number.parseInt(hex.slice(40, 44), 16);
  };
  expect([port([0]), port([1]), port([1000])].map((each, _, [first]) => each - first)).toEqual([0, 1, 1000]);
});

describe("what the engine cannot run is an error with its place", () => {
  test.each<[string, Partial<Scenario>, string]>([
    [
      "an unknown tunable",
      { sysctl: { "net.ipv4.no_such": "1" } },
      'sysctl["net.ipv4.no_such"]: the engine has no such tunable',
    ],
    [
      "a value that the kernel refuses",
      { sysctl: { "net.ipv4.ip_default_ttl": "999" } },
      'sysctl["net.ipv4.ip_default_ttl"]: "999" is refused (Invalid argument)',
    ],
    [
      "a read-only tunable",
      { sysctl: { "net.netfilter.nf_conntrack_count": "1" } },
      'sysctl["net.netfilter.nf_conntrack_count"]: is read-only',
    ],
    ["a command that fails", { setup: ["true", "iptables -P NOSUCH DROP"] }, "setup[1]: exit status 1: "],
    [
      "a set-up command that is not there",
      { setup: ["frobnicate"] },
      "setup[0]: unsupported command: bash: frobnicate: command not found",
    ],
    [
      "a step's command that is not there",
      { steps: [{ run: "frobnicate -x" }] },
      "steps[0].run: unsupported command: ",
    ],
    ["one that the lab does not support", { finally: ["ip -j addr"] }, "finally[0]: unsupported command: ip -json"],
    [
      "a command that does not end",
      { steps: [{ run: "cat" }, { run: "conntrack -E" }] },
      "steps[1].run: the command waits",
    ],
  ])("%s", (_, change, message) => {
    expect(() => run(change)).toThrow(message);
  });
});
