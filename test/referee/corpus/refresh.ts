/**
 * Asks the kernel a group's scenarios anew and keeps of the old answers all that still hold, so that what a file's
 * history shows is what Linux or the scenarios changed, and not what the kernel draws at random.
 */
import { compareAnswers, type Disagreement } from "../compare.js";
import { pinDraws, withDraws } from "../draws.js";
import type { Answer, Backend, Scenario } from "../scenario.js";
import { type Recorded, undrawn } from "./recording.js";

/** What became of a scenario's line. */
export type Change = "same" | "new" | "scenario changed" | "answer changed" | "gone";

/** A line, what became of it, and what the engine still says otherwise. */
export interface Refreshed {
  readonly name: string;
  readonly change: Change;
  /** Null where it is gone. */
  readonly recorded: Recorded | null;
  readonly difference: Disagreement | null;
}

/**
 * How often the kernel is asked at most: when it sweeps its table is its own affair, which asking again tells apart.
 */
const ASKED_AT_MOST = 4;

/** One scenario, asked and compared with what was recorded of it. */
async function refreshOne(
  engine: Backend,
  linux: Backend,
  scenario: Scenario,
  before: Recorded | undefined,
): Promise<Refreshed> {
  const ours = await engine.ask(withDraws(scenario, []));
  let theirs = await linux.ask(scenario);
  let { random, difference } = await pinDraws(engine, scenario, theirs, ours);
  for (let asked = 1; difference !== null && asked < ASKED_AT_MOST; asked++) {
    theirs = await linux.ask(scenario);
    ({ random, difference } = await pinDraws(engine, scenario, theirs, ours));
  }
  const answered: Recorded = { scenario: random.length === 0 ? scenario : { ...scenario, random }, linux: theirs };
  const change = await changeOf(engine, answered, difference, before);
  return {
    name: scenario.name,
    change,
    recorded: change === "same" && before !== undefined ? before : answered,
    difference,
  };
}

async function changeOf(
  engine: Backend,
  now: Recorded,
  difference: Disagreement | null,
  before: Recorded | undefined,
): Promise<Change> {
  if (before === undefined) return "new";
  if (JSON.stringify(undrawn(before.scenario)) !== JSON.stringify(undrawn(now.scenario))) return "scenario changed";
  if (compareAnswers(now.scenario, before.linux, now.linux) === null) return "same";
  // Other draws make another answer; both hold where the engine gives each with its own.
  const again = await engine.ask(withDraws(before.scenario, before.scenario.random ?? []));
  return difference === null && compareAnswers(before.scenario, again, before.linux) === null
    ? "same"
    : "answer changed";
}

/** All scenarios of a group, in their order; then those that are recorded and no longer asked. */
export async function refresh(
  engine: Backend,
  linux: Backend,
  scenarios: readonly Scenario[],
  before: readonly Recorded[],
): Promise<Refreshed[]> {
  const known = new Map(before.map((each) => [each.scenario.name, each]));
  const asked = await Promise.all(
    scenarios.map((scenario) => refreshOne(engine, linux, scenario, known.get(scenario.name))),
  );
  const names = new Set(scenarios.map(({ name }) => name));
  const gone = [...known.keys()].filter((name) => !names.has(name));
  return [...asked, ...gone.map((name): Refreshed => ({ name, change: "gone", recorded: null, difference: null }))];
}

/** What the engine gives for a recorded scenario, and the first thing in which that is not the kernel's answer. */
export function replay(run: (scenario: Scenario) => Answer, { scenario, linux }: Recorded): Disagreement | null {
  return compareAnswers(scenario, run(withDraws(scenario, scenario.random ?? [])), linux);
}
