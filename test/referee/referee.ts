/**
 * The referee: makes scenarios of one kind, has both backends answer, compares, and makes what disagrees small. A
 * disagreement counts when it comes again; one that does not is told apart, as it says something about the clock or the
 * machine and nothing about the engine's rules.
 */
import { parseDuration } from "netfilter-lab";
import { Choice, scenarioSeed } from "./choice.js";
import { type Disagreement, notComparable } from "./compare.js";
import { pinDraws, withDraws } from "./draws.js";
import type { Kind } from "./kinds/router.js";
import { shownBy } from "./known-differences.js";
import { minimise } from "./minimise.js";
import { type Answer, type Backend, packetCount, type Scenario } from "./scenario.js";

/** Scenarios under way at once: enough that neither backend waits for the other's pipe. */
const AT_ONCE = 16;

/**
 * Seconds that the kernel may take over what takes the engine no time. On a machine that has others to serve it takes
 * longer now and then: timeouts, what is paced, and what counts as a stream then go by a clock that the engine has not.
 */
const IN_TIME = 0.9;
/** How often a scenario that was answered late, and differently, is asked again before it is not comparable. */
const MAX_AGAIN = 5;

/** Seconds that the kernel took beyond the scenario's own pauses. */
function late({ steps }: Scenario, { seconds = 0 }: Answer): number {
  const pauses = steps.map((step) => ("sleep" in step ? parseDuration(step.sleep) / 1e6 : 0));
  return seconds - pauses.reduce((sum, pause) => sum + pause, 0);
}

/** A disagreement with the scenario that shows it. */
export interface Finding {
  readonly kind: string;
  /** The scenario's name, from which it can be made again. */
  readonly name: string;
  readonly difference: Disagreement;
  /** The least scenario found that shows it, or null where so many were minimised before that this one was not. */
  readonly minimised: Scenario | null;
}

/** What a run of one kind gave. */
export interface Tally {
  packets: number;
  scenarios: number;
  agreeing: number;
  disagreeing: number;
  /** Differed once, and not when asked again. */
  unrepeated: number;
  /**
   * The kernel has not what they ask for, or was too late each time: neither agreeing nor disagreeing, and their
   * packets do not count.
   */
  notComparable: number;
}

export interface RefereeOptions {
  readonly engine: Backend;
  readonly linux: Backend;
  readonly seed: number;
  /** At least so many packets of the kind, or fewer by those of scenarios that are not comparable. */
  readonly packets: number;
  /** How many disagreements are made small. */
  readonly minimised: number;
  /** Told of each disagreement as it is found. */
  readonly found: (finding: Finding) => void;
}

/** A kind whose scenarios always show a known difference compares nothing. */
const MOST_DRAWS = 1000;

/** The `index`th scenario of a kind under a seed: the first drawn that shows none of the known differences. */
export function makeScenario(kind: Kind, seed: number, index: number): Scenario {
  const choice = new Choice(scenarioSeed(seed, kind.name, index));
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const made: Scenario = { version: 1, name: `${kind.name} seed ${seed} number ${index}`, ...kind.make(choice) };
    if (shownBy(kind.name, made).length === 0) return made;
  }
  throw new Error(`${kind.name}: each of ${MOST_DRAWS} scenarios would show a known difference`);
}

/** What differs between the backends' answers to a scenario, once the kernel's draws are the engine's. */
export async function judge(
  engine: Backend,
  linux: Backend,
  scenario: Scenario,
): Promise<{ difference: Disagreement | null; random: readonly number[]; comparable: boolean }> {
  const [ours, first] = await Promise.all([engine.ask(withDraws(scenario, [])), linux.ask(scenario)]);
  let theirs = first;
  let { difference, random } = await pinDraws(engine, scenario, theirs, ours);
  for (let again = 0; again < MAX_AGAIN && difference !== null && late(scenario, theirs) > IN_TIME; again++) {
    theirs = await linux.ask(scenario);
    ({ difference, random } = await pinDraws(engine, scenario, theirs, ours));
  }
  if (difference !== null && late(scenario, theirs) > IN_TIME) return { difference: null, random, comparable: false };
  if (difference !== null && notComparable(difference)) return { difference: null, random, comparable: false };
  return { difference, random, comparable: true };
}

/** Runs scenarios of a kind until enough packets have been sent. */
export async function referee(kind: Kind, options: RefereeOptions): Promise<Tally> {
  const { engine, linux } = options;
  const tally: Tally = { packets: 0, scenarios: 0, agreeing: 0, disagreeing: 0, unrepeated: 0, notComparable: 0 };
  /** Those that differed when they were asked among others. */
  const suspects: Scenario[] = [];
  let minimised = 0;
  let made = 0;
  let packets = 0;
  // Each asks for the next scenario when its last one is judged: what is under way stays the same, and which scenarios
  // are made depends on the seed alone.
  const worker = async (): Promise<void> => {
    while (packets < options.packets) {
      const scenario = makeScenario(kind, options.seed, made++);
      packets += packetCount(scenario);
      await one(scenario);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const findings: (() => Promise<void>)[] = [];
  for (const scenario of suspects) {
    const difference = await again(scenario);
    if (difference !== null) findings.push(() => report(scenario, difference));
  }
  await Promise.all(findings.map((tell) => tell()));
  return tally;

  async function one(scenario: Scenario): Promise<void> {
    const { difference, comparable } = await judge(engine, linux, scenario);
    tally.scenarios++;
    if (!comparable) {
      tally.notComparable++;
      return;
    }
    tally.packets += packetCount(scenario);
    if (difference === null) {
      tally.agreeing++;
      return;
    }
    suspects.push(scenario);
  }

  /** Asks what differed once more, alone: when all others are through, they cannot have made the kernel late. */
  async function again(scenario: Scenario): Promise<Disagreement | null> {
    const { difference } = await judge(engine, linux, scenario);
    if (difference === null) tally.unrepeated++;
    else tally.disagreeing++;
    return difference;
  }

  async function report(scenario: Scenario, difference: Disagreement): Promise<void> {
    const small = minimised++ < options.minimised ? await smallest(scenario, difference) : null;
    options.found({
      kind: kind.name,
      name: scenario.name,
      difference: small?.difference ?? difference,
      minimised: small?.scenario ?? null,
    });
  }

  async function smallest(
    scenario: Scenario,
    difference: Disagreement,
  ): Promise<{ scenario: Scenario; difference: Disagreement }> {
    let last = difference;
    const least = await minimise(scenario, async (candidate) => {
      const { difference: now } = await judge(engine, linux, candidate);
      if (now === null || now.aspect !== difference.aspect) return false;
      last = now;
      return true;
    });
    return { scenario: least, difference: last };
  }
}
