#!/usr/bin/env node
// `npm run lessons` and, with --new as the first argument, `npm run lesson:new`.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

if (!existsSync(new URL("../dist/runner/lessons.js", import.meta.url))) {
  process.stderr.write("Not built yet: run `npm ci && npm run build` first.\n");
  process.exit(2);
}
const directory = fileURLToPath(new URL("../../../", import.meta.url));
const write = (text) => process.stdout.write(text);
const [first, ...rest] = process.argv.slice(2);
if (first === "--new") {
  const { newLesson } = await import("../dist/runner/new.js");
  process.exitCode = newLesson(rest, { directory, write });
} else {
  const { runLessons } = await import("../dist/runner/lessons.js");
  process.exitCode = await runLessons(process.argv.slice(2), {
    directory,
    write,
    colour: process.stdout.isTTY && process.env.NO_COLOR === undefined,
    ci: process.env.CI !== undefined && process.env.CI !== "" && process.env.CI !== "false",
  });
}
