/**
 * ICMP: queries are connections of their own, told apart by type, code and id; errors belong to the connection of the
 * packet they carry, and are RELATED to it. Models net/netfilter/nf_conntrack_proto_icmp.c.
 */
import { type HookState, NF_ACCEPT, NF_INET_PRE_ROUTING, NFPROTO_IPV4, NFPROTO_IPV6, type NfProto } from "../hooks.js";
import { IP_CT_DIR_REPLY, IP_CT_IS_REPLY, IP_CT_RELATED, NO_CT, type SkBuff } from "../skb.js";
import { formatIPv4, formatIPv6 } from "../wire/address.js";
import { getInt32 } from "../wire/bytes.js";
import {
  checkIcmp,
  ICMP_ADDRESS,
  ICMP_ECHO,
  ICMP_HEADER_LENGTH,
  ICMP_INFO_REQUEST,
  ICMP_TIMESTAMP,
  icmpIsError,
  icmpType,
  NR_ICMP_TYPES,
} from "../wire/icmp.js";
import { IPPROTO_ICMP, IPV4_DST } from "../wire/ipv4.js";
import { IPV6_DST } from "../wire/ipv6.js";
import { l4ChecksumOk } from "./checksum.js";
import type { Conntrack } from "./conntrack.js";
import { E_ORIGINAL, ENTRY_SHIFT } from "./entry.js";
import type { CtHandle } from "./status.js";
import {
  getTuple,
  invertTuple,
  TUPLE_DST,
  TUPLE_PORTS,
  TUPLE_WORDS,
  transportOffset,
  transportProtonum,
} from "./tuple.js";
import type { Zone } from "./zone.js";

/** Whether a query of this type begins a connection. */
function beginsConnection(type: number): boolean {
  return type === ICMP_ECHO || type === ICMP_TIMESTAMP || type === ICMP_INFO_REQUEST || type === ICMP_ADDRESS;
}

/** One query or answer. Models `nf_conntrack_icmp_packet()`. */
export function icmpPacket(ct: Conntrack, entry: CtHandle, skb: SkBuff, ctinfo: number): number {
  const type = (ct.slab.words[(entry << ENTRY_SHIFT) + E_ORIGINAL + TUPLE_PORTS] >>> 8) & 0xff;
  if (!beginsConnection(type)) {
    if (ct.net.trace !== null)
      ct.net.trace.note({ kind: "invalid", reason: `no connection begins with ICMP type ${type}` });
    return -NF_ACCEPT;
  }
  // Not deleted with the first answer: answers may come twice.
  ct.refreshAcct(entry, ctinfo, skb, ct.timeoutsOf(entry, ct.icmp)[0]);
  return NF_ACCEPT;
}

const carried = new Int32Array(TUPLE_WORDS);
const inverse = new Int32Array(TUPLE_WORDS);
/** Where the error itself goes. */
const outer = new Int32Array(4);

/**
 * Checks a message, and attaches an error to the connection of the packet it carries. Returns NF_ACCEPT to go on (with
 * `skb.nfct` set when it was an error of ours), else a verdict negated. Models `nf_conntrack_icmpv4_error()`.
 */
export function icmpError(ct: Conntrack, skb: SkBuff, at: number, state: HookState, zone: Zone): number {
  const data = skb.data;
  if (!checkIcmp(skb.len - at)) {
    ct.logInvalid(skb, state, IPPROTO_ICMP, "short packet");
    return -NF_ACCEPT;
  }
  if (ct.checksum !== 0 && state.hook === NF_INET_PRE_ROUTING && !l4ChecksumOk(skb, at, skb.len - at, IPPROTO_ICMP)) {
    ct.logInvalid(skb, state, IPPROTO_ICMP, "bad hw icmp checksum");
    return -NF_ACCEPT;
  }
  const type = icmpType(data, at);
  if (type > NR_ICMP_TYPES) {
    ct.logInvalid(skb, state, IPPROTO_ICMP, "invalid icmp type");
    return -NF_ACCEPT;
  }
  if (!icmpIsError(type)) return NF_ACCEPT;
  return inetError(ct, skb, at + ICMP_HEADER_LENGTH, state, IPPROTO_ICMP, zone);
}

/**
 * Looks up the connection whose packet begins at `inner`: the error travels against that packet, so what is looked up
 * is the carried tuple inverted. Models `nf_conntrack_inet_error()`.
 */
export function inetError(
  ct: Conntrack,
  skb: SkBuff,
  inner: number,
  state: HookState,
  protonum: number,
  zone: Zone,
): number {
  const trace = ct.net.trace;
  if (trace !== null) trace.enter("nf_conntrack_inet_error", "nf_conntrack", skb);
  const verdict = relate(ct, skb, inner, state, protonum, zone);
  if (trace !== null) {
    if (skb.nfct === NO_CT) trace.note({ kind: "invalid", reason: "the ICMP error carries no packet of a connection" });
    trace.leave();
  }
  return verdict;
}

/** Reads the carried packet's tuple. Models `nf_ct_get_tuplepr()`. */
function carriedTuple(ct: Conntrack, skb: SkBuff, inner: number, pf: NfProto): boolean {
  const { data } = skb;
  const innerAt = transportOffset(data, inner, skb.len, pf);
  if (innerAt < 0) return false;
  const protonum = transportProtonum(data, inner, pf);
  if (ct.net.trace !== null) ct.net.trace.call("nf_ct_get_tuple", "nf_conntrack");
  return getTuple(data, inner, innerAt, skb.len, protonum, carried, ct.greKeymap, pf);
}

/** An address of either family, of a tuple or a packet. */
function addressText(words: Int32Array, at: number, pf: NfProto): string {
  return pf === NFPROTO_IPV4 ? formatIPv4(words[at]) : formatIPv6(words, at);
}

function relate(ct: Conntrack, skb: SkBuff, inner: number, state: HookState, protonum: number, zone: Zone): number {
  const { data } = skb;
  const { pf } = state;
  const trace = ct.net.trace;
  if (trace !== null) trace.enter("nf_ct_get_tuplepr", "nf_conntrack", skb);
  const understood = carriedTuple(ct, skb, inner, pf);
  if (trace !== null) trace.leave();
  if (!understood) return -NF_ACCEPT;
  if (trace !== null) trace.call("nf_ct_invert_tuple", "nf_conntrack");
  if (!invertTuple(carried, 0, inverse, 0)) return -NF_ACCEPT;
  const node = ct.findGet(inverse, 0, zone);
  if (node === 0) return -NF_ACCEPT;
  const entry = node >>> 1;
  const direction = node & 1;
  // The connection's answers go to its reply destination; an error that goes elsewhere is a forgery.
  const expected = (entry << ENTRY_SHIFT) + direction * TUPLE_WORDS + TUPLE_DST;
  const words = ct.slab.words;
  for (let i = 0; i < 4; i++) outer[i] = pf === NFPROTO_IPV6 ? getInt32(data, IPV6_DST + 4 * i) : 0;
  if (pf === NFPROTO_IPV4) outer[0] = getInt32(data, IPV4_DST);
  let same = true;
  for (let i = 0; i < 4; i++) if (outer[i] !== words[expected + i]) same = false;
  if (!same) {
    const reason = `outer daddr ${addressText(outer, 0, pf)} != inner ${addressText(words, expected, pf)}`;
    ct.logInvalid(skb, state, protonum, reason);
    ct.put(entry);
    return -NF_ACCEPT;
  }
  ct.setNfct(skb, entry, IP_CT_RELATED + (direction === IP_CT_DIR_REPLY ? IP_CT_IS_REPLY : 0));
  return NF_ACCEPT;
}
