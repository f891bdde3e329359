/**
 * The command line of iptables: one command with its rule, as iptables 1.8.9's do_parse() (iptables/xshared.c) accepts
 * and refuses it, message for message. What the rule says is all here; what the command then does to a table is in
 * the lab's command.
 */
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { NEXTHDR_AUTH, NEXTHDR_DEST, NEXTHDR_FRAGMENT, NEXTHDR_ROUTING } from "../wire/ipv6.js";
import { anyAddress, parseAddresses } from "./address-mask.js";
import {
  argumentOf,
  BASE_OPTIONS,
  COMMAND_LETTERS,
  type Code,
  codeOf,
  type ExtensionUse,
  FORBIDDEN,
  INVERTIBLE,
  OPTION_ORDER,
  type OptionLetter,
  SHORT_OPTIONS,
} from "./command-options.js";
import { BadArgument, OtherFamily, ParameterProblem, TryHelp } from "./error.js";
import type { Extension, MatchExtension, RuleHeader, TableName, TargetExtension } from "./extension.js";
import { Getopt, type LongOption } from "./getopt.js";
import { parseInterface } from "./interface.js";
import { INV_DST, INV_FRAGMENT, INV_PROTO, INV_SRC, INV_VIA_IN, INV_VIA_OUT, type IpSpec } from "./ip-spec.js";
import { checkOptions, type OptionSpec, OptionValues, parseUint, takeOption } from "./options.js";
import type { ParseContext, ParsedAction, ParsedCommand, XtCommandKind } from "./parsed-command.js";
import { protocolName, protocolNumber } from "./protocols.js";
import { matchesInNft } from "./read-back.js";
import { findMatch, findTarget } from "./registry.js";
import { checkWaitInterval, checkWaitSeconds, WAIT_INTERVAL_NOTICE } from "./wait.js";

/** Names that iptables knows icmp6 by. */
const ICMPV6_NAMES: readonly string[] = ["icmpv6", "ipv6-icmp"];

/** Protocols of IPv6 that are passed over on the way to a packet's own. Models is_exthdr(). */
const EXTENSION_HEADERS: readonly number[] = [NEXTHDR_ROUTING, NEXTHDR_FRAGMENT, NEXTHDR_AUTH, NEXTHDR_DEST];

const RULE_COMMANDS: readonly XtCommandKind[] = ["append", "insert", "delete", "replace", "check"];

/** Longest name of a chain or target, in bytes. */
const MAX_NAME = 28;

/** Whether a name may be a chain's target on the command line. Models xt_parse_target(). */
function parseTargetName(name: string): string {
  if (name.length < 1) throw new ParameterProblem("Invalid target name (too short)");
  if (name.length > MAX_NAME) throw new ParameterProblem(`Invalid target name \`${name}' (${MAX_NAME} chars max)`);
  if (/\s/.test(name)) throw new ParameterProblem(`Invalid target name \`${name}'`);
  return name;
}

/** Models xtables_parse_protocol(). */
function parseProtocol(text: string): number {
  const number = parseUint(text, 0, 255);
  if (number !== undefined) return number;
  const named = protocolNumber(text);
  if (named === undefined) throw new ParameterProblem(`unknown protocol "${text}" specified`);
  return named;
}

function parseRuleNumber(text: string): number {
  const number = parseUint(text, 1, 0x7fffffff);
  if (number === undefined) throw new ParameterProblem(`Invalid rule number \`${text}'`);
  return number;
}

function checkChainLength(name: string): void {
  if (name.length > MAX_NAME)
    throw new ParameterProblem(`chain name \`${name}' too long (must be under ${MAX_NAME + 1} chars)`);
}

class Parser {
  readonly #context: ParseContext;
  readonly #getopt: Getopt<Code>;
  #invert = false;
  #command: XtCommandKind | null = null;
  #alsoZero = false;
  #table: string;
  #chain: string | null = null;
  #number = 0;
  #newName: string | null = null;
  #policy: string | null = null;
  readonly #given = new Set<OptionLetter>();
  #verbose = 0;
  #inverted = 0;
  #sources: string | null = null;
  #destinations: string | null = null;
  #iniface = "";
  #outiface = "";
  #fragment = false;
  #proto = 0;
  #protocolText: string | null = null;
  #protocolLoaded = false;
  #packets = 0;
  #bytes = 0;
  #jumpTo: string | null = null;
  #goto = false;
  readonly #matches: ExtensionUse[] = [];
  #target: ExtensionUse | null = null;
  #extensionOptions: LongOption<Code>[] = [];
  /** What options said on stderr. */
  #notice = "";
  readonly #warn = (text: string): void => {
    this.#notice += text;
  };
  /** Which of `-w` and `-W` were given. */
  readonly #waits = new Set<"w" | "W">();

  constructor(args: readonly string[], context: ParseContext) {
    this.#context = context;
    this.#table = context.table;
    this.#getopt = new Getopt<Code>(args, SHORT_OPTIONS);
  }

  parse(): ParsedCommand {
    try {
      return this.#parse();
    } catch (error) {
      if (error instanceof ParameterProblem) error.notice = this.#notice + error.notice;
      throw error;
    }
  }

  #parse(): ParsedCommand {
    for (;;) {
      const result = this.#getopt.next([...BASE_OPTIONS, ...this.#extensionOptions]);
      if (result === null) break;
      if (result.kind === "text") {
        if (result.text === "!") {
          if (this.#invert) throw new ParameterProblem("multiple consecutive ! not allowed");
          this.#invert = true;
          continue;
        }
        throw new BadArgument(`Bad argument \`${result.text}'`);
      }
      if (result.kind === "unknown" || result.kind === "missing") {
        if (this.#reparseWithProtocol(result.kind)) continue;
        const previous = this.#getopt.args[this.#getopt.index - 1] ?? this.#context.before;
        throw new ParameterProblem(
          result.kind === "unknown" ? `unknown option "${previous}"` : `option "${previous}" requires an argument`,
        );
      }
      if (result.kind === "long" && result.option.code.letter === null) {
        const { use, spec } = result.option.code;
        if (use !== null && spec !== null) this.#extensionOption(use, spec, result.argument);
      } else {
        const letter = result.kind === "short" ? result.letter : (result.option.code.letter as string);
        if (this.#baseOption(letter, result.argument)) return this.#finish();
      }
      this.#invert = false;
    }
    this.#check();
    return this.#finish();
  }

  /**
   * An unknown option may be the protocol's (`-p tcp --dport 80`): then its match is loaded, and the option read again.
   */
  #reparseWithProtocol(kind: "unknown" | "missing"): boolean {
    if (kind === "missing" || this.#protocolText === null || this.#protocolLoaded) return false;
    if (this.#matches.some((use) => use.extension.name === this.#protocolName())) return false;
    const extension = this.#protocolMatch();
    if (extension === undefined) return false;
    this.#protocolLoaded = true;
    this.#loadMatch(extension);
    this.#getopt.index--;
    return true;
  }

  /**
   * The name of the match that a protocol's own options belong to: `tcp`, and `icmp6` for ICMPv6 whatever it was
   * called.
   */
  #protocolName(): string {
    if (this.#context.family === "ipv6" && this.#proto === IPPROTO_ICMPV6) return "icmp6";
    const text = this.#protocolText as string;
    return /^\d/.test(text) ? (protocolName(this.#proto) ?? text) : text;
  }

  #protocolMatch(): MatchExtension | undefined {
    const { family } = this.#context;
    if (this.#protocolText === null) return undefined;
    return findMatch(this.#protocolName(), family);
  }

  #hasArgument(): boolean {
    const next = this.#getopt.args[this.#getopt.index];
    return next !== undefined && !next.startsWith("-") && !next.startsWith("!");
  }

  #takeArgument(): string | null {
    return this.#hasArgument() ? this.#getopt.args[this.#getopt.index++] : null;
  }

  #setCommand(kind: Exclude<XtCommandKind, "help" | "version">): void {
    if (this.#invert) throw new ParameterProblem("unexpected '!' flag");
    const other = this.#command;
    if (other !== null && other !== "help" && other !== "version") {
      const pair = [kind, other];
      const listing = pair.find((each) => each === "list" || each === "list-rules");
      if (listing !== undefined && pair.some((each) => each === "zero" || each === "zero-num")) {
        this.#alsoZero = true;
        this.#command = listing;
        return;
      }
      throw new ParameterProblem(`Cannot use -${COMMAND_LETTERS[kind]} with -${COMMAND_LETTERS[other]}`);
    }
    this.#command = kind;
  }

  #setOption(letter: OptionLetter, inversion: number): void {
    if (this.#given.has(letter)) throw new ParameterProblem(`multiple -${letter} flags not allowed`);
    this.#given.add(letter);
    if (!this.#invert) return;
    if (!INVERTIBLE.includes(letter)) throw new ParameterProblem(`cannot have ! before -${letter}`);
    this.#inverted |= inversion;
  }

  /** Returns true when the command line is at its end (`-h`, `-V`). */
  #baseOption(letter: string, argument: string | undefined): boolean {
    switch (letter) {
      case "A":
        this.#setCommand("append");
        this.#chain = argument as string;
        break;
      case "C":
        this.#setCommand("check");
        this.#chain = argument as string;
        break;
      case "D": {
        this.#setCommand("delete");
        this.#chain = argument as string;
        const number = this.#takeArgument();
        if (number !== null) {
          this.#number = parseRuleNumber(number);
          this.#command = "delete-num";
        }
        break;
      }
      case "R": {
        this.#setCommand("replace");
        this.#chain = argument as string;
        const number = this.#takeArgument();
        if (number === null) throw new ParameterProblem("-R requires a rule number");
        this.#number = parseRuleNumber(number);
        break;
      }
      case "I": {
        this.#setCommand("insert");
        this.#chain = argument as string;
        const number = this.#takeArgument();
        this.#number = number === null ? 1 : parseRuleNumber(number);
        break;
      }
      case "L":
      case "S": {
        this.#setCommand(letter === "L" ? "list" : "list-rules");
        this.#chain = argument ?? this.#takeArgument() ?? this.#chain;
        const number = this.#takeArgument();
        if (number !== null) this.#number = parseRuleNumber(number);
        break;
      }
      case "F":
        this.#setCommand("flush");
        this.#chain = argument ?? this.#takeArgument();
        break;
      case "Z": {
        this.#setCommand("zero");
        this.#chain = argument ?? this.#takeArgument() ?? this.#chain;
        const number = this.#takeArgument();
        if (number !== null) {
          this.#number = parseRuleNumber(number);
          if (this.#command === "zero") this.#command = "zero-num";
        }
        break;
      }
      case "N": {
        const name = argument as string;
        checkChainLength(name);
        if (name.startsWith("-") || name.startsWith("!"))
          throw new ParameterProblem(`chain name not allowed to start with \`${name[0]}'`);
        // The first of the libraries begins as every name does that is nothing.
        if (name === "" || findTarget(name, this.#context.family) !== undefined)
          throw new ParameterProblem("chain name may not clash with target name");
        if (/[ \t\n\v\f\r]/.test(name)) throw new ParameterProblem(`Invalid chain name \`${name}'`);
        this.#setCommand("new-chain");
        this.#chain = name;
        break;
      }
      case "X":
        this.#setCommand("delete-chain");
        this.#chain = argument ?? this.#takeArgument();
        break;
      case "E":
        this.#setCommand("rename-chain");
        this.#chain = argument as string;
        this.#newName = this.#takeArgument();
        if (this.#newName === null) throw new ParameterProblem("-E requires old-chain-name and new-chain-name");
        break;
      case "P":
        this.#setCommand("set-policy");
        this.#chain = argument as string;
        this.#policy = this.#takeArgument();
        if (this.#policy === null) throw new ParameterProblem("-P requires a chain and a policy");
        break;
      case "h":
        if (this.#matches.length === 0 && this.#protocolText !== null) {
          const extension = this.#protocolMatch();
          if (extension !== undefined) this.#loadMatch(extension);
        }
        this.#command = "help";
        return true;
      case "p": {
        this.#setOption("p", INV_PROTO);
        // The whole word, as with interfaces and addresses: `-ptcp` is the protocol "-ptcp".
        this.#protocolText = this.#getopt.args[this.#getopt.index - 1].toLowerCase();
        this.#proto = parseProtocol(this.#protocolText);
        if (this.#proto === 0 && this.#invert) throw new ParameterProblem("rule would never match protocol");
        if (this.#context.family === "ipv6" && EXTENSION_HEADERS.includes(this.#proto) && !this.#invert)
          this.#notice += `Warning: never matched protocol: ${this.#protocolText}. use extension match instead.\n`;
        break;
      }
      case "s":
        this.#setOption("s", INV_SRC);
        this.#sources = this.#getopt.args[this.#getopt.index - 1];
        break;
      case "d":
        this.#setOption("d", INV_DST);
        this.#destinations = this.#getopt.args[this.#getopt.index - 1];
        break;
      case "g":
        this.#setOption("j", 0);
        this.#goto = true;
        this.#jumpTo = parseTargetName(argument as string);
        break;
      case "j":
        this.#setOption("j", 0);
        // The whole word where the name is in one with the option: `-jACCEPT` goes to the chain of that name.
        this.#jump(this.#getopt.args[this.#getopt.index - 1]);
        break;
      case "i":
        this.#checkEmptyInterface(argument as string);
        this.#setOption("i", INV_VIA_IN);
        this.#iniface = this.#interface();
        break;
      case "o":
        this.#checkEmptyInterface(argument as string);
        this.#setOption("o", INV_VIA_OUT);
        this.#outiface = this.#interface();
        break;
      case "f":
        if (this.#context.family === "ipv6")
          throw new ParameterProblem("`-f' is not supported in IPv6, use -m frag instead");
        this.#setOption("f", INV_FRAGMENT);
        this.#fragment = true;
        break;
      case "v":
        if (this.#verbose === 0) this.#setOption("v", 0);
        this.#verbose++;
        break;
      case "m": {
        if (this.#invert) throw new ParameterProblem("unexpected ! flag before --match");
        this.#loadMatch(this.#requireMatch(argument as string));
        break;
      }
      case "n":
        this.#setOption("n", 0);
        break;
      case "t":
        if (this.#invert) throw new ParameterProblem("unexpected ! flag before --table");
        if (this.#context.restore)
          throw new ParameterProblem(`The -t option cannot be used in ${this.#context.program}.\n`);
        this.#table = argument as string;
        break;
      case "x":
        this.#setOption("x", 0);
        break;
      case "V":
        if (this.#invert) throw new ParameterProblem("unexpected ! flag before -V");
        this.#command = "version";
        return true;
      case "w":
      case "W":
        if (this.#context.restore) throw new ParameterProblem(`You cannot use \`-${letter}' from iptables-restore`);
        this.#wait(letter, argument);
        break;
      case "0":
        this.#setOption("0", 0);
        break;
      case "M":
        break;
      case "c":
        this.#counters(argument as string);
        break;
      case "4":
      case "6":
        if (this.#context.family === `ipv${letter}`) break;
        throw this.#context.restore ? new OtherFamily() : new TryHelp("");
      default:
        throw new ParameterProblem(`Unknown arg "${argument ?? "(null)"}"`);
    }
    return false;
  }

  #wait(letter: "w" | "W", argument: string | undefined): void {
    const text = argument ?? this.#takeArgument();
    if (letter === "w") {
      if (text !== null) checkWaitSeconds(text);
    } else {
      checkWaitInterval(text);
      this.#notice += WAIT_INTERVAL_NOTICE;
    }
    this.#waits.add(letter);
  }

  #counters(argument: string): void {
    this.#setOption("c", 0);
    const comma = argument.indexOf(",", 1);
    const packets = comma < 0 ? argument : argument.slice(0, comma);
    const bytes = comma < 0 ? this.#takeArgument() : argument.slice(comma + 1);
    if (bytes === null) throw new ParameterProblem("-c requires packet and byte counter");
    if (!/^\s*[+-]?\d/.test(packets)) throw new ParameterProblem("-c packet counter not numeric");
    if (!/^\s*[+-]?\d/.test(bytes)) throw new ParameterProblem("-c byte counter not numeric");
    this.#packets = Number.parseInt(packets, 10);
    this.#bytes = Number.parseInt(bytes, 10);
  }

  /**
   * The interface's name. The tool takes the whole word it stands in: `-i eth0` is eth0, but `-ieth0` is the interface
   * "-ieth0", and so is this one's.
   */
  #interface(): string {
    const name = parseInterface(this.#getopt.args[this.#getopt.index - 1], this.#warn);
    // A lone + is any interface, which is what no option says as well; the legacy tool still lists it.
    return name === "+" && !this.#invert && this.#context.flavour === "nft" ? "" : name;
  }

  #checkEmptyInterface(name: string): void {
    if (name === "") throw new ParameterProblem("Empty interface is likely to be undesired");
  }

  #requireMatch(name: string): MatchExtension {
    const { family } = this.#context;
    if (name.length > MAX_NAME) throw new ParameterProblem(`Invalid match name "${name}" (${MAX_NAME} chars max)`);
    // ICMPv6's match is known by its protocol's names too.
    const known = family === "ipv6" && ICMPV6_NAMES.includes(name) ? "icmp6" : name;
    const extension = findMatch(known, family);
    if (extension !== undefined) return extension;
    throw new ParameterProblem(`Couldn't load match \`${name}':No such file or directory\n`);
  }

  #addOptions(use: ExtensionUse): void {
    const options: LongOption<Code>[] = use.extension.options.map((spec) => ({
      name: spec.name,
      hasArgument: argumentOf(spec),
      code: codeOf(use, spec),
    }));
    this.#extensionOptions = [...options, ...this.#extensionOptions];
  }

  #warnOfAbsence({ name, notInKernel }: Extension): void {
    if (notInKernel) this.#notice += `Warning: Extension ${name} revision 0 not supported, missing kernel module?\n`;
  }

  #loadMatch(extension: MatchExtension): void {
    this.#warnOfAbsence(extension);
    const use: ExtensionUse = { extension, values: new OptionValues() };
    this.#matches.push(use);
    this.#addOptions(use);
  }

  #jump(name: string): void {
    this.#jumpTo = parseTargetName(name);
    const extension = findTarget(name, this.#context.family);
    if (extension === undefined) return;
    this.#warnOfAbsence(extension);
    this.#target = { extension, values: new OptionValues() };
    this.#addOptions(this.#target);
  }

  #extensionOption(use: ExtensionUse, spec: OptionSpec, argument: string | undefined): void {
    const proto = this.#inverted & INV_PROTO ? 0 : this.#proto;
    const { family, net } = this.#context;
    const warn = this.#warn;
    const call = { family, net, extension: use.extension.name, option: spec.name, invert: this.#invert, proto, warn };
    if (spec.secondArgument === undefined) {
      const following = spec.followingArgument === true ? (this.#takeArgument() ?? undefined) : argument;
      takeOption(spec, following, call, use.values);
      return;
    }
    const second = this.#takeArgument();
    if (second === null) throw new ParameterProblem(spec.secondArgument);
    takeOption(spec, argument, { ...call, second }, use.values);
  }

  #check(): void {
    if (this.#table === "nat" && (this.#policy === "DROP" || this.#jumpTo === "DROP"))
      throw new ParameterProblem(
        '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n',
      );
    if (this.#waits.has("W") && !this.#waits.has("w"))
      throw new ParameterProblem("--wait-interval only makes sense with --wait\n");
    for (const { extension, values } of [...this.#matches, ...(this.#target === null ? [] : [this.#target])]) {
      extension.finalCheck?.(values);
      checkOptions(extension.name, extension.options, values);
      // What it says of its options comes before what is said of the line.
      extension.build(values, this.#header());
    }
    if (this.#getopt.index < this.#getopt.args.length)
      throw new ParameterProblem("unknown arguments found on commandline");
    if (this.#command === null) throw new ParameterProblem("no command specified");
    if (this.#invert) throw new ParameterProblem("nothing appropriate following !");
  }

  #checkOptionUse(): void {
    const command = this.#command;
    if (command === null || command === "help" || command === "version") return;
    const forbidden = FORBIDDEN[command] ?? "";
    for (const letter of OPTION_ORDER) {
      if (this.#given.has(letter) && forbidden.includes(letter))
        throw new ParameterProblem(`Illegal option \`-${letter}' with this command`);
    }
    if (this.#chain !== null) checkChainLength(this.#chain);
    if (RULE_COMMANDS.includes(command)) {
      if ((this.#chain === "PREROUTING" || this.#chain === "INPUT") && this.#given.has("o"))
        throw new ParameterProblem(`Can't use -o with ${this.#chain}\n`);
      if ((this.#chain === "POSTROUTING" || this.#chain === "OUTPUT") && this.#given.has("i"))
        throw new ParameterProblem(`Can't use -i with ${this.#chain}\n`);
    }
  }

  #addressPairs(): IpSpec[] {
    const { family } = this.#context;
    const sources = this.#sources === null ? [anyAddress(family)] : parseAddresses(this.#sources, family);
    const destinations =
      this.#destinations === null ? [anyAddress(family)] : parseAddresses(this.#destinations, family);
    if ((sources.length > 1 || destinations.length > 1) && this.#inverted & (INV_SRC | INV_DST))
      throw new ParameterProblem("! not allowed with multiple source or destination IP addresses");
    if (this.#command === "replace" && (sources.length > 1 || destinations.length > 1))
      throw new ParameterProblem("Replacement rule does not specify a unique address");
    const specs: IpSpec[] = [];
    for (const source of sources) {
      for (const destination of destinations)
        specs.push({
          family,
          src: source.address,
          smask: source.mask,
          dst: destination.address,
          dmask: destination.mask,
          iniface: this.#iniface,
          outiface: this.#outiface,
          proto: this.#proto,
          fragment: this.#fragment,
          inverted: this.#inverted,
        });
    }
    return specs;
  }

  #action(header: RuleHeader): ParsedAction {
    if (this.#target !== null) {
      const extension = this.#target.extension as TargetExtension;
      return { kind: "target", target: extension.build(this.#target.values, header) };
    }
    if (this.#jumpTo !== null) return { kind: "chain", name: this.#jumpTo, goto: this.#goto };
    return { kind: "none" };
  }

  /** What extensions may look at of the rule. */
  #header(): RuleHeader {
    return {
      family: this.#context.family,
      proto: this.#proto,
      invertProto: (this.#inverted & INV_PROTO) !== 0,
      protocolText: this.#protocolText,
      goto: this.#goto,
      flavour: this.#context.flavour,
    };
  }

  #finish(): ParsedCommand {
    const command = this.#command as XtCommandKind;
    const header = this.#header();
    const ended = command === "help" || command === "version";
    const matches = ended
      ? []
      : this.#context.flavour === "nft"
        ? matchesInNft(this.#matches, header)
        : this.#matches.map((use) => (use.extension as MatchExtension).build(use.values, header));
    const action: ParsedAction = ended ? { kind: "none" } : this.#action(header);
    const specs = ended ? [] : this.#addressPairs();
    this.#checkOptionUse();
    return {
      kind: command,
      alsoZero: this.#alsoZero,
      table: this.#table,
      chain: this.#chain,
      number: this.#number,
      newName: this.#newName,
      policy: this.#policy,
      counters: this.#given.has("c") ? { packets: this.#packets, bytes: this.#bytes } : null,
      numeric: this.#given.has("n"),
      verbose: this.#verbose,
      exact: this.#given.has("x"),
      lineNumbers: this.#given.has("0"),
      rule: { specs, matches, action, packets: this.#packets, bytes: this.#bytes },
      notice: this.#notice,
      extensions: [...this.#matches.map((use) => use.extension), ...(this.#target ? [this.#target.extension] : [])],
    };
  }
}

/**
 * Parses a command line (without the command's name). Throws {@link ParameterProblem} with the
 * tool's message.
 */
export function parseCommand(args: readonly string[], context: ParseContext): ParsedCommand {
  return new Parser(args, context).parse();
}

/** Whether a name is one of the five tables. */
export function isTableName(name: string): name is TableName {
  return name === "raw" || name === "mangle" || name === "nat" || name === "filter" || name === "security";
}
