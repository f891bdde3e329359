/**
 * The iptables family against the machine's own tools: the same command lines, the same text and exit status, for
 * both flavours. With NETFILTER_LAB_RECORD=1 the answers are written to test/recordings/iptables-text.json, which
 * every machine can compare with (test/recordings/iptables-text.test.ts).
 */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CORPUS } from "./iptables-corpus.js";
import { type Answer, FLAVOURS, runOurs, runReal, whyNoKernel } from "./iptables-harness.js";

const why = whyNoKernel();
if (why !== null) {
  if (process.env.CI) throw new Error(`on CI this test may not be skipped: ${why}`);
  console.warn(`iptables against the kernel: skipped, ${why}`);
}

describe.skipIf(why !== null)("iptables answers as the machine's own", () => {
  const recorded: Record<string, Record<string, Answer[]>> = {};
  for (const flavour of FLAVOURS) {
    const answers: Record<string, Answer[]> = {};
    recorded[flavour] = answers;
    test.each(CORPUS.map((sequence) => [sequence.name, sequence] as const))(`${flavour}: %s`, (name, sequence) => {
      const real = runReal(sequence, flavour);
      answers[name] = real;
      expect(runOurs(sequence, flavour)).toEqual(real);
    });
  }

  // None unless asked for: a skipped test is a failure on CI.
  test.each(process.env.NETFILTER_LAB_RECORD === "1" ? ["iptables-text.json"] : [])("%s is recorded", (name) => {
    writeFileSync(new URL(`../recordings/${name}`, import.meta.url), `${JSON.stringify(recorded, null, 1)}\n`);
    expect(Object.keys(recorded)).toEqual(FLAVOURS);
  });
});
