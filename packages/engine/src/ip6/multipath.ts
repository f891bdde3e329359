/**
 * Which of an IPv6 route's several next hops a flow takes: a keyed hash of its addresses, flow label and protocol
 * (policy 0) or of its addresses, protocol and ports (policy 1; 2 and 3 are ip/multipath-fields.ts), measured against
 * the next hops' shares. The key is IPv4's, `net.ipv4.fib_multipath_hash_seed`.
 * Models rt6_multipath_hash() and fib6_select_path(), net/ipv6/route.c.
 */

import { outerKeys } from "../ip/flow-keys.js";
import { upperBound } from "../ip/multipath.js";
import {
  DST_IP,
  DST_PORT,
  FLOWLABEL,
  hashOf,
  hashOfFlowPicked,
  hashOfInnermost,
  hashOfPicked,
  littleEndian,
  noFields,
  PROTOCOL,
  SRC_IP,
  SRC_PORT,
} from "../ip/multipath-fields.js";
import type { SkBuff } from "../skb.js";
import { get32 } from "../wire/bytes.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SRC } from "../wire/ipv6.js";
import { readInto } from "./address.js";
import type { Route6 } from "./fib.js";
import { quotedHeader } from "./icmp.js";
import type { Flow6 } from "./rules.js";
import type { Ip6Stack } from "./stack.js";

/** The fields of policy 0: addresses, protocol, flow label; of policy 1: ports for the label. */
const FOUR: number = SRC_IP | DST_IP | PROTOCOL | FLOWLABEL;
const FIVE: number = SRC_IP | DST_IP | PROTOCOL | SRC_PORT | DST_PORT;
const fields = noFields(true);
const source = new Int32Array(4);
const destination = new Int32Array(4);

/** What rules see of a packet's transport header. Models `fib6_rules_early_flow_dissect()`. */
export function dissect(flow: Flow6, skb: SkBuff): void {
  const { protocol, sport, dport } = outerKeys(skb);
  flow.protocol = protocol;
  flow.sport = sport;
  flow.dport = dport;
}

const UNSPECIFIED: Int32Array = new Int32Array(4);

/** The hash of a flow, 31 bits; of the packet it is about, where there is one. */
export function multipathHash6(ip: Ip6Stack, flow: Flow6, skb: SkBuff | null): number {
  const hash = ip.net.ip.routing.multipath;
  const policy = ip.multipathPolicy;
  if (policy === 2 && skb !== null) return hashOfInnermost(hash, skb);
  if (policy === 3) {
    if (skb !== null) return hashOfPicked(hash, skb, ip.multipathFields);
    copyFields(flow);
    return hashOfFlowPicked(hash, fields, ip.multipathFields, false);
  }
  copyFields(flow);
  if (skb !== null) {
    // An ICMPv6 error goes the way of what it is about. Models `ip6_multipath_l3_keys()`.
    const at = policy === 0 ? Math.max(0, quotedHeader(skb)) : 0;
    fields.src = readInto(source, skb.data, at + IPV6_SRC);
    fields.dst = readInto(destination, skb.data, at + IPV6_DST);
    if (policy === 0) fields.protocol = skb.data[at + IPV6_NEXT_HEADER];
    else {
      const { protocol, sport, dport } = outerKeys(skb);
      fields.protocol = protocol;
      fields.sport = sport;
      fields.dport = dport;
    }
    const label = get32(skb.data, at) & 0xfffff;
    // Where rules made Linux look at the ports of what arrives, it has an ICMPv6 message's label the other way round.
    const turned = flow.dissected && at === 0 && fields.protocol === IPPROTO_ICMPV6;
    fields.flowLabel = turned ? label : littleEndian(label);
  }
  return hashOf(hash, fields, policy === 1 ? FIVE : FOUR) >>> 1;
}

function copyFields({ src, dst, protocol, sport, dport, flowLabel }: Flow6): void {
  fields.src = src ?? UNSPECIFIED;
  fields.dst = dst;
  fields.protocol = protocol;
  fields.sport = sport;
  fields.dport = dport;
  fields.flowLabel = littleEndian(flowLabel);
}

/** The next hop whose share a hash falls into. Allocates nothing. */
export function selectPath6(siblings: readonly Route6[], hash: number): Route6 {
  let total = 0;
  for (let i = 0; i < siblings.length; i++) if (!siblings[i].dead) total += siblings[i].weight;
  let sum = 0;
  for (let i = 0; i < siblings.length; i++) {
    const route = siblings[i];
    if (route.dead) continue;
    sum += route.weight;
    if (hash <= upperBound(sum, total)) return route;
  }
  return siblings[0];
}
