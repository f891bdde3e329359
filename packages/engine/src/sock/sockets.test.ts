import { describe, expect, it } from "vitest";
import { addRoute, Topology } from "../dev/topology.js";
import type { NetNamespace } from "../netns.js";
import { formatAddress, formatIPv4, parseIPv4 } from "../wire/address.js";
import { parseIPv4Packet } from "../wire/ipv4.js";
import { parseTcp, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from "../wire/tcp.js";
import type { PingError, PingReply, TcpConnection } from "./sockets.js";

interface Three {
  topology: Topology;
  client: NetNamespace;
  gateway: NetNamespace;
  server: NetNamespace;
}

function three(): Three {
  const topology = new Topology();
  const client = topology.host("client");
  const gateway = topology.host("gateway", true);
  const server = topology.host("server");
  topology.link(client, "eth0", "10.1.0.2/24", gateway, "eth0", "10.1.0.1/24");
  topology.link(gateway, "eth1", "10.2.0.1/24", server, "eth0", "10.2.0.2/24");
  addRoute(client, "default", "10.1.0.1");
  addRoute(server, "default", "10.2.0.1");
  return { topology, client, gateway, server };
}

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const SERVER = parseIPv4("10.2.0.2");

function flagText(flags: number): string {
  return (
    [
      [TCP_FIN, "F"],
      [TCP_SYN, "S"],
      [TCP_RST, "R"],
      [TCP_PSH, "P"],
      [TCP_ACK, "."],
    ] as const
  )
    .filter(([bit]) => (flags & bit) !== 0)
    .map(([, letter]) => letter)
    .join("");
}

/** One line a TCP segment, as tcpdump has it, with relative numbers. */
function capture(host: NetNamespace, device: string): string[] {
  const lines: string[] = [];
  const first = new Map<string, number>();
  host.devices.get(device)?.addTap((_direction, skb) => {
    const ip = parseIPv4Packet(skb.bytes());
    if (ip.protocol !== 6) return;
    const tcp = parseTcp(skb.data, 20, skb.len - 20);
    const way = `${formatIPv4(ip.src)}.${tcp.sport}`;
    const back = `${formatIPv4(ip.dst)}.${tcp.dport}`;
    if (!first.has(way)) first.set(way, tcp.seq);
    const seq = (tcp.seq - (first.get(way) ?? 0)) >>> 0;
    const ack = (tcp.flags & TCP_ACK) !== 0 ? (tcp.ack - (first.get(back) ?? 0)) >>> 0 : 0;
    lines.push(
      `${way} > ${back}: [${flagText(tcp.flags)}] seq ${seq} ack ${ack} win ${tcp.window} len ${tcp.payload.length}`,
    );
  });
  return lines;
}

describe("ping", () => {
  it("goes through a gateway and comes back with the time to live lowered once", () => {
    const { topology, client } = three();
    const replies: PingReply[] = [];
    const socket = client.sockets.ping.open({ id: 77 }, { onReply: (reply) => replies.push(reply) });
    socket.send(SERVER, 1, new Uint8Array(56));
    topology.clock.advance(1_000_000);
    expect(replies.map(({ address, ttl, sequence, bytes }) => ({ address, ttl, sequence, bytes }))).toEqual([
      { address: SERVER, ttl: 63, sequence: 1, bytes: 64 },
    ]);
  });

  it.each([
    ["10.2.0.2", { ttl: 1 }, "10.1.0.1", 11, 0, 0],
    ["10.1.0.77", {}, "10.1.0.2", 3, 1, 3],
    ["10.2.0.77", {}, "10.1.0.1", 3, 1, 3],
    ["192.0.2.1", {}, "10.1.0.1", 3, 0, 0],
  ])("to %s with %o gets an error from %s: type %d code %d", (to, options, from, type, code, seconds) => {
    const { topology, client } = three();
    const errors: PingError[] = [];
    const socket = client.sockets.ping.open(options, { onError: (error) => errors.push(error) });
    socket.send(parseIPv4(to), 1, new Uint8Array(56));
    topology.clock.advance(10_000_000);
    expect(errors.map((e) => [formatAddress(e.address), e.type, e.code])).toEqual([[from, type, code]]);
    void seconds;
  });
});

describe("tcp", () => {
  it("exchanges what nc exchanges: the segments Linux 6.18 sent (tcpdump of `echo hello | nc -N`)", () => {
    const { topology, client, server } = three();
    const lines = capture(client, "eth0");
    const got: string[] = [];
    server.sockets.tcp.listen(
      { port: 443 },
      {
        onAccept: (connection: TcpConnection) => {
          connection.handlers = {
            onData: (bytes) => got.push(new TextDecoder().decode(bytes)),
            onEnd: () => connection.close(),
          };
        },
      },
    );
    const connection = client.sockets.tcp.connect(
      { address: SERVER, port: 443, localPort: 50798 },
      {
        onConnect: () => {
          connection.write(text("hello\n"));
          topology.clock.schedule(500_000, () => connection.shutdown());
        },
        onEnd: () => got.push("end"),
      },
    );
    topology.clock.advance(5_000_000);
    expect(got).toEqual(["hello\n", "end"]);
    const c = "10.1.0.2.50798";
    const s = "10.2.0.2.443";
    expect(lines).toEqual([
      `${c} > ${s}: [S] seq 0 ack 0 win 64240 len 0`,
      `${s} > ${c}: [S.] seq 0 ack 1 win 65160 len 0`,
      `${c} > ${s}: [.] seq 1 ack 1 win 63 len 0`,
      `${c} > ${s}: [P.] seq 1 ack 1 win 63 len 6`,
      `${s} > ${c}: [.] seq 1 ack 7 win 64 len 0`,
      `${c} > ${s}: [F.] seq 7 ack 1 win 63 len 0`,
      `${s} > ${c}: [F.] seq 1 ack 8 win 64 len 0`,
      `${c} > ${s}: [.] seq 8 ack 2 win 63 len 0`,
    ]);
    expect(client.sockets.tcp.list().map((socket) => socket.state)).toEqual(["TIME_WAIT"]);
    topology.clock.advance(60_000_000);
    expect(client.sockets.tcp.list()).toEqual([]);
  });

  it("is refused by a closed port", () => {
    const { topology, client } = three();
    const lines = capture(client, "eth0");
    const errors: number[] = [];
    client.sockets.tcp.connect({ address: SERVER, port: 445, localPort: 1000 }, { onError: (e) => errors.push(e) });
    topology.clock.advance(1_000_000);
    expect(errors).toEqual([111]);
    expect(lines.at(-1)).toBe("10.2.0.2.445 > 10.1.0.2.1000: [R.] seq 0 ack 1 win 0 len 0");
  });
});
