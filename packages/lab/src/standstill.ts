/**
 * While a part of the program is on its way (`parts.ts`), nothing in any lab moves: no clock is stepped and no command
 * goes on. What was about to happen is done when the part is there, in the order in which it would have been done had
 * the part been there all along; so what a lab's commands print does not depend on when parts come.
 */
import type { Wait } from "./command.js";

/** See above. Everything that moves a lab asks it; there is one for all labs. */
class Standstill {
  #isHeld = false;
  /** What is to be done when it goes on, in order. */
  #next: (() => void)[] = [];

  /** Whether nothing may move. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Holds everything until the promise is settled. */
  hold(coming: Promise<unknown>): void {
    this.#isHeld = true;
    const release = (): void => this.#release();
    coming.then(release, release);
  }

  /** Does something now; while everything is held, later, after what was asked for before. */
  whenMoving(action: () => void): void {
    if (this.#isHeld) this.#next.push(action);
    else action();
  }

  /** Goes through steps, each of which ends where everything may have come to be held. */
  carry<T>(steps: Generator<void, T, void>): Promise<T> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        try {
          const result = steps.next();
          if (result.done === true) resolve(result.value);
          else this.whenMoving(go);
        } catch (error) {
          reject(error as Error);
        }
      };
      this.whenMoving(go);
    });
  }

  #release(): void {
    this.#isHeld = false;
    while (!this.#isHeld) {
      const [action, ...later] = this.#next;
      if (action === undefined) return;
      // What an action leaves over when everything is held again comes before what was to follow it.
      this.#next = [];
      action();
      this.#next.push(...later);
    }
  }
}

export const standstill: Standstill = new Standstill();

/** What a process yields while everything is held. It goes on at the moment at which it stopped. */
export const STANDSTILL: Wait = {
  arm: (wake) => {
    let isWanted = true;
    standstill.whenMoving(() => {
      if (isWanted) wake();
    });
    return () => {
      isWanted = false;
    };
  },
};

/** For a process that has started another: that one may have come to need a part. */
export function* untilMoving(): Generator<Wait, void, void> {
  if (standstill.isHeld) yield STANDSTILL;
}
