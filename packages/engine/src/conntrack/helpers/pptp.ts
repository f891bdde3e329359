/**
 * PPTP (RFC 2637): a TCP connection between a client (PNS) and a server (PAC) agrees upon two call ids, one each, and
 * the tunnel that follows is GRE whose packets bear the receiver's. Both directions are expected, and which ids belong
 * together is noted for GRE's tracker. One call at a time. Models net/netfilter/nf_conntrack_pptp.c.
 */
import { NF_ACCEPT, NFPROTO_IPV4, type Verdict } from "../../hooks.js";
import {
  ctinfoDirection,
  IP_CT_DIR_ORIGINAL,
  IP_CT_DIR_REPLY,
  IP_CT_ESTABLISHED,
  IP_CT_ESTABLISHED_REPLY,
  NO_CT,
  type SkBuff,
} from "../../skb.js";
import { get16, get32 } from "../../wire/bytes.js";
import { IPPROTO_GRE, IPPROTO_TCP } from "../../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH } from "../../wire/tcp.js";
import type { Conntrack } from "../conntrack.js";
import { E_ORIGINAL, ENTRY_SHIFT } from "../entry.js";
import { addressOf, Expectation, expectTuple, type NamedExpectFunction } from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_SRC_NAT } from "../status.js";
import { copyTuple, invertTuple, TUPLE_PORTS, TUPLE_PROTO, TUPLE_WORDS } from "../tuple.js";
import { type ConntrackHelper, IPV4_ONLY } from "./helper.js";

/** Control messages. */
export const PPTP_START_SESSION_REQUEST = 1;
export const PPTP_START_SESSION_REPLY = 2;
export const PPTP_STOP_SESSION_REQUEST = 3;
export const PPTP_STOP_SESSION_REPLY = 4;
export const PPTP_ECHO_REQUEST = 5;
export const PPTP_ECHO_REPLY = 6;
export const PPTP_OUT_CALL_REQUEST = 7;
export const PPTP_OUT_CALL_REPLY = 8;
export const PPTP_IN_CALL_REQUEST = 9;
export const PPTP_IN_CALL_REPLY = 10;
export const PPTP_IN_CALL_CONNECT = 11;
export const PPTP_CALL_CLEAR_REQUEST = 12;
export const PPTP_CALL_DISCONNECT_NOTIFY = 13;
export const PPTP_WAN_ERROR_NOTIFY = 14;
export const PPTP_SET_LINK_INFO = 15;

/** The length of each message's body in bytes, by its type; shorter ones are not read. */
const BODY_LENGTHS: readonly number[] = [0, 144, 144, 4, 4, 0, 0, 156, 20, 208, 12, 16, 4, 136, 28, 12];

/** Length, packet type and magic cookie, then the message's type and two reserved bytes. */
export const PPTP_BODY = 12;
const PPTP_PACKET_CONTROL = 1;
const PPTP_MAGIC_COOKIE = 0x1a2b3c4d;
/** "Yes" in every answer. */
const RESULT_OK = 1;

/** The session. Models `enum pptp_ctrlsess_state`; the order counts. */
const SESSION_NONE = 0;
const SESSION_ERROR = 1;
const SESSION_STOP_REQUESTED = 2;
const SESSION_REQUESTED = 3;
const SESSION_CONFIRMED = 4;

/** The call. Models `enum pptp_ctrlcall_state`. */
type Call = "none" | "out-requested" | "out-confirmed" | "in-requested" | "in-replied" | "in-confirmed" | "clearing";

/** What is known of one control connection. Models `struct nf_ct_pptp_master` and `struct nf_nat_pptp`. */
export interface PptpState {
  session: number;
  call: Call;
  /** The server's call id and the client's, as the server has them. */
  pacCallId: number;
  pnsCallId: number;
  /** The same as the client has them; NAT's. */
  innerPacCallId: number;
  innerPnsCallId: number;
  /** By direction: forgets what GRE's tracker was told. */
  readonly forgetKeys: ((() => void) | null)[];
  /** By direction: what it was told. */
  readonly keys: (Int32Array | null)[];
}

/** A control message's place. */
interface Message {
  readonly type: number;
  /** Where its body begins in the packet. */
  readonly body: number;
}

/** The control message in a segment whose TCP header is at `protoff`; null where there is none, or not all of it. */
export function readPptpMessage(skb: SkBuff, protoff: number): Message | null {
  const { data } = skb;
  if (skb.len < protoff + TCP_HEADER_LENGTH) return null;
  const at = protoff + (data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
  if (skb.len < at + PPTP_BODY) return null;
  if (get16(data, at + 2) !== PPTP_PACKET_CONTROL || get32(data, at + 4) !== PPTP_MAGIC_COOKIE) return null;
  const type = get16(data, at + 8);
  if (skb.len - at - PPTP_BODY < (BODY_LENGTHS[type] ?? 0)) return null;
  return { type, body: at + PPTP_BODY };
}

/** What the server says. False for what is out of place. Models `pptp_inbound_pkt()`. */
function inbound(ct: Conntrack, entry: CtHandle, state: PptpState, { type, body }: Message, data: Uint8Array): boolean {
  switch (type) {
    case PPTP_START_SESSION_REPLY:
      if (state.session < SESSION_REQUESTED) return false;
      state.session = data[body + 2] === RESULT_OK ? SESSION_CONFIRMED : SESSION_ERROR;
      return true;
    case PPTP_STOP_SESSION_REPLY:
      if (state.session > SESSION_STOP_REQUESTED) return false;
      state.session = data[body] === RESULT_OK ? SESSION_NONE : SESSION_ERROR;
      return true;
    case PPTP_OUT_CALL_REPLY: {
      if (state.session !== SESSION_CONFIRMED) return false;
      if (state.call !== "out-requested" && state.call !== "out-confirmed") return false;
      if (state.pnsCallId !== get16(data, body + 2)) return false;
      if (data[body + 4] !== RESULT_OK) {
        state.call = "none";
        return true;
      }
      state.call = "out-confirmed";
      state.pacCallId = get16(data, body);
      expectTunnel(ct, entry, state, state.pacCallId, state.pnsCallId);
      return true;
    }
    case PPTP_IN_CALL_REQUEST:
      if (state.session !== SESSION_CONFIRMED) return false;
      state.call = "in-requested";
      state.pacCallId = get16(data, body);
      return true;
    case PPTP_IN_CALL_CONNECT:
      if (state.session !== SESSION_CONFIRMED) return false;
      if (state.call !== "in-replied" && state.call !== "in-confirmed") return false;
      if (state.pnsCallId !== get16(data, body)) return false;
      state.call = "in-confirmed";
      expectTunnel(ct, entry, state, state.pacCallId, state.pnsCallId);
      return true;
    case PPTP_CALL_DISCONNECT_NOTIFY:
      state.call = "none";
      endTunnel(ct, entry, state);
      return true;
    default:
      return (
        type === PPTP_WAN_ERROR_NOTIFY ||
        type === PPTP_SET_LINK_INFO ||
        type === PPTP_ECHO_REQUEST ||
        type === PPTP_ECHO_REPLY
      );
  }
}

/** What the client says. Models `pptp_outbound_pkt()`. */
export function pptpOutbound(state: PptpState, { type, body }: Message, data: Uint8Array): boolean {
  switch (type) {
    case PPTP_START_SESSION_REQUEST:
      if (state.session !== SESSION_NONE) return false;
      state.session = SESSION_REQUESTED;
      return true;
    case PPTP_STOP_SESSION_REQUEST:
      state.session = SESSION_STOP_REQUESTED;
      return true;
    case PPTP_OUT_CALL_REQUEST:
      if (state.session !== SESSION_CONFIRMED) return false;
      state.call = "out-requested";
      state.pnsCallId = get16(data, body);
      return true;
    case PPTP_IN_CALL_REPLY:
      if (state.call !== "in-requested" && state.call !== "in-replied") return false;
      if (state.pacCallId !== get16(data, body + 2)) return false;
      if (data[body + 4] === RESULT_OK) {
        state.call = "in-replied";
        state.pnsCallId = get16(data, body);
      } else state.call = "none";
      return true;
    case PPTP_CALL_CLEAR_REQUEST:
      if (state.session !== SESSION_CONFIRMED) return false;
      state.call = "clearing";
      return true;
    default:
      return type === PPTP_SET_LINK_INFO || type === PPTP_ECHO_REQUEST || type === PPTP_ECHO_REPLY;
  }
}

function isTranslated(ct: Conntrack, entry: CtHandle): boolean {
  return ct.natHelper !== null && (ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT)) !== 0;
}

/** Expects the tunnel from either end, and notes its ids for GRE's tracker. Models `exp_gre()`. */
function expectTunnel(ct: Conntrack, entry: CtHandle, state: PptpState, callId: number, peersCallId: number): void {
  const make = (direction: 0 | 1): Expectation => {
    const expectation = new Expectation(entry, 0, pptpHelper);
    const original = direction === IP_CT_DIR_ORIGINAL;
    expectTuple(
      expectation,
      NFPROTO_IPV4,
      IPPROTO_GRE,
      { address: addressOf(ct, entry, direction, "src"), port: original ? peersCallId : callId },
      { address: addressOf(ct, entry, direction, "dst"), port: original ? callId : peersCallId },
    );
    expectation.expectFunction = tunnelComes(ct);
    return expectation;
  };
  const there = make(IP_CT_DIR_ORIGINAL);
  const back = make(IP_CT_DIR_REPLY);
  const { expectations } = ct.helpers;
  if (isTranslated(ct, entry)) ct.natHelper?.pptpExpect(there, back, state);
  if (expectations.related(there) !== null) return;
  if (expectations.related(back) !== null) {
    expectations.unlink(there);
    return;
  }
  const noted = noteKeys(ct, state, IP_CT_DIR_ORIGINAL, there.tuple);
  if (noted && noteKeys(ct, state, IP_CT_DIR_REPLY, back.tuple)) return;
  if (noted) forgetKeys(state);
  expectations.unlink(back);
  expectations.unlink(there);
}

/** False when another call's ids are noted already. Models `nf_ct_gre_keymap_add()`. */
function noteKeys(ct: Conntrack, state: PptpState, direction: 0 | 1, tuple: Int32Array): boolean {
  const noted = state.keys[direction];
  if (noted !== null)
    // The same again is a repetition; the sender's own id does not count.
    return tuple.every((word, at) => (at === TUPLE_PORTS ? (word ^ noted[at]) << 16 === 0 : word === noted[at]));
  state.keys[direction] = tuple.slice();
  state.forgetKeys[direction] = ct.greKeymap.add(tuple, 0);
  return true;
}

/** Models `nf_ct_gre_keymap_destroy()`. */
function forgetKeys(state: PptpState): void {
  for (const direction of [IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY]) {
    state.forgetKeys[direction]?.();
    state.forgetKeys[direction] = null;
    state.keys[direction] = null;
  }
}

/** The tunnel's first packet: the other direction is expected no more. Models `pptp_expectfn()`. */
function tunnelComes(ct: Conntrack): NamedExpectFunction {
  const other = new Int32Array(TUPLE_WORDS);
  return {
    name: null,
    run(entry, expectation): void {
      if (isTranslated(ct, expectation.master)) {
        ct.natHelper?.pptpExpected(entry, expectation, ct.helpers.helpOf(expectation.master)?.state as PptpState);
        return;
      }
      invertTuple(expectation.tuple, 0, other, 0);
      const found = ct.helpers.expectations.find(other, ct.zoneOf(entry));
      if (found !== null) ct.helpers.expectations.unlink(found);
    },
  };
}

/** The tunnel, or what is expected of it, ends with the call. Models `pptp_destroy_siblings()`. */
function endTunnel(ct: Conntrack, entry: CtHandle, state: PptpState): void {
  forgetKeys(state);
  const tuple = new Int32Array(TUPLE_WORDS);
  for (const direction of [IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY]) {
    copyTuple(ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL + direction * TUPLE_WORDS, tuple, 0);
    tuple[TUPLE_PROTO] = (tuple[TUPLE_PROTO] & ~0xff) | IPPROTO_GRE;
    const [from, to] =
      direction === IP_CT_DIR_ORIGINAL ? [state.pnsCallId, state.pacCallId] : [state.pacCallId, state.pnsCallId];
    tuple[TUPLE_PORTS] = (from << 16) | to;
    endSibling(ct, tuple, ct.zoneOf(entry));
  }
}

/** Models `destroy_sibling_or_exp()`. */
function endSibling(ct: Conntrack, tuple: Int32Array, zone: number): void {
  const sibling = ct.findGet(tuple, 0, zone) >>> 1;
  if (sibling !== NO_CT) {
    ct.kill(sibling);
    ct.put(sibling);
    return;
  }
  const expectation = ct.helpers.expectations.find(tuple, zone);
  if (expectation !== null) ct.helpers.expectations.unlink(expectation);
}

/** A control connection on which nothing was said. */
export function newPptpState(): PptpState {
  return {
    session: SESSION_NONE,
    call: "none",
    pacCallId: 0,
    pnsCallId: 0,
    innerPacCallId: 0,
    innerPnsCallId: 0,
    forgetKeys: [null, null],
    keys: [null, null],
  };
}

export const pptpHelper: ConntrackHelper = {
  name: "pptp",
  families: IPV4_ONLY,
  protonum: IPPROTO_TCP,
  policies: [{ name: "", maxExpected: 2, timeoutSeconds: 300 }],
  state: newPptpState,
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfo !== IP_CT_ESTABLISHED && ctinfo !== IP_CT_ESTABLISHED_REPLY) return NF_ACCEPT;
    const message = readPptpMessage(skb, protoff);
    if (message === null) return NF_ACCEPT;
    const state = ct.helpers.helpOf(entry)?.state as PptpState;
    const original = ctinfoDirection(ctinfo) === IP_CT_DIR_ORIGINAL;
    const inPlace = original ? pptpOutbound(state, message, skb.data) : inbound(ct, entry, state, message, skb.data);
    if (!inPlace || ct.natHelper === null || !isTranslated(ct, entry)) return NF_ACCEPT;
    return ct.natHelper.pptp({ skb, ctinfo, protoff }, entry, message.type, state);
  },
  destroy(ct: Conntrack, entry: CtHandle): void {
    endTunnel(ct, entry, ct.helpers.helpOf(entry)?.state as PptpState);
  },
};
