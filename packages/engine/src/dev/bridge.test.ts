import { describe, expect, it } from "vitest";
import { parseIPv4 } from "../wire/address.js";
import { BridgeDevice } from "./bridge.js";
import type { NetDevice } from "./device.js";
import { addAddress, Topology } from "./topology.js";

/** A host whose bridge joins as many others as there are addresses; what each of them hears on port 9. */
function bridged(...addresses: readonly string[]) {
  const topology = new Topology();
  const host = topology.host("host", true);
  const bridge = new BridgeDevice(host, "br0");
  const heard: string[] = [];
  const others = addresses.map((address, i) => {
    const net = topology.host(`h${i}`);
    const [eth0, port] = topology.link(net, "eth0", address, host, `p${i}`, []);
    bridge.addPort(port);
    net.sockets.udp.open({ port: 9 }, { onMessage: (bytes) => heard.push(`${net.name} ${bytes[0]}`) });
    return { net, eth0, port };
  });
  addAddress(bridge, "10.0.0.254/24");
  host.ip.setUp(bridge);
  const send = (from: number, to: string, byte: number): void => {
    others[from].net.sockets.udp.open().sendTo(Uint8Array.of(byte), parseIPv4(to), 9);
    topology.clock.advance(1000);
  };
  return { topology, host, bridge, others, heard, send };
}

const where = (bridge: BridgeDevice): string[] => bridge.fdb().map((entry) => entry.port.name);

describe("a bridge", () => {
  it("carries frames between its ports, and learns who is where", () => {
    const { bridge, others, heard, send } = bridged("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24");
    const seen: string[] = [];
    for (const { eth0, net } of others) eth0.addTap((direction) => direction === "in" && seen.push(net.name));
    send(0, "10.0.0.2", 7);
    expect({ heard, seen, where: where(bridge) }).toEqual({ heard: ["h1 7"], seen: ["h1"], where: ["p0", "p1"] });
  });

  it("floods what is for an address that it did not hear of, and only its owner takes it", () => {
    const { topology, bridge, others, heard, send } = bridged("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24");
    send(0, "10.0.0.2", 1);
    topology.clock.advance(301_000_000);
    const seen: string[] = [];
    for (const { eth0, net } of others) eth0.addTap((direction) => direction === "in" && seen.push(net.name));
    const neighbour = others[1].eth0.mac;
    if (neighbour === null) throw new Error("no address");
    others[0].net.ip.setNeighbour(others[0].eth0, parseIPv4("10.0.0.2"), neighbour, "PERMANENT");
    send(0, "10.0.0.2", 2);
    expect({ heard, seen, where: where(bridge) }).toEqual({
      heard: ["h1 1", "h1 2"],
      seen: ["h1", "h2"],
      where: ["p0"],
    });
  });

  it("is a host's device among others, and routes between its ports' hosts and the rest", () => {
    const { topology, host, others, heard, send } = bridged("10.0.0.1/24", "10.0.0.2/24");
    const far = topology.host("far");
    topology.link(host, "wan0", "192.0.2.1/24", far, "eth0", "192.0.2.2/24");
    far.sockets.udp.open({ port: 9 }, { onMessage: (bytes) => heard.push(`far ${bytes[0]}`) });
    others[0].net.ip.addRoute({ dst: 0, prefixLength: 0, gateway: parseIPv4("10.0.0.254") });
    send(0, "192.0.2.2", 5);
    host.sockets.udp.open().sendTo(Uint8Array.of(6), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(1000);
    expect(heard).toEqual(["far 5", "h1 6"]);
  });

  it("has the least address of its ports, and a carrier while one of them has", () => {
    const { bridge, others } = bridged("10.0.0.1/24", "10.0.0.2/24");
    const text = (dev: NetDevice): string => (dev.mac ?? []).join(" ");
    const least = [...others].map(({ port }) => [...(port.mac ?? [])]).sort((a, b) => (a < b ? -1 : 1))[0];
    expect(text(bridge)).toBe(least.join(" "));
    expect(bridge.operState).toBe("UP");
    for (const { port } of others) bridge.removePort(port);
    expect([bridge.operState, text(bridge)]).toEqual(["DOWN", "0 0 0 0 0 0"]);
  });

  it("refuses another bridge, the loopback and what has no address", () => {
    const { host, bridge } = bridged("10.0.0.1/24");
    for (const dev of [host.loopback, bridge, new BridgeDevice(host, "br1")])
      expect(() => bridge.addPort(dev)).toThrow("Invalid argument");
  });
});
