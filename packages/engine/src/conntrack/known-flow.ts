/**
 * The lookup of a packet whose flow is known, by the words of its header alone: no tuple is written down, and nothing
 * is made. It finds what the lookup of `resolve_normal_ct()` would find, or leaves the packet to that one: fragments of
 * the answer that it does not know are zones, expired entries in the chain (which a lookup collects), and flows without
 * entry.
 */
import { NFPROTO_IPV4 } from "../hooks.js";
import {
  IP_CT_DIR_ORIGINAL,
  IP_CT_ESTABLISHED,
  IP_CT_ESTABLISHED_REPLY,
  IP_CT_NEW,
  IP_CT_RELATED,
  IP_CT_UNTRACKED,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import { get16, getInt32 } from "../wire/bytes.js";
import {
  IP_OFFSET,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_VERSION_IHL,
} from "../wire/ipv4.js";
import type { Conntrack } from "./conntrack.js";
import { E_HASH, E_NEXT, E_STATUS, E_TIMEOUT, E_USE, E_ZONE, ENTRY_SHIFT } from "./entry.js";
import { IPS_EXPECTED, IPS_SEEN_REPLY } from "./status.js";
import { hashWords, TUPLE_DST, TUPLE_PORTS, TUPLE_PROTO, TUPLE_SRC, TUPLE_WORDS } from "./tuple.js";
import { DEFAULT_ZONE } from "./zone.js";

/** How a packet of the original direction relates to an entry of a status. */
export function originalCtinfo(status: number): number {
  return status & IPS_SEEN_REPLY ? IP_CT_ESTABLISHED : status & IPS_EXPECTED ? IP_CT_RELATED : IP_CT_NEW;
}

/**
 * Hangs the entry of an IPv4 packet in the default zone on it, and gives its protocol's number; 0, and nothing has
 * changed, when it is not found so easily.
 */
export function attachKnownFlow(ct: Conntrack, skb: SkBuff): number {
  const { data } = skb;
  const protonum = data[IPV4_PROTOCOL];
  if (protonum !== IPPROTO_UDP && protonum !== IPPROTO_TCP) return 0;
  const dataoff = (data[IPV4_VERSION_IHL] & 15) * 4;
  if (skb.nfct !== NO_CT || skb.ctinfo === IP_CT_UNTRACKED || dataoff + 4 > skb.len) return 0;
  if ((get16(data, IPV4_FRAGMENT) & IP_OFFSET) !== 0) return 0;
  const src = getInt32(data, IPV4_SRC);
  const dst = getInt32(data, IPV4_DST);
  const ports = getInt32(data, dataoff);
  const proto = (NFPROTO_IPV4 << 8) | protonum;
  const { heads } = ct.table;
  const { words } = ct.slab;
  const now = ct.net.clock.jiffies;
  const hash = hashWords(src, dst, ports, proto, ct.seed);
  let node = heads[hash & (heads.length - 1)];
  while (node !== 0) {
    const direction = node & 1;
    const base = (node >>> 1) << ENTRY_SHIFT;
    if (((words[base + E_TIMEOUT] - now) | 0) <= 0) return 0;
    const at = base + direction * TUPLE_WORDS;
    // Most that stand in the chain and are another flow's are told by the hash, in the cache line of the chain's links.
    if (
      words[base + E_HASH + direction] === hash &&
      words[at + TUPLE_SRC] === src &&
      words[at + TUPLE_PORTS] === ports &&
      words[at + TUPLE_DST] === dst &&
      words[at + TUPLE_PROTO] === proto
    ) {
      if (words[base + E_ZONE] !== DEFAULT_ZONE) return 0;
      words[base + E_USE]++;
      skb.nfct = node >>> 1;
      skb.ctinfo = direction === IP_CT_DIR_ORIGINAL ? originalCtinfo(words[base + E_STATUS]) : IP_CT_ESTABLISHED_REPLY;
      return protonum;
    }
    node = words[base + E_NEXT + direction];
  }
  return 0;
}
