/**
 * IPv6's part of the policy rules: what is asked of the tables, and which addresses and classes a rule is for. Rules
 * that pick a source (`FIB_RULE_FIND_SADDR`) are not modelled. Models net/ipv6/fib6_rules.c.
 */
import type { NetDevice } from "../dev/device.js";
import { EINVAL, SystemError } from "../errno.js";
import { RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_UNSPEC, RTPROT_KERNEL } from "../ip/rtnetlink.js";
import {
  BLANK_RULE,
  checkEcn,
  FR_ACT_TO_TBL,
  type RuleCore,
  type RuleFamily,
  type RuleFlow,
  RuleList,
} from "../ip/rules.js";
import { samePrefixIPv6 } from "../wire/address.js";
import type { Words } from "./address.js";
import type { Route6 } from "./fib.js";

/** A policy rule of IPv6. Addresses stand as they were written, bits behind the prefix and all. */
export interface PolicyRule6 extends RuleCore {
  readonly src: Int32Array;
  readonly dst: Int32Array;
}

const ANY = new Int32Array(4);

/** What is asked of IPv6's tables. One object is reused, so that a lookup allocates nothing. Models `struct flowi6`. */
export class Flow6 implements RuleFlow {
  dst: Words = ANY;
  /** Null while the sender has no source yet: no rule with a `from` is for it. */
  src: Words | null = null;
  /** Traffic class, of which rules see the DSCP. */
  trafficClass = 0;
  flowLabel = 0;
  mark = 0;
  iif: NetDevice | null = null;
  oif: NetDevice | null = null;
  protocol = 0;
  sport = 0;
  uid = 0;
  dport = 0;
  /** The only device that the route may lead by, or null. Models RT6_LOOKUP_F_IFACE. */
  only: NetDevice | null = null;
  /** Whether the packet's ports were read because rules look at them. */
  dissected = false;
  /** Tells routers that were found not to answer, on a host that looks for others. Models RT6_LOOKUP_F_REACHABLE. */
  failed: ((route: Route6) => boolean) | null = null;
}

const BLANK: PolicyRule6 = { ...BLANK_RULE, src: ANY, dst: ANY };

const sameWords = (a: Words, b: Words): boolean => a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];

/** Models `fib6_rules_ops_template`. */
const FAMILY: RuleFamily<PolicyRule6, Flow6> = {
  matches: (rule, flow) =>
    (rule.dstLength === 0 || samePrefixIPv6(rule.dst, flow.dst, rule.dstLength)) &&
    (rule.srcLength === 0 || (flow.src !== null && samePrefixIPv6(rule.src, flow.src, rule.srcLength))) &&
    (rule.tos === 0 || rule.tos === (flow.trafficClass & 0xfc)),
  sameAddresses(rule, { src = ANY, srcLength = 0, dst = ANY, dstLength = 0, tos = 0 }) {
    return (
      (srcLength === 0 || (rule.srcLength === srcLength && sameWords(rule.src, src))) &&
      (dstLength === 0 || (rule.dstLength === dstLength && sameWords(rule.dst, dst))) &&
      (tos === 0 || rule.tos === tos)
    );
  },
  /** Models `fib6_rule_configure()`. */
  configure(rule) {
    const { action, table, tos } = rule;
    checkEcn(tos);
    if (action === FR_ACT_TO_TBL && table === RT_TABLE_UNSPEC) throw new SystemError(EINVAL, "Invalid table");
    return rule;
  },
};

/** The rules of a fresh namespace. Models `fib6_rules_net_init()`. */
export function newRules6(): RuleList<PolicyRule6, Flow6> {
  return new RuleList(FAMILY, BLANK, [
    { ...BLANK, table: RT_TABLE_LOCAL, protocol: RTPROT_KERNEL },
    { ...BLANK, priority: 0x7ffe, table: RT_TABLE_MAIN, protocol: RTPROT_KERNEL },
  ]);
}
