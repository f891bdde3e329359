/**
 * A whole router beside the running kernel's: resets of REJECT, REDIRECT, MASQUERADE, fragments. Needs root. With
 * UPDATE_RECORDINGS=1 it writes test/recordings/routers.linux-6.18.jsonl anew, which test/engine/routers.test.ts reads.
 */
import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { recordingPath } from "../engine/kernel.js";
import { askKernelRouter, compareRouter, ROUTER_SCENARIOS, runRouterScenario } from "../engine/router-scenarios.js";

const { answers, text } = askKernelRouter(ROUTER_SCENARIOS);
if (process.env.UPDATE_RECORDINGS === "1") writeFileSync(recordingPath("routers.linux-6.18.jsonl"), text);

it.each(ROUTER_SCENARIOS.map((scenario, i) => [scenario.name, scenario, answers[i]] as const))(
  "%s",
  (_name, scenario, answer) => {
    const { ours, kernel } = compareRouter(runRouterScenario(scenario), answer);
    expect(ours).toEqual(kernel);
  },
);
