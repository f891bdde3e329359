/**
 * Network address translation of one network namespace: bindings are made once for each connection, by a rule or by
 * none (a null binding), and kept as the difference between the entry's two tuples.
 * Models net/netfilter/nf_nat_core.c and nf_nat_proto.c.
 */
import type { CtHandle } from "../conntrack/conntrack.js";
import type { HookNumber, HookState, Verdict } from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";

export const NF_NAT_MANIP_SRC = 0;
export const NF_NAT_MANIP_DST = 1;
export type ManipType = 0 | 1;

/** Models the `NF_NAT_RANGE_*` flags. */
export const NF_NAT_RANGE_MAP_IPS: number = 1 << 0;
export const NF_NAT_RANGE_PROTO_SPECIFIED: number = 1 << 1;
export const NF_NAT_RANGE_PROTO_RANDOM: number = 1 << 2;
export const NF_NAT_RANGE_PERSISTENT: number = 1 << 3;
export const NF_NAT_RANGE_PROTO_RANDOM_FULLY: number = 1 << 4;
export const NF_NAT_RANGE_PROTO_OFFSET: number = 1 << 5;
export const NF_NAT_RANGE_NETMAP: number = 1 << 6;

/** What a rule allows. Models `struct nf_nat_range2`; addresses are IPv4 numbers, ports host order. */
export interface NatRange {
  readonly flags: number;
  readonly minAddr: number;
  readonly maxAddr: number;
  readonly minPort: number;
  readonly maxPort: number;
  readonly basePort: number;
}

/** What the nat table (or another lookup) answers for the first packet of a connection at a hook. */
export type NatLookup = (skb: SkBuff, state: HookState) => Verdict;

/** Interface of the engine's NAT; implemented in this folder. */
export interface NatApi {
  /** Hangs a nat table's lookup under NAT's own hook function. Models `nf_nat_register_fn()`. */
  registerLookup(hook: HookNumber, lookup: NatLookup, priority?: number): void;
  unregisterLookup(hook: HookNumber, lookup: NatLookup): void;
  /** Binds an unconfirmed entry. Models `nf_nat_setup_info()`. */
  setupInfo(ct: CtHandle, range: NatRange, manip: ManipType): Verdict;
  /** Models `nf_nat_masquerade_ipv4()`: binds to the outgoing device's address. */
  masquerade(skb: SkBuff, state: HookState, range: NatRange): Verdict;
  /** Models `nf_nat_redirect_ipv4()`. */
  redirect(skb: SkBuff, state: HookState, range: NatRange): Verdict;
}

export class Nat {
  readonly net: NetNamespace;

  constructor(net: NetNamespace) {
    this.net = net;
  }
}
