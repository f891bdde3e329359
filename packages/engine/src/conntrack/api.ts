/**
 * What the rest of the engine and the tools see of connection tracking: snapshots of entries, events, counters, and the
 * interface that tables, NAT and sockets use. The tracker itself is conntrack.ts.
 */
import type { HookFunction, NfProto, Verdict } from "../hooks.js";
import type { Direction, SkBuff } from "../skb.js";
import type { TupleText } from "../trace.js";
import type { CtHandle } from "./status.js";
import type { ZoneDirections } from "./zone.js";

/** A destroyed or living entry as tools print it: a snapshot. */
export interface ConntrackSnapshot {
  readonly handle: CtHandle;
  /** The kernel's 32-bit id of the entry. */
  readonly id: number;
  /** 2 for IPv4, 10 for IPv6. */
  readonly l3num: number;
  readonly protonum: number;
  readonly status: number;
  /** Seconds left, rounded down; what `conntrack -L` shows. */
  readonly timeoutSeconds: number;
  readonly mark: number;
  /** The zone's number, 0 without one. */
  readonly zone: number;
  /** In which directions the zone tells connections apart. */
  readonly zoneDirections: ZoneDirections;
  /** `SYN_SENT`, ... for TCP, `COOKIE_WAIT`, ... for SCTP; null for the others. */
  readonly tcpState: string | null;
  /** The name of the helper that follows it, or null. */
  readonly helper: string | null;
  /** Of SCTP, the verification tags by direction, as unsigned numbers; else null. */
  readonly vtags: readonly [number, number] | null;
  /** Of GRE, the seconds that the tunnel lives unanswered and answered; else null. */
  readonly greTimeouts: readonly [number, number] | null;
  /** The numbers of its labels; null without room for labels. */
  readonly labels: readonly number[] | null;
  /** By direction. */
  readonly tuple: readonly [TupleText, TupleText];
  /** By direction; null unless `nf_conntrack_acct` was on when the entry was made. */
  readonly counters:
    | readonly [
        { readonly packets: number; readonly bytes: number },
        { readonly packets: number; readonly bytes: number },
      ]
    | null;
  /** Nanoseconds since 1970; null unless `nf_conntrack_timestamp` was on. */
  readonly timestamp: { readonly startNanos: bigint; readonly stopNanos: bigint } | null;
  /**
   * References to the entry, as `conntrack -L` shows behind `use=` (reading /proc/net/nf_conntrack adds its own one).
   */
  readonly use: number;
}

/** One event as `conntrack -E` receives it. */
export interface ConntrackEvent {
  readonly type: "NEW" | "UPDATE" | "DESTROY";
  readonly entry: ConntrackSnapshot;
  /**
   * Which fields the kernel's netlink message carries for this event; `-E` prints no others. Tuples, status, id and
   * zone are always there.
   */
  readonly carries: {
    readonly timeout: boolean;
    readonly tcpState: boolean;
    readonly counters: boolean;
    readonly timestamp: boolean;
    readonly mark: boolean;
    readonly labels: boolean;
  };
  /** When it was delivered, in microseconds of virtual time. */
  readonly atMicros: number;
  /** The netlink port of the tool whose doing it is; 0: the kernel's own. */
  readonly portid: number;
}

/** Per-namespace counters of `conntrack -S`. */
export interface ConntrackStats {
  found: number;
  invalid: number;
  /** Entries that a tool inserted (`nf_conntrack_hash_check_insert()`); those that packets make are not counted. */
  insert: number;
  insertFailed: number;
  drop: number;
  earlyDrop: number;
  error: number;
  searchRestart: number;
  clashResolve: number;
  chainTooLong: number;
}

/** Interface of the engine's conntrack; implemented in this folder. */
export interface ConntrackApi {
  /**
   * Registers conntrack's hooks of a family (IPv4 unless said) when the first user comes. Models `nf_ct_netns_get()`.
   */
  netnsGet(pf?: NfProto): void;
  /** Unregisters them when the last user goes. */
  netnsPut(pf?: NfProto): void;
  /** Whether its hooks of either family are registered. */
  readonly enabled: boolean;

  /** The entry's status: bits `IPS_*`. */
  statusOf(ct: CtHandle): number;
  /** The connection's mark (`connmark`). */
  markOf(ct: CtHandle): number;
  /** Whether the entry has room for labels, which it has when a rule wanted labels as it was made. */
  hasLabels(ct: CtHandle): boolean;
  /** Whether one of the entry's labels, 0 ..= 127, is set. */
  hasLabel(ct: CtHandle, bit: number): boolean;
  /** Sets a label and caches IPCT_LABEL; false without room for it. Models `nf_connlabel_set()`. */
  setLabel(ct: CtHandle, bit: number): boolean;
  /** Rules that want labels: count up and down. Models `nf_connlabels_get()`. */
  labelsUsed: number;
  /** Sets the mark and caches IPCT_MARK. */
  setMark(ct: CtHandle, mark: number): void;
  /** Fast readers for IPv4 (unsigned numbers). */
  srcOf(ct: CtHandle, direction: Direction): number;
  /** The destination, as {@link srcOf} gives the source. */
  dstOf(ct: CtHandle, direction: Direction): number;
  /** Words of the addresses, four of an IPv6 one. */
  srcWordOf(ct: CtHandle, direction: Direction, word: number): number;
  /** The destination, as {@link srcWordOf} gives the source. */
  dstWordOf(ct: CtHandle, direction: Direction, word: number): number;
  /** Source port, or what the protocol has in its place. */
  sportOf(ct: CtHandle, direction: Direction): number;
  /** Destination port, or what the protocol has in its place. */
  dportOf(ct: CtHandle, direction: Direction): number;
  /** Number of the transport protocol. */
  protonumOf(ct: CtHandle): number;
  /** Seconds until expiry, as `-m conntrack --ctexpire` compares. */
  expiresSeconds(ct: CtHandle): number;
  /** Packets counted in a direction; 0 without `nf_conntrack_acct`. */
  packetsOf(ct: CtHandle, direction: Direction): number;
  /** Bytes counted in a direction, IP headers included; 0 without `nf_conntrack_acct`. */
  bytesOf(ct: CtHandle, direction: Direction): number;

  /** Takes a reference (a copied skb, an attached reply). Models `nf_conntrack_get()`. */
  get(ct: CtHandle): void;
  /**
   * Gives a packet's reference back; destroys an unconfirmed entry whose last reference it was. Models `nf_ct_put()`.
   */
  put(ct: CtHandle): void;
  /** Drops a packet's attachment: every place that frees a packet calls it. Models `skb_nfct_reset` / `kfree_skb`. */
  release(skb: SkBuff): void;
  /** Attaches the entry of `from` to a packet sent in answer to it (REJECT). Models `nf_ct_attach()`. */
  attach(to: SkBuff, from: SkBuff): void;
  /** This host resets the packet's connection: a confirmed TCP entry goes to CLOSE. Models `nf_ct_set_closing()`. */
  setClosing(skb: SkBuff): void;
  /** `-j CT --notrack`. */
  setUntracked(skb: SkBuff): void;
  /** Hangs a rule's template on a packet that conntrack has not seen. Models `xt_ct_target()`. */
  setTemplate(skb: SkBuff, template: CtHandle): void;

  /** All confirmed entries not yet expired, in the hash's order. */
  list(): ConntrackSnapshot[];
  /** An entry as tools print it. */
  snapshot(ct: CtHandle): ConntrackSnapshot;
  /**
   * Deletes one confirmed entry for the tool of a netlink port (DESTROY event). Returns whether it was there. Models
   * `nf_ct_delete()`.
   */
  delete(ct: CtHandle, portid?: number): boolean;
  /** Empties the table for the tool of a netlink port. Returns how many went. */
  flush(portid?: number): number;
  readonly count: number;
  readonly stats: ConntrackStats;
  /** Calls the listener for every event until the returned function is called. */
  subscribe(listener: (event: ConntrackEvent) => void): () => void;

  /** Hook functions, registered by {@link netnsGet}; public for the trace's tests. */
  readonly conntrackIn: HookFunction;
  readonly confirm: (skb: SkBuff) => Verdict;
}
