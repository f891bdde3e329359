import { describe, expect, it } from "vitest";
import { Congestion } from "./congestion.js";

describe("the congestion window", () => {
  it("doubles in slow start, and grows by one a window behind the threshold", () => {
    const congestion = new Congestion();
    const windows = [congestion.window];
    congestion.acknowledged(1000, 10);
    windows.push(congestion.window);
    congestion.halve(20);
    congestion.acknowledged(2000, 19);
    windows.push(congestion.window);
    congestion.acknowledged(3000, 1);
    windows.push(congestion.window);
    expect(windows).toEqual([10, 20, 20, 21]);
  });

  it("fast retransmit at the third duplicate, one more for each that follows, half of it at the end of recovery", () => {
    const congestion = new Congestion();
    const repeats = [1, 2, 3, 4].map(() => congestion.duplicate(10, 5000));
    expect([repeats, congestion.window]).toEqual([[false, false, true, false], 5 + 3 + 1]);
    expect([congestion.acknowledged(4999, 3), congestion.window]).toEqual([true, 9]);
    expect([congestion.acknowledged(5000, 1), congestion.window]).toEqual([false, 5]);
  });

  it("a timeout begins at one, and repeats hole by hole until what was lost is acknowledged", () => {
    const congestion = new Congestion();
    congestion.halve(3);
    congestion.restart(0x10);
    expect([congestion.window, congestion.acknowledged(0xfffffff0, 1), congestion.window]).toEqual([1, true, 1]);
    expect([congestion.acknowledged(0x10, 1), congestion.window]).toEqual([false, 2]);
  });

  it("a lone segment that timed out is no recovery", () => {
    const congestion = new Congestion();
    congestion.restart(null);
    expect([congestion.acknowledged(1, 1), congestion.window]).toEqual([false, 2]);
  });
});
