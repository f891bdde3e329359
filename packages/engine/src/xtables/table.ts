/**
 * A table: its built-in chains on the kernel's hooks, the user's chains, and changes that happen as a whole or not at
 * all. Models `struct xt_table` with the checks of translate_table() (loops, where an extension may stand).
 */
import {
  HOOK_NAMES,
  type HookNumber,
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_FILTER,
  NF_IP_PRI_MANGLE,
  NF_IP_PRI_NAT_DST,
  NF_IP_PRI_NAT_SRC,
  NF_IP_PRI_RAW,
  NF_IP_PRI_SECURITY,
} from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { Chain, Policy } from "./chain.js";
import { type KernelErrno, RulesetError } from "./error.js";
import type { Extension, TableName, XtFamily } from "./extension.js";
import { INV_DST, INV_PROTO, INV_SRC, isZero } from "./ip-spec.js";
import { findMatch, findTarget } from "./registry.js";
import type { Rule } from "./rule.js";

/** The tables, in the order in which the tools list them. */
export const TABLE_NAMES: readonly TableName[] = ["mangle", "security", "raw", "filter", "nat"];

/** Where the tables hang. Models the `.valid_hooks` and priorities of net/ipv4/netfilter/iptable_*.c. */
export const TABLE_HOOKS: Readonly<Record<TableName, readonly HookNumber[]>> = {
  raw: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT],
  mangle: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING],
  nat: [NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING],
  filter: [NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT],
  security: [NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT],
};

/** Where iptables-nft hangs its security table: at a number of its own, behind NAT at INPUT too. */
const NFT_PRI_SECURITY = 150;

/** The priority of a table's chain at a hook. The two flavours differ in the security table alone. */
export function tablePriority(table: TableName, hook: HookNumber, flavour: XtFlavour): number {
  switch (table) {
    case "raw":
      return NF_IP_PRI_RAW;
    case "mangle":
      return NF_IP_PRI_MANGLE;
    case "filter":
      return NF_IP_PRI_FILTER;
    case "security":
      return flavour === "nft" ? NFT_PRI_SECURITY : NF_IP_PRI_SECURITY;
    case "nat":
      return hook === NF_INET_LOCAL_IN || hook === NF_INET_POST_ROUTING ? NF_IP_PRI_NAT_SRC : NF_IP_PRI_NAT_DST;
  }
}

/** The hook of a table's built-in chain of this name, or null. */
export function builtinHook(table: TableName, chain: string): HookNumber | null {
  return TABLE_HOOKS[table].find((hook) => HOOK_NAMES[hook] === chain) ?? null;
}

/** The two rulesets a host has: that of iptables-nft and that of iptables-legacy. */
export type XtFlavour = "nft" | "legacy";

/** How many chains deep a packet may be: the kernel's jump stack of nf_tables, and the room the legacy one makes. */
const MAX_DEPTH: Readonly<Record<XtFlavour, number>> = { nft: 16, legacy: 512 };

interface Saved {
  readonly chains: Map<string, Chain>;
  readonly state: Map<
    Chain,
    {
      readonly name: string;
      readonly rules: Rule[];
      readonly policy: Policy;
      readonly countsPolicy: boolean;
      readonly policyPackets: number;
      readonly policyBytes: number;
    }
  >;
}

/** One table. Chains may be changed between {@link begin} and the check; see {@link Xtables.change}. */
export class Table {
  readonly name: TableName;
  readonly family: XtFamily;
  /** Every chain there is, by name: built-in ones in the order of their making, user chains likewise. */
  chains: Map<string, Chain> = new Map();
  /**
   * Each chain's jump stack: where evaluation returns to. Shared by nested evaluations, which stack upon one another.
   */
  readonly stackChains: Chain[] = [];
  readonly stackIndexes: number[] = [];
  stackTop = 0;
  /** No change has succeeded yet: the nft flavour does not have such a table. */
  fresh = true;
  /** Numbers given to chains and rules so far. */
  #handles = 0;
  /** The change under way emptied it: if no chain comes, the nft flavour has no such table any more. */
  cleared = false;
  /** Whether a change is under way; changes inside it are part of it. */
  changing = false;

  constructor(name: TableName, family: XtFamily) {
    this.name = name;
    this.family = family;
  }

  /** Built-in chains in the order of their hooks. */
  builtinChains(): Chain[] {
    const list: Chain[] = [];
    for (const hook of TABLE_HOOKS[this.name]) {
      const chain = this.chains.get(HOOK_NAMES[hook]);
      if (chain !== undefined) list.push(chain);
    }
    return list;
  }

  /** User chains by name (bytewise), as both tools list them. */
  userChains(): Chain[] {
    return [...this.chains.values()]
      .filter((chain) => chain.hook === null)
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** How many rules lead into a chain. */
  references(chain: Chain): number {
    let count = 0;
    for (const { rules } of this.chains.values()) for (const rule of rules) if (rule.chain === chain) count++;
    return count;
  }

  /** Gives a number to what has been put in. Models nf_tables_alloc_handle(). */
  number(made: Chain | Rule): void {
    made.handle = ++this.#handles;
  }

  /** The table is made anew: numbers begin again. */
  forgetNumbers(): void {
    this.#handles = 0;
  }

  /** Remembers the table, and gives every chain a list of rules of its own to change. */
  begin(): Saved {
    const state: Saved["state"] = new Map();
    for (const chain of this.chains.values()) {
      const { name, rules, policy, countsPolicy, policyPackets, policyBytes } = chain;
      state.set(chain, { name, rules, policy, countsPolicy, policyPackets, policyBytes });
      chain.rules = [...rules];
    }
    return { chains: new Map(this.chains), state };
  }

  /** Puts the table back as it was at {@link begin}. */
  rollback(saved: Saved): void {
    this.chains = saved.chains;
    for (const [chain, state] of saved.state) Object.assign(chain, state);
  }

  /**
   * Checks the table as a whole: no loop of jumps, no extension where the kernel refuses it. Throws
   * {@link RulesetError}.
   */
  check(flavour: XtFlavour, net: NetNamespace): void {
    const maxDepth = MAX_DEPTH[flavour];
    const hooksOf = new Map<Chain, number>();
    const onPath = new Set<Chain>();
    const visit = (chain: Chain, hooks: number, depth: number, by: Rule | null): void => {
      if (onPath.has(chain)) throw new RulesetError("ELOOP", chain.name, `chain ${chain.name} leads to itself`, by);
      if (depth >= maxDepth) throw new RulesetError("EMLINK", chain.name, `chain ${chain.name} is too deep`, by);
      hooksOf.set(chain, (hooksOf.get(chain) ?? 0) | hooks);
      onPath.add(chain);
      for (const rule of chain.rules) if (rule.chain !== null) visit(rule.chain, hooks, depth + 1, rule);
      onPath.delete(chain);
    };
    let unending: RulesetError | null = null;
    try {
      // Chains that no hook leads to may run in circles: no packet comes there.
      for (const chain of this.builtinChains()) visit(chain, 1 << (chain.hook as HookNumber), 0, null);
    } catch (error) {
      // nf_tables looks for them when everything else is well.
      if (!(error instanceof RulesetError) || flavour === "legacy") throw error;
      unending = error;
    }
    const refused: RulesetError[] = [];
    for (const chain of this.chains.values()) {
      const hooks = hooksOf.get(chain) ?? 0;
      for (const rule of chain.rules) {
        try {
          this.#checkRule(rule, hooks, chain, flavour, net);
        } catch (error) {
          // nf_tables goes on to the end of a batch and tells all that it refuses.
          if (!(error instanceof RulesetError) || flavour === "legacy") throw error;
          refused.push(error);
        }
      }
    }
    const [first, ...others] = refused.length === 0 && unending !== null ? [unending] : refused;
    if (first === undefined) return;
    first.others = others;
    throw first;
  }

  #checkRule(rule: Rule, hooks: number, chain: Chain, flavour: XtFlavour, net: NetNamespace): void {
    const refuse = (errno: KernelErrno, why: string): never => {
      throw new RulesetError(errno, chain.name, why, rule);
    };
    // To compare with nothing is an instruction that always holds, and turned round one that nf_tables refuses.
    if (
      flavour === "nft" &&
      ((rule.inverted & INV_SRC && isZero(rule.ip.smask)) || (rule.inverted & INV_DST && isZero(rule.ip.dmask)))
    )
      refuse("EINVAL", "no address is outside a mask of zeros");
    const extensions: (Extension | undefined)[] = rule.matches.map((match) => findMatch(match.name, this.family));
    if (rule.target !== null) extensions.push(findTarget(rule.target.name, this.family));
    for (const [index, extension] of extensions.entries()) {
      if (extension === undefined) continue;
      if (extension.notInKernel) refuse("ENOENT", `the kernel has no ${extension.name}`);
      const { name, tables, protocols } = extension;
      if (tables !== undefined && !tables.includes(this.name) && !(flavour === "nft" && extension.everywhereInNft))
        refuse("EINVAL", `${name} is not valid in ${this.name}`);
      if (extension.hooks !== undefined && (hooks & ~extension.hooks) !== 0)
        refuse("EINVAL", `${name} is not valid in chain ${chain.name}`);
      if (protocols === undefined) continue;
      // nf_tables has instructions of its own for these matches, which read the ports of whatever packet comes.
      const native = rule.matches[index]?.nativeInNft === true;
      const inverted = (rule.inverted & INV_PROTO) !== 0 && !native;
      if (!protocols.includes(rule.proto) || inverted) refuse("EINVAL", `${name} needs its protocol`);
    }
    try {
      for (const match of rule.matches) {
        match.check?.(flavour, net);
        if (hooks & (match.forbiddenHooks ?? 0)) refuse("EINVAL", `${match.name} cannot be used in ${chain.name}`);
      }
      rule.target?.check?.(flavour, rule.matches, net);
      if (hooks & (rule.target?.forbiddenHooks ?? 0))
        refuse("EINVAL", `${rule.target?.name} cannot be used in ${chain.name}`);
      if ((rule.target?.onlyTable ?? this.name) !== this.name)
        refuse("EINVAL", `these options of ${rule.target?.name} are not valid in ${this.name}`);
    } catch (error) {
      if (error instanceof RulesetError && error.rule === null) refuse(error.errno, error.message);
      throw error;
    }
  }
}
