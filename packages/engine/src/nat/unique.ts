/**
 * The search for a tuple that nobody else has: within the addresses and ports a rule allows, as close to the original
 * as can be. What is free choice in the kernel (where the search for a port begins) is drawn from the namespace's
 * random source; the rest must come out as it does there. Models `get_unique_tuple()` and what it calls,
 * net/netfilter/nf_nat_core.c.
 */
import type { Conntrack } from "../conntrack/conntrack.js";
import { allowsClash } from "../conntrack/core.js";
import { E_ORIGINAL, E_REPLY, ENTRY_SHIFT } from "../conntrack/entry.js";
import { TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_TIME_WAIT, tcpOriginalEnd, tcpStateOf } from "../conntrack/proto-tcp.js";
import {
  type CtHandle,
  IPS_DST_NAT,
  IPS_DYING,
  IPS_FIXED_TIMEOUT,
  IPS_SEQ_ADJUST,
  IPS_SRC_NAT,
} from "../conntrack/status.js";
import {
  copyTuple,
  invertTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
  tupleEqual,
  tupleProtonum,
} from "../conntrack/tuple.js";
import { type Zone, zoneId, zoneNumber } from "../conntrack/zone.js";
import { IP_CT_DIR_ORIGINAL } from "../skb.js";
import {
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from "../wire/ipv4.js";
import { jhash2, littleEndian, reciprocalScale } from "./jhash.js";
import type { Nat } from "./nat.js";
import {
  type ManipType,
  type NatRange,
  NF_NAT_MANIP_DST,
  NF_NAT_MANIP_SRC,
  NF_NAT_RANGE_MAP_IPS,
  NF_NAT_RANGE_PERSISTENT,
  NF_NAT_RANGE_PROTO_OFFSET,
  NF_NAT_RANGE_PROTO_RANDOM,
  NF_NAT_RANGE_PROTO_RANDOM_FULLY,
  NF_NAT_RANGE_PROTO_SPECIFIED,
} from "./range.js";

const RANDOM_ALL: number = NF_NAT_RANGE_PROTO_RANDOM | NF_NAT_RANGE_PROTO_RANDOM_FULLY;
/** Tries in a search's first round. */
const MAX_ATTEMPTS = 128;
/** With so few tries left in a round, a closed connection in the way may be evicted. */
const HARDER_THRESHOLD: number = MAX_ATTEMPTS / 4;

const reply = new Int32Array(TUPLE_WORDS);
const other = new Int32Array(TUPLE_WORDS);
/** The four words of a source address that {@link chooseAddress} hashes; IPv4 has the first. */
const hashed: number[] = [0, 0, 0, 0];

/** Whether a protocol has an identifier in place of ports. */
function isIcmp(protonum: number): boolean {
  return protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6;
}

/** Whether a protocol's ports may be searched and rewritten. */
function hasNatPorts(protonum: number): boolean {
  return (
    protonum === IPPROTO_TCP || protonum === IPPROTO_UDP || protonum === IPPROTO_UDPLITE || protonum === IPPROTO_SCTP
  );
}

/** Whether a packet with this tuple would be taken for somebody else's. Models `nf_nat_used_tuple()`. */
function used(ct: Conntrack, tuple: Int32Array, entry: CtHandle): boolean {
  if (ct.net.trace !== null) ct.net.trace.call("nf_ct_invert_tuple", "nf_conntrack");
  invertTuple(tuple, 0, reply, 0);
  return ct.tupleTaken(reply, 0, entry);
}

/**
 * {@link used}, except where the other one is this very flow seen from its far end, both packets having been taken for
 * the first: that clash resolves itself when entries are confirmed. Models `nf_nat_used_tuple_new()`.
 */
function usedNew(ct: Conntrack, tuple: Int32Array, entry: CtHandle): boolean {
  const { trace } = ct.net;
  if (trace !== null) trace.enter("nf_nat_used_tuple_new", "nf_nat", null);
  const taken = takenByAnother(ct, tuple, entry);
  if (trace !== null) trace.leave();
  return taken;
}

function takenByAnother(ct: Conntrack, tuple: Int32Array, entry: CtHandle): boolean {
  if (!used(ct, tuple, entry)) return false;
  if (!allowsClash(tupleProtonum(tuple, 0))) return true;
  const translated = IPS_SRC_NAT | IPS_DST_NAT | IPS_SEQ_ADJUST;
  if (ct.statusOf(entry) & translated) return true;
  let node = ct.findGet(tuple, 0, ct.zoneOf(entry));
  if (node === 0) {
    invertTuple(tuple, 0, other, 0);
    node = ct.findGet(other, 0, ct.zoneOf(entry));
    if (node === 0) return false;
  }
  const rival = node >>> 1;
  const words = ct.slab.words;
  const a = rival << ENTRY_SHIFT;
  const b = entry << ENTRY_SHIFT;
  const harmless =
    (ct.statusOf(rival) & translated) === 0 &&
    tupleEqual(words, a + E_ORIGINAL, words, b + E_REPLY) &&
    tupleEqual(words, a + E_REPLY, words, b + E_ORIGINAL);
  ct.put(rival);
  return !harmless;
}

/**
 * {@link used}, but near the end of a search a new TCP connection takes the tuple of one whose source NAT changed too,
 * that is in TIME_WAIT, CLOSE or SYN_SENT2 and whose sequence numbers it has passed. Models `nf_nat_used_tuple_harder()`.
 */
function usedHarder(ct: Conntrack, tuple: Int32Array, entry: CtHandle, attemptsLeft: number): boolean {
  if (
    attemptsLeft > HARDER_THRESHOLD ||
    tupleProtonum(tuple, 0) !== IPPROTO_TCP ||
    tcpStateOf(ct, entry) !== TCP_CONNTRACK_SYN_SENT
  )
    return used(ct, tuple, entry);
  if (ct.net.trace !== null) ct.net.trace.call("nf_ct_invert_tuple", "nf_conntrack");
  invertTuple(tuple, 0, reply, 0);
  const node = ct.findGet(reply, 0, ct.zoneOf(entry));
  if (node === 0) return false;
  const rival = node >>> 1;
  const status = ct.statusOf(rival);
  const closed =
    (node & 1) !== IP_CT_DIR_ORIGINAL &&
    (status & (IPS_FIXED_TIMEOUT | IPS_DYING)) === 0 &&
    (status & IPS_SRC_NAT) !== 0 &&
    tcpStateOf(ct, rival) >= TCP_CONNTRACK_TIME_WAIT;
  const passed = ((tcpOriginalEnd(ct, entry) - tcpOriginalEnd(ct, rival)) | 0) > 0;
  const taken = !(closed && passed && ct.kill(rival));
  ct.put(rival);
  return taken;
}

/** Whether the part of the tuple that the protocol may change is between two ports. Models `l4proto_in_range()`. */
function portInRange(tuple: Int32Array, manip: ManipType, min: number, max: number): boolean {
  const protonum = tupleProtonum(tuple, 0);
  const ports = tuple[TUPLE_PORTS];
  if (isIcmp(protonum)) return ports >>> 16 >= min && ports >>> 16 <= max;
  // A GRE key is compared like a port, though only PPTP's tunnels have theirs changed.
  if (!hasNatPorts(protonum) && protonum !== IPPROTO_GRE) return true;
  const port = manip === NF_NAT_MANIP_SRC ? ports >>> 16 : ports & 0xffff;
  return port >= min && port <= max;
}

/** Which of two IPv6 addresses is the greater. Models `ipv6_addr_cmp()`. */
function compareWords(words: Int32Array, at: number, other: Int32Array): number {
  for (let i = 0; i < 4; i++) if (words[at + i] !== other[i]) return words[at + i] >>> 0 < other[i] >>> 0 ? -1 : 1;
  return 0;
}

/** Whether the tuple's source already meets the rule. Models `nf_in_range()`. */
function sourceInRange(tuple: Int32Array, range: NatRange): boolean {
  if (range.flags & NF_NAT_RANGE_MAP_IPS) {
    const src = tuple[TUPLE_SRC] >>> 0;
    const { min6, max6 } = range;
    if (min6 === undefined || max6 === undefined) {
      if (src < range.minAddr >>> 0 || src > range.maxAddr >>> 0) return false;
    } else if (compareWords(tuple, TUPLE_SRC, min6) < 0 || compareWords(tuple, TUPLE_SRC, max6) > 0) return false;
  }
  if ((range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) === 0) return true;
  return portInRange(tuple, NF_NAT_MANIP_SRC, range.minPort, range.maxPort);
}

/** Whether an entry's source is a tuple's, port and protocol aside. */
function sameSource(words: Int32Array, base: number, tuple: Int32Array): boolean {
  for (let i = 0; i < 4; i++) if (words[base + TUPLE_SRC + i] !== tuple[TUPLE_SRC + i]) return false;
  return true;
}

/**
 * Whether this source is mapped already for another destination in a way the rule allows; the mapping goes to `result`.
 * Models `find_appropriate_src()`.
 */
function findAppropriateSource(nat: Nat, tuple: Int32Array, result: Int32Array, range: NatRange, zone: Zone): boolean {
  const ct = nat.net.ct;
  const words = ct.slab.words;
  const source = tuple[TUPLE_PORTS] >>> 16;
  for (let entry = nat.firstBySource(tuple, 0); entry !== 0; entry = nat.nextBySource(entry)) {
    const base = entry << ENTRY_SHIFT;
    if (
      !sameSource(words, base, tuple) ||
      words[base + TUPLE_PROTO] !== tuple[TUPLE_PROTO] ||
      words[base + TUPLE_PORTS] >>> 16 !== source ||
      zoneId(ct.zoneOf(entry), IP_CT_DIR_ORIGINAL) !== zoneId(zone, IP_CT_DIR_ORIGINAL)
    )
      continue;
    if (ct.net.trace !== null) ct.net.trace.call("nf_ct_invert_tuple", "nf_conntrack");
    invertTuple(words, base + E_REPLY, result, 0);
    for (let i = 0; i < 4; i++) result[TUPLE_DST + i] = tuple[TUPLE_DST + i];
    result[TUPLE_PORTS] = (result[TUPLE_PORTS] & 0xffff0000) | (tuple[TUPLE_PORTS] & 0xffff);
    if (sourceInRange(result, range)) return true;
  }
  return false;
}

/**
 * Chooses the address from a pool by a hash of both ends (or with `--persistent` of the source alone), so that the
 * choice is spread, yet always the same. Models `find_best_ips_proto()`.
 */
function chooseAddress(tuple: Int32Array, range: NatRange, manip: ManipType, zone: Zone): void {
  if ((range.flags & NF_NAT_RANGE_MAP_IPS) === 0) return;
  const word = manip === NF_NAT_MANIP_SRC ? TUPLE_SRC : TUPLE_DST;
  const persistent = (range.flags & NF_NAT_RANGE_PERSISTENT) !== 0;
  if (range.min6 !== undefined && range.max6 !== undefined) {
    chooseAddress6(tuple, word, range.min6, range.max6, persistent, zone);
    return;
  }
  if (range.minAddr === range.maxAddr) {
    tuple[word] = range.minAddr;
    return;
  }
  hashed[0] = littleEndian(tuple[TUPLE_SRC]);
  const hash = jhash2(hashed, persistent ? 0 : littleEndian(tuple[TUPLE_DST]) ^ zoneNumber(zone));
  const count = (range.maxAddr - range.minAddr + 1) >>> 0;
  tuple[word] = range.minAddr + reciprocalScale(hash, count);
}

/** The same for IPv6: word by word, each from the hash, until one is less than the range's last. */
function chooseAddress6(
  tuple: Int32Array,
  at: number,
  min: Int32Array,
  max: Int32Array,
  persistent: boolean,
  zone: Zone,
): void {
  if (compareWords(min, 0, max) === 0) {
    for (let i = 0; i < 4; i++) tuple[at + i] = min[i];
    return;
  }
  const dst = (word: number): number => littleEndian(tuple[TUPLE_DST + word]);
  const sources = [0, 1, 2, 3].map((i) => littleEndian(tuple[TUPLE_SRC + i]));
  const destinations = [0, 1, 2, 3].map(dst);
  let hash = jhash2(sources, persistent ? 0 : destinations[3] ^ zoneNumber(zone));
  let full = false;
  for (let i = 0; i < 4; i++) {
    const low = full ? 0 : min[i] >>> 0;
    // The distance is a 32-bit number: of a whole word it is 0.
    const count = full ? 0xffffffff : ((max[i] >>> 0) - low + 1) >>> 0;
    tuple[at + i] = low + reciprocalScale(hash, count);
    if (tuple[at + i] !== max[i]) full = true;
    if (!persistent) hash = (hash ^ destinations[i]) >>> 0;
  }
}

/**
 * Changes the port (or ICMP id) until the tuple is free, or tries run out: then it stays a duplicate, and the packet is
 * dropped when its entry is to be confirmed. Models `nf_nat_l4proto_unique_tuple()`.
 */
function choosePort(ct: Conntrack, tuple: Int32Array, range: NatRange, manip: ManipType, entry: CtHandle): void {
  const protonum = tupleProtonum(tuple, 0);
  const icmp = isIcmp(protonum);
  // Only PPTP, whose tunnels are announced, lets a tunnel's keys be changed.
  const gre = protonum === IPPROTO_GRE && ct.helpers.masterOf(entry) !== null;
  if (!icmp && !gre && !hasNatPorts(protonum)) return;
  const upper = icmp || manip === NF_NAT_MANIP_SRC;
  const current = upper ? tuple[TUPLE_PORTS] >>> 16 : tuple[TUPLE_PORTS] & 0xffff;
  let min: number;
  let size: number;
  if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
    min = icmp ? range.minPort : Math.min(range.minPort, range.maxPort);
    size = icmp ? range.maxPort - range.minPort + 1 : Math.abs(range.maxPort - range.minPort) + 1;
  } else if (icmp) {
    min = 0;
    size = 65536;
  } else if (gre) {
    min = 1;
    size = 65535;
  } else if (manip === NF_NAT_MANIP_DST) {
    return;
  } else if (current < 512) {
    min = 1;
    size = 511;
  } else if (current < 1024) {
    min = 600;
    size = 424;
  } else {
    min = 1024;
    size = 64512;
  }
  let offset = 0;
  if (range.flags & NF_NAT_RANGE_PROTO_OFFSET) offset = (current - range.basePort) & 0xffff;
  else if (range.flags & RANDOM_ALL || manip !== NF_NAT_MANIP_DST) offset = ct.net.random.u16();

  for (let attempts = Math.min(size, MAX_ATTEMPTS); ; attempts >>>= 1) {
    for (let i = 0; i < attempts; i++, offset = (offset + 1) & 0xffff) {
      const port = (min + (offset % size)) & 0xffff;
      tuple[TUPLE_PORTS] = upper
        ? (port << 16) | (tuple[TUPLE_PORTS] & 0xffff)
        : (tuple[TUPLE_PORTS] & 0xffff0000) | port;
      if (!usedHarder(ct, tuple, entry, attempts - i)) return;
    }
    if (attempts >= size || attempts < 16) return;
    offset = ct.net.random.u16();
  }
}

/**
 * The tuple that `original` becomes under a rule, into `tuple`. It may not be unique when there is no room.
 * Models `get_unique_tuple()`.
 */
export function uniqueTuple(
  nat: Nat,
  tuple: Int32Array,
  original: Int32Array,
  range: NatRange,
  entry: CtHandle,
  manip: ManipType,
): void {
  const ct = nat.net.ct;
  const random = (range.flags & RANDOM_ALL) !== 0;
  if (manip === NF_NAT_MANIP_SRC && !random) {
    if (sourceInRange(original, range)) {
      if (!usedNew(ct, original, entry)) {
        copyTuple(original, 0, tuple, 0);
        return;
      }
    } else if (findAppropriateSource(nat, original, tuple, range, ct.zoneOf(entry)) && !used(ct, tuple, entry)) return;
  }
  copyTuple(original, 0, tuple, 0);
  chooseAddress(tuple, range, manip, ct.zoneOf(entry));
  if (!random) {
    if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
      if (
        (range.flags & NF_NAT_RANGE_PROTO_OFFSET) === 0 &&
        portInRange(tuple, manip, range.minPort, range.maxPort) &&
        (range.minPort === range.maxPort || !used(ct, tuple, entry))
      )
        return;
    } else if (!used(ct, tuple, entry)) return;
  }
  choosePort(ct, tuple, range, manip, entry);
}
