/** A whole router beside the kernel's recorded answers (test/kernel/router.test.ts made them), on any machine. */
import { expect, it } from "vitest";
import { readRecording } from "./kernel.js";
import { compareRouter, parseRouterAnswers, ROUTER_SCENARIOS, runRouterScenario } from "./router-scenarios.js";

const answers = parseRouterAnswers(readRecording("routers.linux-6.18.jsonl"));

it.each(ROUTER_SCENARIOS.map((scenario) => [scenario.name, scenario] as const))("%s", (name, scenario) => {
  const answer = answers.find((each) => each.name === name);
  if (answer === undefined) throw new Error("not recorded");
  const { ours, kernel } = compareRouter(runRouterScenario(scenario), answer);
  expect(ours).toEqual(kernel);
});
