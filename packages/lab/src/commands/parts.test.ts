import { expect, test } from "vitest";
import * as everyday from "../parts/everyday.js";
import * as rare from "../parts/rare.js";
import { commandNames, commands } from "./index.js";

test("the commands of each part are known by name before it is there", () => {
  expect([...commandNames.everyday].sort()).toEqual(Object.keys(everyday.commands).sort());
  expect([...commandNames.rare].sort()).toEqual(Object.keys(rare.commands).sort());
  for (const name of [...commandNames.everyday, ...commandNames.rare]) expect(commands.has(name), name).toBe(true);
});
