/** What an iptables command line says once it is understood, and what must be known to read one. */
import type { NetNamespace } from "../netns.js";
import type { Extension, Match, Target, XtFamily } from "./extension.js";
import type { IpSpec } from "./ip-spec.js";
import type { XtFlavour } from "./table.js";

/**
 * What a command line asks for, by the letter of its option; `delete-num` and `zero-num` are `-D` and `-Z` by number.
 */
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
  /** Addresses, interfaces and protocol; one for each pair of addresses. */
  readonly specs: readonly IpSpec[];
  /** In the order in which they were given. */
  readonly matches: readonly Match[];
  /** Where it goes on to. */
  readonly action: ParsedAction;
  /** Counters that `-c` gives it. */
  readonly packets: number;
  /** Counters that `-c` gives it. */
  readonly bytes: number;
}

/** An iptables command line, understood but not yet carried out. */
export interface ParsedCommand {
  /** What is asked for. */
  readonly kind: XtCommandKind;
  /** More than one with `-L -Z` or `-S -Z`: listed, then zeroed. */
  readonly alsoZero: boolean;
  /** The table's name as typed; may be unknown. */
  readonly table: string;
  /** The chain; null for all. */
  readonly chain: string | null;
  /** 1-based; 0 when none was given. */
  readonly number: number;
  /** What `-E` renames the chain to. */
  readonly newName: string | null;
  /** What `-P` sets. */
  readonly policy: string | null;
  /** Whether `-c` gave counters (for `-P`). */
  readonly counters: { readonly packets: number; readonly bytes: number } | null;
  /** `-n`. */
  readonly numeric: boolean;
  /** How often `-v` was given. */
  readonly verbose: number;
  /** `-x`. */
  readonly exact: boolean;
  /** `--line-numbers`. */
  readonly lineNumbers: boolean;
  /** The rule, where the command has one. */
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
  /** `iptables` or `ip6tables`. */
  readonly family: XtFamily;
  /** Which tool reads: they keep a lone `+` as an interface differently. */
  readonly flavour: XtFlavour;
  /** The program's name, for messages that contain it. */
  readonly program: string;
  /** The word in front of the arguments: the name that the program was called by; in a restore the table's. */
  readonly before: string;
  /** The host, whose sets and labels rules may name. */
  readonly net?: NetNamespace;
}
