/**
 * What a match or a target is: one object that parses its options, checks them, prints itself and judges packets.
 * A match that is part of a rule never changes, except for state of its own (a token bucket).
 * Models `struct xtables_match`/`xtables_target` of iptables and `struct xt_match`/`xt_target` of
 * include/linux/netfilter/x_tables.h, which the tool and the kernel keep apart and a lesson reads together.
 */
import type { HookNumber, HookState, NfProto, Verdict } from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { OptionSpec, OptionValues } from "./options.js";

/** The five tables. */
export type TableName = "raw" | "mangle" | "nat" | "filter" | "security";

/** The two address families, each with tables of its own: `iptables` and `ip6tables`. */
export type XtFamily = "ipv4" | "ipv6";

/** Evaluation goes on with the next rule. Models XT_CONTINUE. */
export const XT_CONTINUE = 0x10000000;
/** Evaluation goes back to the calling chain. Models XT_RETURN. */
export const XT_RETURN = 0x10000001;

/** What a packet's evaluation carries along; one object a nesting depth, reused. Models `struct xt_action_param`. */
export class XtActionParam {
  readonly net: NetNamespace;
  readonly family: XtFamily;
  skb!: SkBuff;
  state!: HookState;
  hook: HookNumber = 0;
  /** Offset of the fragment in bytes; 0 for a whole packet or a first fragment. */
  fragoff = 0;
  /** Offset of the transport header; in IPv6 behind the extension headers. */
  thoff = 0;
  /** The transport protocol's number; -1 where an IPv6 packet ends inside its extension headers. */
  proto = 0;
  /** Set by a match that finds the packet malformed: it is dropped at once. */
  hotdrop = false;
  /** nf_tables' trace has told the packet itself already. */
  packetTold = false;
  /** The table under evaluation, for targets that report. */
  table: TableName = "filter";

  constructor(net: NetNamespace, family: XtFamily) {
    this.net = net;
    this.family = family;
  }
}

/** A match with its options, as a part of a rule. */
export interface Match {
  readonly name: string;
  /** Whether the packet matches. Allocates nothing. */
  match(par: XtActionParam): boolean;
  /** The options as `iptables -S` prints them, each with a leading space. */
  save(): string;
  /** The options as `iptables -L` prints them, with a leading space; `numeric` is `-n`. */
  print(numeric: boolean): string;
  /** iptables-nft has instructions of its own for it, and the kernel's extension has no say. */
  readonly nativeInNft?: boolean;
  /** The tool does not read it back: rules are listed without it. */
  readonly unlisted?: boolean;
  /** What the tool says on stderr when it prints the options. */
  notice?(): string;
  /**
   * What rules are compared by besides, for `-C` and `-D`; `asked` is that of the command line, not one that is kept.
   */
  compared?(asked: boolean): string;
  /** Throws {@link RulesetError} when the kernel would refuse it. */
  check?(flavour: "nft" | "legacy", net: NetNamespace): void;
  /** Hooks (bit mask) its options forbid. */
  readonly forbiddenHooks?: number;
  /** A rule with it enters the ruleset of a family. */
  attach?(net: NetNamespace, pf: NfProto): void;
  /** That rule left the ruleset. */
  detach?(net: NetNamespace, pf: NfProto): void;
  /** The rule was put in anew as it is: what the match counted for itself begins again. */
  renew?(net: NetNamespace): void;
}

/** A target with its options, as a part of a rule. */
export interface Target {
  readonly name: string;
  /**
   * Acts on the packet: a verdict, {@link XT_CONTINUE} or {@link XT_RETURN}. Allocates nothing where the kernel does
   * not.
   */
  target(par: XtActionParam): Verdict;
  /** What {@link target} always decides, where it needs no look at the packet: it is not called then. */
  readonly verdict?: Verdict;
  /** The options as `iptables -S` prints them, each with a leading space. */
  save(): string;
  /** The options as `iptables -L` prints them; `numeric` is `-n`. */
  print(numeric: boolean): string;
  /** `matches`: those of its rule, among which the legacy kernel looks for what a target needs. */
  check?(flavour: "nft" | "legacy", matches: readonly Match[], net: NetNamespace): void;
  /** Hooks (bit mask) its options forbid. */
  readonly forbiddenHooks?: number;
  /** The table that its options are for; absent: any. */
  readonly onlyTable?: TableName;
  /** A rule with it enters the ruleset of a family. */
  attach?(net: NetNamespace, pf: NfProto): void;
  /** That rule left the ruleset. */
  detach?(net: NetNamespace, pf: NfProto): void;
  /**
   * The rule was put in anew as the tool reads it back. Throws {@link RulesetError} when the kernel would refuse that.
   */
  renew?(net: NetNamespace): void;
}

/** The packet side of a rule that an extension's user-space check may look at (`-p` for ports, for example). */
export interface RuleHeader {
  readonly family: XtFamily;
  /** Protocol number, 0 for all. */
  readonly proto: number;
  readonly invertProto: boolean;
  /** The rule's protocol as it was typed, for messages; null when `-p` was not given. */
  readonly protocolText: string | null;
  readonly goto: boolean;
  /** Which tool made the rule: they keep some options differently. */
  readonly flavour: "nft" | "legacy";
}

/** Common to both kinds of extension. */
interface ExtensionBase {
  readonly name: string;
  /** The families that have it, where another extension (or none) bears the name in the other; absent: both. */
  readonly families?: readonly XtFamily[];
  readonly options: readonly OptionSpec[];
  /** Text of `iptables -m name -h` for this extension. */
  readonly help: string;
  /** Tables the kernel allows it in; absent: all. */
  readonly tables?: readonly TableName[];
  /** The tool has it and the kernel not: it is parsed, with a warning, and every rule with it refused. */
  readonly notInKernel?: boolean;
  /** iptables-nft does without the kernel's extension, so that {@link tables} does not bind it. */
  readonly everywhereInNft?: boolean;
  /** Bit mask of the hooks the kernel allows it in; absent: all. */
  readonly hooks?: number;
  /** The protocols (numbers) the kernel wants in the rule; absent: any. */
  readonly protocols?: readonly number[];
  /** What the tool checks once all options are known, before the general checks of what must and must not be given. */
  readonly finalCheck?: (values: OptionValues) => void;
}

/** A match: what follows `-m`, with its options, its test of a packet and its printing. */
export interface MatchExtension extends ExtensionBase {
  readonly kind: "match";
  /** Makes the match once all options are known; throws {@link ParameterProblem} as the tool's final check does. */
  build(values: OptionValues, header: RuleHeader): Match;
  /**
   * The match that iptables-nft makes of the options with instructions of nf_tables; null where it uses the kernel's
   * extension. It wants the match's protocol in the rule then, and reads several such uses back as one.
   */
  readonly buildInNft?: (values: OptionValues) => Match | null;
}

/** A target: what follows `-j`, with its options, what it does to a packet and its printing. */
export interface TargetExtension extends ExtensionBase {
  readonly kind: "target";
  /**
   * Makes the target once all options are known; throws {@link ParameterProblem} as the final check of the tool does.
   */
  build(values: OptionValues, header: RuleHeader): Target;
}

/** A match or a target, as the registry holds it. */
export type Extension = MatchExtension | TargetExtension;
