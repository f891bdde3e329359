/** Forwarding with conntrack, a filter table and SNAT leaves nothing for the garbage collector while nobody traces. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Growth } from "./allocation-probe.js";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
let folder: string;
let program: string;

/** Bundled, as the benchmark is and as a page's build does it. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "netfilter-lab-"));
  program = join(folder, "probe.mjs");
  const alias = {
    "@netfilter-lab/engine/parts": path("../../packages/engine/src/parts.ts"),
    "@netfilter-lab/engine": path("../../packages/engine/src/index.ts"),
    "netfilter-lab": path("../../packages/lab/src/index.ts"),
  };
  await build({
    input: path("allocation-probe.ts"),
    platform: "node",
    logLevel: "warn",
    resolve: { alias, extensionAlias: { ".js": [".ts", ".js"] } },
    output: { file: program, format: "esm", codeSplitting: false },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function growth(...args: string[]): Growth {
  const run = spawnSync(process.execPath, ["--expose-gc", program, ...args], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

it.each(["udp", "tcp"])("%s packets of 100 flows allocate nothing", { timeout: 120_000 }, (protocol) => {
  const { bytesPerPacket, sent, forwarded, allocators } = growth(protocol);
  expect(forwarded).toBe(sent);
  expect(allocators).toEqual([]);
  expect(bytesPerPacket).toBeLessThan(1);
});

it("what a packet allocates would be seen: somebody traces", { timeout: 120_000 }, () => {
  const { bytesPerPacket, allocators } = growth("udp", "traced");
  expect(bytesPerPacket).toBeGreaterThan(1);
  expect(allocators).not.toEqual([]);
});
