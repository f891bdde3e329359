/** What a packet view knows of a connection at one step. */
import type { TupleText } from "@netfilter-lab/engine";

/** A conntrack entry as far as the trace has told of it. */
export interface EntryState {
  readonly entry: number;
  readonly original: TupleText;
  readonly reply: TupleText;
  /** The reply tuple as it was before NAT altered it, while the packet is followed that it was altered for. */
  readonly replyBefore: TupleText | null;
  /** State of the protocol's tracker, such as `SYN_SENT`; null for protocols without. */
  readonly state: string | null;
  /** Whether both tuples are in the hash. */
  readonly confirmed: boolean;
}
