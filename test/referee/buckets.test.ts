import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fewBuckets } from "./buckets.js";

let folder = "";
let path = "";
const now = (): string => readFileSync(path, "utf8").trim();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netfilter-lab-buckets-"));
  path = join(folder, "nf_conntrack_buckets");
  writeFileSync(path, "262144\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

it("lowers and puts back", async () => {
  const buckets = fewBuckets(path);
  await vi.waitFor(() => expect(now()).toBe("1024"));
  await buckets.restore();
  expect(now()).toBe("262144");
});

it.each(["512\n", "1024\n"])("leaves %j alone, and what another run puts back meanwhile", async (few) => {
  writeFileSync(path, few);
  const buckets = fewBuckets(path);
  expect(now()).toBe(few.trim());
  writeFileSync(path, "65536\n");
  await buckets.restore();
  expect(now()).toBe("65536");
});

it("does nothing where there is no such tunable", async () => {
  await expect(fewBuckets(join(folder, "absent")).restore()).resolves.toBeUndefined();
});

it.each(["SIGKILL", "SIGINT"] as const)(
  "puts back after %s",
  async (signal) => {
    // A process of its own, to be killed; Node by itself runs no TypeScript.
    const source = readFileSync(new URL("buckets.ts", import.meta.url), "utf8");
    const { ModuleKind, ScriptTarget } = ts;
    const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    const script = join(folder, "lower.mjs");
    writeFileSync(script, `${outputText}\nfewBuckets(process.argv[2]);\nsetInterval(() => {}, 1000);\n`);
    const child = spawn(process.execPath, [script, path], { stdio: "ignore" });
    await vi.waitFor(() => expect(now()).toBe("1024"), { timeout: 20_000 });
    child.kill(signal);
    await vi.waitFor(() => expect(now()).toBe("262144"), { timeout: 20_000 });
  },
  60_000,
);
