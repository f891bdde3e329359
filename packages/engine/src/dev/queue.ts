/**
 * Packets under way to a device: first in, first out, each with the instant of its arrival. One timer serves them all,
 * so that a packet's journey over a link allocates nothing.
 */
import type { Timer, VirtualClock } from "../clock.js";
import type { SkBuff } from "../skb.js";

export class DelayQueue {
  readonly #clock: VirtualClock;
  readonly #deliver: (skb: SkBuff) => void;
  readonly #timer: Timer;
  /** A ring whose size is a power of two. */
  #skbs: (SkBuff | null)[] = Array.from({ length: 8 }, () => null);
  #at = new Float64Array(8);
  #sequence = new Float64Array(8);
  #head = 0;
  #count = 0;

  constructor(clock: VirtualClock, deliver: (skb: SkBuff) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
    this.#timer = clock.timer(() => this.#arrive());
  }

  /** Packets under way. */
  get length(): number {
    return this.#count;
  }

  /** Delivers a packet `delayMicros` from now, but not before one that was pushed earlier. */
  push(skb: SkBuff, delayMicros: number): void {
    if (this.#count === this.#skbs.length) this.#grow();
    const mask = this.#skbs.length - 1;
    const slot = (this.#head + this.#count) & mask;
    let at = this.#clock.nowMicros + delayMicros;
    if (this.#count > 0) at = Math.max(at, this.#at[(slot - 1) & mask]);
    this.#skbs[slot] = skb;
    this.#at[slot] = at;
    this.#sequence[slot] = this.#clock.reserve();
    if (this.#count++ === 0) this.#arm();
  }

  /** Takes every packet off the way. */
  clear(free: (skb: SkBuff) => void): void {
    this.#clock.cancel(this.#timer);
    while (this.#count > 0) free(this.#shift());
  }

  #arm(): void {
    this.#clock.rearm(this.#timer, this.#at[this.#head], this.#sequence[this.#head]);
  }

  #shift(): SkBuff {
    const skb = this.#skbs[this.#head] as SkBuff;
    this.#skbs[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#skbs.length - 1);
    this.#count--;
    return skb;
  }

  #arrive(): void {
    const skb = this.#shift();
    if (this.#count > 0) this.#arm();
    this.#deliver(skb);
  }

  #grow(): void {
    const size = this.#skbs.length;
    const skbs = Array.from<unknown, SkBuff | null>({ length: size * 2 }, () => null);
    const at = new Float64Array(size * 2);
    const sequence = new Float64Array(size * 2);
    for (let i = 0; i < size; i++) {
      const slot = (this.#head + i) & (size - 1);
      skbs[i] = this.#skbs[slot];
      at[i] = this.#at[slot];
      sequence[i] = this.#sequence[slot];
    }
    this.#skbs = skbs;
    this.#at = at;
    this.#sequence = sequence;
    this.#head = 0;
  }
}
