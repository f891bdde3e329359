/**
 * When received data are acknowledged: at once, or a little later in the hope of data to carry it. Models
 * `tcp_event_data_recv()`, `__tcp_ack_snd_check()` and `tcp_enter_quickack_mode()`, net/ipv4/tcp_input.c, with
 * `tcp_delack_timer_handler()`, net/ipv4/tcp_timer.c.
 */
import type { Timer, VirtualClock } from "../../clock.js";
import type { ReceiveWindow } from "./receive-window.js";
import type { RetransmissionTimeout } from "./rto.js";

/** Least delay of an acknowledgement, in microseconds. */
const ATO_MIN = 40_000;
/** Its greatest (`TCP_DELACK_MAX`). */
const ATO_MAX = 200_000;
/** Acknowledgements that are sent at once at the beginning, at the most. */
const MAX_QUICKACKS = 16;
/** Exchanges after which a connection counts as interactive. */
const PINGPONG_THRESHOLD = 1;

export class AckTiming {
  readonly #clock: VirtualClock;
  readonly #window: ReceiveWindow;
  readonly #rto: RetransmissionTimeout;
  readonly #send: () => void;
  readonly #timer: Timer;
  /** How many more go at once. */
  #quick = 0;
  #pingpong = 0;
  /** The delay, in microseconds; 0 before any data came. */
  #delay = 0;
  #scheduled = false;
  #pushed = false;
  #now = false;
  #lastReceiveMicros = 0;

  /** `send` acknowledges, and thereby calls {@link sent}. */
  constructor(clock: VirtualClock, window: ReceiveWindow, rto: RetransmissionTimeout, send: () => void) {
    this.#clock = clock;
    this.#window = window;
    this.#rto = rto;
    this.#send = send;
    this.#timer = clock.timer(() => this.#onTimer());
  }

  /** Whether an acknowledgement is owed. */
  get owed(): boolean {
    return this.#scheduled;
  }

  /** One is owed. */
  owe(): void {
    this.#scheduled = true;
  }

  /** The next goes at once: the peer repeats itself, or something is missing. */
  hurry(): void {
    this.#now = true;
  }

  /** Acknowledges at once for a while. Models `tcp_enter_quickack_mode()`. */
  quicken(): void {
    this.#quickAcks();
    this.#pingpong = 0;
    this.#delay = ATO_MIN;
  }

  #quickAcks(): void {
    const quick = Math.max(2, Math.floor(this.#window.size / (2 * this.#window.segment)));
    this.#quick = Math.max(this.#quick, Math.min(quick, MAX_QUICKACKS));
  }

  /** The peer will send no more: acknowledgements may wait for data of this end. */
  relax(): void {
    this.#pingpong = PINGPONG_THRESHOLD;
  }

  /** The segment that came pushed, and was not a full one. */
  pushed(): void {
    this.#pushed = true;
  }

  /** Data came in order. Models `tcp_event_data_recv()`. */
  received(): void {
    const now = this.#clock.nowMicros;
    this.#scheduled = true;
    if (this.#delay === 0) {
      this.#quickAcks();
      this.#delay = ATO_MIN;
    } else {
      const gap = now - this.#lastReceiveMicros;
      if (gap <= ATO_MIN / 2) this.#delay = (this.#delay >> 1) + ATO_MIN / 2;
      else if (gap < this.#delay) this.#delay = Math.min((this.#delay >> 1) + gap, this.#rto.first);
      else if (gap > this.#rto.first) this.#quickAcks();
    }
    this.#lastReceiveMicros = now;
  }

  /** Data go out: soon after some came, the two ends talk by turns. Models `tcp_event_data_sent()`. */
  dataSent(): void {
    if (this.#clock.nowMicros - this.#lastReceiveMicros < this.#delay) this.#pingpong++;
  }

  /** A segment with an acknowledgement went. Models `tcp_event_ack_sent()`. */
  sent(): void {
    this.#scheduled = false;
    this.#pushed = false;
    this.#now = false;
    if (this.#quick > 0) this.#quick--;
    this.stop();
  }

  /**
   * Acknowledges now, soon, or not; `unread` bytes wait to be read, `gap`: something is missing. Models
   * `__tcp_ack_snd_check()`.
   */
  check(unread: number, gap: boolean): void {
    if (this.#now) {
      this.#send();
      return;
    }
    if (!this.#scheduled) return;
    const window = this.#window;
    const quick = this.#quick > 0 && this.#pingpong < PINGPONG_THRESHOLD;
    if ((window.untold > window.segment && window.select(unread) >= window.left) || quick || gap) {
      this.#send();
      return;
    }
    if (this.#timer.pending) return;
    // Before any data came the delay is none but the timer's own step.
    const wait = this.#delay === 0 ? 0 : Math.min(this.#delay, Math.max(this.#rto.roundTrip, ATO_MIN), ATO_MAX);
    this.#clock.rearmOnWheel(this.#timer, wait);
  }

  /**
   * Whether the program's reading ends the wait; `unread` bytes are left. Models the first half of
   * `__tcp_cleanup_rbuf()`.
   */
  dueAfterRead(unread: number): boolean {
    if (!this.#scheduled) return false;
    return (
      this.#window.untold > this.#window.segment ||
      (this.#pushed && this.#pingpong < PINGPONG_THRESHOLD && unread === 0)
    );
  }

  /** Nothing more is acknowledged later. */
  stop(): void {
    this.#clock.cancel(this.#timer);
  }

  #onTimer(): void {
    if (!this.#scheduled) return;
    if (this.#pingpong < PINGPONG_THRESHOLD) this.#delay = Math.min(this.#delay << 1, this.#rto.first);
    else {
      this.#pingpong = 0;
      this.#delay = ATO_MIN;
    }
    this.#send();
  }
}
