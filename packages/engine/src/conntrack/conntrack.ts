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
  IP_CT_NEW,
  IP_CT_RELATED,
  IP_CT_RELATED_REPLY,
  IP_CT_UNTRACKED,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import { IPPROTO_TCP } from "../wire/ipv4.js";
import type { ConntrackApi, ConntrackEvent, ConntrackSnapshot, ConntrackStats } from "./api.js";
import { confirm, conntrackHooks, conntrackIn } from "./core.js";
import {
  E_BYTES,
  E_EVENTS,
  E_EXT,
  E_HASH,
  E_ID,
  E_MARK,
  E_NEXT,
  E_ORIGINAL,
  E_PACKETS,
  E_REPLY,
  E_STATUS,
  E_STOP,
  E_TIMEOUT,
  E_USE,
  E_ZONE,
  ENTRY_SHIFT,
  EntrySlab,
  EXT_ACCT,
  EXT_ECACHE,
  EXT_TSTAMP,
} from "./entry.js";
import { eventType, IPCT_DESTROY, IPCT_MARK } from "./events.js";
import { GarbageCollector } from "./gc.js";
import { ConntrackHelpers } from "./helpers/helpers.js";
import type { NatHelperHook } from "./helpers/nat-hook.js";
import { TCP_DEFAULT_TIMEOUTS, TCP_STATE_NAMES, type TcpSettings, tcpSetClosing, tcpStateOf } from "./proto-tcp.js";
import type { UdpSettings } from "./proto-udp.js";
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
import {
  copyTuple,
  hashTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_SRC,
  TUPLE_WORDS,
  tupleEqual,
  tupleProtonum,
  tupleText,
} from "./tuple.js";

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
  readonly udp: UdpSettings = { unreplied: 30 * HZ, replied: 120 * HZ };
  /** Jiffies. */
  icmpTimeout: number = 30 * HZ;
  icmpv6Timeout: number = 30 * HZ;
  genericTimeout: number = 600 * HZ;
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
  #listeners: ((event: ConntrackEvent) => void)[] = [];
  readonly #gc: GarbageCollector;
  /** Drawn at first use, as the kernel draws its keys. */
  #seed = 0;
  #seeded = false;
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

  netnsGet(pf: NfProto = NFPROTO_IPV4): void {
    if (++this.#users[pf] > 1) return;
    for (const ops of this.#hooks[pf]) this.#hooksOf(pf).register(ops);
  }

  netnsPut(pf: NfProto = NFPROTO_IPV4): void {
    if (this.#users[pf] === 0) throw new Error("netnsPut without netnsGet");
    if (--this.#users[pf] > 0) return;
    for (const ops of this.#hooks[pf]) this.#hooksOf(pf).unregister(ops);
  }

  #hooksOf(pf: NfProto): Hooks {
    return pf === NFPROTO_IPV4 ? this.net.hooks : this.net.hooks6;
  }

  get enabled(): boolean {
    return this.#users[NFPROTO_IPV4] > 0 || this.#users[NFPROTO_IPV6] > 0;
  }

  /** The secret of the hashes. Models `get_random_once()`. */
  get seed(): number {
    if (!this.#seeded) {
      this.#seeded = true;
      this.#seed = this.net.random.u32() | 0;
    }
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
    return this.slab.floats[((ct << ENTRY_SHIFT) + E_PACKETS) / 2 + direction];
  }

  bytesOf(ct: CtHandle, direction: Direction): number {
    return this.slab.floats[((ct << ENTRY_SHIFT) + E_BYTES) / 2 + direction];
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
      state: this.protonumOf(ct) === IPPROTO_TCP ? TCP_STATE_NAMES[tcpStateOf(this, ct)] : null,
      confirmed: (this.statusOf(ct) & IPS_CONFIRMED) !== 0,
    });
  }

  /**
   * An entry that a rule gives packets before they are tracked: what it carries (a helper) goes to the entries that they
   * make. Never in the table; the caller's reference is the first. Models `nf_ct_tmpl_alloc()`.
   */
  allocateTemplate(): CtHandle {
    const template = this.slab.allocate();
    const base = template << ENTRY_SHIFT;
    this.slab.words[base + E_STATUS] = IPS_TEMPLATE | IPS_CONFIRMED;
    this.slab.words[base + E_USE] = 1;
    return template;
  }

  /** Hangs a template on a packet that has nothing yet. Models `xt_ct_target()`. */
  setTemplate(skb: SkBuff, template: CtHandle): void {
    if (skb.nfct !== NO_CT || skb.ctinfo === IP_CT_UNTRACKED) return;
    this.get(template);
    skb.nfct = template;
    skb.ctinfo = IP_CT_NEW;
  }

  /** Nobody holds the entry any more. Models `nf_ct_destroy()` and `nf_conntrack_free()`. */
  #free(ct: CtHandle): void {
    if (this.statusOf(ct) & IPS_TEMPLATE) {
      this.helpers.forget(ct);
      this.slab.free(ct);
      return;
    }
    const { trace } = this.net;
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
    this.slab.free(ct);
    this.count--;
  }

  // The table -------------------------------------------------------------------------------------------------------

  /**
   * The node (twice the entry plus the direction) of a tuple in the table, or 0. Expired entries met on the way are
   * destroyed. Models `____nf_conntrack_find()`.
   */
  find(tuple: Int32Array, at: number, hash: number): number {
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
        words[base + E_ZONE] === 0
      )
        return node;
      node = next;
    }
    return 0;
  }

  /** {@link find} for the outside, with a reference on what is found and its place in the trace. */
  findGet(tuple: Int32Array, at: number): number {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("nf_conntrack_find_get", "nf_conntrack", null);
    const hash = this.hash(tuple, at);
    const node = this.findGetHashed(tuple, at, hash);
    if (trace !== null) trace.leave();
    return node;
  }

  /** The hash of a tuple. Models `hash_conntrack_raw()`. */
  hash(tuple: Int32Array, at: number): number {
    if (this.net.trace !== null) this.net.trace.call("hash_conntrack_raw", "nf_conntrack");
    return hashTuple(tuple, at, 0, this.seed);
  }

  /** The one lookup of a packet. Models `__nf_conntrack_find_get()`. */
  findGetHashed(tuple: Int32Array, at: number, hash: number): number {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_find_get", "nf_conntrack", null);
    const node = this.find(tuple, at, hash);
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
    const hash = this.hash(tuple, at);
    const words = this.slab.words;
    let node = this.table.heads[this.table.bucketOf(hash)];
    while (node !== 0) {
      const entry = node >>> 1;
      const base = entry << ENTRY_SHIFT;
      let next = this.table.next(node);
      if (entry !== ignored) {
        if (this.isExpired(entry)) {
          next = this.table.nextOfAnother(node);
          this.collect(entry);
        } else if (
          tupleEqual(words, base + (node & 1) * TUPLE_WORDS, tuple, at) &&
          !tupleEqual(words, base + E_ORIGINAL, words, (ignored << ENTRY_SHIFT) + E_ORIGINAL)
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
   * early. Models `__nf_conntrack_alloc()` and the first part of `init_conntrack()`.
   */
  allocate(original: Int32Array, reply: Int32Array, hash: number): CtHandle {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_alloc", "nf_conntrack", null);
    const ct = this.#allocate(original, reply, hash);
    if (trace !== null) {
      if (ct === NO_CT) trace.note({ kind: "invalid", reason: "nf_conntrack: table full, dropping packet" });
      else trace.note({ kind: "alloc", entry: ct, original: tupleText(original, 0), reply: tupleText(reply, 0) });
      trace.leave();
    }
    return ct;
  }

  #allocate(original: Int32Array, reply: Int32Array, hash: number): CtHandle {
    this.count++;
    if (this.max !== 0 && this.count > this.max && !this.#gc.earlyDrop(hash)) {
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
    words[base + E_USE] = 1;
    // Not the table's hash with the table's seed: tools show the id, and it must not tell the chain.
    words[base + E_ID] = hashTuple(original, 0, ct & 0xffff, ~this.seed);
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

  delete(ct: CtHandle): boolean {
    return this.kill(ct);
  }

  /**
   * Ends an entry: tells listeners, takes it out of the table and gives the table's reference back. Returns false when
   * somebody did before. Models `nf_ct_delete()`.
   */
  kill(ct: CtHandle): boolean {
    const { trace } = this.net;
    if (trace === null) return this.#kill(ct);
    trace.enter("nf_ct_delete", "nf_conntrack", null);
    const killed = this.#kill(ct);
    trace.leave();
    return killed;
  }

  #kill(ct: CtHandle): boolean {
    const words = this.slab.words;
    const base = ct << ENTRY_SHIFT;
    if (words[base + E_STATUS] & IPS_DYING) return false;
    words[base + E_STATUS] |= IPS_DYING;
    if (words[base + E_EXT] & EXT_TSTAMP) {
      const overdueJiffies = Math.max(0, (this.net.clock.jiffies - words[base + E_TIMEOUT]) | 0);
      this.slab.floats[(base + E_STOP) / 2] = this.net.clock.nowMicros - overdueJiffies * (1_000_000 / HZ);
    }
    if ((words[base + E_STATUS] & IPS_CONFIRMED) === 0) return true;
    const trace = this.net.trace;
    if (words[base + E_EXT] & EXT_ECACHE) {
      if (trace !== null) trace.enter("nf_conntrack_eventmask_report", "nf_conntrack", null);
      this.report(ct, 1 << IPCT_DESTROY);
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

  flush(): number {
    let flushed = 0;
    for (const ct of this.#confirmed()) if (this.kill(ct)) flushed++;
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
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_ct_refresh_acct", "nf_conntrack", skb);
    const words = this.slab.words;
    const base = ct << ENTRY_SHIFT;
    const status = words[base + E_STATUS];
    if ((status & IPS_FIXED_TIMEOUT) === 0)
      // Until it is confirmed its time does not run.
      words[base + E_TIMEOUT] = status & IPS_CONFIRMED ? timeoutJiffies + this.net.clock.jiffies : timeoutJiffies;
    this.#account(ct, ctinfo, skb.len);
    if (trace !== null) trace.leave();
  }

  #account(ct: CtHandle, ctinfo: number, length: number): void {
    if (this.net.trace !== null) this.net.trace.call("nf_ct_acct_add", "nf_conntrack");
    const base = ct << ENTRY_SHIFT;
    if ((this.slab.words[base + E_EXT] & EXT_ACCT) === 0) return;
    const direction = ctinfoDirection(ctinfo);
    this.slab.floats[(base + E_PACKETS) / 2 + direction]++;
    this.slab.floats[(base + E_BYTES) / 2 + direction] += length;
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
      const events = words[base + E_EVENTS];
      words[base + E_EVENTS] = 0;
      this.report(ct, events);
    }
    if (trace !== null) trace.leave();
  }

  /** Tells the listeners. Models `__nf_conntrack_eventmask_report()` and `ctnetlink_conntrack_event()`. */
  report(ct: CtHandle, events: number): void {
    const trace = this.net.trace;
    if (trace !== null) trace.enter("__nf_conntrack_eventmask_report", "nf_conntrack", null);
    const type = eventType(events);
    if (type !== null && this.#listeners.length > 0) {
      if (trace !== null) {
        traceEventMessage(trace, this.protonumOf(ct), carriesProtoinfo(type, events));
        trace.note({ kind: "event", type, entry: ct });
      }
      const event = eventOf(this, ct, type, events);
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
