/**
 * What the referee once found, each by its name: the scenario made small, and what Linux 6.18 (Debian's iptables 1.8.9)
 * answered. The engine must answer the same, on any machine.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { compareAnswers } from "./compare.js";
import type { Answer, Scenario } from "./scenario.js";

const path = fileURLToPath(new URL("../recordings/referee-regressions.linux-6.18.jsonl", import.meta.url));
const recorded = readFileSync(path, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { scenario: Scenario; linux: Answer });

it.each(recorded.map(({ scenario, linux }) => [scenario.name, scenario, linux] as const))(
  "%s",
  (_, scenario, linux) => {
    expect(linux.error).toBeUndefined();
    expect(compareAnswers(scenario, new EngineRunner().run(scenario), linux)).toBeNull();
  },
);
