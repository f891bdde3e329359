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
/** A scenario's draws at most: beyond them the engine draws by itself. */
const MAX_DRAWS = 128;
/** What `-m statistic` draws where it does not match; zeros match. */
const UNLUCKY: readonly number[] = [0xffff, 0xffff];
/** Places behind the known draws that are looked at before the place is searched for. */
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
    const next = await nextDraws(engine, scenario, linux, best, bases);
    if (next === null) return best;
    best = next;
  }
  return best;
}

/** The draws that bring the engine's answer nearer to the kernel's; null where none do. */
async function nextDraws(
  engine: Backend,
  scenario: Scenario,
  linux: Answer,
  { random, difference }: Pinned,
  bases: readonly number[],
): Promise<Pinned | null> {
  if (difference === null) return null;
  const before = reached(scenario, difference);
  const shown = JSON.stringify(difference);
  const chances = /--mode random/.test(JSON.stringify(scenario)) ? [UNLUCKY] : [];
  const all = [...chances, ...drawsFor(difference, bases).map((draw) => [draw])];
  // Mostly it is the next one, or the one behind a search in vain.
  for (let place = 0; place < NEXT_DRAWS; place++)
    for (const draws of all) {
      const found = await tried(place, draws);
      if (found !== null) return found;
    }
  for (const draws of all) {
    const place = await placeOf(draws[0]);
    const found = place < NEXT_DRAWS ? null : await tried(place, draws);
    if (found !== null) return found;
  }
  return null;

  /** The answer with draws at a place behind those that are known, which all are 0 before it. */
  async function asked(place: number, draws: readonly number[]): Promise<Pinned> {
    const said = [...random, ...Array<number>(place).fill(0), ...draws];
    const answer = await engine.ask(withDraws(scenario, said));
    return { answer, random: said, difference: compareAnswers(scenario, answer, linux) };
  }

  async function tried(place: number, draws: readonly number[]): Promise<Pinned | null> {
    const found = await asked(place, draws);
    return reached(scenario, found.difference) > before ? found : null;
  }

  /**
   * The place of the draw on which the difference depends, as far as `draw` tells; -1 for none. Said from there on, or
   * from an earlier place, it changes what is seen until then; from a later one it does not. Found by halving.
   */
  async function placeOf(draw: number): Promise<number> {
    const places = MAX_DRAWS - random.length;
    const changes = async (place: number): Promise<boolean> => {
      const { difference: other } = await asked(place, Array<number>(places - place).fill(draw));
      return JSON.stringify(other) !== shown;
    };
    if (!(await changes(0))) return -1;
    let [least, most] = [0, places - 1];
    while (least < most) {
      const half = (least + most + 1) >> 1;
      if (await changes(half)) least = half;
      else most = half - 1;
    }
    return least;
  }
}

/** What may have been drawn, whose ports the kernel's side of a difference shows. */
function drawsFor({ engine, linux }: Disagreement, bases: readonly number[]): readonly number[] {
  const ours = shownPorts(engine);
  const theirs = [...shownPorts(linux)];
  // Likely one that only the kernel shows; but a port that was drawn may be some other port of the packet too.
  const ports = [...theirs.filter((port) => !ours.has(port)), ...theirs.filter((port) => ours.has(port))];
  return ports.slice(0, MAX_PORTS).flatMap((port) => bases.filter((base) => port >= base).map((base) => port - base));
}
