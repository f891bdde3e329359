/**
 * The options of an iptables command line: its own with their letters, those that come with a rule's extensions, and
 * which a command has no use for. Models the tables of iptables/xshared.c.
 */
import type { Extension } from "./extension.js";
import type { HasArgument, LongOption } from "./getopt.js";
import { type OptionSpec, type OptionValues, optionId } from "./options.js";
import type { XtCommandKind } from "./parsed-command.js";

/** An extension in a rule being parsed, with the options seen. */
export interface ExtensionUse {
  readonly extension: Extension;
  readonly values: OptionValues;
}

const SHORT = "A:C:D:R:I:L::S::M:F::Z::N:X::E:P:Vh::o:p:s:d:j:i:fbvw::W::nt:m:xc:g:46";

function shortOptions(text: string): Map<string, HasArgument> {
  const map = new Map<string, HasArgument>();
  for (const [, letter, colons] of text.matchAll(/([A-Za-z0-9])(:{0,2})/g))
    map.set(letter, colons.length as HasArgument);
  return map;
}

/** The letters that iptables takes, each with its need of an argument. */
export const SHORT_OPTIONS: ReadonlyMap<string, HasArgument> = shortOptions(SHORT);

/** A long option is either another spelling of a letter, or an extension's. */
export interface Code {
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

/** The long options that are there before any extension. */
export const BASE_OPTIONS: readonly LongOption<Code>[] = [
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

/** The commands' letters and long names; the order is that of the bits in iptables, which messages follow. */
export const COMMAND_LETTERS: Readonly<Record<Exclude<XtCommandKind, "help" | "version">, string>> = {
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

/** The options whose use messages speak of. */
export type OptionLetter = "n" | "s" | "d" | "p" | "j" | "v" | "x" | "i" | "o" | "0" | "c" | "f";

/** The order in which they are looked at. */
export const OPTION_ORDER: readonly OptionLetter[] = ["n", "s", "d", "p", "j", "v", "x", "i", "o", "0", "c", "f"];
/** Those that `!` may stand before. */
export const INVERTIBLE = "sdpiof";

/** Options a command has no use for (`x` in the tool's table): each command's forbidden letters. */
export const FORBIDDEN: Readonly<Partial<Record<XtCommandKind, string>>> = {
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

/** One code object for all spellings of an option of an extension's use, so that abbreviations of both are one. */
const optionCodes = new WeakMap<ExtensionUse, Map<string, Code>>();

/** What getopt hands back for an option of an extension's use. */
export function codeOf(use: ExtensionUse, spec: OptionSpec): Code {
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

/** As getopt_long() counts: none, one, or one that may be missing. */
export function argumentOf({ parse, noArgument, followingArgument, optionalArgument }: OptionSpec): 0 | 1 | 2 {
  if (parse === undefined || noArgument === true || followingArgument === true) return 0;
  return optionalArgument === true ? 2 : 1;
}
