/**
 * Data arrives whole and in order whatever the link does, or the connection fails; nothing hangs. A grid of loss,
 * reordering and duplication like smoltcp's netsim, then random points of it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addAddress, Topology } from "../../dev/topology.js";
import { TunDevice } from "../../dev/tun.js";
import { SeededRandom } from "../../random.js";
import { parseIPv4 } from "../../wire/address.js";

interface Weather {
  readonly seed: number;
  /** Probabilities in percent. */
  readonly loss: number;
  readonly duplicate: number;
  /** Extra delay at random, in microseconds: packets overtake one another. */
  readonly jitter: number;
  readonly mtu: number;
  readonly bytes: number;
  /** The receiver stops reading now and then. */
  readonly slowReader: boolean;
}

interface Outcome {
  readonly received: Uint8Array;
  readonly ended: boolean;
  readonly errors: readonly number[];
  readonly clientState: readonly string[];
  readonly serverState: readonly string[];
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8) * 7) & 0xff);
}

function transfer(weather: Weather): Outcome {
  const topology = new Topology(weather.seed);
  const client = topology.host("client");
  const server = topology.host("server");
  const dice = new SeededRandom(weather.seed);
  const chance = (percent: number): boolean => dice.u32() % 100 < percent;
  const a = new TunDevice(client, "tun0");
  const b = new TunDevice(server, "tun0");
  const carry = (to: TunDevice) => (bytes: Uint8Array) => {
    const copies = chance(weather.duplicate) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (chance(weather.loss)) continue;
      const copy = bytes.slice();
      topology.clock.schedule(1000 + (weather.jitter > 0 ? dice.u32() % weather.jitter : 0), () => to.inject(copy));
    }
  };
  a.onTransmit = carry(b);
  b.onTransmit = carry(a);
  for (const [dev, address] of [
    [a, "10.0.0.1/24"],
    [b, "10.0.0.2/24"],
  ] as const) {
    addAddress(dev, address);
    dev.net.ip.setMtu(dev, weather.mtu);
    dev.net.ip.setUp(dev);
  }
  const sent = pattern(weather.bytes);
  const received: number[] = [];
  const errors: number[] = [];
  let ended = false;
  server.sockets.tcp.listen(
    { port: 80 },
    {
      onAccept: (connection) => {
        connection.handlers = {
          onData: (bytes) => {
            for (const byte of bytes) received.push(byte);
            if (weather.slowReader && chance(20)) {
              connection.pause();
              topology.clock.schedule(3_000_000, () => connection.resume());
            }
          },
          onEnd: () => {
            ended = true;
            connection.close();
          },
          onError: (errno) => errors.push(errno),
        };
      },
    },
  );
  let offset = 0;
  const connection = client.sockets.tcp.connect(
    { address: parseIPv4("10.0.0.2"), port: 80 },
    {
      onConnect: () => write(),
      onWritable: () => write(),
      onEnd: () => connection.close(),
      onError: (errno) => errors.push(errno),
    },
  );
  function write(): void {
    offset += connection.write(sent.subarray(offset));
    if (offset === sent.length) connection.shutdown();
  }
  topology.clock.advance(86_400_000_000);
  return {
    received: Uint8Array.from(received),
    ended,
    errors,
    clientState: client.sockets.tcp.list().map((socket) => socket.state),
    serverState: server.sockets.tcp.list().map((socket) => socket.state),
  };
}

/** What went wrong, in words; empty when all is well. */
function faults(weather: Weather, outcome: Outcome): string[] {
  const sent = pattern(weather.bytes);
  const { received } = outcome;
  const found: string[] = [];
  const wrong = received.findIndex((byte, i) => byte !== sent[i]);
  if (wrong >= 0) found.push(`byte ${wrong} differs`);
  if (outcome.errors.length > 0) return found;
  if (!outcome.ended) found.push("no end and no error");
  if (received.length !== sent.length) found.push(`${received.length} bytes of ${sent.length}`);
  if (outcome.clientState.length > 0) found.push(`client left ${outcome.clientState.join()}`);
  if (outcome.serverState.join() !== "LISTEN") found.push(`server left ${outcome.serverState.join()}`);
  return found;
}

describe("tcp over a bad link", () => {
  const grid: Weather[] = [];
  for (const loss of [0, 1, 10])
    for (const jitter of [0, 5000])
      for (const mtu of [576, 1500])
        for (const slowReader of [false, true])
          grid.push({ seed: 7, loss, duplicate: loss, jitter, mtu, bytes: 200_000, slowReader });
  it.each(grid)(
    "loss $loss %, jitter $jitter us, mtu $mtu, slow reader $slowReader: whole and without error",
    (weather) => {
      const outcome = transfer(weather);
      expect(outcome.errors).toEqual([]);
      expect(faults(weather, outcome)).toEqual([]);
    },
  );

  it("holds at random points", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 1, max: 1_000_000 }),
          loss: fc.integer({ min: 0, max: 40 }),
          duplicate: fc.integer({ min: 0, max: 30 }),
          jitter: fc.integer({ min: 0, max: 100_000 }),
          mtu: fc.constantFrom(296, 576, 1280, 1500, 9000),
          bytes: fc.integer({ min: 0, max: 60_000 }),
          slowReader: fc.boolean(),
        }),
        (weather) => {
          expect(faults(weather, transfer(weather))).toEqual([]);
        },
      ),
      { numRuns: 60, seed: 20261122 },
    );
  });
});
