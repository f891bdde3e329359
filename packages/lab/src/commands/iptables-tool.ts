/**
 * What iptables, iptables-save and iptables-restore have in common: their names, the flavour they work on, and the
 * shape of a failure.
 */
import type { Chain, NetNamespace, Rule, Table, TableName, Xtables, XtFamily } from "@netfilter-lab/engine";
import {
  BadArgument,
  isTableName,
  namesUnknownExtension,
  OtherProblem,
  ParameterProblem,
  TryHelp,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import { rarePart, withPart } from "../parts.js";

/** The version whose text these commands print. */
export const IPTABLES_VERSION = "1.8.9";

/** The exit statuses of the tools. */
export const STATUS_OTHER = 1;
export const STATUS_PARAMETER = 2;
export const STATUS_VERSION = 3;
export const STATUS_RESOURCE = 4;

/** A command's failure: what it prints on stderr, whole lines, and its exit status. */
export class ToolFailure extends Error {
  override readonly name = "ToolFailure";
  readonly status: number;
  /** What it prints on stdout all the same. */
  stdout = "";

  constructor(text: string, status: number) {
    super(text);
    this.status = status;
  }
}

/** A change the tables refuse: iptables says why, iptables-restore says where. */
export class RefusedFailure extends ToolFailure {
  readonly reason: string;

  constructor(tool: Tool, reason: string) {
    super(`${tool.base}: ${reason}.\n`, STATUS_OTHER);
    this.reason = reason;
  }
}

/** A rule that leads to nothing known by that name. */
export class MissingTarget extends Error {
  readonly target: string;
  /** `-g` rather than `-j`. */
  readonly goto: boolean;

  constructor(target: string, goto: boolean) {
    super(target);
    this.target = target;
    this.goto = goto;
  }
}

/** What a target or chain that is not there gets. */
export function missingTarget(tool: Tool, { target, goto }: MissingTarget, line: number | null): ToolFailure {
  return problemText(tool, new ParameterProblem(missingMessage(tool, target, goto)), line);
}

function missingMessage(tool: Tool, target: string, goto: boolean): string {
  if (tool.xt.flavour === "nft") return `Chain '${target}' does not exist`;
  return goto ? `goto '${target}' is not a chain` : `Couldn't load target \`${target}':No such file or directory\n`;
}

/** What the nft tools tell the kernel of a rule. */
export type RuleMessage = "RULE_APPEND" | "RULE_INSERT" | "RULE_REPLACE";

/** What the tools say of `-b`, which was to mean something once. */
export const NOT_BINARY = "-b/--binary option is not implemented\n";

/** The legacy tools hand the kernel a new table, into which what policies have counted does not go. */
export function forgetPolicyCount(chain: Chain): void {
  chain.policyPackets = 0;
  chain.policyBytes = 0;
}

/** What a run of iptables-nft-restore does otherwise than single commands do. */
export interface RestoreBatch {
  /** Takes note of a new name: a chain keeps its own as long as the run lasts. */
  rename(chain: Chain, name: string): void;
  /** The references to a chain, as the tool knows them: those that the kernel had told of before. */
  references(chain: Chain): number;
}

/** A tool called by one of its names: its program name in messages and the ruleset it works on. */
export interface Tool {
  /** `iptables` or `ip6tables`: the family's name, whatever the flavour. */
  readonly base: string;
  /** `iptables`, `iptables-save` or `iptables-restore`, whatever name it was called by. */
  readonly program: string;
  /** The name it was called by. */
  readonly argv0: string;
  readonly xt: Xtables;
  /** Told of each rule that a command is about to put in, and by what message (iptables-restore remembers its line). */
  readonly onRules: ((rules: readonly Rule[], message: RuleMessage) => void) | null;
  /** One run of the nft tool that restores, whose lines reach the kernel together. */
  readonly batch: RestoreBatch | null;
  /** `iptables v1.8.9 (nf_tables)`, as in front of messages and after `-V`. */
  readonly banner: string;
}

/**
 * The tool that a command name stands for: `ip6tables` names work on IPv6's tables, `-legacy` names on the legacy ones.
 * Those of nft that save and restore call themselves by the name they were called by, the others by their family's.
 */
export function toolOf(net: NetNamespace, suffix: "" | "-save" | "-restore", argv0: string): Tool {
  const legacy = argv0.includes("-legacy");
  const family: XtFamily = argv0.startsWith("ip6tables") ? "ipv6" : "ipv4";
  const base = family === "ipv6" ? "ip6tables" : "iptables";
  const name = legacy || suffix === "" ? base + suffix : argv0;
  return {
    base,
    program: name,
    argv0,
    xt: tablesOf(net, family, legacy),
    onRules: null,
    batch: null,
    banner: `${name} v${IPTABLES_VERSION} (${legacy ? "legacy" : "nf_tables"})`,
  };
}

function tablesOf(net: NetNamespace, family: XtFamily, legacy: boolean): Xtables {
  if (family === "ipv6") return legacy ? net.xt6Legacy : net.xt6Nft;
  return legacy ? net.xtLegacy : net.xtNft;
}

/** What a mistake of the parser makes the tool print. `line`: the line of iptables-restore's input. */
export function problemText(tool: Tool, problem: ParameterProblem | OtherProblem, line: number | null): ToolFailure {
  const hint = `Try \`${tool.program} -h' or '${tool.program} --help' for more information.\n`;
  if (problem instanceof TryHelp) return new ToolFailure(hint, STATUS_PARAMETER);
  let text = problem instanceof BadArgument ? `${problem.message}\n` : `${tool.banner}: ${problem.message}\n`;
  if (problem instanceof OtherProblem) return new ToolFailure(text, STATUS_OTHER);
  if (line !== null) text += `Error occurred at line: ${line}\n`;
  return new ToolFailure(problem.notice + text + hint, STATUS_PARAMETER);
}

/** Room for a legacy table's name; of a longer one the kernel is not asked. */
const XT_TABLE_MAXNAMELEN = 32;

/** The table's name, checked; what a wrong one gets differs between the flavours. */
export function requireTableName(tool: Tool, name: string): TableName {
  if (isTableName(name)) return name;
  const reason =
    tool.xt.flavour === "nft"
      ? `table '${name}' does not exist`
      : `can't initialize ${tool.base} table \`${name}': ${
          name.length < XT_TABLE_MAXNAMELEN
            ? "Table does not exist (do you need to insmod?)"
            : "Module is wrong version"
        }`;
  throw new ToolFailure(
    `${tool.banner}: ${reason}\nPerhaps ${tool.base} or your kernel needs to be upgraded.\n`,
    STATUS_VERSION,
  );
}

/** The table to read: legacy tools make it by looking, those of nft do not. */
export function tableToRead(tool: Tool, name: TableName): Table | undefined {
  return tool.xt.flavour === "legacy" ? tool.xt.table(name) : tool.xt.existing(name);
}

/**
 * What the nft tools say on stderr before they list, where a legacy tool has made a table. `see`: whose list has it.
 */
export function legacyWarning(tool: Tool, suffix: "" | "-save"): string {
  const { xt, base } = tool;
  const present = xt.flavour === "nft" && tablesOf(xt.net, xt.family, true).tables().length > 0;
  return present ? `# Warning: ${base}-legacy tables present, use ${base}-legacy${suffix} to see them\n` : "";
}

/** What the tool says on stderr when it prints a rule. */
export function noticesOf(rule: Rule): string {
  return rule.matches.map((match) => match.notice?.() ?? "").join("");
}

/** Reads a command line or a ruleset's text when the extensions that it names are there. */
export function withExtensionsOf(text: string, read: () => number): number | CommandProcess {
  return rarePart.isToCome && namesUnknownExtension(text) ? withPart(rarePart, read) : read();
}
