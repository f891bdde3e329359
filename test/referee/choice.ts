/** A seed's choices: every kind of scenario draws from one of these, so that a seed and a number name a scenario. */
import { SeededRandom } from "@netfilter-lab/engine";

export class Choice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer in 0 ..= 0xffffffff. */
  u32(): number {
    return this.#random.u32();
  }

  /** An integer in 0 ..< bound. */
  below(bound: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * bound);
  }

  /** An integer in low ..= high. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** So many things, made one after the other. */
  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** The seed of the `index`th scenario of a kind in a run: the same on every machine. */
export function scenarioSeed(seed: number, kind: string, index: number): number {
  let hash = seed | 0;
  for (const unit of `${kind}/${index}`) hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
