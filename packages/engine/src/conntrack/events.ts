/**
 * What the tracker tells its listeners. Events are collected on the entry while a packet walks through the host, and
 * delivered together when it leaves: so NEW comes after the packet's whole walk, and one UPDATE may stand for several
 * changes. Models net/netfilter/nf_conntrack_ecache.c and the message part of nf_conntrack_netlink.c.
 */

/** Bit numbers of cached events. Models `enum ip_conntrack_events`. */
export const IPCT_NEW = 0;
export const IPCT_RELATED = 1;
export const IPCT_DESTROY = 2;
export const IPCT_REPLY = 3;
export const IPCT_ASSURED = 4;
export const IPCT_PROTOINFO = 5;
export const IPCT_HELPER = 6;
export const IPCT_MARK = 7;
export const IPCT_LABEL = 10;

/** The type of message that a set of events makes; null: none. */
export function eventType(events: number): "NEW" | "UPDATE" | "DESTROY" | null {
  if (events & (1 << IPCT_DESTROY)) return "DESTROY";
  if (events & ((1 << IPCT_NEW) | (1 << IPCT_RELATED))) return "NEW";
  return events === 0 ? null : "UPDATE";
}
