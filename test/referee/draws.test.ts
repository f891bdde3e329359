import { expect, test } from "vitest";
import { pinDraws, withDraws } from "./draws.js";
import type { Answer, Backend, Scenario } from "./scenario.js";

const scenario: Scenario = { version: 1, name: "x", devices: {}, steps: [{ in: "lan0", hex: "00" }] };

/** An engine that tells of one new connection whose port is drawn, after `unseen` draws that nothing shows. */
class Drawing implements Backend {
  asked = 0;
  readonly #unseen: number;
  readonly #first: number;

  constructor(unseen: number, first = 1024) {
    this.#unseen = unseen;
    this.#first = first;
  }

  ask({ random = [] }: Scenario): Promise<Answer> {
    this.asked++;
    return Promise.resolve(answer(this.#first + (Number.isNaN(this.#unseen) ? 0 : random[this.#unseen])));
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

test("where no draw changes the answer none is tried", async () => {
  const engine = new Drawing(Number.NaN);
  expect(await pinned(engine, 1030)).toEqual({ random: [], agree: false });
  expect(engine.asked).toBeLessThan(10);
});

test("draws behind the last one that shows are not tried", async () => {
  // No draw makes 1030 of a range that begins at 2000.
  const engine = new Drawing(3, 2000);
  expect((await pinned(engine, 1030)).agree).toBe(false);
  expect(engine.asked).toBeLessThan(40);
});
