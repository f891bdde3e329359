import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EngineRunner } from "./engine-runner.js";
import { answerLine } from "./stream.js";

test("the page's scenario gives the page's result", () => {
  const page = readFileSync(new URL("../../../../website/docs/scenario.md", import.meta.url), "utf8");
  const [scenario, result] = Array.from(
    page.matchAll(/```json\n([^`]*)```/g),
    ([, text]) => JSON.parse(text) as unknown,
  );
  expect(answerLine(new EngineRunner(), JSON.stringify(scenario))).toEqual(result);
});
