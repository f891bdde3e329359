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

/** Bytes of heap that a packet takes, once the engine's code is warm: the least of many batches. */
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
  send(60_000);
  const batch = 5000;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    send(batch);
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / batch);
  }
  expect(left).toBe(110_000);
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
