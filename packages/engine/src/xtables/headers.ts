/**
 * The header parts of a long IPv4 chain's rules as one flat list of numbers, so that the rules which a packet's
 * addresses or protocol rule out are passed over without being looked at: a chain of thousands of rules is mostly such.
 * What the list cannot say (interfaces, `!`, fragments) it leaves to the rule itself. The kernel's blob of entries,
 * walked by ipt_do_table(), serves the same end.
 */

import type { Chain } from "./chain.js";
import { INV_DST, INV_PROTO, INV_SRC } from "./ip-spec.js";
import type { Rule } from "./rule.js";

/** From how many rules on a chain has such a list. */
const LONG_CHAIN = 8;

/** Words of a rule: source and its mask, destination and its mask, protocol (0: any). A mask of 0 rules nothing out. */
const WORDS = 5;

/** A long chain's list; null for a short one. */
export function headersOf(chain: Chain): Int32Array | null {
  return chain.listed === chain.rules ? chain.headers : list(chain);
}

function list(chain: Chain): Int32Array | null {
  chain.listed = chain.rules;
  chain.headers = chain.rules.length < LONG_CHAIN ? null : compileHeaders(chain.rules);
  return chain.headers;
}

function compileHeaders(rules: readonly Rule[]): Int32Array {
  const headers = new Int32Array(rules.length * WORDS);
  for (let i = 0; i < rules.length; i++) {
    const { src, smask, dst, dmask, proto, inverted } = rules[i];
    const at = i * WORDS;
    headers[at] = src;
    headers[at + 1] = inverted & INV_SRC ? 0 : smask;
    headers[at + 2] = dst;
    headers[at + 3] = inverted & INV_DST ? 0 : dmask;
    headers[at + 4] = inverted & INV_PROTO ? 0 : proto;
  }
  return headers;
}

/** The first rule from `index` on that the list does not rule out for a packet; their number when there is none. */
export function nextCandidate(headers: Int32Array, index: number, src: number, dst: number, proto: number): number {
  const end = headers.length;
  for (let at = index * WORDS; at < end; at += WORDS)
    if (
      ((src ^ headers[at]) & headers[at + 1]) === 0 &&
      ((dst ^ headers[at + 2]) & headers[at + 3]) === 0 &&
      (headers[at + 4] === 0 || headers[at + 4] === proto)
    )
      return at / WORDS;
  return end / WORDS;
}
