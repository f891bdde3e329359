/** Forwarding with conntrack, a filter table and SNAT leaves nothing for the garbage collector while nobody traces. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { SkBuff } from "../../packages/engine/src/index.js";
import { tcp, udp } from "./packets.js";
import { makeRouter, type Router } from "./router.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function router(): Router {
  return makeRouter({
    lan: { name: "lan0", address: "192.168.1.1/24" },
    wan: { name: "wan0", address: "198.51.100.1/24" },
    rules: [
      "iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "iptables-legacy -A FORWARD -i lan0 -o wan0 -m conntrack --ctstate NEW -j ACCEPT",
      "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1",
    ],
  });
}

/** How much a packet may take by a measurement that counts its own: the smallest object V8 makes has 12 bytes. */
const NOTHING = 4;
const BATCH = 5000;
/** V8 compiles in the background, when the machine has time: until then numbers are objects. */
const MOST_BATCHES = 200;

/** Bytes of heap that a packet takes, once the engine's code is compiled: the least of many batches. */
function heapBytesPerPacket({ lan, wan }: Router, packets: readonly Uint8Array[]): number {
  let left = 0;
  wan.onTransmit = () => {
    left++;
  };
  const skb = new SkBuff(new Uint8Array(packets[0].length));
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      skb.data.set(packets[i % packets.length]);
      skb.len = skb.data.length;
      skb.scrub();
      lan.injectSkb(skb);
    }
  };
  let least = Number.POSITIVE_INFINITY;
  let sent = 0;
  for (let i = 0; i < MOST_BATCHES && least >= NOTHING; i++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    send(BATCH);
    sent += BATCH;
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / BATCH);
  }
  expect(left).toBe(sent);
  return least;
}

it.each([
  ["UDP", (flow: number) => udp(`192.168.1.10:${4000 + flow}`, "198.51.100.9:53")],
  ["TCP", (flow: number) => tcp(`192.168.1.10:${4000 + flow}`, "198.51.100.9:80", "A", { seq: 1, ack: 1 })],
] as const)(
  "%s packets of 100 flows allocate nothing",
  (_name, packet) => {
    const packets = Array.from({ length: 100 }, (_, flow) => packet(flow));
    // A byte or two a packet is the measurement's own; the smallest object V8 makes is 12 bytes.
    expect(heapBytesPerPacket(router(), packets)).toBeLessThan(4);
  },
  60_000,
);
