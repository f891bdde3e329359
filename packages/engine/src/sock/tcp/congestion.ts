/**
 * How many segments may be under way: slow start, additive increase and NewReno's fast recovery (RFC 5681, 6582). Not
 * CUBIC, which Linux has by default; no pacing. It counts segments and decides, and sends nothing itself. Models
 * `tcp_fastretrans_alert()`, net/ipv4/tcp_input.c, with net/ipv4/tcp_cong.c.
 */
import { before } from "../../wire/sequence.js";

const INITIAL_WINDOW = 10;
/** Duplicate acknowledgements that tell of a loss. */
const REORDERING = 3;

export class Congestion {
  #window: number = INITIAL_WINDOW;
  /** Segments acknowledged since the window last grew by one. */
  #counted = 0;
  #threshold = 0x7fffffff;
  #duplicates = 0;
  /** Recovery lasts until this is acknowledged; null outside. */
  #recover: number | null = null;

  /** The congestion window (`snd_cwnd`), in segments. */
  get window(): number {
    return this.#window;
  }

  /** `ack` acknowledges so many new segments. Returns whether the next hole is to be repeated at once. */
  acknowledged(ack: number, segments: number): boolean {
    this.#duplicates = 0;
    if (this.#recover === null) {
      this.#grow(segments);
      return false;
    }
    // A partial acknowledgement (RFC 6582).
    if (before(ack, this.#recover)) return true;
    this.#recover = null;
    this.#window = Math.max(2, this.#threshold);
    return false;
  }

  #grow(segments: number): void {
    if (this.#window < this.#threshold) {
      this.#window += segments;
      return;
    }
    this.#counted += segments;
    if (this.#counted >= this.#window) {
      this.#counted -= this.#window;
      this.#window++;
    }
  }

  /** An acknowledgement says nothing new. Returns whether the first hole is to be repeated: fast retransmit. */
  duplicate(inFlight: number, nxt: number): boolean {
    this.#duplicates++;
    if (this.#recover !== null) {
      this.#window++;
      return false;
    }
    if (this.#duplicates < REORDERING) return false;
    this.halve(inFlight);
    this.#window = this.#threshold + REORDERING;
    this.#recover = nxt;
    return true;
  }

  /** The threshold for half of what is under way. Models `tcp_reno_ssthresh()`. */
  halve(inFlight: number): void {
    this.#threshold = Math.max(2, inFlight >> 1);
  }

  /**
   * Nobody answered: from one segment again; what was sent before `recover` is taken for lost. Models
   * `tcp_enter_loss()`.
   */
  restart(recover: number | null): void {
    this.#window = 1;
    this.#recover = recover;
    this.#duplicates = 0;
  }
}
