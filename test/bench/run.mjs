// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * Runs the benchmark: bundled into one file with the engine, as a page's build does it, or with `--modules` as Node loads
 * the packages, one module a file. Other arguments are forward.mjs's.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const modules = process.argv.includes("--modules");
const file = here(modules ? "forward.mjs" : ".bundle/forward.mjs");
if (!modules)
  await build({ input: here("forward.mjs"), platform: "node", logLevel: "warn", output: { file, format: "esm" } });
const run = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = run.status ?? 1;
