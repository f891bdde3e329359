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

test.each([1, 4, 10])(
  "a port is found in a short range of which %i are taken (port-clashes seed 31337 number 3)",
  async (taken) => {
    for (let port = 1025 + taken; port < 1024 + 17; port++)
      expect(await pinned(new Drawing(0, 1024, 17, taken), port)).toEqual({ random: [port - 1024], agree: true });
  },
);

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
