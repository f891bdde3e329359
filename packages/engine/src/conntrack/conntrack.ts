/**
 * Connection tracking of one network namespace: the public face that tables, NAT, sockets and tools use.
 * An entry is named by a handle, a positive integer that is valid until the entry is destroyed; its fields live in a
 * flat record (see entry.ts). Models net/netfilter/nf_conntrack_core.c.
 */
import { HZ } from "../clock.js";
import {
  type HookFunction,
  type HookOps,
  type HookState,
  type Hooks,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  type NfProto,
  type Verdict,
} from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import {
  ctinfoDirection,
  type Direction,
  IP_CT_DIR_ORIGINAL,
  IP_CT_DIR_REPLY,
  IP_CT_NEW,
  IP_CT_RELATED,
  IP_CT_RELATED_REPLY,
  IP_CT_UNTRACKED,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import { IPPROTO_SCTP, IPPROTO_TCP } from "../wire/ipv4.js";
import type { ConntrackApi, ConntrackEvent, ConntrackSnapshot, ConntrackStats } from "./api.js";
import { confirm, conntrackHooks, conntrackIn, defragHooks } from "./core.js";
import {
  C_BYTES,
  C_PACKETS,
  C_STOP,
  COUNTERS_SHIFT,
  E_EVENTS,
  E_EXT,
  E_HASH,
  E_MARK,
  E_NEXT,
  E_ORIGINAL,
  E_REPLY,
  E_STATUS,
  E_TIMEOUT,
  E_USE,
  E_ZONE,
  ENTRY_SHIFT,
  EntrySlab,
  EXT_ACCT,
  EXT_ECACHE,
  EXT_LABELS,
  EXT_TIMEOUT,
  EXT_TSTAMP,
} from "./entry.js";
import { eventType, IPCT_DESTROY, IPCT_LABEL, IPCT_MARK } from "./events.js";
import { GarbageCollector } from "./gc.js";
import { ConntrackHelpers } from "./helpers/helpers.js";
import type { NatHelperHook } from "./helpers/nat-hook.js";
import { GRE_DEFAULT_TIMEOUTS, GreKeymap } from "./proto-gre.js";
import { SCTP_DEFAULT_TIMEOUTS, SCTP_STATE_NAMES, sctpStateOf } from "./proto-sctp.js";
import { TCP_DEFAULT_TIMEOUTS, TCP_STATE_NAMES, type TcpSettings, tcpSetClosing, tcpStateOf } from "./proto-tcp.js";
import { UDP_DEFAULT_TIMEOUTS } from "./proto-udp.js";
import { carriesProtoinfo, eventOf, snapshotOf, traceEventMessage } from "./snapshot.js";
import {
  type CtHandle,
  IPS_CONFIRMED,
  IPS_DYING,
  IPS_FIXED_TIMEOUT,
  IPS_SRC_NAT_DONE,
  IPS_TEMPLATE,
} from "./status.js";
import { registerConntrackSysctls } from "./sysctls.js";
import { TupleTable } from "./table.js";
import type { TimeoutPolicy } from "./timeout-policy.js";
import {
  copyTuple,
  hashTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_SRC,
  TUPLE_WORDS,
  tupleEqual,
  tupleL3num,
  tupleProtonum,
  tupleText,
} from "./tuple.js";
import { DEFAULT_ZONE, type Zone, zoneId } from "./zone.js";

export * from "./api.js";
export * from "./status.js";

/** With this in `nf_conntrack_log_invalid` every protocol is meant. */
const IPPROTO_RAW = 255;

/** Names of `IP_CT_*` for people. */
const CTINFO_NAMES: readonly string[] = ["ESTABLISHED", "RELATED", "NEW", "ESTABLISHED REPLY", "RELATED REPLY"];

/** How a packet relates to its entry, in words. */
function ctinfoName(ctinfo: number): string {
  return ctinfo === IP_CT_UNTRACKED ? "UNTRACKED" : CTINFO_NAMES[ctinfo];
}

/** How long the kernel's rate limit of warnings looks back, and how many it lets through in that time. */
const RATELIMIT_INTERVAL_MICROS = 5_000_000;
const RATELIMIT_BURST = 10;

/** What NAT keeps about an entry must go with it. Models `struct nf_nat_hook`. */
export interface NatHook {
  /** The entry's source mapping is no more. Models `nf_nat_cleanup_conntrack()`. */
  removeNatBysrc(entry: CtHandle): void;
}

/** Writes a packet's LOG line: the kernel's `nf_log_packet()`, which the tables' LOG target owns. */
export type PacketLogger = (prefix: string, skb: SkBuff, state: HookState) => void;

/** The tracker of one network namespace. */
export class Conntrack implements ConntrackApi {
  readonly net: NetNamespace;
  /** Every entry's fields; for the engine's own files. */
  readonly slab: EntrySlab = new EntrySlab();
  /** Both tuples of every confirmed entry. */
  readonly table: TupleTable = new TupleTable(this.slab);
  /** Tunables; read and written through the sysctls of the same names. */
  readonly tcp: TcpSettings = {
    timeouts: [...TCP_DEFAULT_TIMEOUTS],
    loose: 1,
    beLiberal: 0,
    maxRetrans: 3,
    ignoreInvalidRst: 0,
  };
  /** The other trackers' timeouts in jiffies, by their own places. */
  readonly udp: number[] = [...UDP_DEFAULT_TIMEOUTS];
  readonly icmp: number[] = [30 * HZ];
  readonly icmpv6: number[] = [30 * HZ];
  readonly sctp: number[] = [...SCTP_DEFAULT_TIMEOUTS];
  readonly gre: number[] = [...GRE_DEFAULT_TIMEOUTS];
  readonly generic: number[] = [600 * HZ];
  /** PPTP's call ids. */
  readonly greKeymap: GreKeymap = new GreKeymap();
  /** Policies by name, oldest first. */
  readonly timeoutPolicies: Map<string, TimeoutPolicy> = new Map();
  readonly #policyOf: Map<CtHandle, TimeoutPolicy> = new Map();
  /** Rules that read or write labels; new entries have room for labels while there are any. Models `labels_used`. */
  labelsUsed = 0;
  readonly #labelsOf: Map<CtHandle, Uint32Array> = new Map();
  /** Whether PREROUTING verifies transport checksums. */
  checksum = 1;
  acct = 0;
  timestamp = 0;
  /** 0: no events; 1: always; 2: while somebody listens. */
  events = 2;
  /** Protocol whose invalid packets are logged; 255: all; 0: none. */
  logInvalidProtocol = 0;
  /** Greatest number of entries; 0: no limit. */
  max = 262144;
  readonly stats: ConntrackStats = {
    found: 0,
    invalid: 0,
    insert: 0,
    insertFailed: 0,
    drop: 0,
    earlyDrop: 0,
    error: 0,
    searchRestart: 0,
    clashResolve: 0,
    chainTooLong: 0,
  };
  /** Set by NAT. */
  natHook: NatHook | null = null;
  /** Set by NAT: what it does for helpers. */
  natHelper: NatHelperHook | null = null;
  /** Set by whoever formats LOG lines; without it the line has no packet. */
  packetLogger: PacketLogger | null = null;
  /** Helpers of entries, and the connections that they expect. */
  readonly helpers: ConntrackHelpers = new ConntrackHelpers(this);
  /** Entries that exist, confirmed or not. */
  count = 0;
  readonly #users: Record<NfProto, number> = { [NFPROTO_IPV4]: 0, [NFPROTO_IPV6]: 0 };
  /** Who wants fragments to be put together: conntrack, and rules with TPROXY and `-m socket`. */
  readonly #defragUsers: Record<NfProto, number> = { [NFPROTO_IPV4]: 0, [NFPROTO_IPV6]: 0 };
  #listeners: ((event: ConntrackEvent) => void)[] = [];
  readonly #gc: GarbageCollector;
  /** Drawn at first use, as the kernel draws its keys. */
  #seed: number | null = null;
  #warnedSinceMicros = Number.NEGATIVE_INFINITY;
  #warned = 0;
  #suppressed = 0;

  constructor(net: NetNamespace) {
    this.net = net;
    this.#gc = new GarbageCollector(this);
    registerConntrackSysctls(this, net.sysctl);
    this.#hooks = {
      [NFPROTO_IPV4]: conntrackHooks(this, NFPROTO_IPV4),
      [NFPROTO_IPV6]: conntrackHooks(this, NFPROTO_IPV6),
    };
  }

  readonly #hooks: Readonly<Record<NfProto, readonly HookOps[]>>;
  readonly #defragHooks: Readonly<Record<NfProto, readonly HookOps[]>> = {
    [NFPROTO_IPV4]: defragHooks(this, NFPROTO_IPV4),
    [NFPROTO_IPV6]: defragHooks(this, NFPROTO_IPV6),
  };

  netnsGet(pf: NfProto = NFPROTO_IPV4): void {
    if (++this.#users[pf] > 1) return;
    this.defragGet(pf);
    for (const ops of this.#hooks[pf]) this.#hooksOf(pf).register(ops);
  }

  netnsPut(pf: NfProto = NFPROTO_IPV4): void {
    if (this.#users[pf] === 0) throw new Error("netnsPut without netnsGet");
    if (--this.#users[pf] > 0) return;
    for (const ops of this.#hooks[pf]) this.#hooksOf(pf).unregister(ops);
    this.defragPut(pf);
  }

  /**
   * Fragments are put together from the first user on. Models `nf_defrag_ipv4_enable()` and `nf_defrag_ipv6_enable()`.
   */
  defragGet(pf: NfProto): void {
    if (++this.#defragUsers[pf] > 1) return;
    for (const ops of this.#defragHooks[pf]) this.#hooksOf(pf).register(ops);
  }

  /** Models `nf_defrag_ipv4_disable()` and `nf_defrag_ipv6_disable()`. */
  defragPut(pf: NfProto): void {
    if (--this.#defragUsers[pf] > 0) return;
    for (const ops of this.#defragHooks[pf]) this.#hooksOf(pf).unregister(ops);
  }

  #hooksOf(pf: NfProto): Hooks {
    return pf === NFPROTO_IPV4 ? this.net.hooks : this.net.hooks6;
  }

  get enabled(): boolean {
    return this.#users[NFPROTO_IPV4] > 0 || this.#users[NFPROTO_IPV6] > 0;
  }

  /** The secret of the hashes. Models `get_random_once()`. */
  get seed(): number {
    return this.#seed ?? this.#drawSeed();
  }

  #drawSeed(): number {
    this.#seed = this.net.random.u32() | 0;
    return this.#seed;
  }

  // Readers ---------------------------------------------------------------------------------------------------------

  statusOf(ct: CtHandle): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + E_STATUS];
  }

  markOf(ct: CtHandle): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + E_MARK] >>> 0;
  }

  setMark(ct: CtHandle, mark: number): void {
    const slot = (ct << ENTRY_SHIFT) + E_MARK;
    if (this.slab.words[slot] >>> 0 === mark >>> 0) return;
    this.slab.words[slot] = mark;
    this.cacheEvent(ct, IPCT_MARK);
  }

  srcOf(ct: CtHandle, direction: Direction): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_SRC] >>> 0;
  }

  dstOf(ct: CtHandle, direction: Direction): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_DST] >>> 0;
  }

  srcWordOf(ct: CtHandle, direction: Direction, word: number): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_SRC + word];
  }

  dstWordOf(ct: CtHandle, direction: Direction, word: number): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_DST + word];
  }

  sportOf(ct: CtHandle, direction: Direction): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_PORTS] >>> 16;
  }

  dportOf(ct: CtHandle, direction: Direction): number {
    return this.slab.words[(ct << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_PORTS] & 0xffff;
  }

  /** The family of an entry. Models `nf_ct_l3num()`. */
  l3numOf(ct: CtHandle): NfProto {
    return tupleL3num(this.slab.words, ct << ENTRY_SHIFT) === NFPROTO_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  }

  protonumOf(ct: CtHandle): number {
    return tupleProtonum(this.slab.words, ct << ENTRY_SHIFT);
  }

  /** Jiffies until expiry, never negative. Models `nf_ct_expires()`. */
  expiresJiffies(ct: CtHandle): number {
    const base = ct << ENTRY_SHIFT;
    const timeout = this.slab.words[base + E_TIMEOUT];
    const left = (this.slab.words[base + E_STATUS] & IPS_CONFIRMED ? timeout - this.net.clock.jiffies : timeout) | 0;
    return left > 0 ? left : 0;
  }

  expiresSeconds(ct: CtHandle): number {
    return Math.floor(this.expiresJiffies(ct) / HZ);
  }

  /** Whether the entry counts its packets: accounting was on when it was made. Models `nf_conn_acct_find()`. */
  accountsFor(ct: CtHandle): boolean {
    return (this.slab.words[(ct << ENTRY_SHIFT) + E_EXT] & EXT_ACCT) !== 0;
  }

  packetsOf(ct: CtHandle, direction: Direction): number {
    return this.accountsFor(ct) ? this.slab.counters[(ct << COUNTERS_SHIFT) + C_PACKETS + direction] : 0;
  }

  bytesOf(ct: CtHandle, direction: Direction): number {
    return this.accountsFor(ct) ? this.slab.counters[(ct << COUNTERS_SHIFT) + C_BYTES + direction] : 0;
  }

  /**
   * The 32-bit id of tools. Not the table's hash with the table's seed: it must not tell the chain. Models
   * `nf_ct_get_id()`, which does not keep it either.
   */
  idOf(ct: CtHandle): number {
    return hashTuple(this.slab.words, (ct << ENTRY_SHIFT) + E_ORIGINAL, ct & 0xffff, ~this.seed) >>> 0;
  }

  // References ------------------------------------------------------------------------------------------------------

  get(ct: CtHandle): void {
    this.slab.words[(ct << ENTRY_SHIFT) + E_USE]++;
  }

  put(ct: CtHandle): void {
    if (--this.slab.words[(ct << ENTRY_SHIFT) + E_USE] === 0) this.#free(ct);
  }

  release(skb: SkBuff): void {
    const ct = skb.nfct;
    skb.nfct = NO_CT;
    skb.ctinfo = 0;
    if (ct !== NO_CT) this.put(ct);
  }

  attach(to: SkBuff, from: SkBuff): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("nf_ct_attach", null, to);
    if (from.nfct !== NO_CT || from.ctinfo === IP_CT_UNTRACKED) this.#attach(to, from);
    if (trace !== null) trace.leave();
  }

  /** Models `nf_conntrack_attach()`. */
  #attach(to: SkBuff, from: SkBuff): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("nf_conntrack_attach", "nf_conntrack", to);
    // An untracked packet has no entry to share: what is made about it is tracked like any packet, but as something is
    // said of it already, no NOTRACK exempts it.
    if (from.nfct !== NO_CT) this.#share(to, from);
    else to.ctinfo = IP_CT_RELATED;
    if (trace !== null) trace.leave();
  }

  #share(to: SkBuff, from: SkBuff): void {
    const original = ctinfoDirection(from.ctinfo) === IP_CT_DIR_ORIGINAL;
    this.get(from.nfct);
    // Not told here: the trace is still with the packet that caused this one.
    to.nfct = from.nfct;
    to.ctinfo = original ? IP_CT_RELATED_REPLY : IP_CT_RELATED;
  }

  setClosing(skb: SkBuff): void {
    const { trace } = this.net;
    const ct = skb.nfct;
    if (trace !== null) trace.enter("nf_ct_set_closing", null, skb);
    if (ct !== NO_CT) {
      if (trace !== null) trace.enter("nf_conntrack_set_closing", "nf_conntrack", skb);
      if (this.protonumOf(ct) === IPPROTO_TCP) tcpSetClosing(this, ct);
      if (trace !== null) trace.leave();
    }
    if (trace !== null) trace.leave();
  }

  setUntracked(skb: SkBuff): void {
    if (skb.nfct !== NO_CT || skb.ctinfo !== 0) return;
    skb.ctinfo = IP_CT_UNTRACKED;
  }

  /** Hangs an entry on a packet; the caller's reference goes with it. Models `nf_ct_set()`. */
  setNfct(skb: SkBuff, ct: CtHandle, ctinfo: number): void {
    skb.nfct = ct;
    skb.ctinfo = ctinfo;
    this.noteAttached(skb, false);
  }

  /** Tells the trace of a packet's entry; `already` when it was attached before the packet came to conntrack. */
  noteAttached(skb: SkBuff, already: boolean): void {
    const { trace } = this.net;
    const ct = skb.nfct;
    if (trace === null || ct === NO_CT) return;
    const base = ct << ENTRY_SHIFT;
    trace.note({
      kind: "attach",
      entry: ct,
      ctinfo: ctinfoName(skb.ctinfo),
      already,
      original: tupleText(this.slab.words, base + E_ORIGINAL),
      reply: tupleText(this.slab.words, base + E_REPLY),
      state: this.stateOf(ct),
      confirmed: (this.statusOf(ct) & IPS_CONFIRMED) !== 0,
    });
  }

  /** Nobody holds the entry any more. Models `nf_ct_destroy()` and `nf_conntrack_free()`. */
  #free(ct: CtHandle): void {
    const { trace } = this.net;
    if (this.statusOf(ct) & IPS_TEMPLATE) {
      // The rule is gone. Models `nf_ct_destroy_timeout()`.
      const policy = this.timeoutPolicyOf(ct);
      if (policy !== null) policy.templates--;
      this.helpers.forget(ct);
      this.#dropExtras(ct);
      this.slab.free(ct);
      return;
    }
    const bound = (this.slab.words[(ct << ENTRY_SHIFT) + E_STATUS] & IPS_SRC_NAT_DONE) !== 0;
    if (trace !== null) {
      trace.enter("nf_ct_destroy", "nf_conntrack", null);
      trace.enter("nf_conntrack_free", "nf_conntrack", null);
      if (bound) trace.call("nf_nat_cleanup_conntrack", "nf_nat");
      trace.leave();
      trace.leave();
    }
    if (bound) this.natHook?.removeNatBysrc(ct);
    this.helpers.forget(ct);
    this.#dropExtras(ct);
    this.slab.free(ct);
    this.count--;
  }

  // Templates -------------------------------------------------------------------------------------------------------

  /**
   * An entry that is no connection: a rule hangs it on packets, to tell conntrack in which zone to look and what a new
   * entry is to have. The caller holds its one reference. Models `nf_ct_tmpl_alloc()`.
   */
  allocateTemplate(zone: Zone): CtHandle {
    const ct = this.slab.allocate();
    const base = ct << ENTRY_SHIFT;
    this.slab.words[base + E_ZONE] = zone;
    this.slab.words[base + E_USE] = 1;
    this.slab.words[base + E_STATUS] = IPS_TEMPLATE | IPS_CONFIRMED;
    return ct;
  }

  setTemplate(skb: SkBuff, template: CtHandle): void {
    if (skb.nfct !== NO_CT || skb.ctinfo === IP_CT_UNTRACKED) return;
    this.get(template);
    skb.nfct = template;
    skb.ctinfo = IP_CT_NEW;
  }

  /** Takes a rule's template off a packet; the caller gets its reference. NO_CT when it has none. */
  takeTemplate(skb: SkBuff): CtHandle {
    const ct = skb.nfct;
    if (ct === NO_CT || (this.statusOf(ct) & IPS_TEMPLATE) === 0) return NO_CT;
    skb.nfct = NO_CT;
    skb.ctinfo = 0;
    return ct;
  }

  /** What is kept beside an entry goes with it. */
  #dropExtras(ct: CtHandle): void {
    const extensions = this.slab.words[(ct << ENTRY_SHIFT) + E_EXT];
    if (extensions & EXT_TIMEOUT) this.#policyOf.delete(ct);
    if (extensions & EXT_LABELS) this.#labelsOf.delete(ct);
  }

  /** A new entry takes over what a rule's template gives. */
  adopt(ct: CtHandle, template: CtHandle): void {
    const policy = this.#policyOf.get(template);
    if (policy !== undefined) this.giveTimeoutPolicy(ct, policy);
    const words = this.slab.words;
    const from = template << ENTRY_SHIFT;
    if ((words[from + E_EXT] & EXT_ECACHE) === 0 || !(this.cachesEvents || this.events === 0)) return;
    words[(ct << ENTRY_SHIFT) + E_EXT] |= EXT_ECACHE;
    words[(ct << ENTRY_SHIFT) + E_EVENTS] = words[from + E_EVENTS];
  }

  /**
   * Only events of a set of `IPCT_*` bits are told of, on a rule's template. While nobody listens and events are made
   * for listeners alone, this is forgotten, as in the kernel. Models `nf_ct_ecache_ext_add()` on a template.
   */
  maskEvents(template: CtHandle, wanted: number): void {
    if (this.events === 2 && !this.cachesEvents) return;
    const base = template << ENTRY_SHIFT;
    this.slab.words[base + E_EXT] |= EXT_ECACHE;
    this.slab.words[base + E_EVENTS] = (~wanted & 0xffff) << 16;
  }

  // Timeout policies ------------------------------------------------------------------------------------------------

  /** The timeouts of an entry: its policy's, or else those of its tracker. Models `nf_ct_timeout_lookup()`. */
  timeoutsOf(ct: CtHandle, defaults: readonly number[]): readonly number[] {
    if ((this.slab.words[(ct << ENTRY_SHIFT) + E_EXT] & EXT_TIMEOUT) === 0) return defaults;
    return this.#policyOf.get(ct)?.timeouts ?? defaults;
  }

  /** Hangs a policy on an entry or a template. Models `nf_ct_timeout_ext_add()`. */
  giveTimeoutPolicy(ct: CtHandle, policy: TimeoutPolicy): void {
    this.slab.words[(ct << ENTRY_SHIFT) + E_EXT] |= EXT_TIMEOUT;
    this.#policyOf.set(ct, policy);
  }

  /** The policy of an entry or a template, or null. */
  timeoutPolicyOf(ct: CtHandle): TimeoutPolicy | null {
    return this.#policyOf.get(ct) ?? null;
  }

  /** No entry has the policy any more. Models `nf_ct_untimeout()`. */
  forgetTimeoutPolicy(policy: TimeoutPolicy): void {
    for (const [ct, given] of this.#policyOf) if (given === policy) this.#policyOf.delete(ct);
  }

  // Labels ----------------------------------------------------------------------------------------------------------

  /** Whether the entry has room for labels. */
  hasLabels(ct: CtHandle): boolean {
    return (this.slab.words[(ct << ENTRY_SHIFT) + E_EXT] & EXT_LABELS) !== 0;
  }

  /** The entry's 128 labels as four words, lowest first; null while none was set. Do not change them. */
  labelsOf(ct: CtHandle): Uint32Array | null {
    return this.#labelsOf.get(ct) ?? null;
  }

  hasLabel(ct: CtHandle, bit: number): boolean {
    if (!this.hasLabels(ct)) return false;
    const labels = this.#labelsOf.get(ct);
    return labels !== undefined && (labels[bit >>> 5] & (1 << (bit & 31))) !== 0;
  }

  setLabel(ct: CtHandle, bit: number): boolean {
    if (!this.hasLabels(ct)) return false;
    if (!this.hasLabel(ct, bit)) {
      this.#labelWords(ct)[bit >>> 5] |= 1 << (bit & 31);
      this.cacheEvent(ct, IPCT_LABEL);
    }
    return true;
  }

  /** Sets the labels of a mask as four words say. False without room for them. Models `nf_connlabels_replace()`. */
  replaceLabels(ct: CtHandle, data: Uint32Array, mask: Uint32Array): boolean {
    if (!this.hasLabels(ct)) return false;
    const labels = this.#labelWords(ct);
    let changed = false;
    for (let i = 0; i < labels.length; i++) {
      const word = ((labels[i] & ~mask[i]) | (data[i] & mask[i])) >>> 0;
      if (word !== labels[i]) changed = true;
      labels[i] = word;
    }
    if (changed) this.cacheEvent(ct, IPCT_LABEL);
    return true;
  }

  #labelWords(ct: CtHandle): Uint32Array {
    let labels = this.#labelsOf.get(ct);
    if (labels === undefined) {
      labels = new Uint32Array(4);
      this.#labelsOf.set(ct, labels);
    }
    return labels;
  }

  /** The name of the state that the protocol's tracker has the entry in; null for trackers without states. */
  stateOf(ct: CtHandle): string | null {
    const protonum = this.protonumOf(ct);
    if (protonum === IPPROTO_TCP) return TCP_STATE_NAMES[tcpStateOf(this, ct)];
    return protonum === IPPROTO_SCTP ? SCTP_STATE_NAMES[sctpStateOf(this, ct)] : null;
  }

  /** The zone of an entry or a template. */
  zoneOf(ct: CtHandle): Zone {
    return this.slab.words[(ct << ENTRY_SHIFT) + E_ZONE];
  }

  // The table -------------------------------------------------------------------------------------------------------

  /**
   * The node (twice the entry plus the direction) of a tuple in the table, or 0. Expired entries met on the way are
   * destroyed. Models `____nf_conntrack_find()`.
   */
  find(tuple: Int32Array, at: number, hash: number, zone: Zone = DEFAULT_ZONE): number {
    const now = this.net.clock.jiffies;
    let node = this.table.heads[this.table.bucketOf(hash)];
    while (node !== 0) {
      const words = this.slab.words;
      const direction = node & 1;
      const base = (node >>> 1) << ENTRY_SHIFT;
      let next = words[base + E_NEXT + direction];
      if (((words[base + E_TIMEOUT] - now) | 0) <= 0) {
        next = this.table.nextOfAnother(node);
        this.collect(node >>> 1);
      } else if (
        words[base + E_HASH + direction] === hash &&
        tupleEqual(words, base + direction * TUPLE_WORDS, tuple, at) &&
        (words[base + E_ZONE] === zone || zoneId(words[base + E_ZONE], direction) === zoneId(zone, direction))
      )
        return node;
      node = next;
    }
    return 0;
  }

  /** {@link find} for the outside, with a reference on what is found and its place in the trace. */
  findGet(tuple: Int32Array, at: number, zone: Zone = DEFAULT_ZONE): number {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_conntrack_find_get", "nf_conntrack", null);
    const hash = this.hash(tuple, at, zoneId(zone, IP_CT_DIR_ORIGINAL));
    const node = this.findGetEitherWay(tuple, at, hash, zone);
    if (trace !== null) trace.leave();
    return node;
  }

  /**
   * Looks a tuple up by the hash it has as an original one, and where the zone counts in one direction alone, as a
   * reply too. Models what `nf_conntrack_find_get()` and `resolve_normal_ct()` share.
   */
  findGetEitherWay(tuple: Int32Array, at: number, hash: number, zone: Zone): number {
    const node = this.findGetHashed(tuple, at, hash, zone);
    const replyId = zoneId(zone, IP_CT_DIR_REPLY);
    if (node !== 0 || replyId === zoneId(zone, IP_CT_DIR_ORIGINAL)) return node;
    return this.findGetHashed(tuple, at, this.hash(tuple, at, replyId), zone);
  }

  /** The hash of a tuple in the zone of that number. Models `hash_conntrack_raw()`. */
  hash(tuple: Int32Array, at: number, zoneNumber: number): number {
    if (this.net.trace !== null) this.net.trace.call("hash_conntrack_raw", "nf_conntrack");
    return hashTuple(tuple, at, zoneNumber, this.seed);
  }

  /** The one lookup of a packet. Models `__nf_conntrack_find_get()`. */
  findGetHashed(tuple: Int32Array, at: number, hash: number, zone: Zone): number {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_find_get", "nf_conntrack", null);
    const node = this.find(tuple, at, hash, zone);
    if (node !== 0) this.get(node >>> 1);
    if (trace !== null) {
      trace.note({
        kind: "lookup",
        tuple: tupleText(tuple, at),
        found: node === 0 ? null : node & 1 ? "REPLY" : "ORIGINAL",
        entry: node === 0 ? null : node >>> 1,
      });
      trace.leave();
    }
    return node;
  }

  /**
   * Whether a reply tuple belongs to an entry already; one with the same original tuple does not count, as that is the
   * same flow. Models `nf_conntrack_tuple_taken()`.
   */
  tupleTaken(tuple: Int32Array, at: number, ignored: CtHandle): boolean {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_conntrack_tuple_taken", "nf_conntrack", null);
    const taken = this.#tupleTaken(tuple, at, ignored);
    if (trace !== null) trace.leave();
    return taken;
  }

  #tupleTaken(tuple: Int32Array, at: number, ignored: CtHandle): boolean {
    const zone = this.zoneOf(ignored);
    const hash = this.hash(tuple, at, zoneId(zone, IP_CT_DIR_REPLY));
    const words = this.slab.words;
    const now = this.net.clock.jiffies;
    let node = this.table.heads[this.table.bucketOf(hash)];
    while (node !== 0) {
      const entry = node >>> 1;
      const base = entry << ENTRY_SHIFT;
      let next = words[base + E_NEXT + (node & 1)];
      if (entry !== ignored) {
        if (((words[base + E_TIMEOUT] - now) | 0) <= 0) {
          next = this.table.nextOfAnother(node);
          this.collect(entry);
        } else if (
          words[base + E_HASH + (node & 1)] === hash &&
          tupleEqual(words, base + (node & 1) * TUPLE_WORDS, tuple, at) &&
          zoneId(words[base + E_ZONE], node & 1) === zoneId(zone, node & 1) &&
          !(
            tupleEqual(words, base + E_ORIGINAL, words, (ignored << ENTRY_SHIFT) + E_ORIGINAL) &&
            zoneId(words[base + E_ZONE], IP_CT_DIR_ORIGINAL) === zoneId(zone, IP_CT_DIR_ORIGINAL)
          )
        ) {
          this.stats.found++;
          return true;
        }
      }
      node = next;
    }
    return false;
  }

  /** Destroys an expired entry. Models `nf_ct_gc_expired()`. */
  collect(ct: CtHandle): void {
    const status = this.statusOf(ct);
    const { trace } = this.net;
    if (trace !== null) trace.enter("nf_ct_gc_expired", "nf_conntrack", null);
    this.get(ct);
    if ((status & IPS_CONFIRMED) !== 0 && (status & IPS_DYING) === 0) this.kill(ct);
    this.put(ct);
    if (trace !== null) trace.leave();
  }

  /** Whether a confirmed entry's time is over. Models `nf_ct_is_expired()`. */
  isExpired(ct: CtHandle): boolean {
    return ((this.slab.words[(ct << ENTRY_SHIFT) + E_TIMEOUT] - this.net.clock.jiffies) | 0) <= 0;
  }

  /**
   * A fresh entry for a packet's tuple, with one reference; NO_CT when the table is full and nothing can be dropped
   * early; `searched` says by its hash in which chains. Models `__nf_conntrack_alloc()` and the first part of
   * `init_conntrack()`.
   */
  allocate(original: Int32Array, reply: Int32Array, hash: number, zone: Zone, searched: number = hash): CtHandle {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_alloc", "nf_conntrack", null);
    const ct = this.#allocate(original, reply, hash, zone, searched);
    if (trace !== null) {
      if (ct === NO_CT) trace.note({ kind: "invalid", reason: "nf_conntrack: table full, dropping packet" });
      else trace.note({ kind: "alloc", entry: ct, original: tupleText(original, 0), reply: tupleText(reply, 0) });
      trace.leave();
    }
    return ct;
  }

  #allocate(original: Int32Array, reply: Int32Array, hash: number, zone: Zone, searched: number): CtHandle {
    this.count++;
    if (this.max !== 0 && this.count > this.max && !this.#gc.earlyDrop(searched)) {
      this.#gc.pressed = true;
      this.count--;
      this.warn("nf_conntrack: nf_conntrack: table full, dropping packet");
      return NO_CT;
    }
    const ct = this.slab.allocate();
    const base = ct << ENTRY_SHIFT;
    const words = this.slab.words;
    copyTuple(original, 0, words, base + E_ORIGINAL);
    copyTuple(reply, 0, words, base + E_REPLY);
    words[base + E_HASH] = hash;
    words[base + E_ZONE] = zone;
    words[base + E_USE] = 1;
    return ct;
  }

  /** A warning of the kernel's log, at most ten in five seconds. Models `net_warn_ratelimited()`. */
  warn(line: string): void {
    const now = this.net.clock.nowMicros;
    if (now - this.#warnedSinceMicros >= RATELIMIT_INTERVAL_MICROS) {
      if (this.#suppressed > 0) this.net.printk(`net_ratelimit: ${this.#suppressed} callbacks suppressed`);
      this.#warnedSinceMicros = now;
      this.#warned = 0;
      this.#suppressed = 0;
    }
    if (this.#warned++ < RATELIMIT_BURST) this.net.printk(line);
    else this.#suppressed++;
  }

  /** An entry was inserted: its expiry must be looked after. */
  inserted(): void {
    this.#gc.start();
  }

  delete(ct: CtHandle, portid = 0): boolean {
    return this.kill(ct, portid);
  }

  /**
   * Ends an entry: tells listeners, takes it out of the table and gives the table's reference back. Returns false when
   * somebody did before. Models `nf_ct_delete()`.
   */
  kill(ct: CtHandle, portid = 0): boolean {
    const { trace } = this.net;
    if (trace === null) return this.#kill(ct, portid);
    trace.enter("nf_ct_delete", "nf_conntrack", null);
    const killed = this.#kill(ct, portid);
    trace.leave();
    return killed;
  }

  #kill(ct: CtHandle, portid: number): boolean {
    const words = this.slab.words;
    const base = ct << ENTRY_SHIFT;
    if (words[base + E_STATUS] & IPS_DYING) return false;
    words[base + E_STATUS] |= IPS_DYING;
    if (words[base + E_EXT] & EXT_TSTAMP) {
      const overdueJiffies = Math.max(0, (this.net.clock.jiffies - words[base + E_TIMEOUT]) | 0);
      this.slab.counters[(ct << COUNTERS_SHIFT) + C_STOP] =
        this.net.clock.nowMicros - overdueJiffies * (1_000_000 / HZ);
    }
    if ((words[base + E_STATUS] & IPS_CONFIRMED) === 0) return true;
    const trace = this.net.trace;
    if (words[base + E_EXT] & EXT_ECACHE) {
      if (trace !== null) trace.enter("nf_conntrack_eventmask_report", "nf_conntrack", null);
      this.report(ct, 1 << IPCT_DESTROY, portid);
      if (trace !== null) trace.leave();
    }
    if (trace !== null) {
      trace.enter("__nf_ct_delete_from_lists", "nf_conntrack", null);
      // Both chains are found anew: the table may have grown.
      for (let direction = 0; direction < 2; direction++) trace.call("hash_conntrack_raw", "nf_conntrack");
      trace.call("nf_conntrack_double_lock", "nf_conntrack");
      trace.leave();
    }
    this.helpers.destroy(ct);
    this.table.remove(ct * 2);
    this.table.remove(ct * 2 + 1);
    this.helpers.removeExpectations(ct);
    this.put(ct);
    return true;
  }

  /** {@link kill}, and the packet still counts. Models `nf_ct_kill_acct()`. */
  killAcct(ct: CtHandle, ctinfo: number, skb: SkBuff): boolean {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_ct_kill_acct", "nf_conntrack", skb);
    this.#account(ct, ctinfo, skb.len);
    const killed = this.kill(ct);
    if (trace !== null) trace.leave();
    return killed;
  }

  flush(portid = 0): number {
    let flushed = 0;
    for (const ct of this.#confirmed()) if (this.kill(ct, portid)) flushed++;
    return flushed;
  }

  /** Ends the entries a test picks. Models `nf_ct_iterate_cleanup_net()`. */
  iterateCleanup(doomed: (ct: CtHandle) => boolean): number {
    let killed = 0;
    for (const ct of this.#confirmed()) if (doomed(ct) && this.kill(ct)) killed++;
    return killed;
  }

  /** Handles of all confirmed entries in the table's order. */
  #confirmed(): CtHandle[] {
    const handles: CtHandle[] = [];
    for (const head of this.table.heads)
      for (let node = head; node !== 0; node = this.table.next(node))
        // A clashing entry stands in the table by its reply tuple alone, and tools do not see it.
        if ((node & 1) === IP_CT_DIR_ORIGINAL) handles.push(node >>> 1);
    return handles;
  }

  list(): ConntrackSnapshot[] {
    const snapshots: ConntrackSnapshot[] = [];
    for (const ct of this.#confirmed())
      if (this.isExpired(ct)) this.collect(ct);
      else snapshots.push(snapshotOf(this, ct));
    return snapshots;
  }

  snapshot(ct: CtHandle): ConntrackSnapshot {
    return snapshotOf(this, ct);
  }

  // Timeouts and accounting -----------------------------------------------------------------------------------------

  /** The entry lives for `timeoutJiffies` from now, and the packet counts. Models `__nf_ct_refresh_acct()`. */
  refreshAcct(ct: CtHandle, ctinfo: number, skb: SkBuff, timeoutJiffies: number): void {
    const { words } = this.slab;
    const base = ct << ENTRY_SHIFT;
    const status = words[base + E_STATUS];
    if ((status & IPS_FIXED_TIMEOUT) === 0)
      // Until it is confirmed its time does not run.
      words[base + E_TIMEOUT] = status & IPS_CONFIRMED ? timeoutJiffies + this.net.clock.jiffies : timeoutJiffies;
    if ((words[base + E_EXT] & EXT_ACCT) !== 0 || this.net.trace !== null) this.#accountPacket(ct, ctinfo, skb);
  }

  #accountPacket(ct: CtHandle, ctinfo: number, skb: SkBuff): void {
    const { trace } = this.net;
    if (trace !== null) trace.enter("__nf_ct_refresh_acct", "nf_conntrack", skb);
    this.#account(ct, ctinfo, skb.len);
    if (trace !== null) trace.leave();
  }

  #account(ct: CtHandle, ctinfo: number, length: number): void {
    if (this.net.trace !== null) this.net.trace.call("nf_ct_acct_add", "nf_conntrack");
    if (!this.accountsFor(ct)) return;
    const direction = ctinfoDirection(ctinfo);
    const { counters } = this.slab;
    const first = (ct << COUNTERS_SHIFT) + direction;
    counters[first + C_PACKETS]++;
    counters[first + C_BYTES] += length;
  }

  /** Counts from nothing again. Models `ctnetlink_dump_acct()` of IPCTNL_MSG_CT_GET_CTRZERO. */
  zeroCounters(ct: CtHandle): void {
    if (!this.accountsFor(ct)) return;
    const first = ct << COUNTERS_SHIFT;
    this.slab.counters.fill(0, first + C_PACKETS, first + C_BYTES + 2);
  }

  /** The packets counted on an entry that goes move to the one that stays. Models `nf_ct_acct_merge()`. */
  mergeAcct(winner: CtHandle, loser: CtHandle, ctinfo: number): void {
    if ((this.slab.words[(loser << ENTRY_SHIFT) + E_EXT] & EXT_ACCT) !== 0)
      this.#account(winner, ctinfo, this.bytesOf(loser, ctinfoDirection(ctinfo)));
  }

  // Events ----------------------------------------------------------------------------------------------------------

  subscribe(listener: (event: ConntrackEvent) => void): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** Whether a fresh entry gets an event cache. Models the choice in `nf_ct_ecache_ext_add()`. */
  get cachesEvents(): boolean {
    return (
      this.events === 1 || (this.events === 2 && (this.#listeners.length > 0 || this.helpers.expectations.watched))
    );
  }

  /** Notes an event (`IPCT_*`) for delivery with the packet under way. Models `nf_conntrack_event_cache()`. */
  cacheEvent(ct: CtHandle, event: number): void {
    const base = ct << ENTRY_SHIFT;
    if (this.slab.words[base + E_EXT] & EXT_ECACHE) this.slab.words[base + E_EVENTS] |= 1 << event;
  }

  /** Delivers what was cached. Models `nf_ct_deliver_cached_events()`. */
  deliverCachedEvents(ct: CtHandle): void {
    const words = this.slab.words;
    const base = ct << ENTRY_SHIFT;
    if ((words[base + E_EXT] & EXT_ECACHE) === 0) return;
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_ct_deliver_cached_events", "nf_conntrack", null);
    if ((words[base + E_STATUS] & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED) {
      const events = words[base + E_EVENTS] & 0xffff;
      words[base + E_EVENTS] &= ~0xffff;
      this.report(ct, events);
    }
    if (trace !== null) trace.leave();
  }

  /**
   * Tells the listeners; `portid` names the tool whose doing it is. Models `__nf_conntrack_eventmask_report()` and
   * `ctnetlink_conntrack_event()`.
   */
  report(ct: CtHandle, events: number, portid = 0): void {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_eventmask_report", "nf_conntrack", null);
    // Above the cached events stand those that the rule of the entry's first packet did not want.
    const unwanted = this.slab.words[(ct << ENTRY_SHIFT) + E_EVENTS] >>> 16;
    const type = (events & ~unwanted) === 0 ? null : eventType(events);
    if (type !== null && this.#listeners.length > 0) {
      if (trace !== null) {
        traceEventMessage(trace, this.protonumOf(ct), carriesProtoinfo(type, events));
        trace.note({ kind: "event", type, entry: ct });
      }
      const event = eventOf(this, ct, type, events, portid);
      for (const listener of this.#listeners) listener(event);
    }
    if (trace !== null) trace.leave();
  }

  // Complaints ------------------------------------------------------------------------------------------------------

  /** Whether building the reason of an invalid packet is worth while. */
  get listensToInvalid(): boolean {
    return this.logInvalidProtocol !== 0 || this.net.trace !== null;
  }

  /** Says why a packet is invalid (or ignored). Models `nf_l4proto_log_invalid()`. */
  logInvalid(skb: SkBuff, state: HookState, protonum: number, reason: string): void {
    if (this.net.trace !== null) this.net.trace.note({ kind: "invalid", reason });
    if (this.logInvalidProtocol !== protonum && this.logInvalidProtocol !== IPPROTO_RAW) return;
    const prefix = `nf_ct_proto_${protonum}: ${reason} `;
    if (this.packetLogger === null) this.net.printk(prefix.trimEnd());
    else this.packetLogger(prefix, skb, state);
  }

  // The packet path -------------------------------------------------------------------------------------------------

  readonly conntrackIn: HookFunction = (skb, state) => conntrackIn(this, skb, state);
  readonly confirm: (skb: SkBuff) => Verdict = (skb) => confirm(this, skb);
}
