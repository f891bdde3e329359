/**
 * What is true of a tracker after every packet, whatever the packet was. Reads the tracker's own memory and changes
 * nothing: a lookup would collect what has expired.
 */
import { HZ } from "../../packages/engine/src/clock.js";
import { E_HASH, E_TIMEOUT, E_USE, ENTRY_SHIFT } from "../../packages/engine/src/conntrack/entry.js";
import {
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_DYING,
  IPS_SEEN_REPLY,
  IPS_SRC_NAT_DONE,
} from "../../packages/engine/src/conntrack/status.js";
import { TUPLE_WORDS, tupleEqual } from "../../packages/engine/src/conntrack/tuple.js";
import { zoneId } from "../../packages/engine/src/conntrack/zone.js";
import type { NetNamespace } from "../../packages/engine/src/netns.js";
import { NO_CT } from "../../packages/engine/src/skb.js";

/** The sweep comes after a minute at the latest, and on the wheel of timers up to an eighth later. */
const LONGEST_AFTER_EXPIRY = 70 * HZ;

/** What is looked at. */
type Tracked = Pick<NetNamespace, "ct" | "nat" | "clock" | "ip" | "ip6">;

/** A state that the tracker must never be in, in words. */
export class BrokenInvariant extends Error {
  override readonly name = "BrokenInvariant";
}

function insist(holds: boolean, what: () => string): void {
  if (!holds) throw new BrokenInvariant(what());
}

/**
 * Throws {@link BrokenInvariant} where the tracker and NAT of a namespace contradict themselves. `byHand`: a tool may
 * have set the status of entries (`conntrack -U -u`), which Linux lets it.
 */
export function checkInvariants(net: Tracked, byHand = false): void {
  const { ct } = net;
  const seen = new Map<number, number>();
  for (let bucket = 0; bucket < ct.table.heads.length; bucket++) checkChain(net, bucket, seen);
  const held = holders(net, [...seen.keys()]);
  for (const [entry, directions] of seen) {
    insist(directions === 3, () => `entry ${entry} has one of its tuples in the table`);
    checkEntry(net, entry, held.get(entry) ?? 0, byHand);
  }
  const gone = [...held.keys()].filter((entry) => !seen.has(entry)).length;
  insist(
    ct.count === seen.size + gone,
    () =>
      `${ct.count} entries are counted, ${seen.size} are in the table, ${gone} are held by packets that wait and by what they expected`,
  );
}

/**
 * How many hold each entry beside the table: packets that wait for their next hop's link address, and connections that
 * it expected. It may itself be over, and itself have been expected.
 */
function holders(net: Tracked, entries: readonly number[]): Map<number, number> {
  const held = new Map<number, number>();
  const known = new Set(entries);
  const left = [...entries];
  function hold(entry: number): void {
    held.set(entry, (held.get(entry) ?? 0) + 1);
    if (!known.has(entry)) left.push(entry);
    known.add(entry);
  }
  for (const { neighbourTable } of [net.ip, net.ip6])
    for (const { waiting } of neighbourTable.list()) for (const { nfct } of waiting) if (nfct !== NO_CT) hold(nfct);
  for (let entry = left.pop(); entry !== undefined; entry = left.pop()) {
    const master = net.ct.helpers.masterOf(entry);
    if (master !== null) hold(master);
  }
  return held;
}

/** Each tuple stands in its hash's chain, once, and no other living entry's is the same. */
function checkChain(net: Tracked, bucket: number, seen: Map<number, number>): void {
  const { ct } = net;
  const nodes: number[] = [];
  for (let node = ct.table.heads[bucket]; node !== 0; node = ct.table.next(node)) {
    insist(nodes.length < 2 * ct.count, () => `chain ${bucket} has no end`);
    nodes.push(node);
  }
  const { words } = ct.slab;
  const zoneIn = (entry: number, direction: number): number => zoneId(ct.zoneOf(entry), direction);
  const tupleAt = (node: number): number => ((node >>> 1) << ENTRY_SHIFT) + (node & 1) * TUPLE_WORDS;
  for (const [at, node] of nodes.entries()) {
    const entry = node >>> 1;
    const bit = 1 << (node & 1);
    const directions = seen.get(entry) ?? 0;
    insist((directions & bit) === 0, () => `a tuple of entry ${entry} is in the table twice`);
    seen.set(entry, directions | bit);
    const hash = words[(entry << ENTRY_SHIFT) + E_HASH + (node & 1)];
    insist(ct.table.bucketOf(hash) === bucket, () => `a tuple of entry ${entry} is in a chain of another hash`);
    insist(
      hash === ct.hash(words, tupleAt(node), zoneId(ct.zoneOf(entry), node & 1)),
      () => `entry ${entry} changed a tuple after it was put in the table`,
    );
    for (const other of nodes.slice(at + 1))
      insist(
        // Who writes to itself from a port to the same port has one tuple in both directions.
        other >>> 1 === entry ||
          !tupleEqual(words, tupleAt(node), words, tupleAt(other)) ||
          // A zone of one direction: who is put in is compared in the direction of who is there (nf_ct_key_equal()).
          [node & 1, other & 1].some((direction) => zoneIn(entry, direction) !== zoneIn(other >>> 1, direction)),
        () => `entries ${entry} and ${other >>> 1} have the same tuple`,
      );
  }
}

function checkEntry(net: Tracked, entry: number, holders: number, byHand: boolean): void {
  const { ct } = net;
  const { words } = ct.slab;
  const base = entry << ENTRY_SHIFT;
  const status = ct.statusOf(entry);
  insist((status & IPS_CONFIRMED) !== 0, () => `entry ${entry} is in the table and not confirmed`);
  insist((status & IPS_DYING) === 0, () => `entry ${entry} is in the table and dying`);
  insist(
    byHand || (status & IPS_ASSURED) === 0 || (status & IPS_SEEN_REPLY) !== 0 || ct.protonumOf(entry) !== 17,
    () => `entry ${entry} of UDP is assured without a reply`,
  );
  const uses = words[base + E_USE];
  insist(
    uses === 1 + holders,
    () => `entry ${entry} has ${uses} references, and ${holders} packets that wait and connections that it expected`,
  );
  const overdue = -((words[base + E_TIMEOUT] - net.clock.jiffies) | 0);
  insist(overdue <= LONGEST_AFTER_EXPIRY, () => `entry ${entry} expired ${overdue / HZ} s ago and is still there`);
  for (const direction of [0, 1] as const)
    for (const count of [ct.packetsOf(entry, direction), ct.bytesOf(entry, direction)])
      insist(count >= 0 && Number.isInteger(count), () => `entry ${entry} counted ${count}`);
  if ((status & IPS_SRC_NAT_DONE) !== 0) {
    let places = 0;
    for (let other = net.nat.firstBySource(words, base); other !== 0 && places < 2; other = net.nat.nextBySource(other))
      if (other === entry) places++;
    insist(places === 1, () => `entry ${entry} has ${places} places among NAT's sources`);
  }
}

/** Nothing holds an entry when no packet is under way: when all are ended, none is left. Ends them, and who waits. */
export function checkNothingLeaks(net: Tracked): void {
  for (const { neighbourTable } of [net.ip, net.ip6]) neighbourTable.flush(undefined, true);
  net.ct.flush();
  insist(net.ct.count === 0, () => `${net.ct.count} entries outlive the end of all`);
  insist(
    net.ct.table.heads.every((head) => head === 0),
    () => "the table is not empty after the end of all",
  );
}
