// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * What is measured of the engine alone, in Node and in a page: `clock` gives seconds, in Node those of processor time.
 * A rate is the best of several bursts: what else the machine does only ever takes away.
 */
import { ENTRY_SHIFT, OWN_SHIFT } from "../../packages/engine/dist/conntrack/entry.js";
import { forwarder, makeRouter, Packets, rulesOf, run } from "./router.mjs";

const SNAT = 2;

/** The best of `rounds` times of `work`, which gives how much it did, as a rate by the second. */
function best(clock, rounds, work) {
  let rate = 0;
  for (let round = 0; round < rounds; round++) {
    const start = clock();
    const done = work();
    rate = Math.max(rate, done / (clock() - start));
  }
  return Math.round(rate);
}

/** Packets a second through a router that is warm. */
function rateOf(clock, { burst }, flows) {
  const count = Math.max(20_000, flows);
  for (let i = 0; i < 5; i++) burst(count);
  return best(clock, flows > 100_000 ? 5 : 30, () => {
    burst(count);
    return count;
  });
}

/** Packets a second of so many flows. */
function forward(clock, { setup, protocol, flows }) {
  return { packetsPerSecond: rateOf(clock, forwarder({ setup, protocol, flows }), flows) };
}

/** First packets a second: each makes an entry and finds a source tuple. */
function newFlows(clock, { flows }) {
  const packets = new Packets("udp", flows);
  return {
    newFlowsPerSecond: best(clock, 6, () => {
      const router = makeRouter(rulesOf(SNAT));
      packets.send(router.lan, flows);
      if (router.net.ct.count !== flows) throw new Error(`${router.net.ct.count} entries instead of ${flows}`);
      return flows;
    }),
  };
}

/**
 * Commands (their input behind the first line) for the filter table: so many rules that match no packet here, or one that
 * asks a set of so many addresses.
 */
export function filterRules({ rules: count, set }) {
  const address = (i) => `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`;
  const lines = (line, length) => Array.from({ length }, (_, i) => line(address(i))).join("\n");
  if (set === undefined)
    return [
      `iptables-legacy-restore -n\n*filter\n${lines((each) => `-A FORWARD -s ${each} -p udp -j DROP`, count)}\nCOMMIT\n`,
    ];
  return [
    `ipset restore\ncreate bench-refused hash:ip maxelem ${set}\n${lines((each) => `add bench-refused ${each}`, set)}\n`,
    "iptables-legacy -A FORWARD -m set --match-set bench-refused src -j DROP",
  ];
}

/**
 * What an entry takes when there are so many: its record, and what the process holds more than before (hash table, NAT's
 * chains, room to grow), after garbage collection. Node alone, with --expose-gc.
 */
function memory(_clock, { flows }) {
  const { router, burst } = forwarder({ setup: SNAT, protocol: "udp", flows });
  const held = () => {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = held();
  burst(flows);
  const heldBytesPerEntry = Math.round((held() - before) / flows);
  const { ct } = router.net;
  return {
    entryBytes: 4 * ((1 << ENTRY_SHIFT) + (1 << OWN_SHIFT)),
    heldBytesPerEntry,
    entries: ct.count,
    buckets: ct.table.heads.length,
  };
}

/** Packets a second when the table holds so much of what `nf_conntrack_max` allows, each flow in turn at random. */
function nearlyFull(clock, { max, share }) {
  const flows = Math.round(max * share);
  const { router, burst } = forwarder({ setup: SNAT, protocol: "udp", flows, order: "random" });
  router.net.sysctl.lookup("net.netfilter.nf_conntrack_max").set(String(max));
  return { packetsPerSecond: rateOf(clock, { burst }, flows), entries: router.net.ct.count };
}

/**
 * First packets a second of flows to one server behind one address with so many ports, of which a share is taken. The
 * search gives up after a number of tries, as the kernel's does: `refused` is the share of the flows that found no port.
 */
function portSearch(clock, { ports, share }) {
  const taken = Math.round(ports * share);
  const fresh = Math.min(1000, ports - taken);
  const packets = new Packets("udp", ports);
  let entries = 0;
  let bestRate = 0;
  for (let round = 0; round < 10; round++) {
    const router = makeRouter([]);
    const range = `198.51.100.1:20000-${19_999 + ports}`;
    run(router.net, `iptables-legacy -t nat -A POSTROUTING -o wan0 -p udp -j SNAT --to-source ${range}`);
    const { ct } = router.net;
    packets.rewind();
    packets.send(router.lan, taken);
    const before = ct.count;
    const start = clock();
    packets.send(router.lan, fresh);
    bestRate = Math.max(bestRate, fresh / (clock() - start));
    entries = ct.count - before;
  }
  return { newFlowsPerSecond: Math.round(bestRate), refused: (fresh - entries) / fresh };
}

/** The measurements by their names. */
export const measures = { forward, newFlows, memory, nearlyFull, portSearch };
