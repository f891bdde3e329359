/**
 * What TCP and UDP do when things go otherwise: silence, refusals, unread data, errors by ICMP, closing both at once.
 */
import { describe, expect, it } from "vitest";
import { addRoute, Topology } from "../../dev/topology.js";
import { SystemError } from "../../errno.js";
import { NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING, nfDropErr } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { parseIPv4 } from "../../wire/address.js";
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from "../../wire/tcp.js";
import type { TcpConnection } from "../sockets.js";

const SECOND = 1_000_000;
const A = parseIPv4("10.0.0.1");
const B = parseIPv4("10.0.0.2");

interface Two {
  topology: Topology;
  a: NetNamespace;
  b: NetNamespace;
  /** `time flags length` of each TCP segment on a's device. */
  segments: string[];
}

function two(): Two {
  const topology = new Topology();
  const a = topology.host("a");
  const b = topology.host("b");
  const [dev] = topology.link(a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24");
  const segments: string[] = [];
  dev.addTap((direction, skb) => {
    if (skb.data[9] !== 6) return;
    const flags = skb.data[33];
    const letters = (
      [
        [TCP_FIN, "F"],
        [TCP_SYN, "S"],
        [TCP_RST, "R"],
        [TCP_PSH, "P"],
        [TCP_ACK, "."],
      ] as const
    ).map(([bit, letter]) => ((flags & bit) !== 0 ? letter : ""));
    const length = skb.len - 20 - (skb.data[32] >>> 4) * 4;
    segments.push(`${direction === "out" ? ">" : "<"} ${letters.join("")} ${length}`);
  });
  return { topology, a, b, segments };
}

/** A connection between the two, its far end beside it. */
function joined(lab: Two, handlers: TcpConnection["handlers"] = {}): { near: TcpConnection; far: TcpConnection } {
  let far: TcpConnection | undefined;
  const listener = lab.b.sockets.tcp.listen(
    { port: 80 },
    {
      onAccept: (connection) => {
        far = connection;
      },
    },
  );
  const near = lab.a.sockets.tcp.connect({ address: B, port: 80 }, handlers);
  lab.topology.clock.advance(1000);
  listener.close();
  if (far === undefined) throw new Error("no connection");
  lab.segments.length = 0;
  return { near, far };
}

/** Drops every packet that arrives at a host. */
function deaf(net: NetNamespace): void {
  net.hooks.register({
    hook: NF_INET_PRE_ROUTING,
    priority: 0,
    fn: () => 0,
    name: "test",
    module: "test",
    label: "test",
  });
}

describe("silence", () => {
  // As Linux 6.18 (250 Hz) sent them; the clock stands where its timer wheel stood when the connection began.
  it("SYN: four linear timeouts, then doubling, each rounded up by the timer wheel; ETIMEDOUT (tcp_syn_retries 6, tcp_syn_linear_timeouts 4)", () => {
    const kernel = [
      0, 1.030968, 2.054968, 3.078967, 4.102982, 5.126969, 7.142971, 11.238967, 19.430958, 35.562209, 68.842991,
    ];
    const { topology, a, b } = two();
    deaf(b);
    topology.clock.advance(793_000);
    const times: number[] = [];
    a.devices.get("eth0")?.addTap((direction, skb) => {
      if (direction === "out" && skb.len >= 40) times.push((topology.clock.nowMicros - 793_000) / SECOND);
    });
    const errors: [number, number][] = [];
    a.sockets.tcp.connect(
      { address: B, port: 80 },
      { onError: (errno) => errors.push([errno, (topology.clock.nowMicros - 793_000) / SECOND]) },
    );
    topology.clock.advance(200 * SECOND);
    expect(times).toEqual(kernel.map((seconds) => expect.closeTo(seconds, 2) as number));
    expect(errors).toEqual([[110, expect.closeTo(134.38, 1)]]);
  });

  it("SYN-ACK: five repetitions, then forgotten (tcp_synack_retries 5)", () => {
    const { topology, a, b, segments } = two();
    deaf(a);
    b.sockets.tcp.listen({ port: 80 }, { onAccept: () => {} });
    a.sockets.tcp.connect({ address: B, port: 80 });
    topology.clock.advance(0.5 * SECOND);
    expect(b.sockets.list().map((socket) => socket.state)).toEqual(["LISTEN", "SYN_RECV"]);
    topology.clock.advance(199 * SECOND);
    expect(segments.filter((text) => text === "< S. 0").length).toBeGreaterThanOrEqual(6);
    expect(b.sockets.list().map((socket) => socket.state)).toEqual(["LISTEN"]);
  });

  it("data: retransmitted until ETIMEDOUT, at the first timer after 924.6 s (tcp_retries2 15)", () => {
    const lab = two();
    let failed: [number, number] | null = null;
    const { near } = joined(lab, {
      onError: (errno) => {
        failed = [errno, lab.topology.clock.nowMicros / SECOND];
      },
    });
    deaf(lab.b);
    near.write(new Uint8Array(10));
    lab.topology.clock.advance(900 * SECOND);
    expect(failed).toBeNull();
    lab.topology.clock.advance(200 * SECOND);
    expect(failed).toEqual([110, expect.closeTo(935.9, 1)]);
  });

  it("a next hop that nobody owns: EHOSTUNREACH after three seconds", () => {
    const { topology, a } = two();
    const errors: [number, number][] = [];
    a.sockets.tcp.connect(
      { address: parseIPv4("10.0.0.77"), port: 80 },
      { onError: (errno) => errors.push([errno, topology.clock.nowMicros / SECOND]) },
    );
    topology.clock.advance(10 * SECOND);
    expect(errors).toEqual([[113, 3.072]]);
    expect(a.ip.neighbours().map((entry) => entry.state)).toEqual(["FAILED"]);
  });
});

describe("closing", () => {
  it.each<[string, (near: TcpConnection, far: TcpConnection, lab: Two) => void, string[]]>([
    [
      "one side after the other",
      (near, far, lab) => {
        near.close();
        lab.topology.clock.advance(10_000);
        far.close();
      },
      ["> F. 0", "< . 0", "< F. 0", "> . 0"],
    ],
    [
      "both at once",
      (near, far) => {
        near.close();
        far.close();
      },
      ["> F. 0", "< F. 0", "> . 0", "< . 0"],
    ],
    [
      "data, then close",
      (near, far) => {
        far.handlers = { onEnd: () => far.close() };
        near.write(new Uint8Array(5));
        near.close();
      },
      ["> P. 5", "> F. 0", "< . 0", "< F. 0", "> . 0"],
    ],
    ["abort", (near) => near.abort(), ["> R. 0"]],
    [
      "unread data at close",
      (near, far, lab) => {
        near.pause();
        far.write(new Uint8Array(5));
        lab.topology.clock.advance(1000);
        near.close();
      },
      ["< P. 5", "> . 0", "> R. 0"],
    ],
    [
      "data for a closed end",
      (near, far, lab) => {
        near.close();
        lab.topology.clock.advance(10_000);
        far.write(new Uint8Array(5));
      },
      ["> F. 0", "< . 0", "< P. 5", "> R 0"],
    ],
  ])("%s", (_what, act, expected) => {
    const lab = two();
    const { near, far } = joined(lab);
    act(near, far, lab);
    lab.topology.clock.advance(0.1 * SECOND);
    expect(lab.segments).toEqual(expected);
    far.close();
    lab.topology.clock.advance(200 * SECOND);
    expect([...lab.a.sockets.list(), ...lab.b.sockets.list()]).toEqual([]);
  });

  it("a port in TIME_WAIT is taken again by a newer SYN", () => {
    const lab = two();
    const accepted: number[] = [];
    lab.b.sockets.tcp.listen(
      { port: 80 },
      {
        onAccept: (connection) => {
          accepted.push(connection.remotePort);
          connection.close();
        },
      },
    );
    for (let i = 0; i < 2; i++) {
      const connection = lab.a.sockets.tcp.connect(
        { address: B, port: 80, localPort: 5000 },
        { onEnd: () => connection.close() },
      );
      lab.topology.clock.advance(5 * SECOND);
    }
    expect(accepted).toEqual([5000, 5000]);
  });
});

describe("binding", () => {
  it.each<[string, (net: NetNamespace) => void, string]>([
    [
      "a port twice",
      (net) => {
        net.sockets.tcp.listen({ port: 80 }, { onAccept: () => {} });
        net.sockets.tcp.listen({ port: 80 }, { onAccept: () => {} });
      },
      "EADDRINUSE",
    ],
    [
      "one address beside another",
      (net) => {
        net.sockets.tcp.listen({ port: 80, address: A }, { onAccept: () => {} });
        net.sockets.tcp.listen({ port: 80, address: 0x7f000001 }, { onAccept: () => {} });
      },
      "fine",
    ],
    [
      "an address of somebody else",
      (net) => {
        net.sockets.tcp.listen({ port: 80, address: B }, { onAccept: () => {} });
      },
      "EADDRNOTAVAIL",
    ],
    [
      "a datagram port twice",
      (net) => {
        net.sockets.udp.open({ port: 53 });
        net.sockets.udp.open({ port: 53 });
      },
      "EADDRINUSE",
    ],
    [
      "a connection without route",
      (net) => {
        net.sockets.tcp.connect({ address: parseIPv4("192.0.2.1"), port: 80 });
      },
      "ENETUNREACH",
    ],
    [
      "a device that is not there",
      (net) => {
        net.sockets.udp.open({ device: "eth7" });
      },
      "ENODEV",
    ],
  ])("%s", (_what, act, expected) => {
    let got = "fine";
    try {
      act(two().a);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      got = error.code;
    }
    expect(got).toBe(expected);
  });

  it("chooses ephemeral ports between 32768 and 60999", () => {
    const { a } = two();
    const ports = Array.from({ length: 200 }, () => a.sockets.udp.open().localPort);
    expect(new Set(ports).size).toBe(200);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(32768);
    expect(Math.max(...ports)).toBeLessThanOrEqual(60999);
  });
});

describe("udp", () => {
  it("carries datagrams both ways, whole even when they must be cut", () => {
    const { topology, a, b } = two();
    const got: number[] = [];
    const server = b.sockets.udp.open(
      { port: 53 },
      { onMessage: (bytes, from, port) => server.sendTo(bytes, from, port) },
    );
    const client = a.sockets.udp.open({}, { onMessage: (bytes) => got.push(bytes.length, bytes[bytes.length - 1]) });
    const sent = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);
    client.sendTo(sent, B, 53);
    client.sendTo(new Uint8Array(3), B, 53);
    topology.clock.advance(SECOND);
    expect(got).toEqual([5000, sent[4999], 3, 0]);
    expect(b.ip.snmp.ip.ReasmOKs).toBe(1);
    expect(a.ip.snmp.ip.FragCreates).toBe(4);
  });

  it("tells a connected socket that nobody listens, and another nothing", () => {
    const { topology, a } = two();
    const errors: string[] = [];
    const connected = a.sockets.udp.open({}, { onError: (errno) => errors.push(`connected ${errno}`) });
    connected.connect(B, 9);
    connected.send(new Uint8Array(1));
    a.sockets.udp.open({}, { onError: () => errors.push("unconnected") }).sendTo(new Uint8Array(1), B, 9);
    topology.clock.advance(SECOND);
    expect(errors).toEqual(["connected 111"]);
  });

  it("throws what a hook in OUTPUT answers", () => {
    const { a } = two();
    let verdict = 0;
    a.hooks.register({ hook: NF_INET_LOCAL_OUT, priority: 0, fn: () => verdict, name: "t", module: "t", label: "t" });
    const socket = a.sockets.udp.open();
    expect(() => socket.sendTo(new Uint8Array(1), B, 9)).toThrow("Operation not permitted");
    verdict = nfDropErr(111);
    expect(() => socket.sendTo(new Uint8Array(1), B, 9)).toThrow("Connection refused");
  });
});

describe("this host itself", () => {
  it.each(["127.0.0.1", "127.1.2.3", "10.0.0.1"])("connects and pings over the loopback: %s", (address) => {
    const { topology, a, segments } = two();
    const got: string[] = [];
    a.sockets.tcp.listen({ port: 80 }, { onAccept: (connection) => connection.write(Uint8Array.of(1, 2, 3)) });
    a.sockets.tcp.connect(
      { address: parseIPv4(address), port: 80 },
      { onData: (bytes) => got.push(`data ${bytes.length}`) },
    );
    a.sockets.ping
      .open({}, { onReply: (reply) => got.push(`reply ttl ${reply.ttl}`) })
      .send(parseIPv4(address), 1, new Uint8Array(8));
    topology.clock.advance(SECOND);
    expect(got.sort()).toEqual(["data 3", "reply ttl 64"]);
    expect(segments).toEqual([]);
  });
});

describe("path MTU", () => {
  it("a router's small link: the connection learns it, sends smaller segments and loses nothing", () => {
    const topology = new Topology();
    const a = topology.host("a");
    const g = topology.host("g", true);
    const b = topology.host("b");
    topology.link(a, "eth0", "10.1.0.2/24", g, "eth0", "10.1.0.1/24");
    const [g1] = topology.link(g, "eth1", "10.2.0.1/24", b, "eth0", "10.2.0.2/24");
    g.ip.setMtu(g1, 1000);
    addRoute(a, "default", "10.1.0.1");
    addRoute(b, "default", "10.2.0.1");
    let received = 0;
    let largest = 0;
    b.devices.get("eth0")?.addTap((direction, skb) => {
      if (direction === "in") largest = Math.max(largest, skb.len);
    });
    b.sockets.tcp.listen(
      { port: 80 },
      {
        onAccept: (connection) => {
          connection.handlers = {
            onData: (bytes) => {
              received += bytes.length;
            },
          };
        },
      },
    );
    const connection = a.sockets.tcp.connect(
      { address: parseIPv4("10.2.0.2"), port: 80 },
      { onConnect: () => connection.write(new Uint8Array(20_000)) },
    );
    topology.clock.advance(10 * SECOND);
    expect(received).toBe(20_000);
    expect(largest).toBe(1000);
    expect(a.ip.routeGet({ dst: parseIPv4("10.2.0.2") }).pmtu).toEqual({ mtu: 1000, expiresSeconds: 590 });
  });
});

describe("both ends open at once", () => {
  it("connects them, and what they wrote before is not lost", () => {
    const { topology, a, b, segments } = two();
    const got: string[] = [];
    const open = (net: NetNamespace, name: string, address: number): TcpConnection => {
      const connection = net.sockets.tcp.connect(
        { address, port: 80, localPort: 80 },
        { onData: (bytes) => got.push(`${name} has ${bytes.length}`), onError: (errno) => got.push(`${errno}`) },
      );
      connection.write(new Uint8Array(10));
      return connection;
    };
    const near = open(a, "a", B);
    const far = open(b, "b", A);
    topology.clock.advance(5 * SECOND);
    expect([near.state, far.state, ...got.sort()]).toEqual(["ESTABLISHED", "ESTABLISHED", "a has 10", "b has 10"]);
    expect(segments.slice(0, 4)).toEqual(["> S 0", "< S 0", "> S. 0", "< S. 0"]);
  });
});
