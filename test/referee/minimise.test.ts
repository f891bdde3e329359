import { describe, expect, it } from "vitest";
import { leastList, minimise } from "./minimise.js";
import { SYN, tcp, text, udp } from "./packets.js";
import { fromHex, isPacket, type Scenario, type Step, toHex } from "./scenario.js";

describe("the least list", () => {
  it.each([
    { needed: [], length: 10 },
    { needed: [0], length: 1 },
    { needed: [7], length: 10 },
    { needed: [0, 9], length: 10 },
    { needed: [3, 4, 60], length: 100 },
    { needed: [0, 1, 2, 3], length: 4 },
  ])("keeps $needed of $length", async ({ needed, length }) => {
    const all = Array.from({ length }, (_, i) => i);
    const holds = (items: readonly number[]) => Promise.resolve(needed.every((each) => items.includes(each)));
    expect(await leastList(all, holds)).toEqual(needed);
  });

  it("needs no more than two items that stand for each other", async () => {
    const holds = (items: readonly number[]) => Promise.resolve(items.some((item) => item % 2 === 0));
    expect(await leastList([1, 2, 3, 4, 5, 6], holds)).toHaveLength(1);
  });
});

const ENDS = { src: "192.168.1.10", dst: "198.51.100.9" };

function scenario(steps: readonly Step[]): Scenario {
  return {
    version: 1,
    name: "x",
    devices: { lan0: [] },
    sysctl: { "net.ipv4.ip_forward": "1", "net.ipv4.icmp_ratelimit": "0" },
    setup: ["a", "b", "c"],
    steps,
    finally: ["d"],
  };
}

function packetOf(step: Step): Uint8Array {
  if (!isPacket(step)) throw new Error("not a packet");
  return fromHex(step.hex);
}

describe("a minimised scenario", () => {
  it("keeps the command, the setting and the packet that matter, and plain packets", async () => {
    const segment = tcp(
      { ...ENDS, tos: 8, ttl: 7, id: 99 },
      { sport: 1, dport: 80, flags: SYN, seq: 5, options: Uint8Array.of(1, 1, 1, 1), payload: text(100) },
    );
    const steps: Step[] = Array.from({ length: 20 }, (_, i) => ({
      in: "lan0",
      hex: toHex(i === 13 ? segment : udp(ENDS, { sport: i, dport: 53 })),
    }));
    const shows = (each: Scenario): Promise<boolean> =>
      Promise.resolve(
        (each.setup ?? []).includes("b") &&
          each.sysctl?.["net.ipv4.ip_forward"] === "1" &&
          // The lifetime is what shows it.
          each.steps.some((step) => isPacket(step) && packetOf(step)[9] === 6 && packetOf(step)[8] === 7),
      );
    const least = await minimise(scenario(steps), shows);
    expect(least.setup).toEqual(["b"]);
    expect(least.sysctl).toEqual({ "net.ipv4.ip_forward": "1" });
    expect(least.finally).toEqual([]);
    expect(least.steps).toHaveLength(1);
    expect(toHex(packetOf(least.steps[0]))).toBe(
      toHex(tcp({ ...ENDS, ttl: 7 }, { sport: 1, dport: 80, flags: SYN, seq: 1000 })),
    );
  });

  it("leaves a wrong checksum wrong", async () => {
    const wrong = udp({ ...ENDS, tos: 4 }, { sport: 1, dport: 2, checksumError: 1 });
    const shows = (each: Scenario): Promise<boolean> => Promise.resolve(each.steps.length === 1);
    const least = await minimise(scenario([{ in: "lan0", hex: toHex(wrong) }]), shows);
    expect(toHex(packetOf(least.steps[0]).slice(20))).toBe(toHex(wrong.slice(20)));
  });
});
