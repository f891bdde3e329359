import { expect, it } from "vitest";
import { Pool } from "./pool.js";
import type { Answer, Scenario } from "./scenario.js";

const scenario = (name: string): Scenario => ({ version: 1, name, devices: {}, steps: [] });

it("asks whoever has the fewest under way, also after one has failed", async () => {
  const asked: string[] = [];
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  const member = (letter: string) => ({
    ask: ({ name }: Scenario): Promise<Answer> => {
      asked.push(`${letter}${name}`);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  });
  const pool = new Pool([member("a"), member("b")]);
  const answers = ["1", "2", "3", "4"].map((name) => pool.ask(scenario(name)));
  expect(asked).toEqual(["a1", "b2", "a3", "b4"]);
  waiting[1].reject(new Error("gone"));
  await expect(answers[1]).rejects.toThrow("gone");
  const last = pool.ask(scenario("5"));
  expect(asked.at(-1)).toBe("b5");
  for (const { resolve } of waiting) resolve({ name: "x" });
  expect(await Promise.all([answers[0], last])).toEqual([{ name: "x" }, { name: "x" }]);
});
