/**
 * The tables of one flavour of iptables in one network namespace. `iptables-nft` and `iptables-legacy` keep separate
 * rulesets in Linux, both of which packets traverse; so there are two of these. A chain without a table costs nothing:
 * the legacy flavour hangs a whole table on its hooks at its first use, the nft flavour one built-in chain at a time.
 * Models net/ipv4/netfilter/iptable_*.c, and for iptables-nft nft_do_chain_ipv4(), nf_route_table_hook4() and
 * nft_nat_do_chain().
 */
import {
  HOOK_NAMES,
  type HookFunction,
  type HookNumber,
  type HookOps,
  type HookState,
  type Hooks,
  NF_DROP,
  NF_INET_LOCAL_OUT,
  NF_STOLEN,
  nfDropErr,
  type Verdict,
} from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import { getInt32 } from "../wire/bytes.js";
import { IPV6_DST, IPV6_HOP_LIMIT } from "../wire/ipv6.js";
import { Chain } from "./chain.js";
import { Evaluator, type TraceLog } from "./evaluate.js";
import type { TableName, XtFamily } from "./extension.js";
import { registeredPacketLog } from "./registry.js";
import type { Rule } from "./rule.js";
import { builtinHook, TABLE_HOOKS, TABLE_NAMES, Table, tablePriority, type XtFlavour } from "./table.js";

/** The kernel's log is there as soon as any rule can be. */
const logTracedRule: TraceLog = (...traced) => registeredPacketLog()?.tracedRule(...traced);

/** What a built-in chain's hook function is. */
interface TableFunction {
  /** Evaluation, and what is done besides (a call of its own in the trace, routing anew). */
  readonly call: HookFunction;
  /** Whether it is evaluation and no more while nobody traces. */
  readonly plain: boolean;
  readonly name: string;
  readonly module: string;
}

/** A built-in chain on its hook. */
class TableHook implements HookOps {
  readonly hook: HookNumber;
  readonly priority: number;
  readonly name: string;
  readonly module: string;
  readonly label: string;
  readonly #evaluator: Evaluator;
  readonly #table: Table;
  readonly #chain: Chain;
  readonly #call: HookFunction;
  readonly #plain: boolean;

  constructor(
    evaluator: Evaluator,
    hook: HookNumber,
    priority: number,
    table: Table,
    chain: Chain,
    { call, plain, name, module }: TableFunction,
  ) {
    this.hook = hook;
    this.priority = priority;
    this.name = name;
    this.module = module;
    this.label = table.name;
    this.#evaluator = evaluator;
    this.#table = table;
    this.#chain = chain;
    this.#call = call;
    this.#plain = plain;
  }

  fn(skb: SkBuff, state: HookState): Verdict {
    if (!this.#plain || state.net.trace !== null) return this.#call(skb, state);
    return this.#evaluator.evaluate(this.#table, this.#chain, skb, state);
  }
}

/** The iptables of one namespace: its tables, and the commands that read and change them. */
export class Xtables {
  readonly net: NetNamespace;
  readonly flavour: XtFlavour;
  readonly family: XtFamily;
  /** Where the family's packets are met. */
  readonly #hooks: Hooks;
  readonly #tables = new Map<TableName, Table>();
  readonly #evaluator: Evaluator;

  constructor(net: NetNamespace, flavour: XtFlavour, family: XtFamily) {
    this.net = net;
    this.flavour = flavour;
    this.family = family;
    this.#hooks = family === "ipv4" ? net.hooks : net.hooks6;
    this.#evaluator = new Evaluator(net, family, flavour === "legacy" ? logTracedRule : null);
  }

  /** The table, or undefined when nothing has made it yet. */
  existing(name: TableName): Table | undefined {
    const table = this.#tables.get(name);
    if (table?.fresh !== true || this.flavour !== "nft") return table;
    // While it is changed, what there is of it is there.
    return table.changing && table.chains.size > 0 ? table : undefined;
  }

  /** Tables there are, in the order in which this flavour's iptables-save prints them. */
  tables(): Table[] {
    if (this.flavour === "legacy") return [...this.#tables.values()].reverse();
    return TABLE_NAMES.map((name) => this.existing(name)).filter((table) => table !== undefined);
  }

  /** The table, made at its first use: with the legacy flavour, with all its chains and on all its hooks. */
  table(name: TableName): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new Table(name, this.family);
      this.#tables.set(name, table);
      if (this.flavour === "legacy") for (const hook of TABLE_HOOKS[name]) this.#addBuiltin(table, hook);
    }
    return table;
  }

  /** A built-in chain, made and hung on its hook at its first use (nft); null when the table has none of the name. */
  builtinChain(table: Table, name: string): Chain | null {
    const hook = builtinHook(table.name, name);
    if (hook === null) return null;
    return table.chains.get(name) ?? this.#addBuiltin(table, hook);
  }

  /** Takes a built-in chain off its hook (`iptables-nft -X` removes the empty ones). */
  removeBuiltin(table: Table, chain: Chain): void {
    table.chains.delete(chain.name);
    this.#unhook(chain);
  }

  #unhook(chain: Chain): void {
    if (chain.registration !== null) this.#hooks.unregister(chain.registration);
    if (chain.natLookup !== null && chain.hook !== null)
      this.net.nat.unregisterLookup(chain.hook, chain.natLookup, this.#hooks.pf);
    chain.registration = null;
    chain.natLookup = null;
  }

  /** Empties a table that is being changed, as if there had been none: built-in chains go too, and what they count. */
  clear(table: Table): void {
    if (!table.changing) throw new Error(`${table.name}: cleared outside a change`);
    table.chains = new Map();
    table.cleared = true;
    table.forgetNumbers();
  }

  /**
   * Changes a table: `edit` changes the chains freely; then the whole is checked and takes effect, or nothing does.
   * Throws what `edit` throws, or {@link RulesetError}. A change inside another's `edit` is part of that one.
   */
  change<T>(table: Table, edit: () => T): T {
    if (table.changing) return edit();
    table.changing = true;
    try {
      const result = this.#change(table, edit);
      table.fresh = (table.cleared || table.fresh) && table.chains.size === 0;
      return result;
    } finally {
      table.changing = false;
      table.cleared = false;
    }
  }

  /** A rule is put in anew as it is; what its matches counted begins again. Throws {@link RulesetError}. */
  renew(rule: Rule): void {
    rule.target?.renew?.(this.net);
    for (const match of rule.matches) match.renew?.(this.net);
  }

  #change<T>(table: Table, edit: () => T): T {
    const before = new Set<Rule>();
    for (const chain of table.chains.values()) for (const rule of chain.rules) before.add(rule);
    const saved = table.begin();
    let result: T;
    try {
      result = edit();
      table.check(this.flavour, this.net);
    } catch (error) {
      for (const chain of table.chains.values())
        if (chain.hook !== null && saved.chains.get(chain.name) !== chain) this.removeBuiltin(table, chain);
      table.rollback(saved);
      throw error;
    }
    for (const chain of saved.chains.values())
      if (chain.hook !== null && table.chains.get(chain.name) !== chain) this.#unhook(chain);
    for (const chain of table.chains.values()) {
      chain.listed = null;
      for (const rule of chain.rules) {
        if (before.delete(rule)) {
          // The legacy tool puts in the whole table.
          if (this.flavour === "legacy") this.renew(rule);
          continue;
        }
        for (const match of rule.matches) match.attach?.(this.net, this.#hooks.pf);
        rule.target?.attach?.(this.net, this.#hooks.pf);
      }
    }
    for (const rule of before) {
      for (const match of rule.matches) match.detach?.(this.net, this.#hooks.pf);
      rule.target?.detach?.(this.net, this.#hooks.pf);
    }
    return result;
  }

  #addBuiltin(table: Table, hook: HookNumber): Chain {
    const chain = new Chain(HOOK_NAMES[hook], hook);
    chain.countsPolicy = this.flavour === "legacy";
    table.chains.set(chain.name, chain);
    table.number(chain);
    const priority = tablePriority(table.name, hook, this.flavour);
    if (table.name === "nat") {
      const lookup = this.#natLookup(table, chain);
      chain.natLookup = lookup;
      this.net.nat.registerLookup(hook, lookup, priority, this.#hooks.pf);
      return chain;
    }
    const ops = new TableHook(this.#evaluator, hook, priority, table, chain, this.#hookFunction(table, chain));
    chain.registration = ops;
    this.#hooks.register(ops);
    return chain;
  }

  #hookFunction(table: Table, chain: Chain): TableFunction {
    const reroutes = table.name === "mangle" && chain.hook === NF_INET_LOCAL_OUT;
    if (this.flavour === "legacy") {
      if (table.name !== "mangle") {
        const call: HookFunction = (skb, state) => this.#evaluator.evaluate(table, chain, skb, state);
        return { call, plain: true, ...this.#legacyNames };
      }
      const inner = this.#traced(table, chain);
      const mangle = this.family === "ipv4" ? "iptable_mangle" : "ip6table_mangle";
      const call = reroutes ? this.#rerouted(inner) : inner;
      return { call, plain: !reroutes, name: `${mangle}_hook`, module: mangle };
    }
    const inner = this.#traced(table, chain);
    return reroutes
      ? {
          call: this.#rerouted(inner),
          plain: false,
          name: `nf_route_table_hook${this.family.slice(-1)}`,
          module: "nf_tables",
        }
      : { call: inner, plain: true, name: `nft_do_chain_${this.family}`, module: "nf_tables" };
  }

  /** The function that evaluates a legacy table, and its module. */
  get #legacyNames(): { readonly name: string; readonly module: string } {
    return this.family === "ipv4"
      ? { name: "ipt_do_table", module: "ip_tables" }
      : { name: "ip6t_do_table", module: "ip6_tables" };
  }

  #natLookup(table: Table, chain: Chain): HookFunction {
    const inner = this.#traced(table, chain);
    if (this.flavour === "legacy") return inner;
    return (skb, state) => {
      const trace = this.net.trace;
      if (trace === null) return inner(skb, state);
      trace.enter("nft_nat_do_chain", "nft_chain_nat", skb);
      const verdict = inner(skb, state);
      trace.leave();
      return verdict;
    };
  }

  /** Evaluation as a call of its own in the trace. */
  #traced(table: Table, chain: Chain): HookFunction {
    const { name, module } =
      this.flavour === "legacy" ? this.#legacyNames : { name: "nft_do_chain", module: "nf_tables" };
    return (skb, state) => {
      const trace = this.net.trace;
      if (trace === null) return this.#evaluator.evaluate(table, chain, skb, state);
      trace.enter(name, module, skb);
      const verdict = this.#evaluator.evaluate(table, chain, skb, state);
      trace.leave();
      return verdict;
    };
  }

  /**
   * The mangle table in OUTPUT: a packet whose addresses, mark or TOS changed is routed again. Models ipt_mangle_out()
   * and nf_route_table_hook4().
   */
  #rerouting(inner: HookFunction): HookFunction {
    return (skb, state) => {
      const { mark } = skb;
      const src = getInt32(skb.data, 12);
      const dst = getInt32(skb.data, 16);
      const tos = skb.data[1];
      const verdict = inner(skb, state);
      if ((verdict & 0xff) === NF_DROP || verdict === NF_STOLEN) return verdict;
      if (skb.mark === mark && getInt32(skb.data, 12) === src && getInt32(skb.data, 16) === dst && skb.data[1] === tos)
        return verdict;
      const error = this.net.ip.routeMeHarder(skb);
      return error < 0 ? nfDropErr(-error) : verdict;
    };
  }

  /**
   * The same of IPv6, where the flow label and the hop limit count too. Models ip6t_mangle_out() and
   * nf_route_table_hook6().
   */
  #rerouting6(inner: HookFunction): HookFunction {
    return (skb, state) => {
      const { mark } = skb;
      const firstWord = getInt32(skb.data, 0);
      const hopLimit = skb.data[IPV6_HOP_LIMIT];
      // Of the addresses only the destination can have changed, by DNPT.
      const prefix = getInt32(skb.data, IPV6_DST);
      const subnet = getInt32(skb.data, IPV6_DST + 4);
      const host = getInt32(skb.data, IPV6_DST + 8);
      const end = getInt32(skb.data, IPV6_DST + 12);
      const verdict = inner(skb, state);
      if ((verdict & 0xff) === NF_DROP || verdict === NF_STOLEN) return verdict;
      const { data } = skb;
      const same = skb.mark === mark && getInt32(data, 0) === firstWord && data[IPV6_HOP_LIMIT] === hopLimit;
      const there =
        getInt32(data, IPV6_DST) === prefix &&
        getInt32(data, IPV6_DST + 4) === subnet &&
        getInt32(data, IPV6_DST + 8) === host &&
        getInt32(data, IPV6_DST + 12) === end;
      if (same && there) return verdict;
      const error = this.net.ip6.routeMeHarder(skb);
      return error < 0 ? nfDropErr(-error) : verdict;
    };
  }

  #rerouted(inner: HookFunction): HookFunction {
    return this.family === "ipv6" ? this.#rerouting6(inner) : this.#rerouting(inner);
  }
}
