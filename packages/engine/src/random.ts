/**
 * Where every free choice of the kernel comes from: initial sequence numbers, ephemeral ports, hash seeds, the port
 * tried first after a clash. Injectable, so that a run can be repeated, or fed with the choices the real kernel made.
 */

/** A source of uniformly distributed unsigned integers. Models `get_random_u32()` and its relatives. */
export interface RandomSource {
  /** An integer in 0 ..= 0xffffffff. */
  u32(): number;
  /** An integer in 0 ..= 0xffff. */
  u16(): number;
}

/** A seeded generator (SplitMix32): the same seed gives the same numbers on every machine. */
export class SeededRandom implements RandomSource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  u16(): number {
    return this.u32() >>> 16;
  }
}

/** Hands out the given 16-bit values first, then draws from another source: pins the kernel's port choices. */
export class PinnedRandom implements RandomSource {
  readonly #pinned: number[];
  readonly #rest: RandomSource;

  constructor(pinned: readonly number[], rest: RandomSource) {
    this.#pinned = [...pinned];
    this.#rest = rest;
  }

  u32(): number {
    return this.#rest.u32();
  }

  u16(): number {
    return this.#pinned.shift() ?? this.#rest.u16();
  }
}
