/** The same seed gives the same scenarios on every machine, and each says something. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { makeScenario } from "../referee.js";
import { packetCount } from "../scenario.js";
import { KINDS } from "./index.js";

it.each(KINDS.map((kind) => [kind.name, kind] as const))(
  "%s: repeatable, different by number, with packets",
  (_, kind) => {
    const some = (seed: number): string[] =>
      Array.from({ length: 20 }, (_, index) => JSON.stringify(makeScenario(kind, seed, index)));
    expect(some(7)).toEqual(some(7));
    expect(new Set(some(7)).size).toBe(20);
    expect(some(8)).not.toEqual(some(7));
    expect(packetCount(makeScenario(kind, 7, 0))).toBeGreaterThan(0);
  },
);

it("draws what it always drew", () => {
  const all = KINDS.map((kind) => JSON.stringify(makeScenario(kind, 1, 0))).join("\n");
  expect(createHash("sha256").update(all).digest("hex")).toMatchInlineSnapshot(
    `"c7c46539b6e640215204dcb7db873a419ca16b9e3d89526c06ab10fb3959cea2"`,
  );
});
