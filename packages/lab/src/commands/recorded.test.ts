/**
 * The lab's commands beside what real tools printed on Linux 6.18 (recorded by test/kernel/commands.test.ts with
 * UPDATE_RECORDINGS=1), so that the comparison runs on machines without root as well.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runInLab, transcript } from "../../../../test/kernel/commands-runner.ts";
import { scenarios } from "../../../../test/kernel/commands-scenarios.ts";

const recorded = JSON.parse(
  readFileSync(new URL("../../../../test/recordings/commands.linux-6.18.json", import.meta.url), "utf8"),
) as Record<string, string>;

describe("commands print what Linux printed", () => {
  test.each(scenarios)("$name", async (scenario) => {
    expect(transcript(await runInLab(scenario))).toBe(recorded[scenario.name]);
  });
});
