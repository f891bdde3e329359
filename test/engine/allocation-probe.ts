/**
 * Forwards packets and says what the heap grew by, as JSON: a program of its own, for what V8 allocates depends on what
 * else its process compiled. `allocation-probe udp|tcp [traced]`, with `--expose-gc`; prints {@link Growth}.
 */
import { Session } from "node:inspector/promises";
import { SkBuff } from "../../packages/engine/src/index.js";
import { tcp, udp } from "../referee/lines.js";
import { makeRouter } from "./router.js";

/** What forwarding took from the heap. */
export interface Growth {
  /** Bytes a packet: the least of the batches up to the first that allocated nothing. */
  readonly bytesPerPacket: number;
  /** How many of the packets came out at the other device. */
  readonly forwarded: number;
  readonly sent: number;
  /** Where there was no such batch: the functions that allocate, by bytes a packet, with lines of the bundle. */
  readonly allocators: readonly string[];
}

const FLOWS = 100;
const BATCH = 20_000;
/**
 * Until V8 has compiled the whole path, in the background and when the machine has time, numbers over 2^31 are objects.
 * What the code itself allocates it allocates in every batch.
 */
const MOST_BATCHES = 200;
/** A traced packet takes twenty times as long, and one batch is enough to see what it allocates. */
const TRACED_BATCHES = 2;
/** Bytes a packet by the measurement's own doing; the smallest object that V8 makes has 12. */
const NOTHING = 1;
const PROFILED_BATCHES = 2;

const packetOf = {
  udp: (flow: number) => udp(`192.168.1.10:${4000 + flow}`, "198.51.100.9:53"),
  tcp: (flow: number) => tcp(`192.168.1.10:${4000 + flow}`, "198.51.100.9:80", "A", { seq: 1, ack: 1 }),
};

async function measure(protocol: keyof typeof packetOf, traced: boolean): Promise<Growth> {
  const { net, lan, wan } = makeRouter({
    lan: { name: "lan0", address: "192.168.1.1/24" },
    wan: { name: "wan0", address: "198.51.100.1/24" },
    rules: [
      "iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "iptables-legacy -A FORWARD -i lan0 -o wan0 -m conntrack --ctstate NEW -j ACCEPT",
      "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1",
    ],
  });
  // Microseconds that no 32 bits hold.
  net.clock.advance(2 * 3600 * 1_000_000);
  if (traced) net.listen(() => {});
  const packets = Array.from({ length: FLOWS }, (_, flow) => packetOf[protocol](flow));
  const skb = new SkBuff(new Uint8Array(packets[0].length));
  let forwarded = 0;
  wan.onTransmit = () => {
    forwarded++;
  };
  let sent = 0;
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      skb.data.set(packets[i % FLOWS]);
      skb.len = skb.data.length;
      skb.scrub();
      lan.injectSkb(skb);
    }
    sent += count;
  };
  const collectGarbage = globalThis.gc;
  if (collectGarbage === undefined) throw new Error("run this with --expose-gc");

  let bytesPerPacket = Number.POSITIVE_INFINITY;
  for (let i = 0; i < (traced ? TRACED_BATCHES : MOST_BATCHES) && bytesPerPacket >= NOTHING; i++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    send(BATCH);
    bytesPerPacket = Math.min(bytesPerPacket, (process.memoryUsage().heapUsed - before) / BATCH);
    // Here the compiler's own thread gets its turn.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const growth = { bytesPerPacket, forwarded, sent };
  return { ...growth, allocators: bytesPerPacket < NOTHING ? [] : await allocators(() => send(BATCH)) };
}

/** Who allocates, by V8's sampling heap profiler. */
async function allocators(send: () => void): Promise<string[]> {
  const session = new Session();
  session.connect();
  const sampling = { samplingInterval: 256, includeObjectsCollectedByMinorGC: true };
  await session.post("HeapProfiler.startSampling", sampling);
  for (let i = 0; i < PROFILED_BATCHES; i++) send();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  const bytes = new Map<string, number>();
  const visit = (node: typeof profile.head): void => {
    const { functionName, lineNumber } = node.callFrame;
    const name = `${functionName || "(anonymous)"}:${lineNumber + 1}`;
    bytes.set(name, (bytes.get(name) ?? 0) + node.selfSize / (PROFILED_BATCHES * BATCH));
    for (const child of node.children) visit(child);
  };
  visit(profile.head);
  return [...bytes]
    .filter(([, size]) => size >= NOTHING)
    .sort((a, b) => b[1] - a[1])
    .map(([name, size]) => `${name} ${size.toFixed(1)}`);
}

const [protocol, traced] = process.argv.slice(2);
if (protocol !== "udp" && protocol !== "tcp") throw new Error("usage: allocation-probe udp|tcp [traced]");
console.log(JSON.stringify(await measure(protocol, traced === "traced")));
