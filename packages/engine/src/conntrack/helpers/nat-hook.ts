/**
 * What helpers ask of NAT: to rewrite what was announced, and to bind the connection that comes like the one that
 * announced it. Conntrack knows NAT by this interface alone. Models the hooks `nf_nat_ftp_hook` and its like.
 */
import type { Verdict } from "../../hooks.js";
import type { SkBuff } from "../../skb.js";
import type { Expectation } from "../expect.js";
import type { CtHandle } from "../status.js";
import type { PptpState } from "./pptp.js";
import type { SipMessage } from "./sip-message.js";
import type { Span } from "./sip-text.js";

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

/** NAT's part of SIP. False: the message cannot be rewritten. Models `struct nf_nat_sip_hooks`. */
export interface SipNatHook {
  /** Rewrites the headers of a message. */
  message(message: SipMessage): boolean;
  /** A segment grew by so much. */
  segmentGrew(skb: SkBuff, protoff: number, entry: CtHandle, ctinfo: number, growth: number): void;
  /** Notes a registration, whose address stands at `at`. */
  expect(message: SipMessage, expectation: Expectation, at: Span): Verdict;
  /** Rewrites the address of a medium whose description begins at `from`. */
  sdpAddress(message: SipMessage, from: number, address: Int32Array): boolean;
  /** Rewrites the port of a medium, which stands at `at`. */
  sdpPort(message: SipMessage, at: Span, port: number): boolean;
  /** Rewrites the addresses of the session whose description begins at `from`. */
  sdpSession(message: SipMessage, from: number, address: Int32Array): boolean;
  /** Notes a medium, whose port stands at `at`; returns the address that the description shall name. */
  sdpMedia(
    message: SipMessage,
    rtp: Expectation,
    rtcp: Expectation,
    at: Span,
  ): { readonly verdict: Verdict; readonly address: Int32Array };
}

/** NAT's part of each helper's work; called only where the connection is translated. */
export interface NatHelperHook {
  ftp(at: Announced, type: FtpAnnouncement, expectation: Expectation): Verdict;
  tftp(expectation: Expectation): Verdict;
  irc(at: Announced, expectation: Expectation): Verdict;
  amanda(at: Announced, expectation: Expectation): Verdict;
  readonly sip: SipNatHook;
  /** A control message. */
  pptp(packet: Omit<Announced, "offset" | "length">, entry: CtHandle, type: number, state: PptpState): Verdict;
  /** Both directions of a tunnel are about to be expected. */
  pptpExpect(there: Expectation, back: Expectation, state: PptpState): void;
  /** A tunnel comes. */
  pptpExpected(entry: CtHandle, expectation: Expectation, state: PptpState): void;
}
