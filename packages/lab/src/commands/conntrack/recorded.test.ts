/**
 * The lab's conntrack beside what the real one printed on Linux 6.18 (recorded by test/kernel/conntrack.test.ts with
 * UPDATE_RECORDINGS=1), so that the comparison runs on machines without root as well.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runInLab, transcript } from "../../../../../test/kernel/conntrack-runner.ts";
import { conntrackScenarios } from "../../../../../test/kernel/conntrack-scenarios.ts";

const recorded = JSON.parse(
  readFileSync(new URL("../../../../../test/recordings/conntrack.linux-6.18.json", import.meta.url), "utf8"),
) as Record<string, string>;

describe("conntrack answers as Linux's", () => {
  test.each(conntrackScenarios)("$name", async (scenario) => {
    expect(transcript(await runInLab(scenario))).toBe(recorded[scenario.name]);
  });
});
