/**
 * Virtual time and timers. Every host of a lab shares one clock; nothing happens between two timers, so time costs
 * nothing to pass and the same run always gives the same times. The kernel's counterparts are `ktime_get()`,
 * `jiffies` and `struct timer_list`.
 */

/**
 * Jiffies a second: CONFIG_HZ of Debian's kernels and of the referee's. Conntrack timeouts are kept in jiffies, as the
 * kernel keeps them.
 */
export const HZ = 250;

const MICROS_PER_JIFFY = 1_000_000 / HZ;

/**
 * The kernel's timer wheel: slots a level, and how much coarser each level is than the one below (as a power of two).
 */
const WHEEL_SLOTS = 64;
const WHEEL_SHIFT = 3;
const WHEEL_LEVELS = 9;
/** Bits of a timer's place in its level, above which the level counts. */
const WHEEL_ORDER_BITS = 48;

/** A pending callback; see {@link VirtualClock.schedule}. */
export class Timer {
  /** When it fires, in microseconds of virtual time. The clock's own. */
  atMicros: number;
  /** Position in the clock's heap; -1 when not pending. The clock's own. */
  slot = -1;
  /** Orders timers due at the same instant. The clock's own. */
  sequence: number;
  readonly callback: () => void;

  constructor(atMicros: number, sequence: number, callback: () => void) {
    this.atMicros = atMicros;
    this.sequence = sequence;
    this.callback = callback;
  }

  /** Whether the callback is still to come. */
  get pending(): boolean {
    return this.slot >= 0;
  }
}

/**
 * A clock that moves only when told to. Timers due at the same instant fire in the order in which they were
 * scheduled, behind those of the kernel's wheel, which has an order of its own.
 */
export class VirtualClock {
  #nowMicros = 0;
  /**
   * The kernel's tick counter as an unsigned 32-bit number, {@link HZ} a second. Moves with the clock and only then:
   * every packet asks for it, several times. The clock's own to write.
   */
  jiffies = 0;
  #sequence = 0;
  /** A binary heap ordered by (atMicros, sequence). */
  readonly #heap: Timer[] = [];
  /** The wall-clock time that virtual time zero stands for, in milliseconds since 1970 (UTC). */
  readonly epochMillis: number;

  constructor(epochMillis: number = Date.UTC(2026, 0, 1)) {
    this.epochMillis = epochMillis;
  }

  /** Microseconds since the clock was made. */
  get nowMicros(): number {
    return this.#nowMicros;
  }

  /** Calls `callback` once, `delayMicros` from now (0: after everything already due now). */
  schedule(delayMicros: number, callback: () => void): Timer {
    const timer = new Timer(this.#nowMicros + Math.max(0, delayMicros), this.#sequence++, callback);
    timer.slot = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.slot);
    return timer;
  }

  /** A timer of one's own that is not pending yet; see {@link rearm}. */
  timer(callback: () => void): Timer {
    return new Timer(0, 0, callback);
  }

  /** Draws a place in the order of timers due at the same instant, for a later {@link rearm}. */
  reserve(): number {
    return this.#sequence++;
  }

  /**
   * Sets a timer (pending or not) to an instant, without allocating. `sequence` says where it stands among timers due
   * at that instant: behind all scheduled so far, unless a place was reserved. Models `mod_timer()`.
   */
  rearm(timer: Timer, atMicros: number, sequence: number = this.#sequence++): void {
    this.cancel(timer);
    timer.atMicros = Math.max(this.#nowMicros, atMicros);
    timer.sequence = sequence;
    timer.slot = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.slot);
  }

  /**
   * When a timer of the kernel's wheel fires that is set `delayMicros` from now, in microseconds of virtual time. Such
   * a timer never fires early and is the later the longer it is: the wheel's levels have steps of 4 ms (up to 0.25 s),
   * 32 ms (up to 2 s), 256 ms (up to 16 s), ... Models `calc_wheel_index()`, kernel/time/timer.c.
   */
  wheelMicros(delayMicros: number): number {
    const now = Math.floor(this.#nowMicros / MICROS_PER_JIFFY);
    const delay = Math.ceil(Math.max(0, delayMicros) / MICROS_PER_JIFFY);
    const level = this.#wheelLevel(delay);
    const step = 2 ** (level * WHEEL_SHIFT);
    return (Math.floor((now + delay) / step) + 1) * step * MICROS_PER_JIFFY;
  }

  #wheelLevel(delayJiffies: number): number {
    let level = 0;
    while (level < WHEEL_LEVELS - 1 && delayJiffies >= (WHEEL_SLOTS - 1) * 2 ** (level * WHEEL_SHIFT)) level++;
    return level;
  }

  /**
   * {@link rearm} as the kernel's timers are set: a delay in jiffies, fired by the wheel. Of those that fire together
   * the coarser levels' come first, and in one slot the last first. Models `expire_timers()`.
   */
  rearmOnWheel(timer: Timer, delayMicros: number): void {
    const level = this.#wheelLevel(Math.ceil(Math.max(0, delayMicros) / MICROS_PER_JIFFY));
    this.rearm(timer, this.wheelMicros(delayMicros), -(level * 2 ** WHEEL_ORDER_BITS + this.#sequence++));
  }

  /** {@link schedule} as the kernel's timers are set. */
  scheduleOnWheel(delayMicros: number, callback: () => void): Timer {
    const timer = this.timer(callback);
    this.rearmOnWheel(timer, delayMicros);
    return timer;
  }

  /** Takes a timer back. Returns whether it was still pending. */
  cancel(timer: Timer): boolean {
    const slot = timer.slot;
    if (slot < 0) return false;
    const last = this.#heap.pop() as Timer;
    if (last !== timer) {
      this.#heap[slot] = last;
      last.slot = slot;
      this.#down(slot);
      this.#up(last.slot);
    }
    timer.slot = -1;
    return true;
  }

  /** When the next timer fires, in microseconds; `Infinity` when none is pending. */
  get nextMicros(): number {
    return this.#heap.length > 0 ? this.#heap[0].atMicros : Number.POSITIVE_INFINITY;
  }

  /** Moves to the next timer and runs it. Returns false, and stays, when none is pending. */
  step(): boolean {
    const timer = this.#heap[0];
    if (timer === undefined) return false;
    this.cancel(timer);
    this.#moveTo(timer.atMicros);
    timer.callback();
    return true;
  }

  /** Runs everything due up to and including `atMicros`, then stands at `atMicros`. */
  runUntil(atMicros: number): void {
    while (this.nextMicros <= atMicros) this.step();
    this.#moveTo(atMicros);
  }

  #moveTo(atMicros: number): void {
    if (atMicros <= this.#nowMicros) return;
    this.#nowMicros = atMicros;
    this.jiffies = Math.floor(atMicros / MICROS_PER_JIFFY) >>> 0;
  }

  /** {@link runUntil} for a duration from now. */
  advance(micros: number): void {
    this.runUntil(this.#nowMicros + micros);
  }

  #before(a: Timer, b: Timer): boolean {
    return a.atMicros < b.atMicros || (a.atMicros === b.atMicros && a.sequence < b.sequence);
  }

  #up(start: number): void {
    const heap = this.#heap;
    const timer = heap[start];
    let slot = start;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!this.#before(timer, heap[parent])) break;
      heap[slot] = heap[parent];
      heap[slot].slot = slot;
      slot = parent;
    }
    heap[slot] = timer;
    timer.slot = slot;
  }

  #down(start: number): void {
    const heap = this.#heap;
    const timer = heap[start];
    let slot = start;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], timer)) break;
      heap[slot] = heap[child];
      heap[slot].slot = slot;
      slot = child;
    }
    heap[slot] = timer;
    timer.slot = slot;
  }
}
