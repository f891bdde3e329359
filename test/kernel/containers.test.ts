/** Containers on a bridge: what Linux answers is what was recorded. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { containers } from "./containers.js";

const RECORDING = new URL("../recordings/containers.linux-6.18.json", import.meta.url);

test("Linux answers as recorded", async () => {
  const answers = await containers("linux");
  if (process.env.UPDATE_RECORDINGS === "1") writeFileSync(RECORDING, `${JSON.stringify(answers, null, 1)}\n`);
  expect(answers).toEqual(JSON.parse(readFileSync(RECORDING, "utf8")));
});
