import { describe, expect, it } from "vitest";
import { after, before, seqAdd } from "./sequence.js";

describe("sequence numbers", () => {
  it.each([
    [1, 2, true, false],
    [2, 1, false, true],
    [7, 7, false, false],
    [0xffffffff, 0, true, false],
    [0, 0xffffffff, false, true],
    [0x7fffffff, 0x80000000, true, false],
    [5, 0x80000004, true, false],
  ])("%i and %i: before %s, after %s", (a, b, isBefore, isAfter) => {
    expect([before(a, b), after(a, b)]).toEqual([isBefore, isAfter]);
  });

  it("moves around the end", () => {
    expect([seqAdd(0xfffffffe, 5), seqAdd(2, -3), seqAdd(1, 1)]).toEqual([3, 0xffffffff, 2]);
  });
});
