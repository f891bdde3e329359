/**
 * The command line of iptables: one command with its rule, as iptables 1.8.9's do_parse() (iptables/xshared.c) accepts
 * and refuses it, message for message. What the rule says is all here; what the command then does to a table is in
 * the lab's command.
 */
import type { NetNamespace } from "../netns.js";
import { AddressError, parseIPv4, parseIPv6, prefixMask, prefixMaskIPv6 } from "../wire/address.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { NEXTHDR_AUTH, NEXTHDR_DEST, NEXTHDR_FRAGMENT, NEXTHDR_ROUTING } from "../wire/ipv6.js";
import { BadArgument, OtherFamily, ParameterProblem, TryHelp } from "./error.js";
import type {
  Extension,
  Match,
  MatchExtension,
  RuleHeader,
  TableName,
  Target,
  TargetExtension,
  XtActionParam,
  XtFamily,
} from "./extension.js";
import { Getopt, type HasArgument, type LongOption } from "./getopt.js";
import { parseInterface } from "./interface.js";
import {
  type AddressWords,
  INV_DST,
  INV_FRAGMENT,
  INV_PROTO,
  INV_SRC,
  INV_VIA_IN,
  INV_VIA_OUT,
  type IpSpec,
  isZero,
} from "./ip-spec.js";
import { namedAddress } from "./network.js";
import { checkOptions, type OptionSpec, OptionValues, optionId, parseUint, takeOption } from "./options.js";
import { protocolName, protocolNumber } from "./protocols.js";
import { findMatch, findTarget } from "./registry.js";
import type { XtFlavour } from "./table.js";
import { checkWaitInterval, checkWaitSeconds, WAIT_INTERVAL_NOTICE } from "./wait.js";

/** What a command line asks for, by the letter of its option; `delete-num` and `zero-num` are `-D` and `-Z` by number. */
export type XtCommandKind =
  | "append"
  | "insert"
  | "delete"
  | "delete-num"
  | "replace"
  | "check"
  | "list"
  | "list-rules"
  | "flush"
  | "zero"
  | "zero-num"
  | "new-chain"
  | "delete-chain"
  | "rename-chain"
  | "set-policy"
  | "help"
  | "version";

/** Where a rule goes on to, as typed: a target of this project's, or a chain's name to be looked up. */
export type ParsedAction =
  | { readonly kind: "none" }
  | { readonly kind: "chain"; readonly name: string; readonly goto: boolean }
  | { readonly kind: "target"; readonly target: Target };

/** A parsed rule, for each source and destination address of the lists that `-s` and `-d` take. */
export interface ParsedRule {
  readonly specs: readonly IpSpec[];
  readonly matches: readonly Match[];
  readonly action: ParsedAction;
  readonly packets: number;
  readonly bytes: number;
}

/** An iptables command line, understood but not yet carried out. */
export interface ParsedCommand {
  readonly kind: XtCommandKind;
  /** More than one with `-L -Z` or `-S -Z`: listed, then zeroed. */
  readonly alsoZero: boolean;
  /** The table's name as typed; may be unknown. */
  readonly table: string;
  readonly chain: string | null;
  /** 1-based; 0 when none was given. */
  readonly number: number;
  readonly newName: string | null;
  readonly policy: string | null;
  /** Whether `-c` gave counters (for `-P`). */
  readonly counters: { readonly packets: number; readonly bytes: number } | null;
  readonly numeric: boolean;
  readonly verbose: number;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  readonly rule: ParsedRule;
  /** Whole lines for stderr that refuse nothing. */
  readonly notice: string;
  /** For `-h`: the extensions loaded so far, whose help follows. */
  readonly extensions: readonly Extension[];
}

/** How a line is read. */
export interface ParseContext {
  /** The table to use unless `-t` names another. */
  readonly table: string;
  /** Inside iptables-restore, where `-t` may not be given. */
  readonly restore: boolean;
  readonly family: XtFamily;
  /** Which tool reads: they keep a lone `+` as an interface differently. */
  readonly flavour: XtFlavour;
  /** The program's name, for messages that contain it. */
  readonly program: string;
  /** The host, whose sets and labels rules may name. */
  readonly net?: NetNamespace;
}

const SHORT = "A:C:D:R:I:L::S::M:F::Z::N:X::E:P:Vh::o:p:s:d:j:i:fbvw::W::nt:m:xc:g:46";

function shortOptions(text: string): Map<string, HasArgument> {
  const map = new Map<string, HasArgument>();
  for (const [, letter, colons] of text.matchAll(/([A-Za-z0-9])(:{0,2})/g))
    map.set(letter, colons.length as HasArgument);
  return map;
}

const SHORT_OPTIONS: ReadonlyMap<string, HasArgument> = shortOptions(SHORT);

/** A long option is either another spelling of a letter, or an extension's. */
interface Code {
  readonly letter: string | null;
  readonly use: ExtensionUse | null;
  readonly spec: OptionSpec | null;
}

function letterCode(letter: string): Code {
  return { letter, use: null, spec: null };
}

const CODES = new Map([..."ACDRILSMFZNXEPVhopsdjifbvwWntmxcg460"].map((letter) => [letter, letterCode(letter)]));

function base(name: string, hasArgument: HasArgument, letter: string): LongOption<Code> {
  return { name, hasArgument, code: CODES.get(letter) as Code };
}

const BASE_OPTIONS: readonly LongOption<Code>[] = [
  base("append", 1, "A"),
  base("delete", 1, "D"),
  base("check", 1, "C"),
  base("insert", 1, "I"),
  base("replace", 1, "R"),
  base("list", 2, "L"),
  base("list-rules", 2, "S"),
  base("flush", 2, "F"),
  base("zero", 2, "Z"),
  base("new-chain", 1, "N"),
  base("delete-chain", 2, "X"),
  base("rename-chain", 1, "E"),
  base("policy", 1, "P"),
  base("source", 1, "s"),
  base("destination", 1, "d"),
  base("src", 1, "s"),
  base("dst", 1, "d"),
  base("protocol", 1, "p"),
  base("in-interface", 1, "i"),
  base("jump", 1, "j"),
  base("table", 1, "t"),
  base("match", 1, "m"),
  base("numeric", 0, "n"),
  base("out-interface", 1, "o"),
  base("verbose", 0, "v"),
  base("wait", 2, "w"),
  base("wait-interval", 2, "W"),
  base("exact", 0, "x"),
  base("fragments", 0, "f"),
  base("version", 0, "V"),
  base("help", 2, "h"),
  base("line-numbers", 0, "0"),
  base("modprobe", 1, "M"),
  base("set-counters", 1, "c"),
  base("goto", 1, "g"),
  base("ipv4", 0, "4"),
  base("ipv6", 0, "6"),
];

/** The long options that `iptables` has whatever a rule matches, each with its letter (`0`: it has none). */
export function baseOptions(): readonly (readonly [name: string, letter: string])[] {
  return BASE_OPTIONS.map(({ name, code }) => [name, code.letter ?? "0"]);
}

/** An extension in a rule being parsed, with the options seen. */
interface ExtensionUse {
  readonly extension: Extension;
  readonly values: OptionValues;
}

/** Names that iptables knows icmp6 by. */
const ICMPV6_NAMES: readonly string[] = ["icmpv6", "ipv6-icmp"];

/** The commands' letters and long names; the order is that of the bits in iptables, which messages follow. */
const COMMAND_LETTERS: Readonly<Record<Exclude<XtCommandKind, "help" | "version">, string>> = {
  insert: "I",
  delete: "D",
  "delete-num": "D",
  replace: "R",
  append: "A",
  list: "L",
  flush: "F",
  zero: "Z",
  "new-chain": "N",
  "delete-chain": "X",
  "set-policy": "P",
  "rename-chain": "E",
  "list-rules": "S",
  "zero-num": "Z",
  check: "C",
};

type OptionLetter = "n" | "s" | "d" | "p" | "j" | "v" | "x" | "i" | "o" | "0" | "c" | "f";
/** Protocols of IPv6 that are passed over on the way to a packet's own. Models is_exthdr(). */
const EXTENSION_HEADERS: readonly number[] = [NEXTHDR_ROUTING, NEXTHDR_FRAGMENT, NEXTHDR_AUTH, NEXTHDR_DEST];

const OPTION_ORDER: readonly OptionLetter[] = ["n", "s", "d", "p", "j", "v", "x", "i", "o", "0", "c", "f"];
const INVERTIBLE = "sdpiof";

const RULE_COMMANDS: readonly XtCommandKind[] = ["append", "insert", "delete", "replace", "check"];

/** Options a command has no use for (`x` in the tool's table): each command's forbidden letters. */
const FORBIDDEN: Readonly<Partial<Record<XtCommandKind, string>>> = {
  insert: "n x0",
  delete: "nx0c",
  "delete-num": "nsdpjxio0cf",
  replace: "nx0",
  append: "nx0",
  list: "sdpjiocf",
  flush: "nsdpjxio0cf",
  zero: "nsdpjxio0cf",
  "zero-num": "nsdpjxio0cf",
  "new-chain": "nsdpjxio0cf",
  "delete-chain": "nsdpjxio0cf",
  "set-policy": "nsdpjxio0f",
  "rename-chain": "nsdpjxio0cf",
  "list-rules": "nsdpjxio0cf",
  check: "nx0c",
};

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

/** An address of a rule with its mask; the address is masked already. */
interface AddressMask {
  readonly address: AddressWords;
  readonly mask: AddressWords;
}

const WORDS: Readonly<Record<XtFamily, number>> = { ipv4: 1, ipv6: 4 };

/** Any address of a family. */
function anyAddress(family: XtFamily): AddressMask {
  return { address: new Int32Array(WORDS[family]), mask: new Int32Array(WORDS[family]) };
}

/**
 * One address with its mask, as `-s` and `-d` take them. Models xtables_ipparse_any(), xtables_ip6parse_any() and their
 * parse_ipmask().
 */
function parseAddress(text: string, family: XtFamily): AddressMask {
  const slash = text.lastIndexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? prefixWords(32 * WORDS[family], family) : parseMask(text.slice(slash + 1), family);
  // With a mask of nothing the host is not even looked at.
  if (slash >= 0 && isZero(mask)) return anyAddress(family);
  return { address: hostAddress(host, family).map((word, i) => word & mask[i]), mask };
}

function prefixWords(length: number, family: XtFamily): AddressWords {
  return family === "ipv4" ? Int32Array.of(prefixMask(length)) : prefixMaskIPv6(length);
}

function parseMask(text: string, family: XtFamily): AddressWords {
  const written = numericAddress(text, family);
  if (written !== undefined) return written;
  const prefix = parseUint(text, 0, 32 * WORDS[family]);
  if (prefix === undefined) throw new ParameterProblem(`invalid mask \`${text}' specified`);
  return prefixWords(prefix, family);
}

/** An address written out in full; undefined when the text is none. */
function numericAddress(text: string, family: XtFamily): AddressWords | undefined {
  if (family === "ipv4") {
    const address = quad(text, true);
    return address === undefined ? undefined : Int32Array.of(address);
  }
  try {
    return parseIPv6(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

/** A dotted quad; with `whole` all four parts are needed, else missing ones are zeros (`10.1` is 10.1.0.0). */
function quad(text: string, whole: boolean): number | undefined {
  const parts = text.split(".");
  if (parts.length > 4 || (whole && parts.length !== 4)) return undefined;
  while (parts.length < 4) parts.push("0");
  try {
    return parseIPv4(parts.join("."));
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

function hostAddress(text: string, family: XtFamily): AddressWords {
  const numeric = numericAddress(text, family);
  if (numeric !== undefined) return numeric;
  // A Debian host's /etc/hosts has localhost for IPv4 alone where IPv6's is ip6-localhost.
  const name = family === "ipv4" ? (namedAddress(text) ?? quad(text, false)) : undefined;
  if (name === undefined) throw new ParameterProblem(`host/network \`${text}' not found`);
  return Int32Array.of(name);
}

function parseAddresses(text: string, family: XtFamily): AddressMask[] {
  return text.split(",").map((each) => parseAddress(each.replace(/^\s+/, ""), family));
}

function checkChainLength(name: string): void {
  if (name.length > MAX_NAME)
    throw new ParameterProblem(`chain name \`${name}' too long (must be under ${MAX_NAME + 1} chars)`);
}

/** As getopt_long() counts: none, one, or one that may be missing. */
function argumentOf({ parse, noArgument, followingArgument, optionalArgument }: OptionSpec): 0 | 1 | 2 {
  if (parse === undefined || noArgument === true || followingArgument === true) return 0;
  return optionalArgument === true ? 2 : 1;
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
        const previous = this.#getopt.args[this.#getopt.index - 1] ?? this.#context.program;
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

  /** An unknown option may be the protocol's (`-p tcp --dport 80`): then its match is loaded, and the option read again. */
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

  /** The name of the match that a protocol's own options belong to: `tcp`, and `icmp6` for ICMPv6 whatever it was called. */
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
        this.#jump(argument as string);
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

  /** The matches as iptables-nft reads them back: those it has instructions for are one each. */
  #matchesInNft(header: RuleHeader): Match[] {
    const matches: Match[] = [];
    const native = new Map<MatchExtension, { readonly at: number; values: OptionValues; readonly parts: Match[] }>();
    for (const use of this.#matches) {
      const extension = use.extension as MatchExtension;
      const match = extension.buildInNft?.(use.values) ?? null;
      if (match === null) {
        matches.push(extension.build(use.values, header));
        continue;
      }
      if (extension.protocols?.includes(header.proto) !== true)
        throw new ParameterProblem(`${extension.name.toUpperCase()} match requires '-p ${extension.name}'`);
      const first = native.get(extension);
      if (first === undefined) {
        native.set(extension, { at: matches.length, values: use.values, parts: [match] });
        matches.push(match);
      } else {
        first.values = first.values.with(use.values);
        first.parts.push(match);
        matches[first.at] = new ReadBackAsOne(extension.buildInNft?.(first.values) ?? match, first.parts);
      }
    }
    return matches;
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
        ? this.#matchesInNft(header)
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

/** Several uses of a match that all must hold and are printed as one, in which the last word on each option counts. */
class ReadBackAsOne implements Match {
  readonly name: string;
  readonly unlisted: boolean;
  readonly nativeInNft = true;
  readonly #shown: Match;
  readonly #parts: readonly Match[];

  constructor(shown: Match, parts: readonly Match[]) {
    this.name = shown.name;
    this.unlisted = shown.unlisted === true;
    this.#shown = shown;
    this.#parts = parts;
  }

  match(par: XtActionParam): boolean {
    return this.#parts.every((part) => part.match(par));
  }

  save(): string {
    return this.#shown.save();
  }

  print(numeric: boolean): string {
    return this.#shown.print(numeric);
  }
}

/** One code object for all spellings of an option of an extension's use, so that abbreviations of both are one. */
const optionCodes = new WeakMap<ExtensionUse, Map<string, Code>>();

function codeOf(use: ExtensionUse, spec: OptionSpec): Code {
  let codes = optionCodes.get(use);
  if (codes === undefined) {
    codes = new Map();
    optionCodes.set(use, codes);
  }
  // `--syn` and `--tcp-flags` say the same thing but are read differently.
  const id = `${optionId(spec)} ${spec.noArgument === true}`;
  let code = codes.get(id);
  if (code === undefined) {
    code = { letter: null, use, spec };
    codes.set(id, code);
  }
  return code;
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
