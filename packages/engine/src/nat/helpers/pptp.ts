/**
 * PPTP under NAT: two clients may have chosen the same call id, so a client's id outside is its TCP port outside.
 * Models net/ipv4/netfilter/nf_nat_pptp.c.
 */
import { addressWords, type Expectation } from "../../conntrack/expect.js";
import type { Announced } from "../../conntrack/helpers/nat-hook.js";
import {
  PPTP_BODY,
  PPTP_CALL_CLEAR_REQUEST,
  PPTP_CALL_DISCONNECT_NOTIFY,
  PPTP_IN_CALL_CONNECT,
  PPTP_IN_CALL_REPLY,
  PPTP_OUT_CALL_REPLY,
  PPTP_OUT_CALL_REQUEST,
  PPTP_SET_LINK_INFO,
  PPTP_WAN_ERROR_NOTIFY,
  type PptpState,
} from "../../conntrack/helpers/pptp.js";
import type { CtHandle } from "../../conntrack/status.js";
import { TUPLE_DST, TUPLE_PORTS, TUPLE_PROTO, TUPLE_SRC, TUPLE_WORDS } from "../../conntrack/tuple.js";
import { NF_ACCEPT, NF_DROP, NFPROTO_IPV4, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { ctinfoDirection, IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY } from "../../skb.js";
import { IPPROTO_GRE } from "../../wire/ipv4.js";
import { exactly, mangleTcp } from "../helper.js";
import { NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC } from "../range.js";

/** Where in a message's body the client's call id stands, by the message's type; what is absent stays as it is. */
const CLIENT_ID_SAID_BY_CLIENT: ReadonlyMap<number, number> = new Map([
  [PPTP_OUT_CALL_REQUEST, 0],
  [PPTP_IN_CALL_REPLY, 0],
  [PPTP_CALL_CLEAR_REQUEST, 0],
]);
const CLIENT_ID_SAID_BY_SERVER: ReadonlyMap<number, number> = new Map([
  [PPTP_OUT_CALL_REPLY, 2],
  [PPTP_IN_CALL_CONNECT, 0],
  [PPTP_WAN_ERROR_NOTIFY, 0],
  [PPTP_CALL_DISCONNECT_NOTIFY, 0],
  [PPTP_SET_LINK_INFO, 0],
]);

/** Models `pptp_outbound_pkt()` and `pptp_inbound_pkt()`. */
export function natPptp(
  net: NetNamespace,
  packet: Omit<Announced, "offset" | "length">,
  entry: CtHandle,
  type: number,
  state: PptpState,
): Verdict {
  const original = ctinfoDirection(packet.ctinfo) === IP_CT_DIR_ORIGINAL;
  const place = (original ? CLIENT_ID_SAID_BY_CLIENT : CLIENT_ID_SAID_BY_SERVER).get(type);
  if (place === undefined) return NF_ACCEPT;
  if (type === PPTP_OUT_CALL_REQUEST) {
    state.innerPnsCallId = state.pnsCallId;
    state.pnsCallId = net.ct.dportOf(entry, IP_CT_DIR_REPLY);
  }
  const id = original ? state.pnsCallId : state.innerPnsCallId;
  const text = String.fromCharCode(id >>> 8, id & 0xff);
  return mangleTcp(net, entry, { ...packet, offset: PPTP_BODY + place, length: 2 }, text) ? NF_ACCEPT : NF_DROP;
}

/** Models `pptp_exp_gre()`. */
export function natPptpExpect(there: Expectation, back: Expectation, state: PptpState): void {
  state.innerPacCallId = state.pacCallId;
  there.savedPort = state.pnsCallId;
  there.tuple[TUPLE_PORTS] = (state.innerPnsCallId << 16) | state.pacCallId;
  there.direction = IP_CT_DIR_ORIGINAL;
  back.savedPort = state.innerPnsCallId;
  back.tuple[TUPLE_PORTS] = (state.innerPacCallId << 16) | state.pnsCallId;
  back.direction = IP_CT_DIR_REPLY;
}

/** Binds the tunnel, whose other direction is expected no more. Models `pptp_nat_expected()`. */
export function natPptpExpected(
  net: NetNamespace,
  entry: CtHandle,
  { master, direction, savedPort }: Expectation,
  state: PptpState,
): void {
  const { ct } = net;
  const opposite = direction === IP_CT_DIR_ORIGINAL ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
  const original = direction === IP_CT_DIR_ORIGINAL;
  const tuple = new Int32Array(TUPLE_WORDS);
  tuple[TUPLE_SRC] = ct.srcOf(master, opposite);
  tuple[TUPLE_DST] = ct.dstOf(master, opposite);
  tuple[TUPLE_PROTO] = (NFPROTO_IPV4 << 8) | IPPROTO_GRE;
  // For a tunnel that the server begins Linux asks the new entry for the ids, which has none: nothing is found.
  tuple[TUPLE_PORTS] = original ? (state.pacCallId << 16) | state.pnsCallId : 0;
  const found = ct.helpers.expectations.find(tuple, ct.zoneOf(entry));
  if (found !== null) ct.helpers.expectations.unlink(found);
  const from = exactly(NFPROTO_IPV4, addressWords(ct, master, opposite, "dst"), original ? savedPort : null);
  net.nat.setupInfo(entry, from, NF_NAT_MANIP_SRC);
  const to = exactly(NFPROTO_IPV4, addressWords(ct, master, opposite, "src"), original ? null : savedPort);
  net.nat.setupInfo(entry, to, NF_NAT_MANIP_DST);
}
