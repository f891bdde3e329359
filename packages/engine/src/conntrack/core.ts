/**
 * A packet meets its connection, and leaves: {@link conntrackIn} at PREROUTING (or OUTPUT) looks its tuple up, once,
 * and hangs the entry on the packet; {@link confirm}, the last to run at POSTROUTING (or INPUT), puts a new entry into
 * the table. In between, nobody looks anything up. Models net/netfilter/nf_conntrack_core.c and nf_conntrack_proto.c. A
 * rule's template (`-j CT`) comes in on the packet, says in which zone to look and what a new entry is to have, and is
 * gone when the packet has its entry.
 */
import { HZ } from "../clock.js";
import {
  type HookNumber,
  type HookOps,
  type HookState,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_CONNTRACK,
  NF_IP_PRI_CONNTRACK_CONFIRM,
  NF_IP_PRI_CONNTRACK_DEFRAG,
  NF_REPEAT,
  NF_STOLEN,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  type NfProto,
  type Verdict,
} from "../hooks.js";
import {
  ctinfoDirection,
  IP_CT_DIR_ORIGINAL,
  IP_CT_DIR_REPLY,
  IP_CT_ESTABLISHED_REPLY,
  IP_CT_UNTRACKED,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import {
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  ipv4HeaderLength,
  ipv4IsFragment,
} from "../wire/ipv4.js";
import { IPV6_NEXT_HEADER, ipv6IsFragment, isExtensionHeader } from "../wire/ipv6.js";
import type { Conntrack } from "./conntrack.js";
import {
  C_START,
  COUNTERS_SHIFT,
  E_EXT,
  E_HASH,
  E_NEXT,
  E_ORIGINAL,
  E_REPLY,
  E_STATUS,
  E_TIMEOUT,
  E_USE,
  E_ZONE,
  ENTRY_SHIFT,
  EXT_ACCT,
  EXT_ECACHE,
  EXT_LABELS,
  EXT_TSTAMP,
} from "./entry.js";
import { IPCT_HELPER, IPCT_NEW, IPCT_RELATED, IPCT_REPLY } from "./events.js";
import { attachKnownFlow, originalCtinfo } from "./known-flow.js";
import { genericPacket } from "./proto-generic.js";
import { grePacket } from "./proto-gre.js";
import { icmpError, icmpPacket } from "./proto-icmp.js";
import { icmpv6Error, icmpv6Packet } from "./proto-icmpv6.js";
import { sctpPacket } from "./proto-sctp.js";
import { tcpPacket } from "./proto-tcp.js";
import { udpPacket } from "./proto-udp.js";
import { udplitePacket } from "./proto-udplite.js";
import {
  type CtHandle,
  IPS_CONFIRMED,
  IPS_DYING,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_HELPER,
  IPS_NAT_CLASH,
  IPS_SEEN_REPLY,
  IPS_SEQ_ADJUST,
  IPS_TEMPLATE,
} from "./status.js";
import {
  getTuple,
  invertTuple,
  TUPLE_WORDS,
  transportOffset,
  transportProtonum,
  tupleEqual,
  tupleProtonum,
  tupleText,
} from "./tuple.js";
import { DEFAULT_ZONE, type Zone, zoneId, zoneOfTemplate } from "./zone.js";

const MODULE = "nf_conntrack";

/** The hook functions that keep fragments until their packet is whole. */
class DefragmentHook implements HookOps {
  readonly hook: HookNumber;
  readonly priority: number = NF_IP_PRI_CONNTRACK_DEFRAG;
  readonly name: string;
  readonly module: string;
  readonly label: string = "defragmentation";
  readonly #ct: Conntrack;

  constructor(ct: Conntrack, pf: NfProto, hook: HookNumber) {
    this.hook = hook;
    this.name = pf === NFPROTO_IPV4 ? "ipv4_conntrack_defrag" : "ipv6_defrag";
    this.module = pf === NFPROTO_IPV4 ? "nf_defrag_ipv4" : "nf_defrag_ipv6";
    this.#ct = ct;
  }

  fn(skb: SkBuff, state: HookState): Verdict {
    return defragment(this.#ct, skb, state);
  }
}

const TRACK = 0;
const TRACK_LOCAL = 1;
const CONFIRM = 2;

/** One of conntrack's own hook functions. */
class ConntrackHook implements HookOps {
  readonly hook: HookNumber;
  readonly priority: number;
  readonly name: string;
  readonly module: string = MODULE;
  readonly label: string;
  readonly #ct: Conntrack;
  readonly #work: number;

  constructor(ct: Conntrack, pf: NfProto, hook: HookNumber, work: number) {
    const family = pf === NFPROTO_IPV4 ? "ipv4" : "ipv6";
    this.hook = hook;
    this.#ct = ct;
    this.#work = work;
    if (work === CONFIRM) {
      this.priority = NF_IP_PRI_CONNTRACK_CONFIRM;
      this.name = "nf_confirm";
      this.label = "conntrack (confirm)";
    } else {
      this.priority = NF_IP_PRI_CONNTRACK;
      this.name = `${family}_conntrack_${work === TRACK ? "in" : "local"}`;
      this.label = "conntrack";
    }
  }

  fn(skb: SkBuff, state: HookState): Verdict {
    const work = this.#work;
    if (work === CONFIRM) return confirm(this.#ct, skb);
    return work === TRACK ? conntrackIn(this.#ct, skb, state) : trackLocal(this.#ct, skb, state);
  }
}

/** The hook functions that put fragments together. Models `ipv4_defrag_ops` and `ipv6_defrag_ops`. */
export function defragHooks(ct: Conntrack, pf: NfProto): readonly HookOps[] {
  return [new DefragmentHook(ct, pf, NF_INET_PRE_ROUTING), new DefragmentHook(ct, pf, NF_INET_LOCAL_OUT)];
}

/** The hook functions of one namespace's tracker in a family. Models `ipv4_conntrack_ops` and `ipv6_conntrack_ops`. */
export function conntrackHooks(ct: Conntrack, pf: NfProto): readonly HookOps[] {
  return [
    new ConntrackHook(ct, pf, NF_INET_PRE_ROUTING, TRACK),
    new ConntrackHook(ct, pf, NF_INET_LOCAL_OUT, TRACK_LOCAL),
    new ConntrackHook(ct, pf, NF_INET_POST_ROUTING, CONFIRM),
    new ConntrackHook(ct, pf, NF_INET_LOCAL_IN, CONFIRM),
  ];
}

/**
 * Keeps fragments until the packet is whole: only then does it have ports. The packet that goes on is the piece that
 * came last, with everything in it. Models `ipv4_conntrack_defrag()`, net/ipv4/netfilter/nf_defrag_ipv4.c.
 */
function defragment(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  if (state.pf === NFPROTO_IPV6) return defragment6(ct, skb, state);
  return ipv4IsFragment(skb.data, 0) && skb.ctinfo !== IP_CT_UNTRACKED ? defragment4(ct, skb, state) : NF_ACCEPT;
}

function defragment4(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  const whole = ct.net.ip.defrag(skb, state.hook === NF_INET_LOCAL_OUT ? "conntrack-out" : "conntrack-in");
  if (whole === null) {
    if (ct.net.trace !== null) ct.net.trace.note({ kind: "end", reason: "fragment kept until the packet is whole" });
    return NF_STOLEN;
  }
  if (whole !== skb) {
    skb.data = whole.data;
    skb.len = whole.len;
    skb.transportOffset = whole.transportOffset;
    skb.fragments = whole.fragments;
    skb.largestFragment = whole.largestFragment;
    skb.largestHadDf = whole.largestHadDf;
    skb.options = whole.options;
  }
  return NF_ACCEPT;
}

/** Models `ipv6_defrag()`, net/ipv6/netfilter/nf_defrag_ipv6_hooks.c. */
function defragment6(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  // Most packets have no extension header at all.
  if (!isExtensionHeader(skb.data[IPV6_NEXT_HEADER])) return NF_ACCEPT;
  if (skb.ctinfo === IP_CT_UNTRACKED || (skb.nfct !== NO_CT && (ct.statusOf(skb.nfct) & IPS_TEMPLATE) === 0))
    return NF_ACCEPT;
  const fate = ct.net.ip6.defrag(skb, state.hook === NF_INET_LOCAL_OUT ? "conntrack-out" : "conntrack-in");
  if (fate === "dropped") return NF_DROP;
  if (fate !== "kept") return NF_ACCEPT;
  if (ct.net.trace !== null) ct.net.trace.note({ kind: "end", reason: "fragment kept until the packet is whole" });
  return NF_STOLEN;
}

/** A socket may send fragments of its own making; they are not tracked. Models `ipv4_conntrack_local()`. */
function trackLocal(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  const fragment = state.pf === NFPROTO_IPV4 ? ipv4IsFragment(skb.data, 0) : ipv6IsFragment(skb.data, 0);
  if (!fragment) return conntrackIn(ct, skb, state);
  if (skb.nfct !== NO_CT && ct.statusOf(skb.nfct) & IPS_TEMPLATE) ct.release(skb);
  return NF_ACCEPT;
}

const tuple = new Int32Array(TUPLE_WORDS);
const inverted = new Int32Array(TUPLE_WORDS);

/**
 * Finds or makes the packet's entry, lets its protocol judge the packet, and hangs the entry on it. An INVALID packet
 * goes on without one. Models `nf_conntrack_in()`.
 */
export function conntrackIn(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  if (ct.net.trace !== null || state.pf !== NFPROTO_IPV4) return lookUp(ct, skb, state);
  const protonum = attachKnownFlow(ct, skb);
  if (protonum === 0) return lookUp(ct, skb, state);
  const entry = skb.nfct;
  const dataoff = ipv4HeaderLength(skb.data, 0);
  const result =
    protonum === IPPROTO_UDP
      ? udpPacket(ct, entry, skb, dataoff, skb.ctinfo, state)
      : tcpPacket(ct, entry, skb, dataoff, skb.ctinfo, state);
  if (result <= 0) {
    const verdict = refused(ct, skb, result);
    return verdict === NF_REPEAT ? lookUp(ct, skb, state) : verdict;
  }
  if (skb.ctinfo === IP_CT_ESTABLISHED_REPLY) seenReply(ct, entry);
  return NF_ACCEPT;
}

/** {@link conntrackIn} for packets whose entry is not found so easily, and for those that are traced. */
function lookUp(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  const trace = ct.net.trace;
  if (trace === null) return track(ct, skb, state);
  trace.enter("nf_conntrack_in", MODULE, skb);
  const verdict = track(ct, skb, state);
  trace.leave();
  return verdict;
}

function track(ct: Conntrack, skb: SkBuff, state: HookState): Verdict {
  if (skb.nfct === NO_CT && skb.ctinfo !== IP_CT_UNTRACKED) return trackAs(ct, skb, state, NO_CT);
  const template = ct.takeTemplate(skb);
  if (template !== NO_CT) {
    const verdict = trackAs(ct, skb, state, template);
    ct.put(template);
    return verdict;
  }
  // Seen before (off the loopback, or an error that was given the connection it is about), or exempted.
  if (ct.net.trace !== null) ct.noteAttached(skb, true);
  return NF_ACCEPT;
}

function trackAs(ct: Conntrack, skb: SkBuff, state: HookState, template: CtHandle): Verdict {
  const data = skb.data;
  const dataoff = transportOffset(data, 0, skb.len, state.pf);
  if (dataoff <= 0) {
    ct.stats.invalid++;
    return NF_ACCEPT;
  }
  const protonum = transportProtonum(data, 0, state.pf);
  const zone = template === NO_CT ? DEFAULT_ZONE : zoneOfTemplate(ct.zoneOf(template), skb);
  if (protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6) {
    const result = handleIcmp(ct, skb, dataoff, protonum, state, zone);
    if (result <= 0) return -result;
    if (skb.nfct !== NO_CT || skb.ctinfo === IP_CT_UNTRACKED) return NF_ACCEPT;
  }
  for (;;) {
    if (!resolve(ct, skb, dataoff, protonum, state.pf, template, zone)) {
      // Too stressed to deal with it.
      ct.stats.drop++;
      return NF_DROP;
    }
    if (skb.nfct === NO_CT) {
      ct.stats.invalid++;
      return NF_ACCEPT;
    }
    const entry = skb.nfct;
    const result = handlePacket(ct, entry, skb, dataoff, protonum, state);
    if (result > 0) {
      if (skb.ctinfo === IP_CT_ESTABLISHED_REPLY) seenReply(ct, entry);
      return NF_ACCEPT;
    }
    const verdict = refused(ct, skb, result);
    if (verdict !== NF_REPEAT) return verdict;
  }
}

/** The protocol found something wrong with a packet. NF_REPEAT: its entry is gone, and another is to be found. */
function refused(ct: Conntrack, skb: SkBuff, result: number): Verdict {
  ct.release(skb);
  if (result === -NF_REPEAT) return NF_REPEAT;
  ct.stats.invalid++;
  if (result === -NF_DROP) ct.stats.drop++;
  return -result;
}

/** The connection is answered. */
function seenReply(ct: Conntrack, entry: CtHandle): void {
  const { words } = ct.slab;
  const status = (entry << ENTRY_SHIFT) + E_STATUS;
  if (words[status] & IPS_SEEN_REPLY) return;
  words[status] |= IPS_SEEN_REPLY;
  ct.cacheEvent(entry, IPCT_REPLY);
}

/** Models `nf_conntrack_handle_icmp()`. */
function handleIcmp(
  ct: Conntrack,
  skb: SkBuff,
  dataoff: number,
  protonum: number,
  state: HookState,
  zone: Zone,
): number {
  const trace = ct.net.trace;
  const v4 = protonum === IPPROTO_ICMP;
  if (trace !== null) trace.enter(v4 ? "nf_conntrack_icmpv4_error" : "nf_conntrack_icmpv6_error", MODULE, skb);
  const result = v4 ? icmpError(ct, skb, dataoff, state, zone) : icmpv6Error(ct, skb, dataoff, state, zone);
  if (trace !== null) trace.leave();
  if (result <= 0) ct.stats.error++;
  return result;
}

/**
 * The trackers' functions, for the trace; other protocols' packets go to the generic one, which is no function there.
 */
const TRACKERS: ReadonlyMap<number, string> = new Map([
  [IPPROTO_TCP, "nf_conntrack_tcp_packet"],
  [IPPROTO_UDP, "nf_conntrack_udp_packet"],
  [IPPROTO_ICMP, "nf_conntrack_icmp_packet"],
  [IPPROTO_ICMPV6, "nf_conntrack_icmpv6_packet"],
  [IPPROTO_SCTP, "nf_conntrack_sctp_packet"],
  [IPPROTO_UDPLITE, "nf_conntrack_udplite_packet"],
  [IPPROTO_GRE, "nf_conntrack_gre_packet"],
]);

/** Models `nf_conntrack_handle_packet()`. */
function handlePacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  dataoff: number,
  protonum: number,
  state: HookState,
): number {
  const { trace } = ct.net;
  const name = trace === null ? undefined : TRACKERS.get(protonum);
  if (trace !== null && name !== undefined) trace.enter(name, MODULE, skb);
  const result =
    protonum === IPPROTO_UDP
      ? udpPacket(ct, entry, skb, dataoff, skb.ctinfo, state)
      : protonum === IPPROTO_TCP
        ? tcpPacket(ct, entry, skb, dataoff, skb.ctinfo, state)
        : otherPacket(ct, entry, skb, dataoff, protonum, state);
  if (trace !== null && name !== undefined) trace.leave();
  return result;
}

function otherPacket(
  ct: Conntrack,
  entry: CtHandle,
  skb: SkBuff,
  dataoff: number,
  protonum: number,
  state: HookState,
): number {
  switch (protonum) {
    case IPPROTO_ICMP:
      return icmpPacket(ct, entry, skb, skb.ctinfo);
    case IPPROTO_ICMPV6:
      return icmpv6Packet(ct, entry, skb, skb.ctinfo);
    case IPPROTO_SCTP:
      return sctpPacket(ct, entry, skb, dataoff, skb.ctinfo, state);
    case IPPROTO_UDPLITE:
      return udplitePacket(ct, entry, skb, dataoff, skb.ctinfo, state);
    case IPPROTO_GRE:
      return grePacket(ct, entry, skb, skb.ctinfo);
    default:
      return genericPacket(ct, entry, skb, skb.ctinfo);
  }
}

/**
 * Looks the packet's tuple up, and makes an entry when there is none. Leaves `skb.nfct` empty for a tuple that cannot
 * be; false when the table is full. Models `resolve_normal_ct()`.
 */
function resolve(
  ct: Conntrack,
  skb: SkBuff,
  dataoff: number,
  protonum: number,
  pf: NfProto,
  template: CtHandle,
  zone: Zone,
): boolean {
  const trace = ct.net.trace;
  if (trace !== null) trace.call("nf_ct_get_tuple", MODULE);
  if (!getTuple(skb.data, 0, dataoff, skb.len, protonum, tuple, ct.greKeymap, pf)) {
    if (trace !== null) trace.note({ kind: "invalid", reason: "transport header too short" });
    return true;
  }
  const hash = ct.hash(tuple, 0, zoneId(zone, IP_CT_DIR_ORIGINAL));
  let node = ct.findGetEitherWay(tuple, 0, hash, zone);
  if (node === 0) {
    if (trace !== null) trace.call("nf_ct_invert_tuple", MODULE);
    if (!invertTuple(tuple, 0, inverted, 0)) {
      if (trace !== null) trace.note({ kind: "invalid", reason: "nothing answers this ICMP type" });
      return true;
    }
    const entry = initConntrack(ct, hash, template, zone);
    if (entry === NO_CT) return false;
    node = entry * 2;
  }
  const entry = node >>> 1;
  let ctinfo = IP_CT_ESTABLISHED_REPLY;
  if ((node & 1) === IP_CT_DIR_ORIGINAL) ctinfo = originalCtinfo(ct.statusOf(entry));
  ct.setNfct(skb, entry, ctinfo);
  return true;
}

/**
 * Makes an entry for {@link tuple} and {@link inverted}, with the extensions now in use and those of the rule's
 * template. Models `init_conntrack()`.
 */
function initConntrack(ct: Conntrack, hash: number, template: CtHandle, zone: Zone): CtHandle {
  const trace = ct.net.trace;
  const entry = ct.allocate(tuple, inverted, hash, zone);
  if (entry === NO_CT) return NO_CT;
  const given = template === NO_CT ? 0 : ct.slab.words[(template << ENTRY_SHIFT) + E_EXT];
  let extensions = 0;
  if (ct.acct !== 0) extensions |= EXT_ACCT;
  if (ct.timestamp !== 0) extensions |= EXT_TSTAMP;
  if (ct.labelsUsed > 0) extensions |= EXT_LABELS;
  if (ct.cachesEvents) extensions |= EXT_ECACHE;
  ct.slab.words[(entry << ENTRY_SHIFT) + E_EXT] = extensions;
  if (extensions & (EXT_ACCT | EXT_TSTAMP)) ct.slab.keepCounters(entry);
  if (given !== 0) ct.adopt(entry, template);
  if (trace !== null) {
    if (extensions & EXT_ACCT) trace.call("nf_ct_ext_add", MODULE);
    if (extensions & EXT_TSTAMP) trace.call("nf_ct_ext_add", MODULE);
    if (ct.events !== 0) {
      trace.enter("nf_ct_ecache_ext_add", MODULE, null);
      if (extensions & EXT_ECACHE) trace.call("nf_ct_ext_add", MODULE);
      trace.leave();
    }
  }
  if (template !== NO_CT || ct.helpers.expectations.count > 0) ct.helpers.adopt(entry, tuple, template);
  return entry;
}

/** Confirms a packet's new entry and delivers the events of its walk. Models `nf_confirm()`. */
export function confirm(ct: Conntrack, skb: SkBuff): Verdict {
  const entry = skb.nfct;
  if (entry === NO_CT) return NF_ACCEPT;
  const { words } = ct.slab;
  const base = entry << ENTRY_SHIFT;
  // Most packets leave nothing to do: their entry is in the table, nobody helps, and nobody is told of it.
  const plain = (words[base + E_STATUS] & (IPS_CONFIRMED | IPS_HELPER | IPS_SEQ_ADJUST)) === IPS_CONFIRMED;
  return plain && (words[base + E_EXT] & EXT_ECACHE) === 0 ? NF_ACCEPT : confirmEntry(ct, skb);
}

function confirmEntry(ct: Conntrack, skb: SkBuff): Verdict {
  const helped = ct.helpers.beforeConfirm(skb);
  if (helped !== NF_ACCEPT) return helped;
  const verdict = confirmEarly(ct, skb);
  if (verdict !== NF_ACCEPT) return verdict;
  // A clash may have given the packet another entry.
  if (skb.nfct !== NO_CT) ct.deliverCachedEvents(skb.nfct);
  return NF_ACCEPT;
}

/** Puts a packet's entry into the table if it is not there yet, and tells nobody. Models `nf_ct_hook.confirm()`. */
export function confirmEarly(ct: Conntrack, skb: SkBuff): Verdict {
  if ((ct.statusOf(skb.nfct) & IPS_CONFIRMED) !== 0) return NF_ACCEPT;
  const trace = ct.net.trace;
  if (trace !== null) trace.enter("__nf_conntrack_confirm", MODULE, skb);
  const verdict = insert(ct, skb, skb.nfct);
  if (trace !== null) trace.leave();
  return verdict;
}

/** Puts both tuples into the table, unless somebody else has one of them. Models `__nf_conntrack_confirm()`. */
function insert(ct: Conntrack, skb: SkBuff, entry: CtHandle): Verdict {
  // A REJECT's answer may carry the entry of the packet it refuses; only that packet may confirm it.
  if (ctinfoDirection(skb.ctinfo) !== IP_CT_DIR_ORIGINAL) return NF_ACCEPT;
  const trace = ct.net.trace;
  const base = entry << ENTRY_SHIFT;
  hashReply(ct, entry);
  if (trace !== null) trace.call("nf_conntrack_double_lock", MODULE);
  if (ct.statusOf(entry) & IPS_DYING) {
    ct.stats.insertFailed++;
    return NF_DROP;
  }
  const rival = findRival(ct, entry);
  if (rival !== 0) return resolveClash(ct, skb, entry, rival);
  if (meetsLongChain(ct, entry)) {
    ct.stats.insertFailed++;
    return NF_DROP;
  }

  insertPrepare(ct, entry);
  if (trace !== null) {
    trace.call("__nf_conntrack_hash_insert", MODULE);
    trace.note({
      kind: "confirm",
      entry,
      original: tupleText(ct.slab.words, base + E_ORIGINAL),
      reply: tupleText(ct.slab.words, base + E_REPLY),
    });
  }
  ct.slab.words[base + E_TIMEOUT] += ct.net.clock.jiffies;
  ct.table.insert(entry * 2);
  ct.table.insert(entry * 2 + 1);
  ct.slab.words[base + E_STATUS] |= IPS_CONFIRMED;
  ct.inserted();
  if (ct.helpers.nameOf(entry) !== null) ct.cacheEvent(entry, IPCT_HELPER);
  ct.cacheEvent(entry, ct.statusOf(entry) & IPS_EXPECTED ? IPCT_RELATED : IPCT_NEW);
  return NF_ACCEPT;
}

/** The table takes a reference. Models `__nf_conntrack_insert_prepare()`. */
function insertPrepare(ct: Conntrack, entry: CtHandle): void {
  if (ct.net.trace !== null) ct.net.trace.call("__nf_conntrack_insert_prepare", MODULE);
  const base = entry << ENTRY_SHIFT;
  ct.slab.words[base + E_USE]++;
  if (ct.slab.words[base + E_EXT] & EXT_TSTAMP)
    ct.slab.counters[(entry << COUNTERS_SHIFT) + C_START] = ct.net.clock.nowMicros;
}

/** The hash of the reply tuple, which NAT may have changed until an entry goes into the table. */
export function hashReply(ct: Conntrack, entry: CtHandle): void {
  const { words } = ct.slab;
  const base = entry << ENTRY_SHIFT;
  const zone = zoneId(ct.zoneOf(entry), IP_CT_DIR_REPLY);
  words[base + E_HASH + IP_CT_DIR_REPLY] = ct.hash(words, base + E_REPLY, zone);
}

/** The node that already has one of both tuples of an entry about to be inserted, expired or not; 0: none. */
export function findRival(ct: Conntrack, entry: CtHandle): number {
  return rivalFor(ct, entry, IP_CT_DIR_ORIGINAL) || rivalFor(ct, entry, IP_CT_DIR_REPLY);
}

/** The same for the tuple of one direction, whose hash is known. */
function rivalFor(ct: Conntrack, entry: CtHandle, direction: 0 | 1): number {
  const words = ct.slab.words;
  const own = entry << ENTRY_SHIFT;
  const zone = ct.zoneOf(entry);
  const hash = words[own + E_HASH + direction];
  let node = ct.table.heads[ct.table.bucketOf(hash)];
  while (node !== 0) {
    const base = (node >>> 1) << ENTRY_SHIFT;
    const side = node & 1;
    if (
      words[base + E_HASH + side] === hash &&
      tupleEqual(words, base + side * TUPLE_WORDS, words, own + direction * TUPLE_WORDS) &&
      zoneId(words[base + E_ZONE], side) === zoneId(zone, side)
    )
      return node;
    node = words[base + E_NEXT + side];
  }
  return 0;
}

/** How many a chain may have before a new one: more than the first, and some of the second besides, drawn each time. */
const MIN_CHAINLEN = 50;
const MAX_CHAINLEN = 80 - MIN_CHAINLEN;

/** Whether nothing more goes into one of an entry's chains, which is counted. The kernel draws once for both. */
export function meetsLongChain(ct: Conntrack, entry: CtHandle): boolean {
  const hashes = (entry << ENTRY_SHIFT) + E_HASH;
  const { words } = ct.slab;
  if (!isLong(ct, words[hashes + IP_CT_DIR_ORIGINAL]) && !isLong(ct, words[hashes + IP_CT_DIR_REPLY])) return false;
  ct.stats.chainTooLong++;
  return true;
}

function isLong(ct: Conntrack, hash: number): boolean {
  const above = ct.table.chainLength(hash) - 1 - MIN_CHAINLEN;
  return above > 0 && above > ct.net.random.u32() % MAX_CHAINLEN;
}

/** Whether a protocol can do without the entry of one packet. Models `l4proto->allow_clash`. */
export function allowsClash(protonum: number): boolean {
  return protonum !== IPPROTO_TCP && protonum !== IPPROTO_ICMP && protonum !== IPPROTO_SCTP && protonum !== IPPROTO_GRE;
}

/**
 * Two packets of one flow were both taken for the first, and the other's entry was confirmed meanwhile. The packet
 * joins that entry, or (when only the original tuples are the same) its own goes in by the reply tuple alone for one
 * second; else it is dropped. Models `nf_ct_resolve_clash()`.
 */
function resolveClash(ct: Conntrack, skb: SkBuff, loser: CtHandle, rival: number): Verdict {
  const { trace } = ct.net;
  if (trace !== null) {
    trace.enter("nf_ct_resolve_clash", MODULE, skb);
    trace.call("nf_ct_l4proto_find", MODULE);
  }
  const verdict = settleClash(ct, skb, loser, rival);
  if (trace !== null) trace.leave();
  return verdict;
}

function settleClash(ct: Conntrack, skb: SkBuff, loser: CtHandle, rival: number): Verdict {
  const protonum = tupleProtonum(ct.slab.words, (rival >>> 1) << ENTRY_SHIFT);
  if (allowsClash(protonum) && (joinWinner(ct, skb, loser, rival) || insertReplyOnly(ct, skb, loser))) {
    ct.stats.clashResolve++;
    return NF_ACCEPT;
  }
  ct.stats.drop++;
  ct.stats.insertFailed++;
  if (ct.net.trace !== null) ct.net.trace.note({ kind: "insert-failed", reason: "a tuple belongs to another entry" });
  return NF_DROP;
}

/** Models `__nf_ct_resolve_clash()`. */
function joinWinner(ct: Conntrack, skb: SkBuff, loser: CtHandle, rival: number): boolean {
  const { trace } = ct.net;
  if (trace === null) return join(ct, skb, loser, rival);
  trace.enter("__nf_ct_resolve_clash", MODULE, skb);
  const joined = join(ct, skb, loser, rival);
  trace.leave();
  return joined;
}

function join(ct: Conntrack, skb: SkBuff, loser: CtHandle, rival: number): boolean {
  const winner = rival >>> 1;
  if (!isSameFlow(ct, winner, loser, IP_CT_DIR_ORIGINAL) && !isSameFlow(ct, winner, loser, IP_CT_DIR_REPLY))
    return false;
  const ctinfo = skb.ctinfo;
  ct.get(winner);
  ct.mergeAcct(winner, loser, ctinfo);
  ct.release(skb);
  ct.setNfct(skb, winner, ctinfo);
  return true;
}

/**
 * Whether two entries have the same tuples in the same zones, one of them seen from `direction`: as they are, or (each
 * end's packet was taken for the first) the other way round. Models `nf_ct_match()` and `nf_ct_match_reverse()`.
 */
function isSameFlow(ct: Conntrack, winner: CtHandle, loser: CtHandle, direction: 0 | 1): boolean {
  const words = ct.slab.words;
  const a = winner << ENTRY_SHIFT;
  const b = loser << ENTRY_SHIFT;
  for (const side of [IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY]) {
    const seen = side ^ direction;
    if (!tupleEqual(words, a + side * TUPLE_WORDS, words, b + seen * TUPLE_WORDS)) return false;
    if (zoneId(words[a + E_ZONE], side) !== zoneId(words[b + E_ZONE], seen)) return false;
  }
  return true;
}

/** Models `nf_ct_resolve_clash_harder()`. */
function insertReplyOnly(ct: Conntrack, skb: SkBuff, loser: CtHandle): boolean {
  const words = ct.slab.words;
  const base = loser << ENTRY_SHIFT;
  const rival = rivalFor(ct, loser, IP_CT_DIR_REPLY);
  if (rival !== 0) return joinWinner(ct, skb, loser, rival);
  words[base + E_TIMEOUT] = ct.net.clock.jiffies + HZ;
  words[base + E_STATUS] |= IPS_FIXED_TIMEOUT | IPS_NAT_CLASH;
  insertPrepare(ct, loser);
  ct.table.insert(loser * 2 + 1);
  words[base + E_STATUS] |= IPS_CONFIRMED;
  ct.inserted();
  return true;
}
