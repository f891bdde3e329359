/**
 * A packet's way through one table. Models ipt_do_table(), net/ipv4/netfilter/ip_tables.c; nft_do_chain() does the
 * same for the rules of iptables-nft. Untraced evaluation allocates nothing.
 */
import type { HookState, Verdict } from "../hooks.js";
import { NF_ACCEPT, NF_DROP } from "../hooks.js";
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";
import type { PacketTracer } from "../trace.js";
import { get16, getInt32 } from "../wire/bytes.js";
import { IP_OFFSET, IPV4_DST, IPV4_FRAGMENT, IPV4_PROTOCOL, IPV4_SRC, IPV4_VERSION_IHL } from "../wire/ipv4.js";
import { findHeader, found, HEADER_ABSENT, IPV6_NEXT_HEADER, isExtensionHeader, NEXTHDR_AUTH } from "../wire/ipv6.js";
import type { Chain } from "./chain.js";
import { XT_CONTINUE, XT_RETURN, XtActionParam, type XtFamily } from "./extension.js";
import { headersOf, nextCandidate } from "./headers.js";
import type { NftTrace } from "./nft-trace.js";
import { ruleText } from "./print.js";
import type { Rule } from "./rule.js";
import type { Table } from "./table.js";

/** What `-j TRACE` makes evaluation report. `comment` is `rule`, `return` or `policy`. */
export type TraceLog = (
  skb: SkBuff,
  state: HookState,
  table: Table,
  chain: Chain,
  comment: string,
  number: number,
) => void;

/** Deeper than any checked ruleset goes. Models NF_DROP on an exhausted jump stack. */
const STACK_LIMIT = 4096;

function matchesAll(rule: Rule, par: XtActionParam): boolean {
  const matches = rule.matches;
  for (let i = 0; i < matches.length; i++) if (!matches[i].match(par)) return false;
  return true;
}

/** Tells the trace of a rule that was asked. */
function noteRule(
  trace: PacketTracer,
  table: Table,
  chain: Chain,
  number: number,
  rule: Rule,
  matched: boolean,
  skb: SkBuff,
): void {
  trace.note({
    kind: "rule",
    table: table.name,
    chain: chain.name,
    number,
    rule: ruleText(chain.name, rule),
    matched,
    packets: rule.packets + (matched ? 1 : 0),
    bytes: rule.bytes + (matched ? skb.len : 0),
  });
}

/**
 * Reads what rules compare an IPv6 packet with. Models nft_set_pktinfo_ipv6(), which does not look behind an
 * authentication header, and for the `legacy` tables ip6_packet_match()'s walk over the extension headers, which does
 * not depend on the rule.
 */
function readIPv6(skb: SkBuff, par: XtActionParam, legacy: boolean): void {
  const { data, len } = skb;
  const at = findHeader(data, 0, len, -1);
  par.fragoff = found.fragmentOffset;
  par.thoff = at < 0 ? 0 : at;
  par.proto = at < 0 ? -1 : found.nexthdr;
  // A later fragment whose payload is no header: it has no protocol, yet is not malformed.
  if (at === HEADER_ABSENT) par.fragoff = 8;
  if (legacy || !isExtensionHeader(data[IPV6_NEXT_HEADER])) return;
  const auth = findHeader(data, 0, len, NEXTHDR_AUTH);
  if (auth < 0 || auth + 2 > len) return;
  par.fragoff = 0;
  par.thoff = auth;
  par.proto = NEXTHDR_AUTH;
}

/** Judges packets by the built-in chains of one flavour's tables in one family and namespace. */
export class Evaluator {
  readonly #net: NetNamespace;
  readonly #family: XtFamily;
  /** A REJECT sends a packet through OUTPUT while its own is still being judged: one parameter object a depth. */
  readonly #params: XtActionParam[] = [];
  #depth = 0;
  /**
   * The legacy flavour's TRACE writes to the kernel log; nf_tables reports to `nft monitor trace` listeners instead.
   */
  readonly #traceLog: TraceLog | null;
  readonly #nftTrace: NftTrace | null;

  constructor(net: NetNamespace, family: XtFamily, traceLog: TraceLog | null) {
    this.#net = net;
    this.#family = family;
    this.#traceLog = traceLog;
    this.#nftTrace = traceLog === null ? net.nftTrace : null;
  }

  /** What a table does with a packet at one of its built-in chains. */
  evaluate(table: Table, base: Chain, skb: SkBuff, state: HookState): Verdict {
    if (this.#depth === this.#params.length) this.#params.push(new XtActionParam(this.#net, this.#family));
    const par = this.#params[this.#depth++];
    const traceLog = this.#traceLog;
    const nftTrace = this.#nftTrace !== null && this.#nftTrace.active ? this.#nftTrace : null;
    const trace = state.net.trace;
    const ipv6 = par.family === "ipv6";
    par.skb = skb;
    par.state = state;
    par.hook = state.hook;
    par.table = table.name;
    if (ipv6) readIPv6(skb, par, traceLog !== null);
    else {
      const { data } = skb;
      par.fragoff = (get16(data, IPV4_FRAGMENT) & IP_OFFSET) << 3;
      par.thoff = (data[IPV4_VERSION_IHL] & 0xf) << 2;
      par.proto = data[IPV4_PROTOCOL];
    }
    par.hotdrop = false;
    par.packetTold = false;
    const stackChains = table.stackChains;
    const stackIndexes = table.stackIndexes;
    const bottom = table.stackTop;
    let chain = base;
    let rules = chain.rules;
    // The trace and TRACE are told of each rule; they see no list, and packets of IPv6 have none.
    const listed = !ipv6 && trace === null;
    let headers = listed ? headersOf(chain) : null;
    let index = 0;
    let verdict: Verdict = NF_DROP;
    for (;;) {
      if (headers !== null) {
        const { data } = skb;
        index = nextCandidate(headers, index, getInt32(data, IPV4_SRC), getInt32(data, IPV4_DST), data[IPV4_PROTOCOL]);
      }
      if (index >= rules.length) {
        if (table.stackTop > bottom) {
          if (skb.nfTrace && traceLog !== null) traceLog(skb, state, table, chain, "return", rules.length + 1);
          table.stackTop--;
          chain = stackChains[table.stackTop];
          rules = chain.rules;
          headers = listed ? headersOf(chain) : null;
          index = stackIndexes[table.stackTop];
          continue;
        }
        // The end of a built-in chain, by itself, by RETURN, or by a goto's chain running out.
        if (base.countsPolicy) {
          base.policyPackets++;
          base.policyBytes += skb.len;
        }
        verdict = base.policy === "ACCEPT" ? NF_ACCEPT : NF_DROP;
        if (skb.nfTrace && nftTrace !== null) nftTrace.policy(par, table, base, verdict);
        if (skb.nfTrace && traceLog !== null) traceLog(skb, state, table, base, "policy", base.rules.length + 1);
        if (trace !== null) trace.note({ kind: "policy", table: table.name, chain: base.name, verdict: base.policy });
        break;
      }
      const rule = rules[index++];
      const matched =
        (rule.anyHeader ||
          (ipv6 ? rule.matchesIp6(par, state, traceLog !== null) : rule.matchesIp(skb.data, par.fragoff, state))) &&
        matchesAll(rule, par);
      if (trace !== null) noteRule(trace, table, chain, index, rule, matched, skb);
      if (!matched) {
        if (par.hotdrop) {
          verdict = NF_DROP;
          break;
        }
        continue;
      }
      rule.packets++;
      rule.bytes += skb.len;
      if (skb.nfTrace && traceLog !== null) traceLog(skb, state, table, chain, "rule", index);
      const next = rule.chain;
      if (next !== null) {
        if (skb.nfTrace && nftTrace !== null) nftTrace.rule(par, table, chain, rule, XT_CONTINUE);
        if (!rule.goto) {
          if (table.stackTop - bottom >= STACK_LIMIT) {
            verdict = NF_DROP;
            break;
          }
          stackChains[table.stackTop] = chain;
          stackIndexes[table.stackTop] = index;
          table.stackTop++;
        }
        chain = next;
        rules = chain.rules;
        headers = listed ? headersOf(chain) : null;
        index = 0;
        continue;
      }
      const target = rule.target;
      if (target === null) {
        if (skb.nfTrace && nftTrace !== null) nftTrace.rule(par, table, chain, rule, XT_CONTINUE);
        continue;
      }
      verdict = rule.verdict ?? target.target(par);
      if (skb.nfTrace && nftTrace !== null) nftTrace.rule(par, table, chain, rule, verdict);
      if (verdict === XT_CONTINUE) continue;
      if (verdict === XT_RETURN) {
        if (table.stackTop > bottom) {
          table.stackTop--;
          chain = stackChains[table.stackTop];
          rules = chain.rules;
          headers = listed ? headersOf(chain) : null;
          index = stackIndexes[table.stackTop];
        } else {
          index = rules.length;
        }
        continue;
      }
      break;
    }
    table.stackTop = bottom;
    this.#depth--;
    return verdict;
  }
}
