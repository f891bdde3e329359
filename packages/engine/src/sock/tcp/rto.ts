/**
 * How long an answer is waited for: the round trip, smoothed, its variation, and the doubling for each repetition that
 * nobody answers (RFC 6298). Models `tcp_rtt_estimator()`, net/ipv4/tcp_input.c, and `tcp_model_timeout()`,
 * net/ipv4/tcp_timer.c. All in microseconds.
 */

/** A second; the timeout of a connection that has measured nothing (`TCP_TIMEOUT_INIT`). */
export const SECOND = 1_000_000;
const RTO_MIN = 200_000;
/** The longest wait between two repetitions (`TCP_RTO_MAX`). */
export const RTO_MAX: number = 120 * SECOND;

export class RetransmissionTimeout {
  #smoothed = 0;
  #variation = 0;
  #timeout = SECOND;
  #doublings = 0;

  /** The smoothed round trip (`srtt`); 0 before one was measured. */
  get roundTrip(): number {
    return this.#smoothed;
  }

  /** The timeout of a first repetition (`icsk_rto`). */
  get first(): number {
    return this.#timeout;
  }

  /** The timeout of the next repetition. */
  get next(): number {
    return Math.min(this.#timeout * 2 ** this.#doublings, RTO_MAX);
  }

  /** Takes a measured round trip into account. Models `tcp_rtt_estimator()` and `tcp_set_rto()`. */
  measured(micros: number): void {
    const sample = Math.max(1, micros);
    if (this.#smoothed === 0) {
      this.#smoothed = sample;
      this.#variation = Math.max(sample * 2, RTO_MIN);
    } else {
      const error = Math.abs(sample - this.#smoothed);
      this.#smoothed += (sample - this.#smoothed) / 8;
      this.#variation = Math.max(this.#variation + (4 * error - this.#variation) / 4, RTO_MIN);
    }
    this.#timeout = Math.min(RTO_MAX, Math.ceil(this.#smoothed + this.#variation));
  }

  /** The next timeout is twice as long. */
  double(): void {
    this.#doublings++;
  }

  /** An answer came. */
  answered(): void {
    this.#doublings = 0;
  }
}

/** How long repetitions go unanswered before a connection is given up. Models `tcp_model_timeout()`. */
export function patience(retries: number): number {
  const doublings = Math.floor(Math.log2(RTO_MAX / RTO_MIN));
  if (retries <= doublings) return (2 * 2 ** retries - 1) * RTO_MIN;
  return (2 * 2 ** doublings - 1) * RTO_MIN + (retries - doublings) * RTO_MAX;
}
