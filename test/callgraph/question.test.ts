/**
 * The path of each packet of the question's connection through the gateway, function by function, is what the kernel's
 * tracer recorded in lesson 5: one lookup a packet, in PREROUTING; answers are rewritten there, and POSTROUTING looks
 * nothing up. The recording is of three hosts in one kernel, so the gateway's calls are found in it first.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  compareGraphs,
  countCalls,
  parseFunctionGraph,
  trackedReceptions,
} from "../../packages/lab/src/draw/call-graph.js";
import { toHex } from "../../packages/lab/src/scenario/bytes.js";
import type { Scenario } from "../../packages/lab/src/scenario/model.js";
import { tcp } from "../referee/lines.js";
import { agreedCalls, engineCallsFor } from "./agreement.js";
import { runOnEngine } from "./engine.js";

const CLIENT = "192.168.2.55:50798";
const SERVER = "217.254.1.76:443";
const OUTSIDE = "193.157.56.3:50798";

/** The recorded connection: `echo hello | nc`, the server closing as soon as the client has. */
const CONVERSATION: readonly (readonly [string, Uint8Array])[] = [
  ["eth0", tcp(CLIENT, SERVER, "S", { seq: 1000, sackPermitted: true, wscale: 7 })],
  ["eth1", tcp(SERVER, OUTSIDE, "SA", { seq: 5000, ack: 1001, sackPermitted: true, wscale: 7 })],
  ["eth0", tcp(CLIENT, SERVER, "A", { seq: 1001, ack: 5001, win: 502 })],
  ["eth0", tcp(CLIENT, SERVER, "PA", { seq: 1001, ack: 5001, win: 502, len: 6 })],
  ["eth1", tcp(SERVER, OUTSIDE, "A", { seq: 5001, ack: 1007, win: 502 })],
  ["eth0", tcp(CLIENT, SERVER, "FA", { seq: 1007, ack: 5001, win: 502 })],
  ["eth1", tcp(SERVER, OUTSIDE, "FA", { seq: 5001, ack: 1008, win: 502 })],
  ["eth0", tcp(CLIENT, SERVER, "A", { seq: 1008, ack: 5002, win: 502 })],
];

const GATEWAY: Scenario = {
  version: 1,
  name: "the question's gateway",
  devices: { eth0: ["192.168.2.1/24"], eth1: ["193.157.56.3/24"] },
  sysctl: { "net.ipv4.ip_forward": "1" },
  setup: [
    "ip route add default via 193.157.56.1",
    "iptables-legacy -t nat -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3",
    "iptables-legacy -t mangle -A POSTROUTING",
    "iptables-legacy -A FORWARD",
  ],
  steps: CONVERSATION.map(([device, bytes]) => ({ in: device, hex: toHex(bytes) })),
};

const KERNEL = "6.12";
const RECORDING = new URL(`../recordings/snat-connection.linux-${KERNEL}.function-graph.txt`, import.meta.url);

describe("the question's connection through the gateway", () => {
  const recorded = trackedReceptions(parseFunctionGraph(readFileSync(RECORDING, "utf8")));
  const steps = runOnEngine(GATEWAY);

  it("was recorded with eight packets", () => {
    expect(recorded).toHaveLength(CONVERSATION.length);
    expect(steps.map(({ passages }) => passages.length)).toEqual(CONVERSATION.map(() => 1));
  });

  it("calls the kernel's functions, nested as the kernel nests them, for every packet", () => {
    const comparisons = recorded.map((call, at) =>
      compareGraphs(agreedCalls([call], KERNEL), engineCallsFor(steps[at].passages[0], KERNEL)),
    );
    expect(comparisons.filter(({ equal }) => !equal).map(String)).toEqual([]);
  });

  it("looks the table up once a packet", () => {
    const lookups = steps.map(({ passages }) => countCalls(passages[0], "__nf_conntrack_find_get"));
    expect(lookups).toEqual(CONVERSATION.map(() => 1));
  });

  it("rewrites the source on the way out and the destination on the way back", () => {
    const out = `out eth1: tcp ${OUTSIDE} > ${SERVER}`;
    const back = `out eth0: tcp ${SERVER} > ${CLIENT}`;
    expect(steps.map(({ result }) => result[0])).toEqual([out, back, out, out, back, out, back, out]);
  });
});
