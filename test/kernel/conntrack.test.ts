/**
 * The running kernel as the referee of conntrack and NAT: the same packets to both, nothing may differ. Needs root.
 * With UPDATE_RECORDINGS=1 it writes test/recordings anew.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NF_NAT_RANGE_PERSISTENT } from "../../packages/engine/src/nat/nat.js";
import { PinnedRandom, SeededRandom } from "../../packages/engine/src/random.js";
import { differences, fromHex } from "../engine/compare.js";
import { Gateway, range } from "../engine/gateway.js";
import { askKernel, recordingPath } from "../engine/kernel.js";
import { ends, tcp, udp } from "../engine/packets.js";
import {
  adversarialScenario,
  datagramScenario,
  POOLS,
  poolScenarios,
  RECORDED,
  type Scenario,
  transitionScenarios,
} from "../engine/scenarios.js";

const SNAT = '--rule=oifname "wan0" snat to 198.51.100.1';
const update = process.env.UPDATE_RECORDINGS === "1";
/** Another part of the space of packets each day the tests run elsewhere: give SEED to repeat one. */
const seed = Number(process.env.SEED ?? 1);

/** What settings change the tracker's judgement. */
const SETTINGS: readonly (readonly string[])[] = [
  [],
  ["nf_conntrack_tcp_be_liberal=1"],
  ["nf_conntrack_tcp_loose=0"],
  ["nf_conntrack_tcp_max_retrans=0", "nf_conntrack_tcp_ignore_invalid_rst=1"],
  ["nf_conntrack_checksum=0"],
];

describe("conntrack and SNAT against the running kernel", () => {
  it.each(SETTINGS.map((settings) => ({ settings })))("random conversations, $settings", ({ settings }) => {
    const scenarios = [
      ...transitionScenarios(2000),
      ...Array.from({ length: 1000 }, (_, i) => adversarialScenario(seed * 100_003 + i, 3000 + i)),
      ...Array.from({ length: 1000 }, (_, i) => datagramScenario(seed * 200_003 + i, 33000 + i)),
    ];
    const gateway = new Gateway();
    gateway.inputDrops = true;
    gateway.snat(range("198.51.100.1"));
    for (const setting of settings) {
      const [name, value] = setting.split("=");
      gateway.sysctl(name.replace("nf_conntrack_", ""), Number(value));
    }
    expect(differences(gateway, scenarios, askKernel(scenarios, [SNAT, ...settings]).answers)).toEqual([]);
  });

  it("DNAT, with a reply whose source is put back", () => {
    const rule =
      'oifname "nothing" accept\n }\n chain dn { type nat hook prerouting priority -101; iifname "wan0" dnat to 192.168.1.10';
    const scenarios: Scenario[] = Array.from({ length: 20 }, (_, i) => {
      const outside = `203.0.113.7:${4000 + i}`;
      return {
        name: `dnat ${i}`,
        steps: [
          { from: "wan", bytes: tcp(outside, "198.51.100.1:80", "S", { seq: 100 }) },
          { from: "lan", bytes: tcp("192.168.1.10:80", outside, "SA", { seq: 500, ack: 101 }) },
          { from: "wan", bytes: tcp(outside, "198.51.100.1:80", "A", { seq: 101, ack: 501 }) },
        ],
      };
    });
    const gateway = new Gateway();
    gateway.dnat(range("192.168.1.10"));
    expect(differences(gateway, scenarios, askKernel(scenarios, [`--rule=${rule}`]).answers)).toEqual([]);
  });
});

describe("the search for a port", () => {
  it("draws the first try at random and goes on from there: the kernel's draws fed back give its ports", () => {
    const scenarios: Scenario[] = [];
    for (let client = 10; client < 60; client++)
      for (const port of [40000, 700, 300])
        scenarios.push({
          name: `${client}:${port}`,
          steps: [{ from: "lan", bytes: udp(`192.168.1.${client}:${port}`, "198.51.100.9:53") }],
        });
    const { answers } = askKernel(scenarios, [SNAT]);
    // A clash was met where the port changed; the draw is the distance from the range's first port.
    const draws: number[] = [];
    const taken = new Set<number>();
    scenarios.forEach((scenario, i) => {
      const port = Number(/:(\d+) >/.exec(ends(fromHex(answers.results[i].results[0].out[0][1])) ?? "")?.[1]);
      const wanted = Number(scenario.name.split(":")[1]);
      if (taken.has(wanted)) draws.push(port - (wanted < 512 ? 1 : wanted < 1024 ? 600 : 1024));
      taken.add(port);
    });
    expect(draws.every((draw) => draw >= 0)).toBe(true);
    const gateway = new Gateway(new PinnedRandom(draws, new SeededRandom(1)));
    gateway.snat(range("198.51.100.1"));
    expect(differences(gateway, scenarios, answers)).toEqual([]);
  });
});

describe("addresses from pools", () => {
  it.each(POOLS)("$rule", ({ name, rule, min, max, persistent }) => {
    const scenarios = poolScenarios(update ? 5 : seed, update ? 60 : 400);
    const { answers, text } = askKernel(scenarios, [`--rule=oifname "wan0" ${rule}`]);
    if (update) writeFileSync(recordingPath(`nat-pool-${name}.linux-6.18.jsonl`), text);
    const gateway = new Gateway();
    gateway.snat(range(min, max, undefined, persistent ? NF_NAT_RANGE_PERSISTENT : 0));
    expect(differences(gateway, scenarios, answers)).toEqual([]);
  });
});

// None unless asked for: a skipped test is a failure on CI.
it.each(update ? Object.keys(RECORDED) : [])("recording %s", (name) => {
  const { answers, text } = askKernel(RECORDED[name](), [SNAT]);
  writeFileSync(recordingPath(`${name}.linux-6.18.jsonl`), text);
  expect(answers.results.length).toBeGreaterThanOrEqual(100);
});
