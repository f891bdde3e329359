/**
 * Data that arrived before what precedes it, kept in order until the gap closes, and told to the peer as SACK blocks
 * (RFC 2018). Models `tcp_data_queue_ofo()` and `tcp_ofo_queue()`, net/ipv4/tcp_input.c, without a limit of memory.
 */
import { after, before, seqAdd } from "../../wire/sequence.js";
import type { SackBlock } from "../../wire/tcp.js";

/** A stretch of the stream. */
export interface EarlyData {
  readonly seq: number;
  readonly data: Uint8Array;
  /** Whether the stream ends behind it. */
  readonly fin: boolean;
}

export class ReassemblyQueue {
  /** In order; no two of them touch. */
  readonly #pieces: EarlyData[] = [];
  /** The piece that grew last: the one to report first. */
  #latest: EarlyData | null = null;

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Keeps a piece; pieces that touch become one. */
  keep(seq: number, data: Uint8Array, fin: boolean): void {
    let piece: EarlyData = { seq, data: data.slice(), fin };
    for (let i = 0; i < this.#pieces.length; ) {
      const other = this.#pieces[i];
      const otherEnd = seqAdd(other.seq, other.data.length);
      const end = seqAdd(piece.seq, piece.data.length);
      if (after(other.seq, end) || after(piece.seq, otherEnd)) {
        i++;
        continue;
      }
      const start = before(other.seq, piece.seq) ? other.seq : piece.seq;
      const stop = after(otherEnd, end) ? otherEnd : end;
      const joined = new Uint8Array((stop - start) >>> 0);
      joined.set(other.data, (other.seq - start) >>> 0);
      joined.set(piece.data, (piece.seq - start) >>> 0);
      piece = { seq: start, data: joined, fin: piece.fin || other.fin };
      this.#pieces.splice(i, 1);
    }
    this.#pieces.push(piece);
    this.#pieces.sort((a, b) => (a.seq - b.seq) | 0);
    this.#latest = piece;
  }

  /** Takes the first piece out, if it begins at `next` or before; null while there is a gap. */
  take(next: number): EarlyData | null {
    const piece = this.#pieces[0];
    if (piece === undefined || after(piece.seq, next)) return null;
    this.#pieces.shift();
    if (this.#latest === piece) this.#latest = null;
    return piece;
  }

  /** At most so many blocks to report, the latest first. Models the order of `tcp_sack_new_ofo_skb()`. */
  blocks(most: number): SackBlock[] {
    const order = [...this.#pieces];
    const latest = this.#latest === null ? -1 : order.indexOf(this.#latest);
    if (latest > 0) order.unshift(...order.splice(latest, 1));
    return order
      .slice(0, most)
      .map(({ seq, data, fin }) => ({ left: seq, right: seqAdd(seq, data.length + (fin ? 1 : 0)) }));
  }
}
