/** One line of the front door: a scenario in, a result or an error out. */
import { ScenarioError, type ScenarioFailure, type ScenarioResult, type ScenarioRunner } from "./model.js";
import { parseScenario, UnreadableScenario } from "./parse.js";

/** What a line gives. It never throws for what is in the line. */
export function answerLine(runner: ScenarioRunner, line: string): ScenarioResult | ScenarioFailure {
  let name: string | null = null;
  try {
    const scenario = parseScenario(line);
    name = scenario.name;
    return runner.run(scenario);
  } catch (error) {
    if (error instanceof UnreadableScenario) return { version: 1, name: error.scenarioName, error: error.message };
    if (error instanceof ScenarioError) return { version: 1, name, error: error.message };
    // A defect of ours in one scenario must not take the others with it.
    return { version: 1, name, error: `internal error: ${(error as Error).stack ?? String(error)}` };
  }
}
