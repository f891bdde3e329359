/** In which order timers fire that are due together. */
import { expect, test } from "vitest";
import { VirtualClock } from "./clock.js";

/** Milliseconds; `wheel`: as the kernel's timers are set. */
type Set = readonly [name: string, at: number, delay: number, wheel: boolean];

const ROWS: readonly (readonly [name: string, sets: readonly Set[], order: string])[] = [
  [
    "others in the order of their setting",
    [
      ["a", 0, 8, false],
      ["b", 0, 8, false],
      ["c", 4, 4, false],
    ],
    "abc",
  ],
  [
    "of one slot of the wheel the last first",
    [
      ["a", 0, 60_000, true],
      ["b", 300, 60_000, true],
      ["c", 600, 60_000, true],
    ],
    "cba",
  ],
  [
    "of the wheel's levels the coarser first",
    [
      ["a", 0, 252, true],
      ["b", 188, 64, true],
    ],
    "ab",
  ],
  [
    "the wheel's before others",
    [
      ["a", 0, 8, false],
      ["b", 0, 4, true],
    ],
    "ba",
  ],
];

test.each(ROWS)("%s", (_name, sets, order) => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const at: number[] = [];
  for (const [name, millis, delay, wheel] of sets) {
    clock.runUntil(millis * 1000);
    const callback = (): void => {
      fired.push(name);
      at.push(clock.nowMicros);
    };
    if (wheel) clock.scheduleOnWheel(delay * 1000, callback);
    else clock.schedule(delay * 1000, callback);
  }
  clock.advance(120_000_000);
  expect(fired.join("")).toBe(order);
  expect(new Set(at).size).toBe(1);
});
