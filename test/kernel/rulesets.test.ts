/**
 * Rulesets of real programs against the machine's own tools. With NETFILTER_LAB_RECORD=1 the answers are written to
 * test/recordings/rulesets.json, which every machine can compare with (test/recordings/rulesets.test.ts).
 */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FLAVOURS, runOurs, runReal, whyNoKernel } from "./iptables-harness.js";
import { type Answers, answersOf, otherwise, RULESETS, rulesetSequence, tablesOf } from "./rulesets.js";

const why = whyNoKernel();
if (why !== null) {
  if (process.env.CI) throw new Error(`on CI this test may not be skipped: ${why}`);
  console.warn(`rulesets against the kernel: skipped, ${why}`);
}

describe.skipIf(why !== null)("rulesets are loaded as by the machine's own tools", () => {
  const recorded: Record<string, Record<string, Answers>> = {};
  for (const ruleset of RULESETS) {
    test.each(FLAVOURS)(`${ruleset.name}: %s`, (flavour) => {
      const sequence = rulesetSequence(ruleset);
      const real = answersOf(sequence, runReal(sequence, flavour));
      const nft = recorded[ruleset.name]?.nft ?? real;
      recorded[ruleset.name] = flavour === "nft" ? { nft } : { nft, legacy: otherwise(nft, real) };
      expect(tablesOf(real[`${ruleset.tool}-save`].stdout)).toEqual(tablesOf(ruleset.text));
      expect(answersOf(sequence, runOurs(sequence, flavour))).toEqual(real);
    });
  }

  // None unless asked for: a skipped test is a failure on CI.
  test.each(process.env.NETFILTER_LAB_RECORD === "1" ? ["rulesets.json"] : [])("%s is recorded", (name) => {
    writeFileSync(new URL(`../recordings/${name}`, import.meta.url), `${JSON.stringify(recorded, null, 1)}\n`);
    expect(Object.keys(recorded)).toEqual(RULESETS.map((each) => each.name));
  });
});
