/**
 * What one end of a connection has to send: its stream cut into segments, of which the first were sent and wait for
 * their acknowledgement, and the rules by which the next may go (window, congestion window, Nagle). It knows neither
 * time nor packets. Models the send queue of net/ipv4/tcp_output.c with `tcp_clean_rtx_queue()` and the marks of
 * `tcp_sacktag_write_queue()`, net/ipv4/tcp_input.c.
 */
import { after, before, seqAdd } from "../../wire/sequence.js";
import type { SackBlock } from "../../wire/tcp.js";

/** A part of the stream to send: kept until it is acknowledged. */
export interface OutSegment {
  seq: number;
  data: Uint8Array;
  fin: boolean;
  syn: boolean;
  /** Whether it ends what the program wrote at once. */
  push: boolean;
  /** When it was first sent; -1 before. */
  firstSentMicros: number;
  retransmitted: boolean;
  /** Whether the peer reported that it has it (RFC 2018). */
  sacked: boolean;
}

/** What an acknowledgement took from the queue. */
export interface Acknowledged {
  /** How many whole segments. */
  readonly segments: number;
  /** The last of them that was sent once only, whose round trip can be measured (Karn's rule). */
  readonly newest: OutSegment | null;
}

export class SendQueue {
  /** The initial sequence number. */
  readonly iss: number;
  /** First sequence number that was not acknowledged (`snd_una`). */
  una: number;
  /** Behind the last that was sent (`snd_nxt`). */
  nxt: number;
  /** Behind the last that was written (`write_seq`). */
  end: number;
  /** End of the last small segment sent (Minshall's rule, `snd_sml`). */
  #smallEnd: number;
  readonly #segments: OutSegment[] = [];
  /** How many of the segments, from the first on, were sent. */
  #sent = 0;

  constructor(iss: number) {
    this.iss = iss;
    this.una = iss;
    this.nxt = iss;
    this.end = iss;
    this.#smallEnd = iss;
  }

  // --- writing ----------------------------------------------------------------------------------------------------

  /** Appends bytes, in segments of `mss` bytes at the most; the last of them pushes. */
  append(bytes: Uint8Array, mss: number): void {
    for (let from = 0; from < bytes.length; ) {
      let tail = this.#segments.at(-1);
      if (tail === undefined || tail.syn || tail.firstSentMicros >= 0 || tail.data.length >= mss) tail = this.#push();
      const size = Math.min(bytes.length - from, mss - tail.data.length);
      const joined = new Uint8Array(tail.data.length + size);
      joined.set(tail.data, 0);
      joined.set(bytes.subarray(from, from + size), tail.data.length);
      tail.data = joined;
      from += size;
      this.end = seqAdd(this.end, size);
    }
    const last = this.#segments.at(-1);
    if (bytes.length > 0 && last !== undefined) last.push = true;
  }

  /** A SYN: counted as sent. */
  appendSyn(): OutSegment {
    const syn = this.#push();
    syn.syn = true;
    this.countSyn();
    this.#sent = 1;
    return syn;
  }

  /** Counts a SYN that is not kept here: a SYN-ACK, which the request repeats. */
  countSyn(): void {
    this.end = seqAdd(this.iss, 1);
    this.#smallEnd = this.end;
    this.nxt = this.end;
  }

  /** Ends the stream. */
  appendFin(): void {
    const tail = this.#segments.at(-1);
    if (tail !== undefined && tail.firstSentMicros < 0 && !tail.syn) tail.fin = true;
    else this.#push().fin = true;
    this.end = seqAdd(this.end, 1);
  }

  #push(): OutSegment {
    const segment: OutSegment = {
      seq: this.end,
      data: new Uint8Array(0),
      fin: false,
      syn: false,
      push: false,
      firstSentMicros: -1,
      retransmitted: false,
      sacked: false,
    };
    this.#segments.push(segment);
    return segment;
  }

  // --- what is there ----------------------------------------------------------------------------------------------

  get empty(): boolean {
    return this.#segments.length === 0;
  }

  /** How many segments were sent and wait for their acknowledgement. */
  get sent(): number {
    return this.#sent;
  }

  /** The first segment, if none is under way: it waits for a window. */
  get waiting(): OutSegment | null {
    return this.#sent === 0 && this.#segments.length > 0 ? this.#segments[0] : null;
  }

  /** How many segments are under way, those aside that the peer reported. */
  get inFlight(): number {
    let count = 0;
    for (let i = 0; i < this.#sent; i++) if (!this.#segments[i].sacked) count++;
    return count;
  }

  /** Those under way that the peer did not report, in order; a walker sees what is cut meanwhile. */
  *holes(): Generator<OutSegment> {
    for (let i = 0; i < this.#sent; i++) if (!this.#segments[i].sacked) yield this.#segments[i];
  }

  /** The first that the peer did not report. */
  get firstHole(): OutSegment | null {
    for (const segment of this.holes()) return segment;
    return null;
  }

  /** The segment that a retransmission timer repeats. */
  get oldest(): OutSegment | null {
    return this.#sent === 0 ? null : (this.firstHole ?? this.#segments[0]);
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  /**
   * The next segment that may be sent, which then counts as sent; null where a rule forbids it. `congestion` is counted
   * in segments; `window` is what the peer allows beyond {@link una}, in bytes. Models the tests of `tcp_write_xmit()`.
   */
  next(congestion: number, window: number, mss: number): OutSegment | null {
    while (this.#sent < this.#segments.length) {
      const segment = this.#segments[this.#sent];
      if (this.inFlight >= congestion) return null;
      const room = (seqAdd(this.una, window) - segment.seq) | 0;
      const size = segment.data.length;
      if (size > 0 && room <= 0) return null;
      if (size === 0 && room < 0) return null;
      const limit = Math.min(room, mss);
      if (size > limit) {
        // Less than half of the largest window at a time would be silly.
        if (limit < mss && this.#sent > 0) return null;
        this.cut(segment, limit);
        continue;
      }
      const small = size < mss;
      const isLast = this.#sent === this.#segments.length - 1;
      // Nagle, with Minshall's change: one small segment under way at a time.
      if (small && !segment.fin && isLast && after(this.#smallEnd, this.una) && this.#sent > 0) return null;
      this.#sent++;
      this.nxt = endOf(segment);
      if (small && size > 0) this.#smallEnd = this.nxt;
      return segment;
    }
    return null;
  }

  /** Leaves a segment `size` bytes at the most; the rest stands behind it. */
  cut(segment: OutSegment, size: number): void {
    if (segment.data.length <= size) return;
    const index = this.#segments.indexOf(segment);
    const rest: OutSegment = { ...segment, seq: seqAdd(segment.seq, size), data: segment.data.subarray(size) };
    segment.data = segment.data.subarray(0, size);
    segment.fin = false;
    segment.push = false;
    this.#segments.splice(index + 1, 0, rest);
    if (index < this.#sent) this.#sent++;
  }

  /** Cuts what a smaller maximum segment size no longer allows. */
  cutAll(mss: number): void {
    for (let i = 0; i < this.#segments.length; i++) this.cut(this.#segments[i], mss);
  }

  // --- acknowledgements -------------------------------------------------------------------------------------------

  /** Forgets what was received up to `ack`; the segment that it parts is shortened. */
  acknowledge(ack: number): Acknowledged {
    let segments = 0;
    let newest: OutSegment | null = null;
    while (this.#sent > 0) {
      const segment = this.#segments[0];
      if (after(endOf(segment), ack)) {
        if (after(ack, segment.seq)) {
          segment.data = segment.data.subarray((ack - segment.seq) >>> 0);
          segment.seq = ack;
        }
        break;
      }
      if (!segment.retransmitted) newest = segment;
      this.#segments.shift();
      this.#sent--;
      segments++;
    }
    this.una = ack;
    return { segments, newest };
  }

  /** Marks what the peer reports that it has. */
  markReceived(blocks: readonly SackBlock[]): void {
    for (const block of blocks)
      for (let i = 0; i < this.#sent; i++) {
        const segment = this.#segments[i];
        if (!before(segment.seq, block.left) && !after(endOf(segment), block.right)) segment.sacked = true;
      }
  }
}

/** The sequence number behind a segment. */
function endOf(segment: OutSegment): number {
  return seqAdd(segment.seq, segment.data.length + (segment.fin ? 1 : 0) + (segment.syn ? 1 : 0));
}
