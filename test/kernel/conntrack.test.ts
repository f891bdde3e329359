/**
 * conntrack(8) in the lab beside the real one on the machine's own Linux. With UPDATE_RECORDINGS=1 the real answers are
 * also written to test/recordings/conntrack.linux-6.18.json, which every machine can compare with.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runInLab, runOnLinux, transcript, whyNoKernel } from "./conntrack-runner.ts";
import { conntrackScenarios } from "./conntrack-scenarios.ts";

const missing = whyNoKernel();
if (missing !== null && process.env.CI !== undefined) throw new Error(`the kernel cannot be asked: ${missing}`);

describe.skipIf(missing !== null)("conntrack answers as Linux's", () => {
  const recorded: Record<string, string> = {};
  test.each(conntrackScenarios)(
    "$name",
    async (scenario) => {
      const real = transcript(runOnLinux(scenario));
      recorded[scenario.name] = real;
      expect(transcript(await runInLab(scenario))).toBe(real);
    },
    120_000,
  );

  // None unless asked for: a skipped test is a failure on CI.
  const recordings = process.env.UPDATE_RECORDINGS === "1" ? ["conntrack.linux-6.18.json"] : [];
  test.each(recordings)("%s is written", (name) => {
    writeFileSync(new URL(`../recordings/${name}`, import.meta.url), `${JSON.stringify(recorded, null, 2)}\n`);
    expect(Object.keys(recorded)).toHaveLength(conntrackScenarios.length);
  });
});
