/**
 * SANE's network scanners: the answer to NET_START names a TCP port for the picture. There is nothing for NAT to
 * rewrite, and nothing for it here. Models net/netfilter/nf_conntrack_sane.c.
 */
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import {
  ctinfoDirection,
  IP_CT_DIR_ORIGINAL,
  IP_CT_ESTABLISHED,
  IP_CT_ESTABLISHED_REPLY,
  type SkBuff,
} from "../../skb.js";
import { get16, get32 } from "../../wire/bytes.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH } from "../../wire/tcp.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple } from "../expect.js";
import type { CtHandle } from "../status.js";
import { BOTH_FAMILIES, type ConntrackHelper } from "./helper.js";

const SANE_NET_START = 7;
const SANE_STATUS_SUCCESS = 0;
/** A request is a code and a handle; of the answer a status, two bytes of zero and the port are read. */
const REQUEST_LENGTH = 8;
const REPLY_LENGTH = 8;

/** Whether NET_START was asked last. Models `struct nf_ct_sane_master`. */
interface SaneState {
  startRequested: boolean;
}

/** The port in an answer of `length` bytes at `at`; null where it is none to NET_START, or says no. */
export function readSanePort(data: Uint8Array, at: number, length: number): number | null {
  if (length < REPLY_LENGTH || get32(data, at) !== SANE_STATUS_SUCCESS || get16(data, at + 4) !== 0) return null;
  return get16(data, at + 6);
}

export const saneHelper: ConntrackHelper = {
  name: "sane",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_TCP,
  policies: [{ name: "", maxExpected: 1, timeoutSeconds: 300 }],
  state: (): SaneState => ({ startRequested: false }),
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfo !== IP_CT_ESTABLISHED && ctinfo !== IP_CT_ESTABLISHED_REPLY) return NF_ACCEPT;
    const { data } = skb;
    if (skb.len < protoff + TCP_HEADER_LENGTH) return NF_ACCEPT;
    const at = protoff + (data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
    if (at >= skb.len) return NF_ACCEPT;
    const state = ct.helpers.helpOf(entry)?.state as SaneState;
    if (ctinfoDirection(ctinfo) === IP_CT_DIR_ORIGINAL) {
      if (skb.len - at === REQUEST_LENGTH) state.startRequested = get32(data, at) === SANE_NET_START;
      return NF_ACCEPT;
    }
    if (!state.startRequested) return NF_ACCEPT;
    state.startRequested = false;
    const port = readSanePort(data, at, skb.len - at);
    if (port === null) return NF_ACCEPT;
    const expectation = new Expectation(entry, 0, saneHelper);
    expectTuple(
      expectation,
      ct.l3numOf(entry),
      IPPROTO_TCP,
      { address: addressOf(ct, entry, IP_CT_DIR_ORIGINAL, "src"), port: null },
      { address: addressOf(ct, entry, IP_CT_DIR_ORIGINAL, "dst"), port },
    );
    return ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
  },
};
