#!/usr/bin/env node
// The launcher of the netfilter-lab command; what it does is in ../src/cli, compiled by `npm run build`.
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(fileURLToPath(main))) {
  const { main: run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write("netfilter-lab: not built yet; run `npm ci && npm run build` first\n");
  process.exitCode = 2;
}
