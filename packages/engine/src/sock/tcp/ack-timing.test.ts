import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../clock.js";
import { AckTiming } from "./ack-timing.js";
import { ReceiveWindow } from "./receive-window.js";
import { RetransmissionTimeout } from "./rto.js";

interface Bench {
  readonly clock: VirtualClock;
  readonly window: ReceiveWindow;
  readonly acks: AckTiming;
  /** When acknowledgements went, in milliseconds. */
  readonly sent: number[];
  /** Receives so many bytes and asks whether to acknowledge. */
  readonly receive: (bytes: number) => void;
}

function bench(): Bench {
  const clock = new VirtualClock();
  const window = new ReceiveWindow({ rmem: [4096, 131072, 33554432], windowScaling: 1 });
  window.open(1460);
  window.segment = 1460;
  window.start(0);
  const sent: number[] = [];
  const acks = new AckTiming(clock, window, new RetransmissionTimeout(), () => {
    sent.push(clock.nowMicros / 1000);
    window.tell(0);
    acks.sent();
  });
  const receive = (bytes: number): void => {
    window.nxt += bytes;
    acks.received();
    acks.check(0, false);
  };
  return { clock, window, acks, sent, receive };
}

describe("when data are acknowledged", () => {
  it("at once at the beginning", () => {
    const { acks, sent, receive } = bench();
    for (let i = 0; i < 3; i++) receive(100);
    expect([sent, acks.owed]).toEqual([[0, 0, 0], false]);
  });

  it("by turns: later, unless data carry it", () => {
    const { clock, acks, sent, receive } = bench();
    receive(100);
    acks.dataSent();
    receive(100);
    acks.sent();
    clock.advance(20_000);
    expect([sent, acks.owed]).toEqual([[0], false]);
    receive(100);
    clock.advance(100_000);
    expect(sent).toEqual([0, 64]);
  });

  it("a gap, haste and reading end the wait", () => {
    const { window, acks, sent, receive } = bench();
    receive(100);
    acks.dataSent();
    receive(100);
    expect(acks.dueAfterRead(0)).toBe(false);
    window.nxt += 2000;
    expect(acks.dueAfterRead(0)).toBe(true);
    acks.check(0, true);
    acks.check(0, true);
    expect(sent).toEqual([0, 0]);
    acks.hurry();
    acks.check(0, false);
    expect(sent).toEqual([0, 0, 0]);
  });

  it("none after the end", () => {
    const { clock, acks, sent, receive } = bench();
    receive(100);
    acks.relax();
    receive(100);
    acks.stop();
    clock.advance(1_000_000);
    expect(sent).toEqual([0]);
  });
});
