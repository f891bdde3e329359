/**
 * The kernel's random choices, fed to the engine. A clash makes the kernel draw where its search for a port begins; the
 * port that it took is read from its answer and turned back into a draw. What the range is and how the search goes on
 * must then match: a port outside the engine's range, or one it holds for taken, cannot be reached by any draw.
 */
import { compareAnswers, type Disagreement } from "./compare.js";
import { get16 } from "./packets.js";
import { type Answer, type Backend, fromHex, type Scenario } from "./scenario.js";

/** First ports of the ranges in which the kernel looks by itself, and of identifiers of echoes. */
const OWN_RANGES = [1024, 600, 1, 0];
/** Draws that no port shows, at most so many before one that does: each of a search in vain has one or more. */
const MAX_UNSEEN_DRAWS = 64;
/** A scenario's draws at most: beyond them the engine draws by itself. */
const MAX_DRAWS = 128;
/** What `-m statistic` draws where it does not match; zeros match. */
const UNLUCKY: readonly number[] = [0xffff, 0xffff];
/**
 * How often other draws are tried before an answer is said not to depend on them: in a short range where most ports are
 * taken, several lead to the same port.
 */
const OTHERS_TRIED = 3;
/** The draws that come next are tried in any case. */
const NEXT_DRAWS = 2;
/** Ports looked at, of those that one difference shows. */
const MAX_PORTS = 4;

/** A scenario for the engine with every draw said; those that nothing is known of are 0. */
export function withDraws(scenario: Scenario, draws: readonly number[]): Scenario {
  return { ...scenario, random: [...draws, ...Array<number>(Math.max(0, MAX_DRAWS - draws.length)).fill(0)] };
}

/** Ports and identifiers that an answer's part shows. */
function shownPorts(part: unknown): Set<number> {
  const found = new Set<number>();
  const text = JSON.stringify(part);
  for (const match of text.matchAll(/\b(?:sport|dport|id)=(\d+)/g)) found.add(Number(match[1]));
  for (const match of text.matchAll(/"(4[5-9a-f][0-9a-f]{46,})"/g)) {
    const bytes = fromHex(match[1]);
    const at = (bytes[0] & 15) * 4;
    const places = bytes[9] === 1 ? [at + 4] : [at, at + 2];
    // An error quotes the packet that it is about.
    const quoted = at + 8 + (bytes[at + 8] & 15) * 4;
    if (bytes[9] === 1 && bytes[at + 8] >> 4 === 4) places.push(quoted, quoted + 2);
    for (const offset of places) if (offset + 2 <= bytes.length) found.add(get16(bytes, offset));
  }
  for (const match of text.matchAll(/"(6[0-9a-f]{95,})"/g)) {
    const bytes = fromHex(match[1]);
    const places = bytes[6] === 58 ? [44] : [40, 42];
    for (const offset of places) found.add(get16(bytes, offset));
  }
  return found;
}

/** First ports of the ranges that rules name. */
function namedRanges(scenario: Scenario): number[] {
  const lines = [...(scenario.setup ?? []), ...scenario.steps.flatMap((step) => ("run" in step ? [step.run] : []))];
  return lines.flatMap((line) =>
    [...line.matchAll(/(?:[0-9\] ]:|--to-ports )(\d+)/g)].map((match) => Number(match[1])),
  );
}

/** A new entry's source, the port or identifier that it had, and what the answers to it come to. */
const NEW_ENTRY =
  /^\[NEW\] (\w+) .*? src=(\S+) .*?(?:sport|id)=(\d+) .*(?:dport|code=0 id)=(\d+)(?: mark=\d+)?(?: zone\S*=\d+)*$/;

/**
 * The draws as the kernel's events tell them, all at once, as far as clashes without ranges explain them: a long
 * scenario has dozens, and asking the engine again for each takes as many runs. A source that comes by a port that it
 * was given before has it from there, without a draw.
 */
function told(linux: Answer): number[] {
  const events = (linux.steps ?? []).flatMap((step) => step.events ?? []);
  const given = new Set<string>();
  return events.flatMap((event) => {
    const [, protocol, src, had, got] = NEW_ENTRY.exec(event) ?? [];
    const mapping = [protocol, src, had, got].join(" ");
    if (got === undefined || had === got || given.has(mapping)) return [];
    given.add(mapping);
    const base =
      protocol === "icmp" || protocol === "icmpv6" ? 0 : Number(had) < 512 ? 1 : Number(had) < 1024 ? 600 : 1024;
    return Number(got) < base ? [] : [Number(got) - base];
  });
}

/** How far a comparison came, as a number that grows. */
function reached(scenario: Scenario, difference: Disagreement | null): number {
  if (difference === null) return Number.POSITIVE_INFINITY;
  const [, late, number] = /^(finally )?(\d+)$/.exec(difference.at) ?? [];
  if (number === undefined) return -1;
  const place = (late === undefined ? 0 : scenario.steps.length) + Number(number);
  // Packets are compared before events: past them is further.
  return place * 2 + (difference.aspect === "out" ? 0 : 1);
}

/** The engine's answer with the draws that make it the kernel's, as far as any do, and what differs then. */
export interface Pinned {
  readonly answer: Answer;
  readonly random: readonly number[];
  readonly difference: Disagreement | null;
}

/**
 * Asks the engine until no draw explains what still differs from the kernel's answer. Each draw that was said gave
 * the kernel's port, be it by luck, and stays: only later ones are changed.
 *
 * @param first The engine's answer {@link withDraws} of which nothing is known.
 */
export async function pinDraws(engine: Backend, scenario: Scenario, linux: Answer, first: Answer): Promise<Pinned> {
  let best: Pinned = { answer: first, random: [], difference: compareAnswers(scenario, first, linux) };
  const all = told(linux);
  if (best.difference !== null && all.length > 0) {
    const answer = await engine.ask({ ...scenario, random: all });
    const difference = compareAnswers(scenario, answer, linux);
    if (difference === null) return { answer, random: all, difference };
  }
  const bases = [...new Set([...namedRanges(scenario), ...OWN_RANGES])];
  while (best.difference !== null && best.random.length < MAX_DRAWS) {
    const before = reached(scenario, best.difference);
    const ours = shownPorts(best.difference.engine);
    const theirs = [...shownPorts(best.difference.linux)];
    // Likely one that only the kernel shows; but a port that was drawn may be some other port of the packet too.
    const ports = [...theirs.filter((port) => !ours.has(port)), ...theirs.filter((port) => ours.has(port))];
    let next: Pinned | null = null;
    const chances = /--mode random/.test(JSON.stringify(scenario)) ? [UNLUCKY] : [];
    const telling = await tellingDraws(engine, scenario, best);
    for (const draws of [...chances, ...candidates(ports, bases, Math.max(telling - best.random.length, NEXT_DRAWS))]) {
      const random = [...best.random, ...draws];
      const answer = await engine.ask(withDraws(scenario, random));
      const difference = compareAnswers(scenario, answer, linux);
      if (reached(scenario, difference) <= before) continue;
      next = { answer, random, difference };
      break;
    }
    if (next === null) return best;
    best = next;
  }
  return best;
}

/**
 * How many of a scenario's draws the engine's answer depends on, beginning with the first; those after them change
 * nothing, so that they need not be tried. Found by halving.
 */
async function tellingDraws(engine: Backend, scenario: Scenario, { answer, random }: Pinned): Promise<number> {
  const shown = JSON.stringify(answer, withoutSeconds);
  let least = random.length;
  let most = MAX_DRAWS;
  while (least < most) {
    const half = (least + most) >> 1;
    if (await changes(half)) least = half + 1;
    else most = half;
  }
  return least;

  /** Whether other draws from a place on make another answer. */
  async function changes(from: number): Promise<boolean> {
    const kept = [...random, ...Array<number>(from - random.length).fill(0)];
    for (let round = 0; round < OTHERS_TRIED; round++) {
      const others = Array.from({ length: MAX_DRAWS - from }, (_, i) => otherDraw((from + i) * OTHERS_TRIED + round));
      const other = await engine.ask({ ...scenario, random: [...kept, ...others] });
      if (JSON.stringify(other, withoutSeconds) !== shown) return true;
    }
    return false;
  }
}

/** A draw of a sequence that goes all over every range (by the golden ratio of 2^16). */
function otherDraw(number: number): number {
  return ((number + 1) * 40503) & 0xffff;
}

/** How long an answer took is none of it. */
function withoutSeconds(key: string, value: unknown): unknown {
  return key === "seconds" ? undefined : value;
}

/**
 * What may have been drawn for these ports: one of them, after none or some that nothing shows, within the next `most`
 * draws.
 */
function* candidates(ports: readonly number[], bases: readonly number[], most: number): Generator<readonly number[]> {
  const draws = ports
    .slice(0, MAX_PORTS)
    .flatMap((port) => bases.filter((base) => port >= base).map((base) => port - base));
  if (draws.length === 0) return;
  for (let before = 0; before < most && before <= MAX_UNSEEN_DRAWS; before++)
    for (const draw of draws) yield [...Array<number>(before).fill(0), draw];
}
