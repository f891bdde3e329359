import { describe, expect, it } from "vitest";
import { SkBuff } from "../skb.js";
import { parseIPv4 } from "../wire/address.js";
import { hopByHopFits } from "../wire/ipv6.js";
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

/** 10.0.0.1 to 10.0.0.2, and fd00::1 to fd00::2, with nothing behind the header. */
const IPV4_HEADER = Uint8Array.from([69, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0x65, 0xeb, 10, 0, 0, 1, 10, 0, 0, 2]);
const IPV6_HEADER = Uint8Array.from(
  { length: 40 },
  (_, i) => ({ 0: 0x60, 6: 59, 7: 64, 8: 0xfd, 23: 1, 24: 0xfd, 39: 2 })[i] ?? 0,
);

const where = (bridge: BridgeDevice): string[] => bridge.fdb().map((entry) => entry.port.name);

describe("a bridge", () => {
  it("carries frames between its ports, and learns who is where", () => {
    const { bridge, others, heard, send } = bridged("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24");
    const seen: string[] = [];
    for (const { eth0, net } of others) eth0.addTap((direction) => direction === "in" && seen.push(net.name));
    send(0, "10.0.0.2", 7);
    expect({ heard, seen, where: where(bridge) }).toEqual({ heard: ["h1 7"], seen: ["h1"], where: ["p0", "p1"] });
  });

  it("floods what is for an address that it did not hear of, the newest port first, and only its owner takes it", () => {
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
      seen: ["h2", "h1"],
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

  it("takes the least MTU of its ports until somebody gives it one", () => {
    const { host, bridge, others } = bridged("10.0.0.1/24", "10.0.0.2/24");
    const mtus = [bridge.mtu];
    host.ip.setMtu(others[1].port, 1400);
    mtus.push(bridge.mtu);
    host.ip.setMtu(bridge, 1450);
    host.ip.setMtu(others[0].port, 1300);
    expect([...mtus, bridge.mtu]).toEqual([1500, 1400, 1450]);
  });

  it("hands nothing to a port that is larger than its MTU and a VLAN tag", () => {
    const { topology, host, others, heard, send } = bridged("10.0.0.1/24", "10.0.0.2/24");
    send(0, "10.0.0.2", 1);
    host.ip.setMtu(others[1].port, 1300);
    host.bridgeNetfilter.callIptables = 0;
    const udp = others[0].net.sockets.udp.open();
    for (const length of [1276, 1277]) udp.sendTo(new Uint8Array(length).fill(length - 1275), parseIPv4("10.0.0.2"), 9);
    topology.clock.advance(1000);
    expect(heard).toEqual(["h1 1", "h1 1"]);
  });

  it.each([
    ["iptables", 4],
    ["ip6tables", 6],
  ] as const)("frames meet the hooks of their family while bridge-nf-call-%s is 1", (tool, version) => {
    const { host, bridge, others } = bridged("10.0.0.1/24", "10.0.0.2/24");
    const met: string[] = [];
    for (const [hooks, name] of [
      [host.hooks, "4"],
      [host.hooks6, "6"],
    ] as const)
      for (const hook of [0, 2, 4] as const)
        hooks.register({
          hook,
          priority: 0,
          name: "test",
          module: "test",
          label: "test",
          fn: ({ physIn, physOut }, { indev, outdev }) => {
            met.push([name, hook, indev?.name, physIn?.name, outdev?.name, physOut?.name].join(" "));
            return 1;
          },
        });
    const frame = (): SkBuff => {
      const skb = new SkBuff(version === 4 ? IPV4_HEADER.slice() : IPV6_HEADER.slice());
      skb.linkSource = Uint8Array.of(2, 0, 0, 0, 0, 1);
      skb.linkDestination = Uint8Array.of(2, 0, 0, 0, 0, 2);
      return skb;
    };
    for (const value of ["1", "0", "5"]) {
      host.sysctl.lookup(`net.bridge.bridge-nf-call-${tool}`)?.set?.(value);
      met.push(value);
      bridge.portReceive(frame(), others[0].port);
    }
    const way = [`${version} 0 br0 p0  `, `${version} 2 br0 p0 br0 p1`, `${version} 4  p0 br0 p1`];
    expect(met).toEqual(["1", ...way, "0", "5", ...way]);
  });

  it.each<readonly [what: string, options: readonly number[], fits: boolean]>([
    ["padding", [59, 0, 1, 4, 0, 0, 0, 0], true],
    ["single bytes of padding", [59, 0, 0, 0, 0, 0, 0, 0], true],
    ["a router alert", [59, 0, 5, 2, 0, 0, 1, 0], true],
    ["an option that ends beyond the header", [59, 0, 5, 5, 0, 0, 1, 0], false],
    ["an option's first byte alone", [59, 0, 1, 3, 0, 0, 0, 5], false],
    ["a jumbogram", [59, 0, 0xc2, 4, 0, 1, 0, 0], false],
    ["a header that ends beyond the packet", [59, 1, 1, 4, 0, 0, 0, 0], false],
    ["no whole header", [59, 0, 1, 4], false],
  ])("of options of every hop it takes what fits: %s", (_, options, fits) => {
    const packet = new Uint8Array([...IPV6_HEADER, ...options]);
    expect(hopByHopFits(packet, packet.length)).toBe(fits);
  });

  it("refuses another bridge, the loopback and what has no address", () => {
    const { host, bridge } = bridged("10.0.0.1/24");
    for (const dev of [host.loopback, bridge, new BridgeDevice(host, "br1")])
      expect(() => bridge.addPort(dev)).toThrow("Invalid argument");
  });
});
