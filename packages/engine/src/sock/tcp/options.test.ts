import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../clock.js";
import { AgreedOptions } from "./options.js";

const ALL = { timestamps: 1, sack: 1, windowScaling: 1 };
const NONE = { timestamps: 0, sack: 0, windowScaling: 0 };
const SYN = { mss: 1400, sackPermitted: true, timestamp: { value: 77, echo: 0 }, windowScale: 15 };
const noBlocks = (): [] => [];

describe("the options of two ends", () => {
  it.each([
    [ALL, SYN, true, true, 14, 1400],
    [NONE, SYN, false, false, null, 1400],
    [ALL, {}, false, false, null, 536],
  ])("%j meets %j", (sysctls, syn, timestamps, sack, peerScale, peerMss) => {
    const agreed = new AgreedOptions(sysctls, new VirtualClock(), 5);
    agreed.agree(syn);
    expect([agreed.timestamps, agreed.sack, agreed.peerScale, agreed.peerMss]).toEqual([
      timestamps,
      sack,
      peerScale,
      peerMss,
    ]);
    expect(agreed.length).toBe(timestamps ? 12 : 0);
  });

  it("a SYN offers all, a SYN-ACK what was offered, a segment what was agreed on", () => {
    const clock = new VirtualClock();
    const agreed = new AgreedOptions(ALL, clock, 0xffffffff);
    clock.advance(3000);
    expect(agreed.ofSyn(1460, 7)).toEqual({
      mss: 1460,
      sackPermitted: true,
      timestamp: { value: 2, echo: 0 },
      windowScale: 7,
    });
    agreed.agree({ timestamp: { value: 9, echo: 0 } });
    expect(agreed.ofSynAck(1460, 0)).toEqual({ mss: 1460, sackPermitted: false, timestamp: { value: 2, echo: 9 } });
    expect(agreed.ofSegment(noBlocks)).toEqual({ timestamp: { value: 2, echo: 9 } });
    agreed.agree({ sackPermitted: true });
    const asked: number[] = [];
    expect(
      agreed.ofSegment((most) => {
        asked.push(most);
        return [{ left: 1, right: 2 }];
      }),
    ).toEqual({ sack: [{ left: 1, right: 2 }] });
    agreed.agree(SYN);
    agreed.ofSegment((most) => {
      asked.push(most);
      return [];
    });
    expect(asked).toEqual([4, 3]);
  });

  it("an arriving timestamp is older, newer, and tells of the round trip", () => {
    const clock = new VirtualClock();
    const agreed = new AgreedOptions(ALL, clock, 0);
    const at = (value: number, echo = 0): { timestamp: { value: number; echo: number } } => ({
      timestamp: { value, echo },
    });
    expect([agreed.outdates(at(1)), agreed.roundTripMicros(at(1, 1))]).toEqual([false, undefined]);
    agreed.agree(at(100));
    clock.advance(50_000);
    expect([99, 100, 101].map((value) => [agreed.outdates(at(value)), agreed.precedes(at(value))])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
    expect([0, 20, 50, 51].map((echo) => agreed.roundTripMicros(at(1, echo)))).toEqual([
      undefined,
      30_000,
      1000,
      undefined,
    ]);
    agreed.keep(at(200));
    expect(agreed.outdates(at(199))).toBe(true);
  });
});
