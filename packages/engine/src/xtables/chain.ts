/**
 * Chains: lists of rules, where the kernel's tables have one blob each. Models `struct nft_chain` and what ip_tables.c
 * counts.
 */
import type { HookNumber, HookOps } from "../hooks.js";
import type { NatLookup } from "../nat/nat.js";
import type { Rule } from "./rule.js";

/** A chain's policy. */
export type Policy = "ACCEPT" | "DROP";

/** A chain: built-in (a hook leads into it) or a user's own. */
export class Chain {
  /** `-E` changes it. */
  name: string;
  /** Its number in its table, which nf_tables counts for chains and rules together; 0 before it is there. */
  handle = 0;
  /** The hook of a built-in chain, null for a user's. */
  readonly hook: HookNumber | null;
  policy: Policy = "ACCEPT";
  /** Packets that came to the end of a built-in chain (or met RETURN there). */
  policyPackets = 0;
  policyBytes = 0;
  /**
   * Whether the two are counted. The legacy flavour always does; a base chain of nf_tables only once it was given
   * counters, which `-P`, `-Z` and iptables-restore's `:CHAIN` lines do and the chain's mere making does not.
   */
  countsPolicy = false;
  rules: Rule[] = [];
  /** The rules that {@link headers} lists; null after a change. headers.ts's own, as the list is. */
  listed: readonly Rule[] | null = null;
  headers: Int32Array | null = null;
  /** How a built-in chain hangs on its hook; null while it does not. */
  registration: HookOps | null = null;
  /** The same for a chain of the nat table, which hangs under NAT's hook function. */
  natLookup: NatLookup | null = null;

  constructor(name: string, hook: HookNumber | null) {
    this.name = name;
    this.hook = hook;
  }
}
