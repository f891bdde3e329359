/**
 * Network address translation of one network namespace: bindings are made once for each connection, by a rule or by
 * none (a null binding), and kept as the difference between the entry's two tuples.
 * Models net/netfilter/nf_nat_core.c and nf_nat_proto.c.
 */

import { E_MASQ_IFINDEX, E_ORIGINAL, E_REPLY, E_STATUS, ENTRY_SHIFT } from "../conntrack/entry.js";
import {
  type CtHandle,
  IPS_CONFIRMED,
  IPS_DST_NAT,
  IPS_DST_NAT_DONE,
  IPS_SRC_NAT,
  IPS_SRC_NAT_DONE,
} from "../conntrack/status.js";
import {
  copyTuple,
  getTuple,
  invertTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_PROTO,
  TUPLE_SRC,
  TUPLE_WORDS,
  transportOffset,
  transportProtonum,
  tupleEqual,
  tupleL3num,
  tupleProtonum,
  tupleText,
} from "../conntrack/tuple.js";
import {
  type HookNumber,
  type HookOps,
  type HookState,
  type Hooks,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_NAT_DST,
  NF_IP_PRI_NAT_SRC,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  type NfProto,
  nfDropErr,
  type Verdict,
} from "../hooks.js";
import { isLinkLocal } from "../ip6/address.js";
import type { NetNamespace } from "../netns.js";
import {
  ctinfoDirection,
  type Direction,
  IP_CT_DIR_ORIGINAL,
  IP_CT_NEW,
  IP_CT_RELATED,
  IP_CT_RELATED_REPLY,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import type { PacketTracer, TupleText } from "../trace.js";
import { parseIPv6, readIPv6 } from "../wire/address.js";
import { get32, getInt32, put16 } from "../wire/bytes.js";
import { checksumFold, checksumPartial } from "../wire/checksum.js";
import { ICMP_HEADER_LENGTH, ICMP_REDIRECT, icmpChecksumOk, icmpSetChecksum, icmpType } from "../wire/icmp.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPV4_DST, IPV4_HEADER_LENGTH } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_HEADER_LENGTH, pseudoHeaderSumIPv6 } from "../wire/ipv6.js";
import { manipIPv4, manipIPv6 } from "./manip.js";
import { type ManipType, type NatRange, NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC, NF_NAT_RANGE_MAP_IPS } from "./range.js";
import { uniqueTuple } from "./unique.js";

export * from "./range.js";

/** What the nat table (or another lookup) answers for the first packet of a connection at a hook. */
export type NatLookup = (skb: SkBuff, state: HookState) => Verdict;

/** Interface of the engine's NAT; implemented in this folder. */
export interface NatApi {
  /** Hangs a nat table's lookup under NAT's own hook function. Models `nf_nat_register_fn()`. */
  registerLookup(hook: HookNumber, lookup: NatLookup, priority?: number, pf?: NfProto): void;
  unregisterLookup(hook: HookNumber, lookup: NatLookup, pf?: NfProto): void;
  /** Binds an unconfirmed entry. Models `nf_nat_setup_info()`. */
  setupInfo(ct: CtHandle, range: NatRange, manip: ManipType): Verdict;
  /** Models `nf_nat_masquerade_ipv4()`: binds to the outgoing device's address. */
  masquerade(skb: SkBuff, state: HookState, range: NatRange): Verdict;
  /** Models `nf_nat_redirect_ipv4()`. */
  redirect(skb: SkBuff, state: HookState, range: NatRange): Verdict;
}

const MODULE = "nf_nat";
const INADDR_LOOPBACK = 0x7f000001;

/** The bit that says a binding was made, by manip. Models `nf_nat_initialized()`. */
const DONE: readonly number[] = [IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE];

/** The bit that says a packet of a direction is to be rewritten: in replies, source and destination change places. */
function manipBit(manip: ManipType, direction: Direction): number {
  return (manip === NF_NAT_MANIP_SRC) === (direction === IP_CT_DIR_ORIGINAL) ? IPS_SRC_NAT : IPS_DST_NAT;
}

/** The range of a null binding; its address is filled in for each. */
const nullRange = { flags: NF_NAT_RANGE_MAP_IPS, minAddr: 0, maxAddr: 0, minPort: 0, maxPort: 0, basePort: 0 };

/** The same of IPv6. */
const nullWords = new Int32Array(4);
const nullRange6 = { ...nullRange, min6: nullWords, max6: nullWords };

/** A rule's range with one IPv6 address in place of its own. */
function withAddress6(range: NatRange, address: Int32Array): NatRange {
  return { ...range, flags: range.flags | NF_NAT_RANGE_MAP_IPS, min6: address, max6: address };
}

/** A rule's range with one address in place of its own. */
function withAddress(range: NatRange, address: number): NatRange {
  return {
    flags: range.flags | NF_NAT_RANGE_MAP_IPS,
    minAddr: address,
    maxAddr: address,
    minPort: range.minPort,
    maxPort: range.maxPort,
    basePort: range.basePort,
  };
}

/** Whether a hook changes the source (else the destination). Models `HOOK2MANIP()`. */
function hookManip(hook: HookNumber): ManipType {
  return hook === NF_INET_POST_ROUTING || hook === NF_INET_LOCAL_IN ? NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST;
}

/** One registered lookup. */
interface LookupEntry {
  readonly lookup: NatLookup;
  readonly priority: number;
}

/** The second port in a tuple's word of ports; ICMP has one id for both ends. */
function dstPort(protonum: number, ports: number): number {
  return protonum === IPPROTO_ICMP || protonum === IPPROTO_ICMPV6 ? ports >>> 16 : ports & 0xffff;
}

/** Whether a packet's transport is its family's ICMP. */
function isIcmp(data: Uint8Array, length: number, pf: NfProto): boolean {
  const at = transportOffset(data, 0, length, pf);
  return at >= 0 && transportProtonum(data, 0, pf) === (pf === NFPROTO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

function icmpv6ChecksumOk(data: Uint8Array, at: number, length: number): boolean {
  return checksumPartial(data, at, length, pseudoHeaderSumIPv6(data, 0, IPPROTO_ICMPV6, length)) === 0xffff;
}

function icmpv6SetChecksum(data: Uint8Array, at: number, length: number): void {
  put16(data, at + 2, 0);
  const pseudo = pseudoHeaderSumIPv6(data, 0, IPPROTO_ICMPV6, length);
  put16(data, at + 2, checksumFold(checksumPartial(data, at, length, pseudo)));
}

const NDISC_REDIRECT = 137;
const LOOPBACK_6 = parseIPv6("::1");
const MANIP_NAMES: Readonly<Record<NfProto, string>> = {
  [NFPROTO_IPV4]: "nf_nat_ipv4_manip_pkt",
  [NFPROTO_IPV6]: "nf_nat_ipv6_manip_pkt",
};
const destination = new Int32Array(4);

const INITIAL_SOURCES = 64;

const current = new Int32Array(TUPLE_WORDS);
const wanted = new Int32Array(TUPLE_WORDS);
const reply = new Int32Array(TUPLE_WORDS);

/** The kernel's functions. */
const HOOK_FUNCTIONS: Readonly<Record<NfProto, readonly (readonly [HookNumber, string])[]>> = {
  [NFPROTO_IPV4]: [
    [NF_INET_PRE_ROUTING, "nf_nat_ipv4_pre_routing"],
    [NF_INET_POST_ROUTING, "nf_nat_ipv4_out"],
    [NF_INET_LOCAL_OUT, "nf_nat_ipv4_local_fn"],
    [NF_INET_LOCAL_IN, "nf_nat_ipv4_local_in"],
  ],
  [NFPROTO_IPV6]: [
    [NF_INET_PRE_ROUTING, "nf_nat_ipv6_in"],
    [NF_INET_POST_ROUTING, "nf_nat_ipv6_out"],
    [NF_INET_LOCAL_OUT, "nf_nat_ipv6_local_fn"],
    [NF_INET_LOCAL_IN, "nf_nat_ipv6_fn"],
  ],
};

/** One of NAT's hook functions. */
class NatFunction implements HookOps {
  readonly hook: HookNumber;
  readonly priority: number;
  readonly name: string;
  readonly module: string = MODULE;
  readonly label: string;
  readonly #nat: Nat;
  readonly #manip: ManipType;

  constructor(nat: Nat, hook: HookNumber, name: string) {
    this.#manip = hookManip(hook);
    const src = this.#manip === NF_NAT_MANIP_SRC;
    this.hook = hook;
    this.priority = src ? NF_IP_PRI_NAT_SRC : NF_IP_PRI_NAT_DST;
    this.name = name;
    this.label = src ? "nat (SNAT)" : "nat (DNAT)";
    this.#nat = nat;
  }

  fn(skb: SkBuff, state: HookState): Verdict {
    return this.#nat.run(skb, state, this.#manip);
  }
}

/** NAT of one namespace: its hook functions, and the set-up of bindings. */
export class Nat implements NatApi {
  readonly net: NetNamespace;
  /** Lookups by family and hook, in the order in which they are asked. */
  readonly #lookups: Readonly<Record<NfProto, LookupEntry[][]>> = {
    [NFPROTO_IPV4]: [[], [], [], [], []],
    [NFPROTO_IPV6]: [[], [], [], [], []],
  };
  readonly #users: Record<NfProto, number> = { [NFPROTO_IPV4]: 0, [NFPROTO_IPV6]: 0 };
  readonly #ops: Readonly<Record<NfProto, readonly HookOps[]>>;
  /** First entry of each by-source chain. Models `nf_nat_bysource`. */
  #sources: Int32Array = new Int32Array(INITIAL_SOURCES);
  /** The entry after each in its chain. Models `nat_bysource`. */
  #nextBySource: Int32Array = new Int32Array(0);
  #sourceCount = 0;
  #watchesDevices = false;

  constructor(net: NetNamespace) {
    this.net = net;
    this.#ops = { [NFPROTO_IPV4]: this.#hookOps(NFPROTO_IPV4), [NFPROTO_IPV6]: this.#hookOps(NFPROTO_IPV6) };
    net.ct.natHook = this;
  }

  #hookOps(pf: NfProto): readonly HookOps[] {
    return HOOK_FUNCTIONS[pf].map(([hook, name]) => new NatFunction(this, hook, name));
  }

  registerLookup(hook: HookNumber, lookup: NatLookup, priority = 0, pf: NfProto = NFPROTO_IPV4): void {
    if (hook === NF_INET_FORWARD) throw new Error("NAT has no place at FORWARD");
    const list = this.#lookups[pf][hook];
    const at = list.findIndex((entry) => entry.priority >= priority);
    list.splice(at < 0 ? list.length : at, 0, { lookup, priority });
    // The first user of any hook brings all four hook functions: a binding made at one must be honoured at the others.
    if (++this.#users[pf] === 1) for (const ops of this.#ops[pf]) this.#hooksOf(pf).register(ops);
  }

  unregisterLookup(hook: HookNumber, lookup: NatLookup, pf: NfProto = NFPROTO_IPV4): void {
    const list = this.#lookups[pf][hook];
    const at = list.findIndex((entry) => entry.lookup === lookup);
    if (at < 0) throw new Error("unregisterLookup: not registered");
    list.splice(at, 1);
    if (--this.#users[pf] === 0) for (const ops of this.#ops[pf]) this.#hooksOf(pf).unregister(ops);
  }

  #hooksOf(pf: NfProto): Hooks {
    return pf === NFPROTO_IPV4 ? this.net.hooks : this.net.hooks6;
  }

  // Hook functions --------------------------------------------------------------------------------------------------

  /** A packet at one of NAT's hooks, which changes that end. */
  run(skb: SkBuff, state: HookState, manip: ManipType): Verdict {
    const { nfct, ctinfo } = skb;
    // INVALID and untracked packets have no entry, and are left as they are.
    if (nfct === NO_CT) return NF_ACCEPT;
    const { ct, trace } = this.net;
    const { words } = ct.slab;
    const base = nfct << ENTRY_SHIFT;
    const status = words[base + E_STATUS];
    // Mostly the connection has its binding already, nobody traces, and the packet is no error.
    if ((status & DONE[manip]) === 0 || trace !== null) return this.#atHook(skb, state);
    if (ctinfo === IP_CT_RELATED || ctinfo === IP_CT_RELATED_REPLY) return this.#atHook(skb, state);
    if (words[base + E_MASQ_IFINDEX] !== 0 && this.#oifChanged(skb, state, nfct)) return this.#atHook(skb, state);
    if ((status & manipBit(manip, ctinfoDirection(ctinfo))) === 0) return NF_ACCEPT;
    return manip === NF_NAT_MANIP_SRC ? this.#packet(skb, nfct, manip) : this.#atHook(skb, state);
  }

  #atHook(skb: SkBuff, state: HookState): Verdict {
    switch (state.hook) {
      case NF_INET_PRE_ROUTING:
        return state.pf === NFPROTO_IPV4 ? this.#preRouting(skb, state) : this.#preRouting6(skb, state);
      case NF_INET_LOCAL_OUT:
        return this.#localOut(skb, state);
      default:
        return this.#ipv4Fn(skb, state);
    }
  }

  /** Models `nf_nat_ipv4_pre_routing()`: after a change of destination the route is to be found anew. */
  #preRouting(skb: SkBuff, state: HookState): Verdict {
    const before = getInt32(skb.data, IPV4_DST);
    const verdict = this.#ipv4Fn(skb, state);
    if (verdict === NF_ACCEPT && getInt32(skb.data, IPV4_DST) !== before) skb.dst = null;
    return verdict;
  }

  #preRouting6(skb: SkBuff, state: HookState): Verdict {
    for (let i = 0; i < 4; i++) destination[i] = getInt32(skb.data, IPV6_DST + 4 * i);
    const verdict = this.#ipv4Fn(skb, state);
    if (verdict !== NF_ACCEPT) return verdict;
    for (let i = 0; i < 4; i++) if (getInt32(skb.data, IPV6_DST + 4 * i) !== destination[i]) skb.dst6 = null;
    return verdict;
  }

  /** Models `nf_nat_ipv4_local_fn()`: a local packet was routed before; its new destination needs a new route. */
  #localOut(skb: SkBuff, state: HookState): Verdict {
    const verdict = this.#ipv4Fn(skb, state);
    const entry = skb.nfct;
    if (verdict !== NF_ACCEPT || entry === NO_CT) return verdict;
    const direction = ctinfoDirection(skb.ctinfo);
    const other = direction === 0 ? 1 : 0;
    const { ct } = this.net;
    let same = true;
    for (let i = 0; i < 4; i++) if (ct.dstWordOf(entry, direction, i) !== ct.srcWordOf(entry, other, i)) same = false;
    if (same) return NF_ACCEPT;
    const error = (state.pf === NFPROTO_IPV4 ? this.net.ip : this.net.ip6).routeMeHarder(skb);
    return error < 0 ? nfDropErr(-error) : NF_ACCEPT;
  }

  /** Models `nf_nat_ipv4_fn()`. */
  #ipv4Fn(skb: SkBuff, state: HookState): Verdict {
    const related = skb.ctinfo === IP_CT_RELATED || skb.ctinfo === IP_CT_RELATED_REPLY;
    if (related && isIcmp(skb.data, skb.len, state.pf)) return this.#translateError(skb, state);
    const { trace } = this.net;
    if (trace === null) return this.#inetFn(skb, state);
    trace.enter("nf_nat_inet_fn", MODULE, skb);
    const verdict = this.#inetFn(skb, state);
    trace.leave();
    return verdict;
  }

  #translateError(skb: SkBuff, state: HookState): Verdict {
    const { trace } = this.net;
    const name = state.pf === NFPROTO_IPV4 ? "nf_nat_icmp_reply_translation" : "nf_nat_icmpv6_reply_translation";
    if (trace !== null) trace.enter(name, MODULE, skb);
    const ok = this.#translateIcmpError(skb, state);
    if (trace !== null) trace.leave();
    return ok ? NF_ACCEPT : NF_DROP;
  }

  /** Binds the first packet's connection, by a lookup or to itself, and rewrites. Models `nf_nat_inet_fn()`. */
  #inetFn(skb: SkBuff, state: HookState): Verdict {
    const ct = this.net.ct;
    const entry = skb.nfct;
    const manip = hookManip(state.hook);
    const first = skb.ctinfo === IP_CT_NEW || skb.ctinfo === IP_CT_RELATED || skb.ctinfo === IP_CT_RELATED_REPLY;
    if (first && (ct.statusOf(entry) & DONE[manip]) === 0) {
      const verdict = this.#bind(skb, state, entry, manip);
      if (verdict !== NF_ACCEPT) return verdict;
    } else if (this.#oifChanged(skb, state, entry)) {
      ct.killAcct(entry, skb.ctinfo, skb);
      return NF_DROP;
    }
    const rewrites = (ct.statusOf(entry) & manipBit(manip, ctinfoDirection(skb.ctinfo))) !== 0;
    return rewrites ? this.#packet(skb, entry, manip) : NF_ACCEPT;
  }

  #bind(skb: SkBuff, state: HookState, entry: CtHandle, manip: ManipType): Verdict {
    const list = this.#lookups[state.pf][state.hook];
    for (const { lookup } of list) {
      const verdict = lookup(skb, state);
      if (verdict !== NF_ACCEPT) return verdict;
      if (this.net.ct.statusOf(entry) & DONE[manip]) return NF_ACCEPT;
    }
    return this.nullBinding(entry, manip);
  }

  /** Whether a masqueraded connection would now leave by another device. Models `nf_nat_oif_changed()`. */
  #oifChanged(skb: SkBuff, state: HookState, entry: CtHandle): boolean {
    if (state.hook !== NF_INET_POST_ROUTING || ctinfoDirection(skb.ctinfo) !== IP_CT_DIR_ORIGINAL) return false;
    const ifindex = this.net.ct.slab.words[(entry << ENTRY_SHIFT) + E_MASQ_IFINDEX];
    return ifindex !== 0 && state.outdev !== null && ifindex !== state.outdev.ifindex;
  }

  /** Rewrites a packet as its connection's binding says. Models `nf_nat_packet()` and `nf_nat_manip_pkt()`. */
  #packet(skb: SkBuff, entry: CtHandle, manip: ManipType): Verdict {
    const { words } = this.net.ct.slab;
    const other = (entry << ENTRY_SHIFT) + (1 - ctinfoDirection(skb.ctinfo)) * TUPLE_WORDS;
    const { trace } = this.net;
    const ok =
      trace === null
        ? this.#invertInto(skb, tupleProtonum(words, other), other, manip)
        : this.#packetTraced(skb, other, manip, trace);
    return ok ? NF_ACCEPT : NF_DROP;
  }

  #packetTraced(skb: SkBuff, other: number, manip: ManipType, trace: PacketTracer): boolean {
    const { words } = this.net.ct.slab;
    const pf = tupleL3num(words, other) === NFPROTO_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    const before = this.#tupleOf(skb, pf);
    trace.enter("nf_nat_manip_pkt", MODULE, skb);
    trace.call("nf_ct_invert_tuple", "nf_conntrack");
    trace.enter(MANIP_NAMES[pf], MODULE, skb);
    const ok = this.#invertInto(skb, tupleProtonum(words, other), other, manip);
    trace.leave();
    const after = this.#tupleOf(skb, pf);
    if (before !== null && after !== null)
      trace.note({ kind: "rewrite", manip: manip === NF_NAT_MANIP_SRC ? "SRC" : "DST", before, after });
    trace.leave();
    return ok;
  }

  /** Makes one end of a packet that of the inverse of a tuple, which is what its other direction looks like. */
  #invertInto(skb: SkBuff, protonum: number, tupleAt: number, manip: ManipType): boolean {
    return this.#manip(skb, 0, protonum, tupleAt, manip === NF_NAT_MANIP_SRC ? TUPLE_DST : TUPLE_SRC, manip);
  }

  /** Makes one end of the packet at `iphdroff` the end `from` of a tuple. */
  #manip(
    skb: SkBuff,
    iphdroff: number,
    protonum: number,
    tupleAt: number,
    from: typeof TUPLE_SRC | typeof TUPLE_DST,
    manip: ManipType,
  ): boolean {
    const words = this.net.ct.slab.words;
    const ports = words[tupleAt + TUPLE_PORTS];
    const port = from === TUPLE_SRC ? ports >>> 16 : dstPort(protonum, ports);
    return tupleL3num(words, tupleAt) === NFPROTO_IPV4
      ? manipIPv4(skb, iphdroff, protonum, words[tupleAt + from], port, manip)
      : manipIPv6(skb, iphdroff, protonum, words, tupleAt + from, port, manip);
  }

  /** A packet's own tuple for the trace. */
  #tupleOf(skb: SkBuff, pf: NfProto): TupleText | null {
    const at = transportOffset(skb.data, 0, skb.len, pf);
    if (at < 0) return null;
    const protonum = transportProtonum(skb.data, 0, pf);
    if (!getTuple(skb.data, 0, at, skb.len, protonum, wanted, this.net.ct.greKeymap, pf)) return null;
    return tupleText(wanted, 0);
  }

  /**
   * Rewrites an ICMP error: the packet it carries, which travelled the other way, and its own addresses. False to drop
   * it. Models `nf_nat_icmp_reply_translation()`.
   */
  #translateIcmpError(skb: SkBuff, { hook, pf }: HookState): boolean {
    const ct = this.net.ct;
    const data = skb.data;
    const entry = skb.nfct;
    const status = ct.statusOf(entry);
    const v4 = pf === NFPROTO_IPV4;
    const at = transportOffset(data, 0, skb.len, pf);
    const inner = at + ICMP_HEADER_LENGTH;
    if (skb.len < inner + (v4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH)) return false;
    if (v4 ? !icmpChecksumOk(data, at, skb.len - at) : !icmpv6ChecksumOk(data, at, skb.len - at)) return false;
    if (icmpType(data, at) === (v4 ? ICMP_REDIRECT : NDISC_REDIRECT)) {
      // A redirect through NAT would mislead; without NAT it passes once both bindings are known to be null.
      const both = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE;
      if ((status & both) !== both || status & (IPS_SRC_NAT | IPS_DST_NAT)) return false;
    }
    const manip = hookManip(hook);
    const direction = ctinfoDirection(skb.ctinfo);
    if ((status & manipBit(manip, direction)) === 0) return true;
    const words = ct.slab.words;
    const other = (entry << ENTRY_SHIFT) + (1 - direction) * TUPLE_WORDS;
    const trace = this.net.trace;
    const before = trace === null ? null : this.#tupleOf(skb, pf);
    if (trace !== null) trace.call(MANIP_NAMES[pf], MODULE);
    // The packet inside travelled the other way: it looks like the tuple itself.
    const inside = tupleProtonum(words, other);
    const rewritten =
      manip === NF_NAT_MANIP_SRC
        ? this.#manip(skb, inner, inside, other, TUPLE_DST, NF_NAT_MANIP_DST)
        : this.#manip(skb, inner, inside, other, TUPLE_SRC, NF_NAT_MANIP_SRC);
    if (!rewritten) return false;
    if (v4) icmpSetChecksum(data, at, skb.len - at);
    else icmpv6SetChecksum(data, at, skb.len - at);
    if (trace !== null) {
      trace.call("nf_ct_invert_tuple", "nf_conntrack");
      trace.call(MANIP_NAMES[pf], MODULE);
    }
    // The outer header is ICMP's whatever the connection is, and an error has no id to rewrite.
    if (!this.#invertInto(skb, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, other, manip)) return false;
    const after = trace === null ? null : this.#tupleOf(skb, pf);
    if (trace !== null && before !== null && after !== null)
      trace.note({ kind: "rewrite", manip: manip === NF_NAT_MANIP_SRC ? "SRC" : "DST", before, after });
    return true;
  }

  // Bindings --------------------------------------------------------------------------------------------------------

  setupInfo(entry: CtHandle, range: NatRange, manip: ManipType): Verdict {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_nat_setup_info", MODULE, null);
    const verdict = this.#setupInfo(entry, range, manip);
    if (trace !== null) trace.leave();
    return verdict;
  }

  #setupInfo(entry: CtHandle, range: NatRange, manip: ManipType): Verdict {
    const ct = this.net.ct;
    const trace = this.net.trace;
    const base = entry << ENTRY_SHIFT;
    if (ct.statusOf(entry) & IPS_CONFIRMED) return NF_ACCEPT;
    if (ct.statusOf(entry) & DONE[manip]) return NF_DROP;
    // What leaves now looks like the inverse of the reply: the original tuple with what was bound before.
    if (trace !== null) trace.call("nf_ct_invert_tuple", "nf_conntrack");
    invertTuple(ct.slab.words, base + E_REPLY, current, 0);
    uniqueTuple(this, wanted, current, range, entry, manip);
    const words = ct.slab.words;
    if (!tupleEqual(wanted, 0, current, 0)) {
      if (trace !== null) trace.call("nf_ct_invert_tuple", "nf_conntrack");
      invertTuple(wanted, 0, reply, 0);
      if (trace !== null)
        trace.note({
          kind: "alter-reply",
          entry,
          before: tupleText(words, base + E_REPLY),
          after: tupleText(reply, 0),
        });
      // Answers will come for this tuple. Models nf_conntrack_alter_reply().
      copyTuple(reply, 0, words, base + E_REPLY);
      words[base + E_STATUS] |= manip === NF_NAT_MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
    }
    if (manip === NF_NAT_MANIP_SRC) this.#addBySource(entry);
    words[base + E_STATUS] |= DONE[manip];
    return NF_ACCEPT;
  }

  /** Binds to the addresses the packet has, so that its port is reserved. Models `__nf_nat_alloc_null_binding()`. */
  nullBinding(entry: CtHandle, manip: ManipType): Verdict {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_nat_alloc_null_binding", MODULE, null);
    const ct = this.net.ct;
    // From the reply, in case a destination was bound before.
    let range: NatRange = nullRange;
    if (tupleL3num(ct.slab.words, entry << ENTRY_SHIFT) === NFPROTO_IPV4) {
      const address = manip === NF_NAT_MANIP_SRC ? ct.dstOf(entry, 1) : ct.srcOf(entry, 1);
      nullRange.minAddr = address;
      nullRange.maxAddr = address;
    } else {
      range = nullRange6;
      for (let i = 0; i < 4; i++)
        nullWords[i] = manip === NF_NAT_MANIP_SRC ? ct.dstWordOf(entry, 1, i) : ct.srcWordOf(entry, 1, i);
    }
    const verdict = this.setupInfo(entry, range, manip);
    if (trace !== null) trace.leave();
    return verdict;
  }

  masquerade(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    const { trace } = this.net;
    const v4 = state.pf === NFPROTO_IPV4;
    if (trace !== null) trace.enter(v4 ? "nf_nat_masquerade_ipv4" : "nf_nat_masquerade_ipv6", MODULE, skb);
    const verdict = v4 ? this.#masquerade(skb, state, range) : this.#masquerade6(skb, state, range);
    if (trace !== null) trace.leave();
    return verdict;
  }

  #masquerade(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    const ct = this.net.ct;
    const entry = skb.nfct;
    const out = state.outdev;
    if (entry === NO_CT || out === null) return NF_ACCEPT;
    if (ct.srcOf(entry, IP_CT_DIR_ORIGINAL) === 0) return NF_ACCEPT;
    this.#watchDevices();
    const nexthop = skb.dst !== null && skb.dst.gateway !== 0 ? skb.dst.gateway : get32(skb.data, IPV4_DST);
    const address = this.net.ip.selectAddress(out, nexthop);
    if (address === 0) {
      this.net.printk(`${out.name} ate my IP address`);
      return NF_DROP;
    }
    if (this.net.trace !== null) this.net.trace.call("nf_ct_ext_add", "nf_conntrack");
    ct.slab.words[(entry << ENTRY_SHIFT) + E_MASQ_IFINDEX] = out.ifindex;
    return this.setupInfo(entry, withAddress(range, address), NF_NAT_MANIP_SRC);
  }

  #masquerade6(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    const { ct, ip6 } = this.net;
    const out = state.outdev;
    if (skb.nfct === NO_CT || out === null) return NF_ACCEPT;
    this.#watchDevices();
    const address = ip6.selectAddress(out, readIPv6(skb.data, IPV6_DST));
    if (address === null) return NF_DROP;
    if (this.net.trace !== null) this.net.trace.call("nf_ct_ext_add", "nf_conntrack");
    ct.slab.words[(skb.nfct << ENTRY_SHIFT) + E_MASQ_IFINDEX] = out.ifindex;
    return this.setupInfo(skb.nfct, withAddress6(range, address), NF_NAT_MANIP_SRC);
  }

  redirect(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    const { trace } = this.net;
    const v4 = state.pf === NFPROTO_IPV4;
    if (trace !== null) trace.enter(v4 ? "nf_nat_redirect_ipv4" : "nf_nat_redirect_ipv6", MODULE, skb);
    const verdict = v4 ? this.#redirect(skb, state, range) : this.#redirect6(skb, state, range);
    if (trace !== null) trace.leave();
    return verdict;
  }

  #redirect(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    if (skb.nfct === NO_CT) return NF_ACCEPT;
    let address = INADDR_LOOPBACK;
    if (state.hook !== NF_INET_LOCAL_OUT) {
      // The device's first address, whatever its scope.
      address = state.indev?.ipv4?.addresses[0]?.local ?? 0;
      if (address === 0) return NF_DROP;
    }
    return this.setupInfo(skb.nfct, withAddress(range, address), NF_NAT_MANIP_DST);
  }

  #redirect6(skb: SkBuff, state: HookState, range: NatRange): Verdict {
    if (skb.nfct === NO_CT) return NF_ACCEPT;
    let address: Int32Array | undefined = LOOPBACK_6;
    if (state.hook !== NF_INET_LOCAL_OUT) {
      // For a destination of the link only, an address of the link only.
      const linkLocal = isLinkLocal(readIPv6(skb.data, IPV6_DST));
      address = state.indev?.ipv6?.addresses.find((ifa) => !linkLocal || isLinkLocal(ifa.local))?.local;
      if (address === undefined) return NF_DROP;
    }
    return this.setupInfo(skb.nfct, withAddress6(range, address), NF_NAT_MANIP_DST);
  }

  /** Masqueraded connections end with the address or the device they were bound to. Models nf_nat_masquerade.c. */
  #watchDevices(): void {
    if (this.#watchesDevices) return;
    this.#watchesDevices = true;
    const ct = this.net.ct;
    const ifindexOf = (entry: CtHandle): number => ct.slab.words[(entry << ENTRY_SHIFT) + E_MASQ_IFINDEX];
    const familyOf = (entry: CtHandle): number => tupleL3num(ct.slab.words, entry << ENTRY_SHIFT);
    this.net.ip.onDeviceDown((dev) => {
      ct.iterateCleanup((entry) => ifindexOf(entry) === dev.ifindex);
    });
    // Of a pair of addresses Linux looks for the peer's, which no connection is bound to.
    this.net.ip.onAddressChange((dev, { peer }, added) => {
      if (!added)
        ct.iterateCleanup(
          (entry) =>
            familyOf(entry) === NFPROTO_IPV4 && ifindexOf(entry) === dev.ifindex && ct.dstOf(entry, 1) === peer >>> 0,
        );
    });
    this.net.ip6.onAddressChange((dev, address, added) => {
      if (added) return;
      ct.iterateCleanup((entry) => {
        if (familyOf(entry) !== NFPROTO_IPV6 || ifindexOf(entry) !== dev.ifindex) return false;
        for (let i = 0; i < 4; i++) if (ct.dstWordOf(entry, 1, i) !== address[i]) return false;
        return true;
      });
    });
  }

  // Entries by source -----------------------------------------------------------------------------------------------

  #sourceBucket(words: Int32Array, at: number): number {
    let h = Math.imul(words[at + TUPLE_SRC] ^ this.net.ct.seed, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ (words[at + TUPLE_PORTS] >>> 16) ^ (words[at + TUPLE_PROTO] << 16), 0x85ebca6b);
    return (h ^ (h >>> 13)) & (this.#sources.length - 1);
  }

  /** The first entry (newest first) whose source may be that of a tuple, or 0. */
  firstBySource(words: Int32Array, at: number): CtHandle {
    return this.#sources[this.#sourceBucket(words, at)];
  }

  /** The entry after one in its chain, or 0. */
  nextBySource(entry: CtHandle): CtHandle {
    return this.#nextBySource[entry];
  }

  #addBySource(entry: CtHandle): void {
    if (++this.#sourceCount > this.#sources.length) this.#growSources();
    this.#linkBySource(entry);
  }

  #linkBySource(entry: CtHandle): void {
    const { slab } = this.net.ct;
    if (entry >= this.#nextBySource.length) {
      const grown = new Int32Array(slab.capacity);
      grown.set(this.#nextBySource);
      this.#nextBySource = grown;
    }
    const bucket = this.#sourceBucket(slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL);
    this.#nextBySource[entry] = this.#sources[bucket];
    this.#sources[bucket] = entry;
  }

  /** Chains keep their order, newest first. */
  #growSources(): void {
    const old = this.#sources;
    const next = this.#nextBySource;
    const { words } = this.net.ct.slab;
    this.#sources = new Int32Array(old.length * 4);
    const tails = new Int32Array(this.#sources.length);
    for (let bucket = 0; bucket < old.length; bucket++) {
      let entry = old[bucket];
      while (entry !== 0) {
        const after = next[entry];
        const into = this.#sourceBucket(words, (entry << ENTRY_SHIFT) + E_ORIGINAL);
        if (tails[into] === 0) this.#sources[into] = entry;
        else next[tails[into]] = entry;
        next[entry] = 0;
        tails[into] = entry;
        entry = after;
      }
    }
  }

  removeNatBysrc(entry: CtHandle): void {
    const next = this.#nextBySource;
    const bucket = this.#sourceBucket(this.net.ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL);
    const after = next[entry];
    this.#sourceCount--;
    let at = this.#sources[bucket];
    if (at === entry) {
      this.#sources[bucket] = after;
      return;
    }
    while (at !== 0) {
      const before = at;
      at = next[before];
      if (at === entry) {
        next[before] = after;
        return;
      }
    }
  }
}
