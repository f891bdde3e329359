/**
 * What a helper is: somebody who reads a connection's payload and notes which other connections it announces. One file
 * a protocol beside this one; what NAT must rewrite is in nat/helpers/. Models `struct nf_conntrack_helper`,
 * include/net/netfilter/nf_conntrack_helper.h.
 */
import { NFPROTO_IPV4, NFPROTO_IPV6, type NfProto, type Verdict } from "../../hooks.js";
import type { SkBuff } from "../../skb.js";
import type { Conntrack } from "../conntrack.js";
import type { Expectation, ExpectPolicy } from "../expect.js";
import type { CtHandle } from "../status.js";

/** The families of helpers whose protocol says addresses of IPv4 alone, and of those that know both. */
export const IPV4_ONLY: readonly NfProto[] = [NFPROTO_IPV4];
export const BOTH_FAMILIES: readonly NfProto[] = [NFPROTO_IPV4, NFPROTO_IPV6];

/** A protocol's helper. */
export interface ConntrackHelper {
  /** As `-j CT --helper` names it. */
  readonly name: string;
  /** Over which families it is there. */
  readonly families: readonly NfProto[];
  /** The transport protocol it reads. */
  readonly protonum: number;
  /** What it may expect, by class. */
  readonly policies: readonly ExpectPolicy[];
  /** What it remembers of each connection. */
  state?(): unknown;
  /**
   * Reads a packet on its way out of the host, NAT done; `protoff` is where its transport header begins. NF_DROP where
   * letting it through would let the two sides go out of step with what is known here.
   */
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number): Verdict;
  /** The connection ends. */
  destroy?(ct: Conntrack, entry: CtHandle): void;
}

/** A helper at work on one connection. Models `struct nf_conn_help`. */
export class ConnectionHelp {
  helper: ConntrackHelper | null;
  /** Newest first. */
  readonly expectations: Expectation[] = [];
  /** What the helper remembers; it alone knows the type. */
  readonly state: unknown;

  constructor(helper: ConntrackHelper | null) {
    this.helper = helper;
    this.state = helper?.state?.() ?? null;
  }
}

/** The bytes from `from` to the packet's end, one character each. */
export function payloadText(skb: SkBuff, from: number): string {
  let text = "";
  for (let at = from; at < skb.len; at++) text += String.fromCharCode(skb.data[at]);
  return text;
}
