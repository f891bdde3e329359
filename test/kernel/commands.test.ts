/**
 * The lab's commands beside the real tools on the machine's own Linux. With UPDATE_RECORDINGS=1 the real answers are
 * also written to test/recordings, where the unit tests find them on machines without root.
 */
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runInLab, runOnLinux, transcript, whyNoKernel } from "./commands-runner.ts";
import { scenarios } from "./commands-scenarios.ts";

const missing = whyNoKernel();
if (missing !== null && process.env.CI !== undefined) throw new Error(`the kernel cannot be asked: ${missing}`);

describe.skipIf(missing !== null)(
  `commands print what Linux prints${missing === null ? "" : ` (skipped: ${missing})`}`,
  () => {
    const recorded: Record<string, string> = {};
    test.each(scenarios)("$name", async (scenario) => {
      const real = transcript(runOnLinux(scenario));
      recorded[scenario.name] = real;
      expect(transcript(await runInLab(scenario))).toBe(real);
    });

    test.runIf(process.env.UPDATE_RECORDINGS === "1")("recordings are written", () => {
      const file = new URL("../recordings/commands.linux-6.18.json", import.meta.url);
      writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
      expect(Object.keys(recorded)).toHaveLength(scenarios.length);
    });
  },
);
