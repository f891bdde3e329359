/**
 * Which of an IPv6 route's several next hops a flow takes: a keyed hash of its addresses, flow label and protocol
 * (policy 0) or of its addresses, protocol and ports (policy 1), measured against the next hops' shares. The key is
 * IPv4's, `net.ipv4.fib_multipath_hash_seed`. Policies 2 and 3 are not modelled.
 * Models rt6_multipath_hash() and fib6_select_path(), net/ipv6/route.c.
 */
import {
  ADDRESSES,
  IP_PROTO,
  littleEndian,
  type MultipathHash,
  PORTS,
  portsWord,
  upperBound,
} from "../ip/multipath.js";
import { PORT_PROTOCOLS } from "../ip/routing.js";
import type { SkBuff } from "../skb.js";
import { compareWords } from "../wire/address.js";
import { get16, get32 } from "../wire/bytes.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { found, IPV6_DST, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, IPV6_SRC, skipExtensionHeaders } from "../wire/ipv6.js";
import { readInto } from "./address.js";
import type { Route6 } from "./fib.js";
import { quotedHeader } from "./icmp.js";
import { Flow6 } from "./rules.js";

const TAGS = 4;
/** `struct flow_keys` from its basic part on, to its padded end. */
const words = new Int32Array(18);
const source = new Int32Array(4);
const destination = new Int32Array(4);

/** What rules see of a packet's transport header. Models `fib6_rules_early_flow_dissect()`. */
export function dissect(flow: Flow6, skb: SkBuff): void {
  const { data, len } = skb;
  const at = skipExtensionHeaders(data, IPV6_HEADER_LENGTH, len, data[IPV6_NEXT_HEADER]);
  flow.protocol = at < 0 ? data[IPV6_NEXT_HEADER] : found.nexthdr;
  const ports = at >= 0 && found.fragmentOffset === 0 && PORT_PROTOCOLS.has(flow.protocol) && at + 4 <= len;
  flow.sport = ports ? get16(data, at) : 0;
  flow.dport = ports ? get16(data, at + 2) : 0;
}

const ofPacket: Flow6 = new Flow6();
const UNSPECIFIED: Int32Array = new Int32Array(4);

/** The hash of a flow, 31 bits; of the packet it is about, where there is one. */
export function multipathHash6(hash: MultipathHash, policy: number, flow: Flow6, skb: SkBuff | null): number {
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
  words.fill(0);
  // Both directions hash alike: the lesser address stands first.
  const from = src ?? UNSPECIFIED;
  const turned = compareWords(dst, from) < 0;
  const lesser = turned ? dst : from;
  const greater = turned ? from : dst;
  for (let i = 0; i < 4; i++) {
    words[ADDRESSES / 4 + i] = littleEndian(lesser[i]);
    words[ADDRESSES / 4 + 4 + i] = littleEndian(greater[i]);
  }
  words[0] = protocol << (8 * IP_PROTO);
  if (policy === 1) words[PORTS / 4] = portsWord(sport, dport);
  else words[TAGS / 4] = littleEndian(flowLabel);
  return hash.ofKeys(words);
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
