/**
 * Policy rules: which table, or which refusal, a packet's addresses, mark, devices and ports lead to. One list serves
 * IPv4 and IPv6; what differs (the addresses, and how much of the TOS byte counts) a family brings with it. Rules by
 * tunnel key or VRF are not modelled. What no socket sends, and what arrives, is the user's 0. Models
 * net/core/fib_rules.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EEXIST, EINVAL, ENOENT, SystemError } from "../errno.js";

/** Rule actions (`FR_ACT_*`). Others that a person may name refuse like {@link FR_ACT_BLACKHOLE}. */
export const FR_ACT_UNSPEC = 0;
export const FR_ACT_TO_TBL = 1;
export const FR_ACT_GOTO = 2;
export const FR_ACT_NOP = 3;
export const FR_ACT_BLACKHOLE = 6;
export const FR_ACT_UNREACHABLE = 7;
export const FR_ACT_PROHIBIT = 8;

/** First and last port of a range; null for any. */
export type RulePorts = readonly [first: number, last: number] | null;

/** What a rule says whatever its family. Models `struct fib_rule`. */
export interface RuleCore {
  readonly priority: number;
  /** `FR_ACT_*`. */
  readonly action: number;
  /** Number of the table to look in; 0 for rules that name none. */
  readonly table: number;
  /** Priority of the rule to go on with, of {@link FR_ACT_GOTO}; else 0. */
  readonly target: number;
  /** Routes with a prefix of this length or shorter do not count; -1: all do. */
  readonly suppressPrefixLength: number;
  /** Routes over devices of this group do not count; -1: all do. */
  readonly suppressGroup: number;
  /** Bits of the source prefix; 0: any source. */
  readonly srcLength: number;
  readonly dstLength: number;
  /** The TOS byte without ECN; 0: any. */
  readonly tos: number;
  readonly fwmark: number;
  readonly fwmask: number;
  /** Device name, "" for any. */
  readonly iif: string;
  readonly oif: string;
  /** `IPPROTO_*`, 0 for any. */
  readonly ipProtocol: number;
  readonly sport: RulePorts;
  readonly dport: RulePorts;
  /** First and last user id; null for any. Models `fib_kuid_range`. */
  readonly uidRange: readonly [first: number, last: number] | null;
  /** `not`: the rule is for what does not fit it. */
  readonly invert: boolean;
  /** Who made it, `RTPROT_*`. */
  readonly protocol: number;
}

/** A rule that says nothing; a family adds its addresses. */
export const BLANK_RULE: RuleCore = {
  priority: 0,
  action: FR_ACT_TO_TBL,
  table: 0,
  target: 0,
  suppressPrefixLength: -1,
  suppressGroup: -1,
  srcLength: 0,
  dstLength: 0,
  tos: 0,
  fwmark: 0,
  fwmask: 0,
  iif: "",
  oif: "",
  ipProtocol: 0,
  sport: null,
  dport: null,
  uidRange: null,
  invert: false,
  protocol: 0,
};

/** Refuses a TOS byte with bits of ECN. */
export function checkEcn(tos: number): void {
  if ((tos & 3) !== 0) throw new SystemError(EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
}

/** What of a packet rules look at whatever its family. Models `struct flowi_common`. */
export interface RuleFlow {
  readonly mark: number;
  /** Device the packet came by; null for packets of this host (the rules' `iif lo`). */
  readonly iif: NetDevice | null;
  /** Output device asked for, or null. */
  readonly oif: NetDevice | null;
  /** `IPPROTO_*`, 0 while nobody looked. */
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  /** Whose the packet is: the user id of the sending socket. */
  readonly uid: number;
}

/** A family's part of the rules. Models `struct fib_rules_ops`. */
export interface RuleFamily<R extends RuleCore, F extends RuleFlow> {
  /** Whether the packet's addresses and TOS are those of a rule. Models `fib4_rule_match()`, `fib6_rule_match()`. */
  matches(rule: R, flow: F): boolean;
  /** Whether a rule has the addresses and the TOS that a request names. Models `fib4_rule_compare()`. */
  sameAddresses(rule: R, request: Partial<R>): boolean;
  /**
   * The rule as it is added, once all else about it is in order. Models `fib4_rule_configure()` and
   * `fib6_rule_configure()`.
   */
  configure?(rule: R): R;
}

type Range = RulePorts | RuleCore["uidRange"];

function within(value: number, range: readonly [number, number]): boolean {
  return value >= range[0] && value <= range[1];
}

function sameRange(a: Range, b: Range): boolean {
  return a === b || (a !== null && b !== null && a[0] === b[0] && a[1] === b[1]);
}

function checkPorts(range: RulePorts | undefined, what: string): void {
  if (range === undefined || range === null) return;
  if (range[0] === 0 || range[1] === 0xffff || range[1] < range[0])
    throw new SystemError(EINVAL, `Invalid ${what} range`);
}

/** A list of rules in the order of their priorities. */
export class RuleList<R extends RuleCore, F extends RuleFlow> {
  readonly #family: RuleFamily<R, F>;
  readonly #blank: R;
  #rules: R[];
  /** For each rule the place of its goto's target, or -1. */
  #targets: number[];
  /**
   * Whether a rule looks at protocol or ports, so that packets must be asked for them; of this host's own they are
   * known. Models `fib_rule_requires_fldissect()`.
   */
  looksAtPorts = false;
  /** Whether a rule besides the first ones was ever made. Models `fib_has_custom_rules`. */
  custom = false;

  /** `blank` is the rule that says nothing; `initial` are those of a fresh namespace. */
  constructor(family: RuleFamily<R, F>, blank: R, initial: readonly R[]) {
    this.#family = family;
    this.#blank = blank;
    this.#rules = [...initial];
    this.#targets = [];
    this.#resolve();
  }

  list(): readonly R[] {
    return this.#rules;
  }

  at(index: number): R {
    return this.#rules[index];
  }

  /** Whether a goto leads somewhere. */
  resolved(rule: R): boolean {
    return this.#targets[this.#rules.indexOf(rule)] >= 0;
  }

  /**
   * The place of the first rule from `from` on that is for a packet and decides something; -1 at the end. Gotos are
   * followed. Models the walk of `fib_rules_lookup()`.
   */
  next(flow: F, from: number): number {
    const rules = this.#rules;
    for (let i = from; i < rules.length; i++) {
      const rule = rules[i];
      if (!this.#matches(rule, flow)) continue;
      if (rule.action === FR_ACT_GOTO) {
        // An unresolved one is passed over. A target lies always ahead.
        if (this.#targets[i] >= 0) i = this.#targets[i] - 1;
      } else if (rule.action !== FR_ACT_NOP) return i;
    }
    return -1;
  }

  /** Models `fib_rule_match()`. */
  #matches(rule: R, flow: F): boolean {
    const fits =
      (rule.iif === "" || rule.iif === (flow.iif === null ? "lo" : flow.iif.name)) &&
      (rule.oif === "" || (flow.oif !== null && rule.oif === flow.oif.name)) &&
      ((rule.fwmark ^ flow.mark) & rule.fwmask) === 0 &&
      (rule.ipProtocol === 0 || rule.ipProtocol === flow.protocol) &&
      (rule.sport === null || within(flow.sport, rule.sport)) &&
      (rule.dport === null || within(flow.dport, rule.dport)) &&
      (rule.uidRange === null || within(flow.uid, rule.uidRange)) &&
      this.#family.matches(rule, flow);
    return fits !== rule.invert;
  }

  /**
   * Adds a rule; without a priority it gets one less than that of the second. Throws EEXIST when an equal one is there
   * (`not` makes no difference), EINVAL for a goto backwards, impossible ports and what the family refuses. Models
   * `fib_nl_newrule()`.
   */
  add(request: Partial<R>): R {
    const asked: R = { ...this.#blank, ...request, priority: request.priority ?? this.#defaultPriority() };
    this.#check(asked, request);
    if (asked.action === FR_ACT_GOTO && asked.target === 0)
      throw new SystemError(EINVAL, "Missing goto target for action goto");
    if (this.#rules.some((other) => this.#same(other, asked))) throw new SystemError(EEXIST);
    const rule = this.#family.configure?.(asked) ?? asked;
    let at = 0;
    while (at < this.#rules.length && this.#rules[at].priority <= rule.priority) at++;
    this.#rules = [...this.#rules.slice(0, at), rule, ...this.#rules.slice(at)];
    this.#changed();
    return rule;
  }

  /** Deletes the first rule that has what the request names. Throws ENOENT. Models `fib_nl_delrule()`. */
  delete(request: Partial<R>): void {
    // Without a priority it counts as the one that a new rule would get.
    this.#check({ ...this.#blank, ...request, priority: request.priority ?? this.#defaultPriority() }, request);
    const at = this.#rules.findIndex((rule) => this.#fits(rule, request));
    if (at < 0) throw new SystemError(ENOENT);
    this.#rules = this.#rules.filter((_, i) => i !== at);
    this.#changed();
  }

  /** Models `fib_nl2rule()` and `fib_nl2rule_rtnl()`. */
  #check(rule: R, request: Partial<R>): void {
    checkPorts(rule.sport, "sport");
    checkPorts(rule.dport, "dport");
    // The last number is nobody's.
    if (rule.uidRange !== null && (rule.uidRange[1] === 0xffffffff || rule.uidRange[1] < rule.uidRange[0]))
      throw new SystemError(EINVAL, "Invalid uid range");
    if (request.target !== undefined && rule.target <= rule.priority)
      throw new SystemError(EINVAL, "Backward goto not supported");
  }

  #defaultPriority(): number {
    const second = this.#rules.length > 1 ? this.#rules[1].priority : 0;
    return Math.max(0, second - 1);
  }

  /** Models `rule_exists()`. */
  #same(a: R, b: R): boolean {
    return (
      a.action === b.action &&
      a.table === b.table &&
      a.suppressPrefixLength === b.suppressPrefixLength &&
      a.suppressGroup === b.suppressGroup &&
      a.priority === b.priority &&
      a.iif === b.iif &&
      a.oif === b.oif &&
      a.fwmark === b.fwmark &&
      a.fwmask === b.fwmask &&
      a.ipProtocol === b.ipProtocol &&
      a.protocol === b.protocol &&
      sameRange(a.sport, b.sport) &&
      sameRange(a.dport, b.dport) &&
      sameRange(a.uidRange, b.uidRange) &&
      this.#family.sameAddresses(a, b)
    );
  }

  /** What a request leaves out, or says with a zero, counts as equal. Models `rule_find()`. */
  #fits(rule: R, request: Partial<R>): boolean {
    const unsaid = (value: unknown, nothing: unknown): boolean => value === undefined || value === nothing;
    return (
      (unsaid(request.action, FR_ACT_UNSPEC) || rule.action === request.action) &&
      (unsaid(request.table, 0) || rule.table === request.table) &&
      (request.priority === undefined || rule.priority === request.priority) &&
      (unsaid(request.iif, "") || rule.iif === request.iif) &&
      (unsaid(request.oif, "") || rule.oif === request.oif) &&
      (unsaid(request.fwmark, 0) || rule.fwmark === request.fwmark) &&
      (unsaid(request.fwmask, 0) || rule.fwmask === request.fwmask) &&
      (unsaid(request.suppressPrefixLength, -1) || rule.suppressPrefixLength === request.suppressPrefixLength) &&
      (unsaid(request.suppressGroup, -1) || rule.suppressGroup === request.suppressGroup) &&
      (unsaid(request.ipProtocol, 0) || rule.ipProtocol === request.ipProtocol) &&
      (unsaid(request.protocol, 0) || rule.protocol === request.protocol) &&
      (request.sport === undefined || request.sport === null || sameRange(rule.sport, request.sport)) &&
      (request.dport === undefined || request.dport === null || sameRange(rule.dport, request.dport)) &&
      (request.uidRange === undefined || request.uidRange === null || sameRange(rule.uidRange, request.uidRange)) &&
      this.#family.sameAddresses(rule, request)
    );
  }

  #changed(): void {
    this.custom = true;
    this.#resolve();
  }

  #resolve(): void {
    const rules = this.#rules;
    this.#targets = rules.map((rule) =>
      rule.action === FR_ACT_GOTO ? rules.findIndex((other) => other.priority === rule.target) : -1,
    );
    this.looksAtPorts = rules.some(
      (rule) => rule.iif !== "lo" && (rule.ipProtocol !== 0 || rule.sport !== null || rule.dport !== null),
    );
  }
}
