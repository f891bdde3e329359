/**
 * Connection tracking of one network namespace: the public face that tables, NAT, sockets and tools use.
 * An entry is named by a handle, a positive integer that is valid until the entry is destroyed; its fields live in a
 * flat record (see entry.ts). Models net/netfilter/nf_conntrack_core.c.
 */
import type { HookFunction, Verdict } from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { Direction, SkBuff } from "../skb.js";
import type { TupleText } from "../trace.js";

/** Names an entry; {@link NO_CT} (0) is none. */
export type CtHandle = number;

/** Bits of `status`. Models `enum ip_conntrack_status`. */
export const IPS_EXPECTED: number = 1 << 0;
export const IPS_SEEN_REPLY: number = 1 << 1;
export const IPS_ASSURED: number = 1 << 2;
export const IPS_CONFIRMED: number = 1 << 3;
export const IPS_SRC_NAT: number = 1 << 4;
export const IPS_DST_NAT: number = 1 << 5;
export const IPS_SEQ_ADJUST: number = 1 << 6;
export const IPS_SRC_NAT_DONE: number = 1 << 7;
export const IPS_DST_NAT_DONE: number = 1 << 8;
export const IPS_DYING: number = 1 << 9;
export const IPS_FIXED_TIMEOUT: number = 1 << 10;
export const IPS_TEMPLATE: number = 1 << 11;
export const IPS_NAT_CLASH: number = 1 << 12;
export const IPS_HELPER: number = 1 << 13;
export const IPS_OFFLOAD: number = 1 << 14;

/** A destroyed or living entry as tools print it: a snapshot. */
export interface ConntrackSnapshot {
  readonly handle: CtHandle;
  /** The kernel's 32-bit id of the entry. */
  readonly id: number;
  /** 2 for IPv4. */
  readonly l3num: number;
  readonly protonum: number;
  readonly status: number;
  /** Seconds left, rounded down; what `conntrack -L` shows. */
  readonly timeoutSeconds: number;
  readonly mark: number;
  readonly zone: number;
  /** `SYN_SENT`, ... for TCP; null for the others. */
  readonly tcpState: string | null;
  /** By direction. */
  readonly tuple: readonly [TupleText, TupleText];
  /** By direction; null unless `nf_conntrack_acct` was on when the entry was made. */
  readonly counters:
    | readonly [{ readonly packets: number; readonly bytes: number }, { readonly packets: number; readonly bytes: number }]
    | null;
  /** Nanoseconds since 1970; null unless `nf_conntrack_timestamp` was on. */
  readonly timestamp: { readonly startNanos: bigint; readonly stopNanos: bigint } | null;
  /** References to the entry, as /proc/net/nf_conntrack's `use=` shows. */
  readonly use: number;
}

/** One event as `conntrack -E` receives it. */
export interface ConntrackEvent {
  readonly type: "NEW" | "UPDATE" | "DESTROY";
  readonly entry: ConntrackSnapshot;
  /** Which fields the kernel's netlink message carries for this event; `-E` prints no others. */
  readonly atMicros: number;
}

/** Per-namespace counters of `conntrack -S`. */
export interface ConntrackStats {
  found: number;
  invalid: number;
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
  /** Registers conntrack's hooks when the first user comes. Models `nf_ct_netns_get()`. */
  netnsGet(): void;
  /** Unregisters them when the last user goes. */
  netnsPut(): void;
  readonly enabled: boolean;

  /** Whether `skb` has an entry; UNTRACKED packets have none. */
  statusOf(ct: CtHandle): number;
  markOf(ct: CtHandle): number;
  /** Sets the mark and caches IPCT_MARK. */
  setMark(ct: CtHandle, mark: number): void;
  /** Fast readers for IPv4 (unsigned numbers). */
  srcOf(ct: CtHandle, direction: Direction): number;
  dstOf(ct: CtHandle, direction: Direction): number;
  sportOf(ct: CtHandle, direction: Direction): number;
  dportOf(ct: CtHandle, direction: Direction): number;
  protonumOf(ct: CtHandle): number;
  /** Seconds until expiry, as `-m conntrack --ctexpire` compares. */
  expiresSeconds(ct: CtHandle): number;
  packetsOf(ct: CtHandle, direction: Direction): number;
  bytesOf(ct: CtHandle, direction: Direction): number;

  /** Takes a reference (a copied skb, an attached reply). Models `nf_conntrack_get()`. */
  get(ct: CtHandle): void;
  /** Gives a packet's reference back; destroys an unconfirmed entry whose last reference it was. Models `nf_ct_put()`. */
  put(ct: CtHandle): void;
  /** Drops a packet's attachment: every place that frees a packet calls it. Models `skb_nfct_reset` / `kfree_skb`. */
  release(skb: SkBuff): void;
  /** Attaches the entry of `from` to a packet sent in answer to it (REJECT). Models `nf_ct_attach()`. */
  attach(to: SkBuff, from: SkBuff): void;
  /** `-j CT --notrack`. */
  setUntracked(skb: SkBuff): void;

  /** All confirmed entries not yet expired, in the hash's order. */
  list(): ConntrackSnapshot[];
  snapshot(ct: CtHandle): ConntrackSnapshot;
  /** Deletes one confirmed entry (DESTROY event). Returns whether it was there. Models `nf_ct_delete()`. */
  delete(ct: CtHandle): boolean;
  /** Empties the table. Returns how many went. */
  flush(): number;
  readonly count: number;
  readonly stats: ConntrackStats;
  /** Calls the listener for every event until the returned function is called. */
  subscribe(listener: (event: ConntrackEvent) => void): () => void;

  /** Hook functions, registered by {@link netnsGet}; public for the trace's tests. */
  readonly conntrackIn: HookFunction;
  readonly confirm: (skb: SkBuff) => Verdict;
}

export class Conntrack {
  readonly net: NetNamespace;

  constructor(net: NetNamespace) {
    this.net = net;
  }
}
