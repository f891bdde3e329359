/**
 * ICMPv6: echo and node information queries are connections of their own, told apart by type, code and id; errors are
 * RELATED to the connection of the packet they carry; neighbour discovery and listener reports are never tracked.
 * Models net/netfilter/nf_conntrack_proto_icmpv6.c.
 */
import { type HookState, NF_ACCEPT, NF_INET_PRE_ROUTING } from "../hooks.js";
import { isLinkLocal } from "../ip6/address.js";
import type { SkBuff } from "../skb.js";
import { readIPv6 } from "../wire/address.js";
import { ICMPV6_REDIRECT, ND_OPT_REDIRECT_HDR, ND_REDIRECT_OPTIONS } from "../wire/icmpv6.js";
import { IPPROTO_ICMPV6 } from "../wire/ipv4.js";
import { IPV6_HOP_LIMIT, IPV6_SRC } from "../wire/ipv6.js";
import { l4ChecksumOk } from "./checksum.js";
import type { Conntrack } from "./conntrack.js";
import { E_ORIGINAL, ENTRY_SHIFT } from "./entry.js";
import { inetError } from "./proto-icmp.js";
import type { CtHandle } from "./status.js";
import { TUPLE_PORTS } from "./tuple.js";
import type { Zone } from "./zone.js";

const HEADER_LENGTH = 8;
const ECHO_REQUEST = 128;
const NI_QUERY = 139;

/** Multicast listener and neighbour discovery messages. */
function isNeverTracked(type: number): boolean {
  return (type >= 130 && type <= 136) || type === 143;
}

/** One query or answer. Models `nf_conntrack_icmpv6_packet()`. */
export function icmpv6Packet(ct: Conntrack, entry: CtHandle, skb: SkBuff, ctinfo: number): number {
  const type = (ct.slab.words[(entry << ENTRY_SHIFT) + E_ORIGINAL + TUPLE_PORTS] >>> 8) & 0xff;
  if (type !== ECHO_REQUEST && type !== NI_QUERY) {
    if (ct.net.trace !== null)
      ct.net.trace.note({ kind: "invalid", reason: `no connection begins with ICMPv6 type ${type}` });
    return -NF_ACCEPT;
  }
  ct.refreshAcct(entry, ctinfo, skb, ct.timeoutsOf(entry, ct.icmpv6)[0]);
  return NF_ACCEPT;
}

/**
 * Checks a message, and attaches an error to the connection of the packet it carries. Returns NF_ACCEPT to go on (with
 * `skb.nfct` set when it was an error of ours), else a verdict negated. Models `nf_conntrack_icmpv6_error()`.
 */
export function icmpv6Error(ct: Conntrack, skb: SkBuff, at: number, state: HookState, zone: Zone): number {
  if (at + HEADER_LENGTH > skb.len) {
    ct.logInvalid(skb, state, IPPROTO_ICMPV6, "short packet");
    return -NF_ACCEPT;
  }
  if (ct.checksum !== 0 && state.hook === NF_INET_PRE_ROUTING && !l4ChecksumOk(skb, at, skb.len - at, IPPROTO_ICMPV6)) {
    ct.logInvalid(skb, state, IPPROTO_ICMPV6, "ICMPv6 checksum failed");
    return -NF_ACCEPT;
  }
  const type = skb.data[at];
  if (isNeverTracked(type)) {
    ct.setUntracked(skb);
    return NF_ACCEPT;
  }
  if (type === ICMPV6_REDIRECT) return redirect(ct, skb, at, state, zone);
  if (type >= 128) return NF_ACCEPT;
  return inetError(ct, skb, at + HEADER_LENGTH, state, IPPROTO_ICMPV6, zone);
}

/** A redirect is related to the connection of the packet that it carries. Models `nf_conntrack_icmpv6_redirect()`. */
function redirect(ct: Conntrack, skb: SkBuff, at: number, state: HookState, zone: Zone): number {
  const { data, len } = skb;
  const invalid = (why: string): number => {
    ct.logInvalid(skb, state, IPPROTO_ICMPV6, why);
    return -NF_ACCEPT;
  };
  if (at + ND_REDIRECT_OPTIONS > len) return invalid("short redirect");
  if (data[at + 1] !== 0) return NF_ACCEPT;
  if (data[IPV6_HOP_LIMIT] !== 255 || !isLinkLocal(readIPv6(data, IPV6_SRC)))
    return invalid("invalid saddr or hoplimit for redirect");
  const option = at + ND_REDIRECT_OPTIONS;
  if (option + 2 > len || data[option + 1] === 0) return invalid("redirect without options");
  if (data[option] !== ND_OPT_REDIRECT_HDR) return NF_ACCEPT;
  return inetError(ct, skb, option + HEADER_LENGTH, state, IPPROTO_ICMPV6, zone);
}
