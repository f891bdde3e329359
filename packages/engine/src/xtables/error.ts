/**
 * How a table command fails. The text is the part that names the mistake; the command adds its own name and the hint
 * line around it, which differ between `iptables` and `iptables-restore`. Models `xtables_error()` and
 * `iptc_strerror()` of iptables.
 */
import type { Rule } from "./rule.js";

/** A command line that cannot be right: status 2 and the "Try `iptables -h'" hint. Models PARAMETER_PROBLEM. */
export class ParameterProblem extends Error {
  override readonly name: string = "ParameterProblem";
  /** Whole lines that the tool prints on stderr before the message; mostly none. */
  notice: string;

  constructor(message: string, notice = "") {
    super(message);
    this.notice = notice;
  }
}

/** A command line that gets no message but the hint (`-6`). */
export class TryHelp extends ParameterProblem {}

/** A line of iptables-restore's input that is the other family's (`-4`, `-6`): it is passed over. */
export class OtherFamily extends Error {
  override readonly name = "OtherFamily";
}

/** A word that belongs to nothing; the one message that comes without the tool's name in front. */
export class BadArgument extends ParameterProblem {}

/** A command the tool refuses for another reason: status 1, `iptables v1.8.9 (legacy): ...`. Models OTHER_PROBLEM. */
export class OtherProblem extends Error {
  override readonly name = "OtherProblem";
}

/** The kernel's errnos that table changes meet. */
export type KernelErrno =
  | "ENOENT"
  | "EEXIST"
  | "EINVAL"
  | "EBUSY"
  | "ELOOP"
  | "EMLINK"
  | "E2BIG"
  | "ENOTEMPTY"
  | "ENXIO"
  | "EOPNOTSUPP"
  | "ERANGE";

/** A change the ruleset refuses; the flavours word the same refusal differently. */
export class RulesetError extends Error {
  override readonly name = "RulesetError";
  readonly errno: KernelErrno;
  /** The rule that is refused; null when it is a chain. */
  readonly rule: Rule | null;

  /** The chain with the rule, or that is refused itself. */
  readonly chain: string;

  /** What else of the same change is refused. */
  others: readonly RulesetError[] = [];

  constructor(errno: KernelErrno, chain: string, detail: string, rule: Rule | null = null) {
    super(`${errno}: ${detail}`);
    this.errno = errno;
    this.chain = chain;
    this.rule = rule;
  }
}
