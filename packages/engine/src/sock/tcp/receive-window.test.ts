import { describe, expect, it } from "vitest";
import { ReceiveWindow } from "./receive-window.js";

const LINUX = { rmem: [4096, 131072, 33554432], windowScaling: 1 } as const;

function opened(limits: ConstructorParameters<typeof ReceiveWindow>[0] = LINUX, mss = 1460): ReceiveWindow {
  const window = new ReceiveWindow(limits);
  window.open(mss);
  window.start(0xffffffff);
  return window;
}

describe("the receive window", () => {
  it.each([
    // As Linux 6.18 sends it over Ethernet (SYN and, with timestamps, SYN-ACK), over loopback, and without scaling.
    [LINUX, 1460, 64240, 10],
    [LINUX, 1448, 65160, 10],
    [LINUX, 65495, 65495, 10],
    [{ ...LINUX, windowScaling: 0 }, 1460, 64240, 0],
  ] as const)("%j, mss %i: opens with %i bytes, shifted by %i", (limits, mss, size, scale) => {
    const window = opened(limits, mss);
    expect([window.size, window.scale]).toEqual([size, scale]);
  });

  it("counts from what was told, around the end of the numbers", () => {
    const window = opened();
    window.nxt = 1000;
    expect([window.left, window.untold, window.roomFrom(window.told), window.roomFrom(70000)]).toEqual([
      63240, 1000, 64240, -5760,
    ]);
    expect([window.takes(64240, 64240), window.takes(64241, 64300), window.takes(0xfffffff0, 0xffffffff)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("never takes back what was told, and closes while nobody reads", () => {
    const window = opened();
    const field = window.tell(0);
    window.nxt = window.size;
    expect([field, window.left, window.tell(90_000), window.select(95_000)]).toEqual([63, 0, 8, 0]);
  });

  it("grows with full segments up to what the buffer takes, and tells when twice as much is free", () => {
    const window = opened();
    const before = window.select(0);
    for (let i = 0; i < 20; i++) window.grow(1460);
    window.grow(100);
    expect([before, window.select(0)]).toEqual([64512, 97280]);
    expect(window.worthTelling(0)).toBe(false);
    window.nxt = 60_000;
    expect([window.worthTelling(0), window.worthTelling(97_280)]).toEqual([true, false]);
  });
});
