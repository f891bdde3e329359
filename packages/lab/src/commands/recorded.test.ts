/**
 * The lab's commands beside what real tools printed on Linux 6.18 (recorded by test/kernel/commands.test.ts with
 * UPDATE_RECORDINGS=1), so that the comparison runs on machines without root as well.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { scenarios6 } from "../../../../test/kernel/commands-ipv6.ts";
import { runInLab, transcript } from "../../../../test/kernel/commands-runner.ts";
import { scenarios } from "../../../../test/kernel/commands-scenarios.ts";

const recordings = [
  ["commands.linux-6.18.json", scenarios],
  ["commands-ipv6.linux-6.18.json", scenarios6],
] as const;

describe.each(recordings)("commands print what Linux printed: %s", (file, scenarios) => {
  const recorded = JSON.parse(
    readFileSync(new URL(`../../../../test/recordings/${file}`, import.meta.url), "utf8"),
  ) as Record<string, string>;
  test.each(scenarios)("$name", async (scenario) => {
    expect(transcript(await runInLab(scenario), scenario)).toBe(recorded[scenario.name]);
  });
});
