import { describe, expect, it } from "vitest";
import { patience, RetransmissionTimeout } from "./rto.js";

describe("the retransmission timeout", () => {
  it("is a second at first, then the round trip and its variation, never less than 200 ms above it", () => {
    const rto = new RetransmissionTimeout();
    const timeouts = [rto.first];
    for (const micros of [10_000, 10_000, 400_000]) {
      rto.measured(micros);
      timeouts.push(rto.first);
    }
    // After the third: srtt 10000 + 390000 / 8, variation 200000 + (4 * 390000 - 200000) / 4.
    expect([timeouts, rto.roundTrip]).toEqual([[1_000_000, 210_000, 210_000, 58_750 + 540_000], 58_750]);
  });

  it("doubles up to two minutes, and an answer ends that", () => {
    const rto = new RetransmissionTimeout();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      waits.push(rto.next / 1_000_000);
      rto.double();
    }
    rto.answered();
    expect([...waits, rto.next / 1_000_000]).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120, 1]);
  });

  it.each([
    // tcp_retries2 (15) is the 924.6 s of Documentation/networking/ip-sysctl.rst.
    [15, 924.6],
    [8, 102.2],
    [3, 3],
    [0, 0.2],
  ])("%i repetitions last %f s", (retries, seconds) => {
    expect(patience(retries) / 1_000_000).toBeCloseTo(seconds, 6);
  });
});
