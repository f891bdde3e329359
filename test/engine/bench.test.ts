/**
 * The benchmark's router takes its rules and forwards: nobody runs the benchmark on CI, whose figures would be the
 * machine's.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const worker = fileURLToPath(new URL("../bench/worker.mjs", import.meta.url));

test.each([
  ["only forwards", { setup: 0, flows: 1 }],
  ["has SNAT", { setup: 2, flows: 1000 }],
  ["has rules before", { setup: 2, flows: 10, filter: { rules: 10 } }],
  ["has a set before", { setup: 2, flows: 10, filter: { set: 1000 } }],
])("the benchmark's router that %s", (_, parameters) => {
  const words = ["send", JSON.stringify({ ...parameters, protocol: "udp" })];
  const { stdout, stderr } = spawnSync(process.execPath, [worker, ...words], { input: "64\n", encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^64 \d+\n$/);
});
