import { describe, expect, it } from "vitest";
import { parseIPv4 } from "../wire/address.js";
import { ethernetHeader } from "./device.js";
import { createPointToPointPair } from "./pair.js";
import { addAddress, Topology } from "./topology.js";

const hex = (bytes: Uint8Array | null): string =>
  bytes === null ? "none" : [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("a veth pair", () => {
  it("delivers in order after its latency, and loses what its dice say", () => {
    const topology = new Topology(3);
    const a = topology.host("a");
    const b = topology.host("b");
    const [near, far] = topology.link(a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24", { latencyMicros: 700 });
    const arrivals: string[] = [];
    const socket = b.sockets.udp.open(
      { port: 9 },
      { onMessage: (bytes) => arrivals.push(`${bytes[0]} at ${topology.clock.nowMicros}`) },
    );
    const sender = a.sockets.udp.open();
    sender.sendTo(Uint8Array.of(1), parseIPv4("10.0.0.2"), 9);
    near.latencyMicros = 100;
    sender.sendTo(Uint8Array.of(2), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(10_000);
    expect(arrivals).toEqual(["1 at 700", "2 at 700"]);
    near.loss = 0.5;
    for (let i = 0; i < 1000; i++) sender.sendTo(Uint8Array.of(3), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(10_000);
    expect(arrivals.length - 2).toBeGreaterThan(440);
    expect(arrivals.length - 2).toBeLessThan(560);
    expect([near.stats.txPackets, far.stats.rxPackets]).toEqual([1002, arrivals.length]);
    socket.close();
  });

  it("shows taps both ends of a frame, with the same Ethernet header", () => {
    const topology = new Topology();
    const a = topology.host("a");
    const b = topology.host("b");
    const [near, far] = topology.link(a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24");
    const seen: string[] = [];
    for (const dev of [near, far])
      dev.addTap((direction, skb, device) => seen.push(`${direction} ${hex(ethernetHeader(direction, skb, device))}`));
    a.sockets.udp.open().sendTo(new Uint8Array(1), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(60);
    const header = `${hex(far.mac)}${hex(near.mac)}0800`;
    expect(seen.slice(0, 2)).toEqual([`out ${header}`, `in ${header}`]);
  });

  it("has a carrier only while both ends are up", () => {
    const topology = new Topology();
    const [near, far] = topology.link(topology.host("a"), "eth0", [], topology.host("b"), "eth0", []);
    expect([near.operState, far.operState]).toEqual(["UP", "UP"]);
    far.net.ip.setDown(far);
    expect([near.operState, far.operState]).toEqual(["LOWERLAYERDOWN", "DOWN"]);
  });
});

describe("neighbours", () => {
  it("age from REACHABLE to STALE, and through DELAY back when used", () => {
    const topology = new Topology();
    const a = topology.host("a");
    const b = topology.host("b");
    topology.link(a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24");
    const socket = a.sockets.udp.open();
    const states = (): string[] => [...a.ip.neighbours(), ...b.ip.neighbours()].map((entry) => entry.state);
    const send = (): void => socket.sendTo(new Uint8Array(1), parseIPv4("10.0.0.2"), 9);
    const got: string[][] = [];
    send();
    got.push(states());
    topology.clock.advance(31_000_000);
    got.push(states());
    send();
    got.push(states());
    topology.clock.advance(5_000_000);
    got.push(states());
    expect(got.map((pair) => pair[0])).toEqual(["REACHABLE", "STALE", "DELAY", "REACHABLE"]);
  });
});

describe("a point-to-point pair", () => {
  it("carries packets without asking who has the address, and has no link layer to show", () => {
    const topology = new Topology();
    const ends = createPointToPointPair(
      { net: topology.host("a"), name: "ppp0" },
      { net: topology.host("b"), name: "ppp0" },
    );
    ends.forEach((dev, i) => {
      addAddress(dev, `10.0.0.${i + 1}/24`);
      dev.net.ip.setUp(dev);
    });
    const arrivals: number[] = [];
    ends[1].net.sockets.udp.open({ port: 9 }, { onMessage: (bytes) => arrivals.push(bytes[0]) });
    const frames: string[] = [];
    ends[0].addTap((direction, skb, dev) => frames.push(`${direction} ${hex(ethernetHeader(direction, skb, dev))}`));
    ends[0].net.sockets.udp.open().sendTo(Uint8Array.of(7), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(1000);
    expect({ arrivals, frames, neighbours: ends[0].net.ip.neighbours() }).toEqual({
      arrivals: [7],
      frames: ["out none"],
      neighbours: [],
    });
  });
});
