/** Some of each target, other inputs each time; and that what is looked for would be seen. */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { beforeAll, describe, expect, it } from "vitest";
import { E_HASH, E_TIMEOUT, E_USE, ENTRY_SHIFT } from "../../packages/engine/src/conntrack/entry.js";
import { toHex } from "../../packages/lab/src/scenario/bytes.js";
import { Gateway } from "../engine/gateway.js";
import { udp } from "../referee/lines.js";
import { fuzz } from "./fuzz.js";
import { checkInvariants, checkNothingLeaks } from "./invariants.js";
import programs from "./rolldown.config.mjs";
import { runChecked, TARGETS } from "./targets.js";

/** FUZZ_SEED repeats one. Printed first: an input may take the whole process with it. */
const seed = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));
console.log(`fuzz.test.ts: FUZZ_SEED=${seed}`);

it.each([
  ["packets", 20_000],
  ["rules", 300],
  ["restore", 100],
  ["text", 3000],
] as const)("%s, %i of them", { timeout: 300_000 }, (name, amount) => {
  let [fed, index] = [0, 0];
  for (; fed < amount; index++) fed += TARGETS[name].feed(seed, index);
  // Nothing was thrown; and what is fed are packets, many to an input.
  expect(index).toBeLessThanOrEqual(fed);
});

it("a packet that waits for its next hop's link address holds its entry, in the table and out of it", () => {
  const result = runChecked({
    version: 1,
    name: "nobody answers on the link",
    devices: { lan0: ["192.168.1.1/24"] },
    setup: [
      "ip link add v0 type veth peer name p0",
      "ip link set v0 up",
      "ip route add 203.0.113.0/24 dev v0",
      "iptables -A FORWARD -m conntrack --ctstate NEW",
    ],
    sysctl: { "net.ipv4.ip_forward": "1" },
    steps: [
      { in: "lan0", hex: toHex(udp("192.168.1.10:1", "203.0.113.9:53")) },
      { run: "conntrack -C" },
      { run: "conntrack -F" },
    ],
  });
  expect(result?.steps[1]).toMatchObject({ stdout: "1\n" });
});

describe("what is wrong is seen", () => {
  function table(): Gateway {
    const gateway = new Gateway();
    gateway.receive("lan", udp("192.168.1.10:1", "198.51.100.9:53"));
    gateway.receive("lan", udp("192.168.1.10:2", "198.51.100.9:53"));
    checkInvariants(gateway.net);
    return gateway;
  }

  it.each<[string, (gateway: Gateway, words: Int32Array, base: number) => unknown, string]>([
    ["a reference too many", (_, words, base) => words[base + E_USE]++, "2 references, and 0"],
    ["an entry out of its chain", ({ ct }, _, base) => ct.table.remove((base >> ENTRY_SHIFT) * 2), "one of its tuples"],
    ["a tuple that changed", (_, words, base) => words[base]++, "changed a tuple"],
    [
      "two with one tuple",
      (_, words, base) => words.copyWithin(base, base + (1 << ENTRY_SHIFT), base + (1 << ENTRY_SHIFT) + 20),
      "tuple",
    ],
    ["a hash of another chain", (_, words, base) => words[base + E_HASH]++, "chain of another hash"],
    ["one that nobody collects", (_, words, base) => (words[base + E_TIMEOUT] -= 200 * 250), "is still there"],
    ["a count too low", ({ ct }) => ct.count--, "1 entries are counted, 2 are in the table, 0"],
  ])("%s", (_, spoil, message) => {
    const gateway = table();
    const { words } = gateway.ct.slab;
    spoil(gateway, words, 1 << ENTRY_SHIFT);
    expect(() => checkInvariants(gateway.net)).toThrow(message);
  });

  it("an entry that somebody still holds at the end", () => {
    const gateway = table();
    gateway.ct.get(1);
    expect(() => checkNothingLeaks(gateway.net)).toThrow("1 entries outlive the end of all");
  });
});

it("inputs that are not over in time are told by their numbers, and the next ones are fed", async () => {
  const endless = new URL("data:text/javascript,for (;;);");
  const { findings } = await fuzz("text", 7, 1, { seconds: 0, mebibytes: 64 }, () => {}, endless);
  expect(findings).toHaveLength(20);
  expect(findings.map(({ index, message }) => [index, message]).slice(0, 2)).toEqual([
    [0, "not over after 0 s"],
    [1, "not over after 0 s"],
  ]);
}, 60_000);

describe("the command", { timeout: 120_000 }, () => {
  const program = fileURLToPath(new URL("dist/main.mjs", import.meta.url));
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });

  beforeAll(async () => {
    await build(programs);
  }, 60_000);

  it("sums up what it fed, the same for the same seed", () => {
    const twice = [1, 2].map(() => {
      const { status, stdout } = run("--seed", "7", "--packets", "500", "--inputs", "20");
      expect(status).toBe(0);
      return JSON.parse(stdout.trim()) as Record<string, { fed: number; findings: number }>;
    });
    const [first, second] = twice.map((sum) =>
      Object.keys(TARGETS).map((name) => [sum[name]?.fed, sum[name]?.findings]),
    );
    expect(first).toEqual(second);
    expect(first.every(([fed, findings]) => (fed ?? 0) >= 20 && findings === 0)).toBe(true);
  });

  it("an input that takes all memory is told by its number", () => {
    const { status, stdout } = run("--seed", "7", "--packets", "300", "--only", "packets", "--memory", "4");
    expect(status).toBe(1);
    expect(stdout).toContain("ERR_WORKER_OUT_OF_MEMORY");
  });

  it.each([
    [["--seed", "x"], "--seed x: a whole number is wanted"],
    [["--only", "nothing"], "--only nothing: not one of packets, rules, restore, text"],
  ])("%j is refused", (args, message) => {
    expect(run(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });
});
