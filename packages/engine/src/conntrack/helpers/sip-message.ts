/**
 * One SIP message on its way: the bytes in a packet that it takes, as text, and the connection that it belongs to. NAT
 * may replace pieces of it, and what follows in the packet moves.
 */
import type { NfProto } from "../../hooks.js";
import { ctinfoDirection, type Direction, type SkBuff } from "../../skb.js";
import type { Conntrack } from "../conntrack.js";
import { addressWords } from "../expect.js";
import type { CtHandle } from "../status.js";
import type { Span } from "./sip-text.js";

/** What is remembered of a signalling connection. Models `struct nf_ct_sip_master`. */
export interface SipState {
  registerCseq: number;
  inviteCseq: number;
  /** The port at which a phone that sends from another one listens; 0: none. */
  forcedPort: number;
}

export class SipMessage {
  readonly ct: Conntrack;
  readonly entry: CtHandle;
  readonly skb: SkBuff;
  readonly ctinfo: number;
  /** Where the transport header begins in the packet, and where the message does. */
  readonly protoff: number;
  readonly dataoff: number;
  text: string;

  constructor(
    packet: { readonly ct: Conntrack; readonly entry: CtHandle; readonly skb: SkBuff; readonly ctinfo: number },
    protoff: number,
    dataoff: number,
    text: string,
  ) {
    this.ct = packet.ct;
    this.entry = packet.entry;
    this.skb = packet.skb;
    this.ctinfo = packet.ctinfo;
    this.protoff = protoff;
    this.dataoff = dataoff;
    this.text = text;
  }

  get family(): NfProto {
    return this.ct.l3numOf(this.entry);
  }

  /** The direction that the message goes, and the other one. */
  get direction(): Direction {
    return ctinfoDirection(this.ctinfo);
  }

  get opposite(): Direction {
    return this.direction === 0 ? 1 : 0;
  }

  get state(): SipState {
    return this.ct.helpers.helpOf(this.entry)?.state as SipState;
  }

  /** The address of one end of the connection's tuple of a direction. */
  address(direction: Direction, end: "src" | "dst"): Int32Array {
    return addressWords(this.ct, this.entry, direction, end);
  }

  /** What the text is when a piece of it was replaced in the packet. */
  replaced({ offset, length }: Span, text: string): void {
    this.text = this.text.slice(0, offset) + text + this.text.slice(offset + length);
  }
}
