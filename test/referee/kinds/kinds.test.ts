/** The same seed gives the same scenarios on every machine, and each says something. */
import { expect, it } from "vitest";
import { Choice, scenarioSeed } from "../choice.js";
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

it("a seed draws what it always drew, on every machine", () => {
  const choice = new Choice(scenarioSeed(1, "udp", 3));
  expect(choice.times(6, () => choice.below(1000))).toMatchInlineSnapshot(`
    [
      965,
      239,
      6,
      232,
      43,
      210,
    ]
  `);
});
