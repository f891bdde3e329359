/**
 * IRC's DCC: a client tells another by a private message where to call it, as `\1DCC SEND name ADDRESS PORT size\1`
 * with the address as one number. Who will call nobody knows. Models net/netfilter/nf_conntrack_irc.c.
 */
import { NF_ACCEPT, NF_DROP, NFPROTO_IPV4, type Verdict } from "../../hooks.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, IP_CT_ESTABLISHED, type SkBuff } from "../../skb.js";
import { formatIPv4 } from "../../wire/address.js";
import { IPPROTO_TCP } from "../../wire/ipv4.js";
import { TCP_DATA_OFFSET, TCP_HEADER_LENGTH } from "../../wire/tcp.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple } from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_SRC_NAT } from "../status.js";
import { type ConntrackHelper, IPV4_ONLY, payloadText } from "./helper.js";

/** So much of a segment is read. */
const MAX_SEARCH_SIZE = 4095;
const DCC_COMMANDS: readonly string[] = ["SEND ", "CHAT ", "MOVE ", "TSEND ", "SCHAT "];
/** The shortest message from ` :` on, which must lie ahead. */
const SHORTEST_MESSAGE = 26;
/** The shortest rest behind a DCC command's name. */
const SHORTEST_NAMED = 12;

/** An end that a message names: where its text stands, with the address and port in it. */
export interface DccNamed {
  readonly offset: number;
  readonly length: number;
  readonly address: number;
  readonly port: number;
}

/** The number at `at`, as strtoul() reads it, and where it ends. */
function readNumber(text: string, at: number): { readonly value: bigint; readonly end: number } {
  let end = at;
  while (end < text.length && text[end] >= "0" && text[end] <= "9") end++;
  return { value: end === at ? 0n : BigInt(text.slice(at, end)), end };
}

/** Reads what follows the command's name at `start`: a word, the address, the port. Models `parse_dcc()`. */
function readNamed(text: string, start: number): DccNamed | null {
  let at = start;
  while (text[at++] !== " ") if (at > text.length - SHORTEST_NAMED) return null;
  if (!text.includes("\n", at)) return null;
  const offset = at;
  const address = readNumber(text, at);
  at = address.end;
  while (text[at] === " ") at++;
  const port = readNumber(text, at);
  return {
    offset,
    length: port.end - offset,
    address: Number(BigInt.asIntN(32, address.value)),
    port: Number(BigInt.asUintN(16, port.value)),
  };
}

/** What a client's segment announces, or null. Models the search of `help()`. */
export function readDcc(payload: string): DccNamed | null {
  const text = payload.slice(0, MAX_SEARCH_SIZE);
  let at = 0;
  while (at < text.length - 10 && " \r\n".includes(text[at])) at++;
  if (at < text.length - 10) {
    if (text.slice(at, at + 8).toUpperCase() !== "PRIVMSG ") return null;
    at += 8;
  }
  for (;;) {
    const message = text.indexOf(" :", at);
    if (message < 0 || message >= text.length - SHORTEST_MESSAGE) return null;
    if (!text.startsWith("\u0001DCC ", message + 2)) return null;
    at = message + 7;
    const command = DCC_COMMANDS.find((name) => text.startsWith(name, at));
    if (command !== undefined) return readNamed(text, at + command.length);
  }
}

export const ircHelper: ConntrackHelper = {
  name: "irc",
  families: IPV4_ONLY,
  protonum: IPPROTO_TCP,
  policies: [{ name: "", maxExpected: 8, timeoutSeconds: 300 }],
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfo !== IP_CT_ESTABLISHED || skb.len < protoff + TCP_HEADER_LENGTH) return NF_ACCEPT;
    const dataoff = protoff + (skb.data[protoff + TCP_DATA_OFFSET] >>> 4) * 4;
    if (dataoff >= skb.len) return NF_ACCEPT;
    const named = readDcc(payloadText(skb, dataoff));
    if (named === null) return NF_ACCEPT;
    const source = ct.srcOf(entry, IP_CT_DIR_ORIGINAL);
    // A client may know the address by which the server sees it.
    const own = named.address >>> 0 === source || named.address >>> 0 === ct.dstOf(entry, IP_CT_DIR_REPLY);
    if (!own || named.port === 0) {
      ct.warn(
        `nf_conntrack_irc: Forged DCC command from ${formatIPv4(source)}: ${formatIPv4(named.address)}:${named.port}`,
      );
      return NF_ACCEPT;
    }
    const expectation = new Expectation(entry, 0, ircHelper);
    expectTuple(
      expectation,
      NFPROTO_IPV4,
      IPPROTO_TCP,
      { address: null, port: null },
      { address: addressOf(ct, entry, IP_CT_DIR_REPLY, "dst"), port: named.port },
    );
    if (ct.natHelper !== null && ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT))
      return ct.natHelper.irc({ skb, ctinfo, protoff, offset: named.offset, length: named.length }, expectation);
    return ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
  },
};
