/** Containers on a bridge, on the engine: as Linux 6.18 answered. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { containers } from "../kernel/containers.js";

test("the engine answers as Linux did", async () => {
  const recording = JSON.parse(readFileSync(new URL("containers.linux-6.18.json", import.meta.url), "utf8"));
  expect(await containers("engine")).toEqual(recording);
});
