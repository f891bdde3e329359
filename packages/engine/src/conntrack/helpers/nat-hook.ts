/**
 * What helpers ask of NAT: to rewrite what was announced, and to bind the connection that comes like the one that
 * announced it. Conntrack knows NAT by this interface alone. Models the hooks `nf_nat_ftp_hook` and its like.
 */
import type { Verdict } from "../../hooks.js";
import type { SkBuff } from "../../skb.js";
import type { Expectation } from "../expect.js";
import type { CtHandle } from "../status.js";
import type { PptpState } from "./pptp.js";

/** The FTP commands and replies that announce a data connection. Models `enum nf_ct_ftp_type`. */
export type FtpAnnouncement = "PORT" | "PASV" | "EPRT" | "EPSV";

/** Where in a packet the announcement stands. */
export interface Announced {
  readonly skb: SkBuff;
  readonly ctinfo: number;
  /** Where the transport header begins. */
  readonly protoff: number;
  /** Where the text to replace begins in the payload, and its length. */
  readonly offset: number;
  readonly length: number;
}

/** NAT's part of each helper's work; called only where the connection is translated. */
export interface NatHelperHook {
  ftp(at: Announced, type: FtpAnnouncement, expectation: Expectation): Verdict;
  tftp(expectation: Expectation): Verdict;
  irc(at: Announced, expectation: Expectation): Verdict;
  amanda(at: Announced, expectation: Expectation): Verdict;
  /** A control message. */
  pptp(packet: Omit<Announced, "offset" | "length">, entry: CtHandle, type: number, state: PptpState): Verdict;
  /** Both directions of a tunnel are about to be expected. */
  pptpExpect(there: Expectation, back: Expectation, state: PptpState): void;
  /** A tunnel comes. */
  pptpExpected(entry: CtHandle, expectation: Expectation, state: PptpState): void;
}
