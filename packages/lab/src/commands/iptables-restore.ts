/**
 * `iptables-restore`, `-nft`, `-legacy`: tables from the text that iptables-save prints. A table takes effect as a
 * whole at its COMMIT, or not at all; a wrong line is named by its number.
 */
import {
  Chain,
  checkWaitInterval,
  checkWaitSeconds,
  HOOK_NAMES,
  isTableName,
  OtherFamily,
  OtherProblem,
  ParameterProblem,
  parseCommand,
  type Rule,
  RulesetError,
  TABLE_HOOKS,
  type Table,
  WAIT_INTERVAL_NOTICE,
} from "@netfilter-lab/engine";
import type { CommandContext, CommandProcess } from "../command.js";
import type { FileCommand, FileContext } from "../environment.js";
import { FileError } from "../files.js";
import { readAll } from "../streams.js";
import { OptionError, type OptionSpec, parseOptions } from "./getopt.js";
import { applyCommand, ERRNO_TEXT, renameChain } from "./iptables-apply.js";
import { helpText } from "./iptables-help.js";
import {
  forgetPolicyCount,
  MissingTarget,
  missingTarget,
  NOT_BINARY,
  problemText,
  RefusedFailure,
  STATUS_OTHER,
  STATUS_RESOURCE,
  type Tool,
  ToolFailure,
  toolOf,
  withExtensionsOf,
} from "./iptables-tool.js";

/** The options of `iptables-restore`; a number behind `-w` and `-W` is a word of its own. */
export const OPTIONS: OptionSpec = {
  short: "bcvVthnwWT:M:",
  separate: ["w", "W"],
  long: {
    counters: { key: "c", value: "none" },
    verbose: { key: "v", value: "none" },
    version: { key: "V", value: "none" },
    test: { key: "t", value: "none" },
    help: { key: "h", value: "none" },
    noflush: { key: "n", value: "none" },
    modprobe: { key: "M", value: "required" },
    table: { key: "T", value: "required" },
    wait: { key: "w", value: "optional" },
    "wait-interval": { key: "W", value: "optional" },
  },
};

/** The nft tool knows two more by their long names, and then does not. */
const NFT_OPTIONS: OptionSpec = {
  ...OPTIONS,
  long: { ...OPTIONS.long, ipv4: { key: "4", value: "none" }, ipv6: { key: "6", value: "none" } },
};

function usage(tool: Tool): string {
  const nft = tool.xt.flavour === "nft";
  return `Usage: ${tool.program} [-c] [-v] [-V] [-t] [-h] [-n]${nft ? "" : " [-w secs] [-W usecs]"} [-T table] [-M command]${nft ? " [-4] [-6]" : ""} [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
${nft ? "" : "	   [ --wait=<seconds>\n"}	   [ --table=<TABLE> ]
	   [ --modprobe=<command> ]
${nft ? "	   [ --ipv4 ]\n	   [ --ipv6 ]\n" : ""}`;
}

/** A line asked for help or the version: that is all that is done. */
class Ended extends Error {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

/** `-t`: everything was well, and nothing shall change. */
class TestOnly extends Error {}

interface Settings {
  readonly counters: boolean;
  readonly verbose: boolean;
  readonly test: boolean;
  readonly noflush: boolean;
  /** `-T`: only this table. */
  readonly only: string | null;
  /** The file to read; null for the standard input. */
  readonly file: string | null;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/** A word of a line, and whether quotes were around it. */
export interface RestoreWord {
  readonly text: string;
  readonly quoted: boolean;
}

/** Words of a line, quoted with " or \ as iptables-save writes them. Models add_argv(). */
export function restoreWords(text: string): RestoreWord[] {
  const list: RestoreWord[] = [];
  let word = "";
  let started = false;
  let quoted = false;
  let escaped = false;
  for (const mark of text) {
    if (quoted) {
      if (escaped) {
        word += mark;
        escaped = false;
      } else if (mark === "\\") escaped = true;
      else if (mark === '"') {
        quoted = false;
        list.push({ text: word, quoted: true });
        word = "";
        started = false;
      } else word += mark;
    } else if (mark === '"') {
      quoted = true;
    } else if (mark === " " || mark === "\t" || mark === "\n") {
      if (started) list.push({ text: word, quoted: false });
      word = "";
      started = false;
    } else {
      word += mark;
      started = true;
    }
  }
  if (quoted || started) list.push({ text: word, quoted: false });
  return list;
}

/** `[packets:bytes` at the head of a text; what follows is not looked at. */
function counterPair(text: string): { readonly packets: number; readonly bytes: number } | null {
  const found = /^\[(\d+):(\d+)/.exec(text);
  return found === null ? null : { packets: Number(found[1]), bytes: Number(found[2]) };
}

class Restore {
  readonly #context: CommandContext;
  readonly #settings: Settings;
  readonly #tool: Tool;
  /** Where each rule was put in, and by what message to the kernel. */
  readonly #origins = new Map<Rule, { readonly line: number; readonly message: string }>();
  #line = 0;
  /** The chains that the kernel had before a table's lines, with how many rules led to each. */
  #before = new Map<Chain, number>();
  #renames: { readonly chain: Chain; readonly name: string; readonly line: number }[] = [];
  /**
   * What the first command met that cannot be carried out. The nft tool reads up to COMMIT before it carries out any,
   * so that a line that cannot be read is told of first, and `--test` finds out nothing.
   */
  #refusal: (() => ToolFailure) | null = null;

  constructor(context: CommandContext, tool: Tool, settings: Settings) {
    this.#context = context;
    this.#settings = settings;
    this.#tool = {
      ...tool,
      onRules: (rules, message) => {
        for (const rule of rules) this.#origins.set(rule, { line: this.#line, message });
      },
      batch:
        tool.xt.flavour === "legacy"
          ? null
          : {
              rename: (chain, name) => this.#renames.push({ chain, name, line: this.#line }),
              references: (chain) => this.#before.get(chain) ?? 0,
            },
    };
  }

  get #legacy(): boolean {
    return this.#tool.xt.flavour === "legacy";
  }

  run(text: string): void {
    const lines = text.split("\n").map((line, index): Line => ({ number: index + 1, text: `${line}\n` }));
    if (lines.at(-1)?.text === "\n") lines.pop();
    const input = lines[Symbol.iterator]();
    for (let line = this.#next(input); line !== null; line = this.#next(input)) {
      if (this.#remark(line)) continue;
      if (!line.startsWith("*")) throw this.#failedLine(null);
      this.#startTable(line.slice(1).trim().split(/\s+/)[0], input);
    }
  }

  #next(input: Iterator<Line>): string | null {
    const { done, value } = input.next();
    if (done === true) {
      this.#line++;
      return null;
    }
    this.#line = value.number;
    return value.text;
  }

  /** Blank lines and comments, which `-v` echoes. */
  #remark(line: string): boolean {
    if (line === "\n") return true;
    if (!line.startsWith("#")) return false;
    if (this.#settings.verbose) this.#context.stdout.write(line);
    return true;
  }

  #parameter(message: string): ToolFailure {
    return problemText(this.#tool, new ParameterProblem(message), this.#line);
  }

  #failedLine(reason: string | null): ToolFailure {
    const why = reason === null || this.#legacy ? "" : `: ${reason}.`;
    return new ToolFailure(`${this.#tool.program}: line ${this.#line} failed${why}\n`, STATUS_OTHER);
  }

  /** A command cannot be carried out: the legacy tool says so at once, nft's when it carries out all of them. */
  #refused(failure: () => ToolFailure): void {
    if (this.#legacy) throw failure();
    this.#refusal ??= failure;
  }

  #startTable(name: string | undefined, input: Iterator<Line>): void {
    if (name === undefined || name === "")
      throw this.#parameter(`${this.#tool.program}: line ${this.#line} table name invalid`);
    const { only, test } = this.#settings;
    if (only !== null && name !== only) {
      for (let line = this.#next(input); line !== null; line = this.#next(input)) if (line === "COMMIT\n") return;
      throw this.#commitExpected();
    }
    if (!isTableName(name))
      throw this.#parameter(
        this.#legacy
          ? `${this.#tool.program}: unable to initialize table '${name}'`
          : `${this.#tool.program}: line ${this.#line} table name '${name}' invalid`,
      );
    const { xt } = this.#tool;
    const table = xt.table(name);
    try {
      xt.change(table, () => {
        this.#table(table, input);
        if (test) throw new TestOnly();
      });
    } catch (error) {
      if (error instanceof TestOnly) return;
      if (error instanceof RulesetError) throw this.#refusedCommit(error);
      throw error;
    }
  }

  #commitExpected(): ToolFailure {
    return new ToolFailure(`${this.#tool.program}: COMMIT expected at line ${this.#line}\n`, STATUS_OTHER);
  }

  #refusedCommit(error: RulesetError): ToolFailure {
    if (this.#legacy) return this.#failedLine(null);
    const lines = [error, ...error.others].map(({ rule, errno, chain }) => {
      const { line, message } = (rule === null ? undefined : this.#origins.get(rule)) ?? {
        line: this.#line,
        message: "RULE_APPEND",
      };
      return { number: line, text: `${message} failed (${ERRNO_TEXT[errno]}): rule in chain ${chain}\n` };
    });
    const told = lines.sort((a, b) => a.number - b.number).map(({ number, text }) => `line ${number}: ${text}`);
    return new ToolFailure(`${this.#tool.banner}: \n${told.join("")}`, STATUS_RESOURCE);
  }

  /** Carries out what was noted. The kernel does not find chains by a name that is as new as they are. */
  #renameChains(table: Table): void {
    const lost = this.#renames.filter(({ chain }) => !this.#before.has(chain));
    if (lost.length > 0) {
      const told = lost.map(
        ({ line, name }) => `line ${line}: CHAIN_RENAME failed (${ERRNO_TEXT.ENOENT}): chain ${name}\n`,
      );
      throw new ToolFailure(`${this.#tool.banner}: \n${told.join("")}`, STATUS_RESOURCE);
    }
    for (const { chain, name } of this.#renames) renameChain(table, chain, name);
  }

  #table(table: Table, input: Iterator<Line>): void {
    this.#renames = [];
    this.#before = new Map(table.userChains().map((chain) => [chain, table.references(chain)]));
    if (!this.#settings.noflush) this.#clear(table);
    let isUntouched = this.#settings.noflush;
    for (let line = this.#next(input); line !== null; line = this.#next(input)) {
      if (this.#remark(line)) continue;
      if (line === "COMMIT\n") {
        if (this.#settings.test) return;
        if (this.#refusal !== null) throw this.#refusal();
        this.#renameChains(table);
        return;
      }
      // The legacy tool puts in the whole table anew, its policies' counts forgotten; but not where nothing was to
      // change.
      if (isUntouched && this.#legacy) for (const chain of table.builtinChains()) forgetPolicyCount(chain);
      isUntouched = false;
      if (line.startsWith(":")) this.#chain(table, line.slice(1));
      else this.#rule(table, line);
    }
    throw this.#commitExpected();
  }

  /** Everything of the table goes before its new contents come. */
  #clear(table: Table): void {
    const { verbose } = this.#settings;
    const chains = [...table.builtinChains(), ...table.userChains()];
    const names = [
      ...TABLE_HOOKS[table.name].map((hook) => HOOK_NAMES[hook]),
      ...table.userChains().map((c) => c.name),
    ];
    if (verbose) for (const name of names) this.#context.stdout.write(`Flushing chain \`${name}'\n`);
    // The nft tool deletes the table; but with -v it goes from chain to chain, and policies stay.
    if (!this.#legacy && !verbose) {
      this.#tool.xt.clear(table);
      return;
    }
    for (const chain of chains) {
      chain.rules = [];
      if (!this.#legacy) continue;
      // The legacy tool puts the whole table in anew, with what it counted for policies only where a line says so.
      forgetPolicyCount(chain);
    }
    for (const chain of chains) {
      if (chain.hook !== null) continue;
      if (verbose) this.#context.stdout.write(`Deleting chain \`${chain.name}'\n`);
      table.chains.delete(chain.name);
    }
  }

  /** `:NAME POLICY [packets:bytes]` */
  #chain(table: Table, text: string): void {
    const [name, policy, figures] = text.trim().split(/[ \t]+/);
    const { program, xt } = this.#tool;
    if (name === "") throw this.#parameter(`${program}: line ${this.#line} chain name invalid`);
    if (name.length > 28) throw this.#parameter(`Invalid chain name \`${name}' (29 chars max)`);
    const builtin = xt.builtinChain(table, name);
    if (builtin === null) {
      const existing = table.chains.get(name);
      if (existing === undefined) {
        const chain = new Chain(name, null);
        table.chains.set(name, chain);
        table.number(chain);
      } else existing.rules = [];
    }
    if (policy === undefined) throw this.#parameter(`${program}: line ${this.#line} policy invalid`);
    // Of a user's chain the nft tool reads no further.
    if (policy === "-" || (builtin === null && !this.#legacy)) return;
    const counters = this.#settings.counters ? counterPair(figures ?? "") : { packets: 0, bytes: 0 };
    if (counters === null) throw this.#parameter(`invalid policy counters for chain '${name}'`);
    if (builtin === null || (policy !== "ACCEPT" && policy !== "DROP")) {
      if (!this.#legacy) {
        const failure = this.#failedLine("Bad policy name");
        this.#refused(() => failure);
        return;
      }
      const reason = builtin === null ? "Bad built-in chain name" : "Bad policy name";
      throw new ToolFailure(
        `${this.#tool.banner}: Can't set policy \`${policy}' on \`${name}' line ${this.#line}: ${reason}\n`,
        STATUS_OTHER,
      );
    }
    builtin.policy = policy;
    builtin.countsPolicy = true;
    builtin.policyPackets = counters.packets;
    builtin.policyBytes = counters.bytes;
  }

  #rule(table: Table, line: string): void {
    let rest = line;
    let counters: { readonly packets: number; readonly bytes: number } | null = null;
    if (line.startsWith("[")) {
      const end = line.indexOf("]");
      counters = end < 0 ? null : counterPair(line);
      if (counters === null) throw this.#parameter(`Bad line ${this.#line}: need ]`);
      rest = line.slice(end + 1);
    }
    const args = restoreWords(rest).map(({ text }) => text);
    if (counters !== null && this.#settings.counters)
      args.unshift("--set-counters", String(counters.packets), String(counters.bytes));
    // So are the lines told, but not of a table that is kept.
    if (this.#settings.verbose && !this.#settings.noflush) args.push("-v");
    try {
      const parsed = parseCommand(args, {
        table: table.name,
        restore: true,
        family: this.#tool.xt.family,
        flavour: this.#tool.xt.flavour,
        program: this.#tool.program,
        before: table.name,
        net: this.#tool.xt.net,
      });
      if (parsed.notice !== "") this.#context.stderr.write(parsed.notice);
      const { stdout, stderr } = this.#context;
      if (parsed.kind === "help") throw new Ended(helpText(this.#tool, parsed.extensions));
      if (parsed.kind === "version") throw new Ended(`${this.#tool.banner}\n`);
      // Behind a refusal the nft tool goes on reading only.
      const isReading = this.#refusal !== null;
      const text = applyCommand(this.#tool, parsed, (warning) => stderr.write(isReading ? "" : warning));
      if (!isReading) stdout.write(text);
    } catch (error) {
      if (error instanceof OtherFamily) return;
      if (error instanceof ParameterProblem || error instanceof OtherProblem)
        throw problemText(this.#tool, error, this.#line);
      if (error instanceof MissingTarget) {
        this.#refused(() => missingTarget(this.#tool, error, this.#line));
        return;
      }
      if (error instanceof RefusedFailure) {
        const failure = this.#failedLine(error.reason);
        this.#refused(() => failure);
        return;
      }
      if (error instanceof ToolFailure && !this.#legacy) {
        this.#refused(() => error);
        return;
      }
      throw error;
    }
  }
}

/** What the command line asks for; a text to print where it asks for nothing else. */
function settingsOf(tool: Tool, { argv0, args, stderr }: CommandContext): Settings | string {
  const nft = tool.xt.flavour === "nft";
  const { options, operands } = parseOptions(argv0, args, nft ? NFT_OPTIONS : OPTIONS);
  const given = new Set(options.map(({ key }) => key));
  for (const { key, value } of options) {
    if (key === "V") return `${tool.banner}\n`;
    if (key === "h") return "help";
    if (key === "b") stderr.write(NOT_BINARY);
    else if (key === "4" || key === "6") throw new ToolFailure(tryHelp(tool), STATUS_OTHER);
    // The nft tool looks at neither number.
    else if (nft) continue;
    else if (key === "w") {
      if (value !== null) checkWait(tool, () => checkWaitSeconds(value));
    } else if (key === "W") {
      checkWait(tool, () => checkWaitInterval(value));
      stderr.write(WAIT_INTERVAL_NOTICE);
    }
  }
  if (operands.length > 1) throw new ToolFailure("Unknown arguments found on commandline\n", STATUS_OTHER);
  if (!nft && given.has("W") && !given.has("w"))
    throw new ToolFailure("Option --wait-interval requires option --wait\n", STATUS_OTHER);
  return {
    counters: given.has("c"),
    // The nft tool tells nothing of what it only tries.
    verbose: given.has("v") && !(nft && given.has("t")),
    test: given.has("t"),
    noflush: given.has("n"),
    only: options.find(({ key }) => key === "T")?.value ?? null,
    file: operands[0] ?? null,
  };
}

function checkWait(tool: Tool, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof ParameterProblem) throw problemText(tool, error, 0);
    throw error;
  }
}

function tryHelp(tool: Tool): string {
  return `Try \`${tool.program} -h' for more information.\n`;
}

/** The text of a file. */
function readFile({ host }: FileContext, path: string): string {
  try {
    return host.files.read(path);
  } catch (error) {
    if (error instanceof FileError) throw new ToolFailure(`Can't open ${path}: ${error.message}\n`, STATUS_OTHER);
    throw error;
  }
}

function* run(context: FileContext): CommandProcess {
  const tool = toolOf(context.net, "-restore", context.argv0);
  try {
    const settings = settingsOf(tool, context);
    if (settings === "help") {
      context.stderr.write(usage(tool));
      return 0;
    }
    if (typeof settings === "string") {
      context.stdout.write(settings);
      return 0;
    }
    const text = settings.file === null ? yield* readAll(context.stdin) : readFile(context, settings.file);
    const restored = withExtensionsOf(text, () => {
      new Restore(context, tool, settings).run(text);
      return 0;
    });
    return typeof restored === "number" ? restored : yield* restored;
  } catch (error) {
    if (error instanceof OptionError) {
      context.stderr.write(`${error.message}\n${tryHelp(tool)}`);
      return STATUS_OTHER;
    }
    if (error instanceof Ended) {
      context.stdout.write(error.text);
      return 0;
    }
    if (!(error instanceof ToolFailure)) throw error;
    context.stderr.write(error.message);
    return error.status;
  }
}

export const iptablesRestore: FileCommand = (context) => run(context);
