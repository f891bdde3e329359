/** Zones as words, by direction and by mark. */
import { describe, expect, it } from "vitest";
import { SkBuff } from "../skb.js";
import { DEFAULT_ZONE, zoneDirections, zoneId, zoneNumber, zoneOfTemplate, zoneWord } from "./zone.js";

describe("zoneWord", () => {
  it.each([
    [0, "both", 0, 0],
    [5, "both", 5, 5],
    [65535, "both", 65535, 65535],
    [5, "original", 5, 0],
    [5, "reply", 0, 5],
  ] as const)(
    "zone %i in %s directions: %i for the original tuple, %i for the reply",
    (id, directions, first, second) => {
      const zone = zoneWord(id, directions);
      expect([zoneId(zone, 0), zoneId(zone, 1)]).toEqual([first, second]);
      expect([zoneNumber(zone), zoneDirections(zone)]).toEqual([id, directions]);
    },
  );

  it("is the default zone for 0", () => {
    expect(zoneWord(0, "both")).toBe(DEFAULT_ZONE);
  });
});

it.each([
  [0x12345, "both", 0x2345, 0x2345],
  [7, "original", 7, 0],
  [7, "reply", 0, 7],
] as const)("a template takes the zone from mark %i, %s", (mark, directions, first, second) => {
  const skb = new SkBuff(new Uint8Array(20));
  skb.mark = mark;
  const zone = zoneOfTemplate(zoneWord(null, directions), skb);
  expect([zoneId(zone, 0), zoneId(zone, 1)]).toEqual([first, second]);
});
