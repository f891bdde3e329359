/**
 * One parsed command line carried out on the tables: what changes, what is printed, and each flavour's words for a
 * refusal. iptables and iptables-restore both come here.
 */
import {
  builtinHook,
  Chain,
  chainHeading,
  HOOK_NAMES,
  type ListFormat,
  listRule,
  type ParsedCommand,
  type ParsedRule,
  Rule,
  type RuleAction,
  RulesetError,
  ruleText,
  TABLE_HOOKS,
  type Table,
  type TableName,
  verboseRule,
} from "@netfilter-lab/engine";
import {
  MissingTarget,
  noticesOf,
  RefusedFailure,
  type RuleMessage,
  requireTableName,
  STATUS_OTHER,
  STATUS_RESOURCE,
  type Tool,
  ToolFailure,
  tableToRead,
} from "./iptables-tool.js";

const NO_RULE = "Bad rule (does a matching rule exist in that chain?)";
/** Names the legacy table keeps for verdicts. */
const STANDARD_TARGETS: readonly string[] = ["ACCEPT", "DROP", "QUEUE", "RETURN"];
const NO_CHAIN = "No chain/target/match by that name";

/** The kernel's refusals in strerror()'s words. */
export const ERRNO_TEXT: Readonly<Record<RulesetError["errno"], string>> = {
  ENOENT: "No such file or directory",
  EEXIST: "File exists",
  EINVAL: "Invalid argument",
  EBUSY: "Device or resource busy",
  ELOOP: "Too many levels of symbolic links",
  EMLINK: "Too many links",
  E2BIG: "Argument list too long",
  ENOTEMPTY: "Directory not empty",
  ENXIO: "No such device or address",
  ERANGE: "Numerical result out of range",
  EOPNOTSUPP: "Operation not supported",
};

/**
 * Whether libiptc looks a rule's target up by its name: where it then finds no such rule, what it says is what it would
 * say of the name.
 */
function isNamed(action: RuleAction): boolean {
  return action.kind === "jump" || (action.kind === "target" && !STANDARD_TARGETS.includes(action.target.name));
}

function ruleMessage(kind: ParsedCommand["kind"]): RuleMessage {
  return kind === "insert" ? "RULE_INSERT" : kind === "replace" ? "RULE_REPLACE" : "RULE_APPEND";
}

/** How nf_tables' refusal of a message reads, and its status. */
function nftFailure(tool: Tool, message: string, errno: RulesetError["errno"], about: string): ToolFailure {
  return new ToolFailure(`${tool.banner}:  ${message} failed (${ERRNO_TEXT[errno]}): ${about}\n`, STATUS_RESOURCE);
}

/**
 * Carries out one command; returns what it prints, and tells `warn` what it says on stderr. Throws {@link ToolFailure},
 * having changed nothing.
 */
export function applyCommand(tool: Tool, command: ParsedCommand, warn: (text: string) => void): string {
  return new Application(tool, command, requireTableName(tool, command.table), warn).run();
}

/** Gives a chain another name. */
export function renameChain(table: Table, chain: Chain, name: string): void {
  table.chains.delete(chain.name);
  chain.name = name;
  table.chains.set(name, chain);
}

/** What a rule is compared by. */
function comparable({ name }: Chain, rule: Rule, asked: boolean): string {
  const more = rule.matches.map((match) => match.compared?.(asked) ?? "");
  return `${ruleText(name, rule)} ${more.join()}`;
}

class Application {
  readonly #tool: Tool;
  readonly #command: ParsedCommand;
  readonly #name: TableName;
  readonly #warn: (text: string) => void;

  constructor(tool: Tool, command: ParsedCommand, name: TableName, warn: (text: string) => void) {
    this.#warn = warn;
    this.#tool = tool;
    this.#command = command;
    this.#name = name;
  }

  #fail(reason: string): ToolFailure {
    return new RefusedFailure(this.#tool, reason);
  }

  get #legacy(): boolean {
    return this.#tool.xt.flavour === "legacy";
  }

  run(): string {
    try {
      return this.#carryOut();
    } catch (error) {
      // The legacy tool puts in anew what it has read back, which is not always all that there was.
      if (error instanceof RulesetError && this.#legacy) throw this.#refused(error, this.#command.kind, error.chain);
      throw error;
    }
  }

  #carryOut(): string {
    const { kind } = this.#command;
    switch (kind) {
      case "append":
      case "insert":
      case "replace":
      case "delete":
      case "delete-num":
      case "check":
        return this.#rule();
      case "list":
      case "list-rules": {
        const text = kind === "list" ? this.#list() : this.#listRules();
        return this.#command.alsoZero ? this.#zeroListed(text) : text;
      }
      case "flush":
        return this.#flush();
      case "zero":
        return this.#zero();
      case "zero-num":
        this.#zeroNumber();
        return "";
      case "new-chain":
        this.#newChain();
        return "";
      case "delete-chain":
        return this.#deleteChain();
      case "rename-chain":
        this.#renameChain();
        return "";
      case "set-policy":
        this.#setPolicy();
        return "";
      case "help":
      case "version":
        return "";
    }
  }

  #chainName(): string {
    return this.#command.chain as string;
  }

  /** The chain a rule goes into, made if it is a built-in one that nothing has used yet (nft). */
  #chainFor(table: Table, name: string): Chain {
    const chain = this.#tool.xt.builtinChain(table, name) ?? table.chains.get(name);
    if (chain === undefined) throw this.#fail(NO_CHAIN);
    return chain;
  }

  /** The rules as the tool means them: jumps resolved, one for each pair of addresses. */
  #rules(table: Table, parsed: ParsedRule): Rule[] {
    const action = this.#action(table, parsed);
    return parsed.specs.map((spec) => {
      const rule = new Rule(spec, parsed.matches, action);
      rule.packets = parsed.packets;
      rule.bytes = parsed.bytes;
      return rule;
    });
  }

  #action(table: Table, parsed: ParsedRule): RuleAction {
    const { action } = parsed;
    if (action.kind === "none" || action.kind === "target") return action;
    const chain = table.chains.get(action.name);
    if (builtinHook(table.name, action.name) !== null) {
      // A rule's own chain is made before the rule.
      const there = chain !== undefined || action.name === this.#chainName();
      const errno = this.#legacy ? "EINVAL" : there ? "EOPNOTSUPP" : "ENOENT";
      throw new RulesetError(errno, action.name, "a built-in chain is no target");
    }
    if (chain !== undefined) return { kind: "jump", chain, goto: action.goto };
    throw new MissingTarget(action.name, action.goto);
  }

  /** Returns what `-v` prints of the rules: the legacy tool also when it then fails. */
  #rule(): string {
    const { xt } = this.#tool;
    const { kind, verbose } = this.#command;
    const name = this.#chainName();
    const table = xt.table(this.#name);
    let text = "";
    const told = (rules: readonly Rule[]): void => {
      this.#tool.onRules?.(rules, ruleMessage(kind));
      if (verbose > 0 && kind !== "delete-num") {
        for (const rule of rules) this.#warn(noticesOf(rule));
        text = rules.map(verboseRule).join("");
      }
    };
    try {
      // The legacy tool that only looks puts nothing in.
      if (kind === "check" && this.#legacy) this.#editRules(table, name, told);
      else xt.change(table, () => this.#editRules(table, name, told));
      return text;
    } catch (error) {
      const failure = error instanceof RulesetError ? this.#refused(error, kind, name) : error;
      if (failure instanceof ToolFailure && this.#legacy) failure.stdout = text;
      throw failure;
    }
  }

  #refused(error: RulesetError, kind: ParsedCommand["kind"], chain: string): ToolFailure {
    if (this.#legacy)
      return this.#fail(
        error.errno === "EINVAL"
          ? "Invalid argument. Run `dmesg' for more information"
          : error.errno === "ENOENT"
            ? NO_CHAIN
            : ERRNO_TEXT[error.errno],
      );
    const errno = error.errno === "ELOOP" ? "EMLINK" : error.errno;
    return nftFailure(this.#tool, ruleMessage(kind), errno, `rule in chain ${chain}`);
  }

  #editRules(table: Table, name: string, told: (rules: readonly Rule[]) => void): void {
    const { kind, number } = this.#command;
    const rules = this.#rules(table, this.#command.rule);
    // Only putting rules in makes a built-in chain that is not there yet (nft); the others do not find it.
    if (kind === "append" || kind === "insert") this.#chainFor(table, name);
    told(rules);
    const chain = table.chains.get(name);
    if (chain === undefined) throw this.#fail(kind === "delete" || kind === "check" ? NO_RULE : NO_CHAIN);
    switch (kind) {
      case "append":
        for (const rule of rules) table.number(rule);
        chain.rules.push(...rules);
        return;
      case "insert":
        for (const rule of rules) {
          if (number > chain.rules.length + 1) throw this.#fail("Index of insertion too big");
          table.number(rule);
          chain.rules.splice(number - 1, 0, rule);
        }
        return;
      case "replace":
        if (number > chain.rules.length) throw this.#fail("Index of replacement too big");
        rules[0].handle = chain.rules[number - 1].handle;
        chain.rules[number - 1] = rules[0];
        return;
      case "delete-num":
        if (number > chain.rules.length) throw this.#fail("Index of deletion too big");
        chain.rules.splice(number - 1, 1);
        return;
      default:
        for (const rule of rules) {
          const text = comparable(chain, rule, true);
          const at = chain.rules.findIndex((each) => comparable(chain, each, false) === text);
          if (at < 0) throw this.#fail(this.#legacy && isNamed(rule.action) ? NO_CHAIN : NO_RULE);
          if (kind === "delete") chain.rules.splice(at, 1);
        }
    }
  }

  /** The chains to list: one by name, or all; built-in chains that do not exist yet are shown empty (nft). */
  #chainsToList(): { readonly table: Table | undefined; readonly chains: Chain[] } {
    const table = tableToRead(this.#tool, this.#name);
    const builtin = TABLE_HOOKS[this.#name].map((hook) => {
      const name = HOOK_NAMES[hook];
      return table?.chains.get(name) ?? new Chain(name, hook);
    });
    const chains = [...builtin, ...(table?.userChains() ?? [])];
    const { chain } = this.#command;
    if (chain === null) return { table, chains };
    const found = chains.filter((each) => each.name === chain);
    if (found.length > 0) return { table, chains: found };
    if (this.#legacy) throw this.#fail(NO_CHAIN);
    throw new ToolFailure(
      `${this.#tool.banner}: chain \`${chain}' in table \`${this.#name}' is incompatible, use 'nft' tool.\n`,
      STATUS_OTHER,
    );
  }

  #references(table: Table | undefined, chain: Chain): number {
    return this.#tool.batch?.references(chain) ?? table?.references(chain) ?? 0;
  }

  #list(): string {
    const { numeric, verbose, exact, lineNumbers, number } = this.#command;
    const format: ListFormat = { numeric, verbose: verbose > 0, exact, lineNumbers };
    const { table, chains } = this.#chainsToList();
    return chains
      .map((chain) => {
        let text = number === 0 ? chainHeading(chain, this.#references(table, chain), format) : "";
        chain.rules.forEach((rule, index) => {
          if (number !== 0 && number !== index + 1) return;
          this.#warn(noticesOf(rule));
          text += listRule(rule, index + 1, format);
        });
        return text;
      })
      .join("\n");
  }

  #listRules(): string {
    const { number, verbose } = this.#command;
    const counters = verbose > 0;
    const { chains } = this.#chainsToList();
    let text = "";
    if (number === 0) {
      for (const chain of chains) {
        if (chain.hook === null) text += `-N ${chain.name}\n`;
        else {
          text += `-P ${chain.name} ${chain.policy}`;
          if (counters) text += ` -c ${chain.policyPackets} ${chain.policyBytes}`;
          text += "\n";
        }
      }
    }
    for (const chain of chains) {
      chain.rules.forEach((rule, index) => {
        if (number !== 0 && number !== index + 1) return;
        this.#warn(noticesOf(rule));
        text += `${ruleText(chain.name, rule, counters, this.#tool.xt.flavour)}\n`;
      });
    }
    return text;
  }

  /** With `-v`, a line for each chain that something is done to. */
  #told(verb: string, names: readonly string[]): string {
    return this.#command.verbose > 0 ? names.map((name) => `${verb} chain \`${name}'\n`).join("") : "";
  }

  /** Names of the chains that a command without a chain means: all built-in ones, there or not, and the user's. */
  #allNames(table: Table | undefined): string[] {
    const builtin = TABLE_HOOKS[this.#name].map((hook) => HOOK_NAMES[hook]);
    return [...builtin, ...(table?.userChains().map((chain) => chain.name) ?? [])];
  }

  #flush(): string {
    const { xt } = this.#tool;
    const { chain: name } = this.#command;
    if (name === null) {
      const table = tableToRead(this.#tool, this.#name);
      if (table !== undefined)
        xt.change(table, () => {
          for (const chain of table.chains.values()) chain.rules = [];
        });
      return this.#told("Flushing", this.#allNames(table));
    }
    const table = xt.table(this.#name);
    xt.change(table, () => {
      this.#chainFor(table, name).rules = [];
    });
    return this.#told("Flushing", [name]);
  }

  /**
   * Zeroes what was listed. Listing has nft's tool believe in every built-in chain; zeroing makes those, but no table.
   */
  #zeroListed(text: string): string {
    const { xt } = this.#tool;
    const table = tableToRead(this.#tool, this.#name);
    if (!this.#legacy) {
      const { chain: name } = this.#command;
      const listed = this.#allNames(table).filter((each) => name === null || each === name);
      if (table === undefined) {
        const failure = nftFailure(this.#tool, "CHAIN_ZERO", "ENOENT", `chain ${listed[0]}`);
        failure.stdout = text + this.#told("Zeroing", listed);
        throw failure;
      }
      xt.change(table, () => {
        for (const each of listed) xt.builtinChain(table, each);
      });
    }
    return text + this.#zero();
  }

  #zero(): string {
    const table = tableToRead(this.#tool, this.#name);
    const { chain: name } = this.#command;
    if (name !== null && table?.chains.get(name) === undefined) throw this.#fail(NO_CHAIN);
    const chains = [...(table?.chains.values() ?? [])].filter((chain) => name === null || chain.name === name);
    if (table !== undefined)
      this.#renewZeroed(
        table,
        chains.flatMap((chain) => chain.rules),
      );
    for (const chain of chains) {
      chain.countsPolicy = chain.hook !== null;
      chain.policyPackets = 0;
      chain.policyBytes = 0;
    }
    return this.#told("Zeroing", name === null ? this.#allNames(table) : [name]);
  }

  #zeroNumber(): void {
    const table = tableToRead(this.#tool, this.#name);
    const chain = table?.chains.get(this.#chainName());
    if (chain === undefined) throw this.#fail(this.#legacy ? NO_CHAIN : NO_RULE);
    const rule = chain.rules[this.#command.number - 1];
    if (rule === undefined) {
      if (this.#legacy) throw this.#fail("Index of counter too big");
      return;
    }
    if (table !== undefined) this.#renewZeroed(table, [rule]);
  }

  /** The nft tool puts in anew each of the rules that has counted something; the legacy one puts in the whole table. */
  #renewZeroed(table: Table, rules: readonly Rule[]): void {
    const { xt } = this.#tool;
    const zeroed = new Set(rules);
    for (const chain of table.chains.values())
      for (const rule of chain.rules) {
        if (!this.#legacy && !(zeroed.has(rule) && (rule.packets !== 0 || rule.bytes !== 0))) continue;
        try {
          xt.renew(rule);
        } catch (error) {
          throw error instanceof RulesetError ? this.#refused(error, "replace", chain.name) : error;
        }
      }
    for (const rule of rules) {
      rule.packets = 0;
      rule.bytes = 0;
    }
  }

  #newChain(): void {
    const { xt } = this.#tool;
    const name = this.#chainName();
    const table = xt.table(this.#name);
    if (table.chains.has(name) || builtinHook(table.name, name) !== null) throw this.#fail("Chain already exists");
    xt.change(table, () => {
      const chain = new Chain(name, null);
      table.chains.set(name, chain);
      table.number(chain);
    });
  }

  #deleteChain(): string {
    const { xt } = this.#tool;
    const { chain: name } = this.#command;
    const table = tableToRead(this.#tool, this.#name);
    if (name === null) {
      if (table === undefined) return "";
      const names = table.userChains().map((chain) => chain.name);
      // With nothing to delete the legacy tool puts nothing in.
      if (names.length > 0 || !this.#legacy)
        xt.change(table, () => {
          for (const chain of table.userChains()) this.#deleteOne(table, chain);
        });
      if (!this.#legacy)
        for (const chain of table.builtinChains())
          if (chain.rules.length === 0 && chain.policy === "ACCEPT") xt.removeBuiltin(table, chain);
      return this.#told("Deleting", names);
    }
    const chain = table?.chains.get(name);
    if (table === undefined || chain === undefined) throw this.#fail(NO_CHAIN);
    xt.change(table, () => this.#deleteOne(table, chain));
    return this.#told("Deleting", [name]);
  }

  #deleteOne(table: Table, chain: Chain): void {
    if (!this.#legacy) {
      if (chain.rules.length > 0 || table.references(chain) > 0)
        throw nftFailure(this.#tool, "CHAIN_DEL", "EBUSY", `chain ${chain.name}`);
    } else if (chain.hook !== null) throw this.#fail("Invalid argument. Run `dmesg' for more information");
    else if (table.references(chain) > 0) throw this.#fail("Too many links");
    else if (chain.rules.length > 0) throw this.#fail("Directory not empty");
    table.chains.delete(chain.name);
  }

  #renameChain(): void {
    const { xt } = this.#tool;
    const name = this.#chainName();
    const newName = this.#command.newName as string;
    const table = xt.table(this.#name);
    if (table.chains.has(newName) || (this.#legacy && STANDARD_TARGETS.includes(newName)))
      throw this.#fail("File exists");
    const chain = table.chains.get(name);
    if (chain === undefined || chain.hook !== null) throw this.#fail(NO_CHAIN);
    if (this.#tool.batch !== null) this.#tool.batch.rename(chain, newName);
    else xt.change(table, () => renameChain(table, chain, newName));
  }

  #setPolicy(): void {
    const { xt } = this.#tool;
    const { policy, counters } = this.#command;
    const table = xt.table(this.#name);
    const chain = xt.builtinChain(table, this.#chainName());
    const isPolicy = policy === "ACCEPT" || policy === "DROP";
    if (chain === null && (this.#legacy || isPolicy)) throw this.#fail("Bad built-in chain name");
    if (chain === null || !isPolicy) throw this.#fail("Bad policy name. Run `dmesg' for more information");
    xt.change(table, () => {
      chain.policy = policy;
      chain.countsPolicy = true;
      // The nft tool takes the counters and forgets them, with what the policy had counted.
      if (counters === null && this.#legacy) return;
      chain.policyPackets = this.#legacy ? (counters?.packets ?? 0) : 0;
      chain.policyBytes = this.#legacy ? (counters?.bytes ?? 0) : 0;
    });
  }
}
