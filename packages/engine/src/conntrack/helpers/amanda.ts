/**
 * Amanda's backups: the backup server asks a client by UDP, and the client answers on which TCP ports it can be called,
 * as `CONNECT DATA 1234 MESG 1235 INDEX 1236`. Answers may take minutes, so the entry is kept that long. Models
 * net/netfilter/nf_conntrack_amanda.c.
 */
import { HZ } from "../../clock.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import { ctinfoDirection, IP_CT_DIR_ORIGINAL, type SkBuff } from "../../skb.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { UDP_HEADER_LENGTH } from "../../wire/udp.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple } from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_SRC_NAT } from "../status.js";
import { BOTH_FAMILIES, type ConntrackHelper, payloadText } from "./helper.js";

const MASTER_TIMEOUT: number = 300 * HZ;
const CHANNELS: readonly string[] = ["DATA ", "MESG ", "INDEX ", "STATE "];
/** Digits of a port. */
const PORT_LENGTH = 5;

/** Where a channel's port stands in an answer. */
interface Channel {
  readonly offset: number;
  readonly length: number;
  readonly port: number;
}

/**
 * The port of one channel in the payload; null when the answer does not name the channel, "broken" when no port follows
 * its name, which ends the search.
 */
export function readAmandaChannel(text: string, channel: string): Channel | "broken" | null {
  const connect = text.indexOf("CONNECT ");
  if (connect < 0) return null;
  const start = connect + "CONNECT ".length;
  const stop = text.indexOf("\n", start);
  if (stop < 0) return null;
  const found = text.slice(start, stop).indexOf(channel);
  if (found < 0) return null;
  const offset = start + found + channel.length;
  const digits = /^\d*/.exec(text.slice(offset, Math.min(stop, offset + PORT_LENGTH)))?.[0] ?? "";
  const port = Number(digits) & 0xffff;
  return port === 0 ? "broken" : { offset, length: digits.length, port };
}

export const amandaHelper: ConntrackHelper = {
  name: "amanda",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_UDP,
  policies: [{ name: "", maxExpected: 4, timeoutSeconds: 180 }],
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfoDirection(ctinfo) === IP_CT_DIR_ORIGINAL) return NF_ACCEPT;
    ct.helpers.refresh(entry, MASTER_TIMEOUT);
    const dataoff = protoff + UDP_HEADER_LENGTH;
    if (dataoff >= skb.len) {
      ct.warn(`nf_conntrack_amanda: amanda_help: skblen = ${skb.len}`);
      return NF_ACCEPT;
    }
    let verdict: Verdict = NF_ACCEPT;
    for (const name of CHANNELS) {
      // Each port that NAT changes may move those behind it.
      const channel = readAmandaChannel(payloadText(skb, dataoff), name);
      if (channel === "broken") break;
      if (channel !== null) verdict = expectChannel(ct, skb, protoff, entry, ctinfo, channel, verdict);
    }
    return verdict;
  },
};

/** Notes one channel. What NAT says of the last one counts, and without NAT a single refusal. */
function expectChannel(
  ct: Conntrack,
  skb: SkBuff,
  protoff: number,
  entry: CtHandle,
  ctinfo: number,
  { offset, length, port }: Channel,
  before: Verdict,
): Verdict {
  const expectation = new Expectation(entry, 0, amandaHelper);
  expectTuple(
    expectation,
    ct.l3numOf(entry),
    IPPROTO_TCP,
    { address: addressOf(ct, entry, IP_CT_DIR_ORIGINAL, "src"), port: null },
    { address: addressOf(ct, entry, IP_CT_DIR_ORIGINAL, "dst"), port },
  );
  if (ct.natHelper !== null && ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT))
    return ct.natHelper.amanda({ skb, ctinfo, protoff, offset, length }, expectation);
  return ct.helpers.expectations.related(expectation) === null ? before : NF_DROP;
}
