/**
 * Which of an IPv6 route's several next hops a flow takes: a keyed hash of its addresses, flow label and protocol
 * (policy 0) or of its addresses, protocol and ports (policy 1; 2 and 3 are ip/multipath-fields.ts), measured against
 * the next hops' shares. The key is IPv4's, `net.ipv4.fib_multipath_hash_seed`.
 * Models rt6_multipath_hash() and fib6_select_path(), net/ipv6/route.c.
 */

import { outerKeys } from "../ip/flow-keys.js";
import { littleEndian, upperBound } from "../ip/multipath.js";
import { hashOf, hashOfFlowPicked, hashOfInnermost, hashOfPicked } from "../ip/multipath-fields.js";
import type { SkBuff } from "../skb.js";
import { get32 } from "../wire/bytes.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { IPV6_DST, IPV6_NEXT_HEADER, IPV6_SRC } from "../wire/ipv6.js";
import { readInto } from "./address.js";
import type { Route6 } from "./fib.js";
import { quotedHeader } from "./icmp.js";
import { Flow6 } from "./rules.js";
import type { Ip6Stack } from "./stack.js";

/** The fields of policy 0: addresses, protocol, flow label; of policy 1: ports for the label. */
const THREE = 15;
const FIVE = 55;
const source = new Int32Array(4);
const destination = new Int32Array(4);

/** What rules see of a packet's transport header. Models `fib6_rules_early_flow_dissect()`. */
export function dissect(flow: Flow6, skb: SkBuff): void {
  const { protocol, sport, dport } = outerKeys(skb);
  flow.protocol = protocol;
  flow.sport = sport;
  flow.dport = dport;
}

const ofPacket: Flow6 = new Flow6();
const UNSPECIFIED: Int32Array = new Int32Array(4);

/** The hash of a flow, 31 bits; of the packet it is about, where there is one. */
export function multipathHash6(ip: Ip6Stack, flow: Flow6, skb: SkBuff | null): number {
  const hash = ip.net.ip.routing.multipath;
  const policy = ip.multipathPolicy;
  if (policy === 2 && skb !== null) return hashOfInnermost(hash, skb);
  if (policy === 3) {
    if (skb !== null) return hashOfPicked(hash, skb, ip.multipathFields);
    const { dst, protocol, sport, dport } = flow;
    const fields = { ipv6: true, src: flow.src ?? UNSPECIFIED, dst, protocol, sport, dport };
    const asked = { ...fields, flowLabel: littleEndian(flow.flowLabel) };
    return hashOfFlowPicked(hash, asked, ip.multipathFields, false);
  }
  let src = flow.src;
  let { dst, protocol, flowLabel, sport, dport } = flow;
  if (skb !== null) {
    // An ICMPv6 error goes the way of what it is about. Models `ip6_multipath_l3_keys()`.
    const at = policy === 0 ? Math.max(0, quotedHeader(skb)) : 0;
    src = readInto(source, skb.data, at + IPV6_SRC);
    dst = readInto(destination, skb.data, at + IPV6_DST);
    if (policy === 0) protocol = skb.data[at + IPV6_NEXT_HEADER];
    else {
      dissect(ofPacket, skb);
      protocol = ofPacket.protocol;
      sport = ofPacket.sport;
      dport = ofPacket.dport;
    }
    flowLabel = get32(skb.data, at) & 0xfffff;
    // Where rules made Linux look at the ports of what arrives, it has an ICMPv6 message's label the other way round.
    if (flow.dissected && at === 0 && protocol === IPPROTO_ICMPV6) flowLabel = littleEndian(flowLabel);
  }
  const fields = {
    ipv6: true,
    src: src ?? UNSPECIFIED,
    dst,
    protocol,
    sport,
    dport,
    flowLabel: littleEndian(flowLabel),
  };
  return hashOf(hash, fields, policy === 1 ? FIVE : THREE) >>> 1;
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
