import { expect, test } from "vitest";
import { pinDraws, withDraws } from "./draws.js";
import type { Answer, Backend, Scenario } from "./scenario.js";

const scenario: Scenario = { version: 1, name: "x", devices: {}, steps: [{ in: "lan0", hex: "00" }] };

/** An engine that tells of one new connection whose port is drawn, after `unseen` draws that nothing shows. */
class Drawing implements Backend {
  asked = 0;
  readonly #unseen: number;
  readonly #first: number;
  readonly #count: number;
  readonly #taken: number;

  /**
   * @param first The range's first port.
   * @param count How many the range has.
   * @param taken How many of them are taken, from the first on; which leads to the next that is free.
   */
  constructor(unseen: number, first = 1024, count = 0x10000, taken = 0) {
    this.#unseen = unseen;
    this.#first = first;
    this.#count = count;
    this.#taken = taken;
  }

  ask({ random = [] }: Scenario): Promise<Answer> {
    this.asked++;
    const drawn = Number.isNaN(this.#unseen) ? 0 : random[this.#unseen] % this.#count;
    return Promise.resolve(answer(this.#first + Math.max(drawn, this.#taken)));
  }
}

/** The port is in a line of text: events tell a draw at once. */
function answer(port: number): Answer {
  return { version: 1, name: "x", steps: [{ out: [], events: [`[UPDATE] udp sport=${port}`] }] } as Answer;
}

async function pinned(engine: Drawing, port: number): Promise<{ random: readonly number[]; agree: boolean }> {
  const first = await engine.ask(withDraws(scenario, []));
  engine.asked = 0;
  const { random, difference } = await pinDraws(engine, scenario, answer(port), first);
  return { random, agree: difference === null };
}

test("a port is found behind draws that nothing shows", async () => {
  expect(await pinned(new Drawing(0), 1030)).toEqual({ random: [6], agree: true });
  expect(await pinned(new Drawing(5), 1030)).toEqual({ random: [0, 0, 0, 0, 0, 6], agree: true });
});

test.each([0, 1, 5, 20])(
  "a port is found in a short range that is nearly full, behind %i draws in vain",
  async (unseen) => {
    for (let taken = 0; taken < 8; taken++)
      for (let port = 1024 + taken; port < 1024 + 8; port++)
        expect((await pinned(new Drawing(unseen, 1024, 8, taken), port)).agree, `${taken} taken, port ${port}`).toBe(
          true,
        );
  },
);

test("a port is found behind draws of 0 that were right", async () => {
  const steps = (ports: readonly number[]): Answer => ({
    steps: ports.map((port) => ({ out: [], events: [`[UPDATE] udp sport=${port}`] })),
  });
  const engine: Backend = {
    ask: ({ random = [] }) => Promise.resolve(steps([0, 2, 5, 9].map((place) => 1024 + (random[place] % 8)))),
  };
  const known: Scenario = { ...scenario, steps: Array(4).fill(scenario.steps[0]) };
  const first = await engine.ask(withDraws(known, []));
  for (const ports of [
    [1024, 1024, 1024, 1031],
    [1024, 1030, 1024, 1024],
    [1025, 1024, 1029, 1026],
  ])
    expect((await pinDraws(engine, known, steps(ports), first)).difference).toBe(null);
});

test("where no draw changes the answer hardly one is tried", async () => {
  const engine = new Drawing(Number.NaN);
  expect(await pinned(engine, 1030)).toEqual({ random: [], agree: false });
  expect(engine.asked).toBeLessThan(60);
});

test("draws behind the last one that shows are not tried", async () => {
  // No draw makes 1030 of a range that begins at 2000.
  const engine = new Drawing(3, 2000);
  expect((await pinned(engine, 1030)).agree).toBe(false);
  expect(engine.asked).toBeLessThan(100);
});
