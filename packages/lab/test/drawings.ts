/**
 * Every kind of drawing, of the question's flow and of cases at the edge: what the tests of layout and syntax go over.
 */

import { readFileSync } from "node:fs";
import type { ConntrackSnapshot } from "@netfilter-lab/engine";
import { checkConfig, type LabConfig } from "../src/config.js";
import {
  callsOnly,
  compareGraphs,
  drawCallGraph,
  type GraphCall,
  parseFunctionGraph,
  trackedReceptions,
} from "../src/draw/call-graph.js";
import { ConntrackTable } from "../src/draw/conntrack-table.js";
import type { Drawing } from "../src/draw/drawing.js";
import { drawHookMap, drawHooks, hookMapScene, hooksScene } from "../src/draw/hook-map/hook-map.js";
import { drawPacket } from "../src/draw/packet.js";
import type { PassageData } from "../src/draw/passage.js";
import type { Scene } from "../src/draw/scene.js";
import { drawSequence, type LinkedPassage, messagesOf, sequenceScene } from "../src/draw/sequence.js";
import { drawStates, statesOf, statesScene, type Transition } from "../src/draw/states.js";
import { drawTopology, topologyScene } from "../src/draw/topology.js";
import { drawTuples, tuplesOf, tuplesScene } from "../src/draw/tuples.js";
import { theQuestion } from "../src/question.js";
import { call, GATEWAY_HOOKS, ORIGINAL, REPLY, synAckPassage, synPassage, tcpPacket } from "./passages.js";

/** A passage with the neighbours of the question's gateway. */
export function linked(passage: PassageData, names: readonly [string, string] = ["client", "server"]): LinkedPassage {
  const end = (device: string | null): { host: string; device: string } | null =>
    device === null ? null : { host: device === "eth0" ? names[0] : names[1], device: "eth0" };
  return { ...passage, from: end(passage.iif), to: end(passage.oif) };
}

/** A passage whose names, rules and reasons are hostile to every syntax and as long as they get. */
export function hostilePassage(): PassageData {
  const label = `<nat> "quoted" & 'single'; #35; {brace} [bracket] (paren) | end`;
  const hooks = [
    { hook: "PREROUTING", priority: -2147483648, fn: "a_function_with_a_very_long_name_indeed_x", module: "m", label },
  ];
  return {
    ...synPassage(),
    host: `host"<&>;#-with-a-name-that-goes-on`,
    hooks,
    iif: "averylongdevic0",
    oif: null,
    after: null,
    before: tcpPacket("255.255.255.255", 65535, "255.255.255.255", 65535, 0xff, { seq: 0xffffffff, ack: 0xffffffff }),
    calls: [
      call(
        "ip_rcv",
        null,
        call(
          "nf_hook_slow",
          null,
          { kind: "hook", hook: 0 },
          call(
            hooks[0].fn,
            "m",
            { kind: "hookfn", hook: 0, priority: -2147483648, label },
            {
              kind: "rule",
              table: "raw",
              chain: "PREROUTING",
              number: 1,
              rule: `-A PREROUTING -m comment --comment "a; <b> & 'c' --> d" -j LOG --log-prefix "${"x".repeat(90)}"`,
              matched: true,
              packets: 1,
              bytes: 60,
            },
            { kind: "verdict", verdict: "DROP" },
          ),
        ),
        { kind: "end", reason: `dropped: "${"because ".repeat(12)}"` },
      ),
    ],
  };
}

/** A packet made on the host that never met a hook. */
export function barePassage(): PassageData {
  return { ...synPassage(), iif: null, calls: [call("ip_output", null, call("nf_hook_slow", null))], hooks: [] };
}

/** An entry as the engine's table gives it. */
export function snapshot(more: Partial<ConntrackSnapshot> = {}): ConntrackSnapshot {
  return {
    handle: 1,
    id: 0x1234,
    l3num: 2,
    protonum: 6,
    status: 0x18e,
    timeoutSeconds: 431999,
    mark: 0,
    zone: 0,
    zoneDirections: "both",
    tcpState: "ESTABLISHED",
    helper: null,
    vtags: null,
    greTimeouts: null,
    labels: null,
    tuple: [ORIGINAL, REPLY],
    counters: null,
    timestamp: null,
    use: 1,
    ...more,
  };
}

/** The kernel's calls for each packet that the gateway of the recording forwarded. */
export function recordedPackets(): GraphCall[] {
  const path = new URL("../../../test/recordings/snat-connection.linux-6.12.function-graph.txt", import.meta.url);
  return trackedReceptions(parseFunctionGraph(readFileSync(path, "utf8")));
}

/** Transitions through the named states. */
export function transitions(states: readonly string[]): Transition[] {
  const ends = "192.168.2.55:50798 → 217.254.1.76:443";
  return states.slice(1).map((after, i) => ({ before: states[i], after, serial: i + 1, kind: "ACK", ends }));
}

/** A wild history: every way is a new one, in both directions. */
export const WILD: readonly string[] = [
  ..."NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT LAST_ACK TIME_WAIT SYN_SENT CLOSE SYN_SENT SYN_SENT2".split(" "),
  ..."SYN_RECV FIN_WAIT CLOSE_WAIT LAST_ACK CLOSE NONE CLOSE".split(" "),
];

const FLOW = [synPassage(), synAckPassage(), { ...synPassage(true), serial: 3, atMicros: 2_400_000 }];
const MANY = ["a", "b", "c", "d", "e"].map(
  (name, i): LinkedPassage => ({
    ...linked(synAckPassage(), [name, `${name}${i + 1}`]),
    host: `host-${i}`,
    from: { host: `host-${i - 1}`, device: "x" },
    to: { host: `host-${i + 1}`, device: "x" },
  }),
);

/** Two routers between two hosts, a cable between the routers, and a host that no cable leads to. */
const TWO_WAYS: LabConfig = {
  hosts: {
    "a-client-with-a-rather-long-name": { eth0: "10.0.0.2/24", eth1: "10.0.1.2/24", routes: ["default via 10.0.0.1"] },
    left: { eth0: "10.0.0.1/24", eth1: "203.0.113.2/30", eth2: "10.9.0.1/24", forwarding: true },
    right: { eth0: "10.0.1.1/24", eth1: "203.0.113.6/30", eth2: "10.9.0.2/24", forwarding: true },
    server: { eth0: "203.0.113.1/30", eth1: ["203.0.113.5/30", "203.0.113.17/30"] },
    alone: { eth0: [] },
  },
  links: [
    ["a-client-with-a-rather-long-name.eth0", "left.eth0"],
    ["a-client-with-a-rather-long-name.eth1", "right.eth0"],
    ["left.eth1", "server.eth0"],
    ["right.eth1", "server.eth1"],
    ["left.eth2", "right.eth2"],
  ],
};

/** All drawings by name. */
export const DRAWINGS: readonly (readonly [name: string, drawing: Drawing])[] = [
  ["hooks", drawHooks("gateway", GATEWAY_HOOKS)],
  ["no hooks", drawHooks("client", [])],
  ["hook map of the first packet", drawHookMap(synPassage())],
  ["hook map of the answer", drawHookMap(synAckPassage())],
  ["hook map of a drop", drawHookMap(synPassage(true))],
  ["hook map of a hostile packet", drawHookMap(hostilePassage())],
  ["hook map without hooks", drawHookMap(barePassage())],
  ["sequence", drawSequence(FLOW.map((passage) => linked(passage)))],
  ["sequence of nothing", drawSequence([])],
  ["sequence through many hosts", drawSequence(MANY)],
  ["sequence of a hostile packet", drawSequence([linked(hostilePassage(), [`c"<;#>`, "s"])])],
  ["sequence of a packet made here", drawSequence([{ ...linked(barePassage()), to: null }])],
  ["tuples of the first packet", drawTuples(synPassage())],
  ["tuples of the answer", drawTuples(synAckPassage())],
  ["tuples of a drop", drawTuples(synPassage(true))],
  ["tuples of a hostile packet", drawTuples(hostilePassage())],
  ["states", drawStates(FLOW)],
  ["states of nothing", drawStates([])],
  ["calls", drawCallGraph(synPassage())],
  ["calls of a hostile packet", drawCallGraph(hostilePassage())],
  ["comparison", compareGraphs(recordedPackets().slice(0, 1), callsOnly(synPassage().calls))],
  [
    "headers",
    drawPacket({ title: "Packet", before: FLOW[1].before, beforeLabel: "in", after: FLOW[1].after, afterLabel: "out" }),
  ],
  [
    "headers of a dropped packet",
    drawPacket({ title: `"<;>`, before: FLOW[0].before, beforeLabel: "in", after: null, afterLabel: "ended; here" }),
  ],
  ["conntrack table", new ConntrackTable("gateway", [snapshot(), snapshot({ status: 0x188, mark: 7, zone: 2 })])],
  ["empty conntrack table", new ConntrackTable("gateway", [])],
  ["topology of the question", drawTopology(checkConfig(theQuestion))],
  ["topology of two ways", drawTopology(checkConfig(TWO_WAYS))],
];

/** The layouts of all that are pictures. */
export const SCENES: readonly (readonly [name: string, scene: Scene])[] = [
  ["hooks", hooksScene("gateway", GATEWAY_HOOKS)],
  ["no hooks", hooksScene("client", [])],
  ["hook map of the first packet", hookMapScene(synPassage())],
  ["hook map of the answer", hookMapScene(synAckPassage())],
  ["hook map of a drop", hookMapScene(synPassage(true))],
  ["hook map of a hostile packet", hookMapScene(hostilePassage())],
  ["hook map without hooks", hookMapScene(barePassage())],
  ["sequence", sequenceScene(messagesOf(FLOW.map((passage) => linked(passage))))],
  ["sequence through many hosts", sequenceScene(messagesOf(MANY))],
  ["sequence of a hostile packet", sequenceScene(messagesOf([linked(hostilePassage(), ["client-with-a-name", "s"])]))],
  ["tuples of the first packet", tuplesScene(tuplesOf(synPassage()))],
  ["tuples of the answer", tuplesScene(tuplesOf(synAckPassage()))],
  ["tuples of a hostile packet", tuplesScene(tuplesOf(hostilePassage()))],
  ["states", statesScene(statesOf(FLOW, "gateway", 1))],
  ["states of a wild history", statesScene({ host: "gateway", entry: 1, transitions: transitions(WILD) })],
  ["states of nothing", statesScene({ host: "", entry: null, transitions: [] })],
  ["topology of the question", topologyScene(checkConfig(theQuestion))],
  ["topology of two ways", topologyScene(checkConfig(TWO_WAYS))],
];
