/// <reference types="node" />
/**
 * `netfilter-lab scenario`: JSON documents in, one a line; a line out for each line in, written before the next one is
 * read. What a line is, and what it gives, is in ../scenario/.
 */
import { readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { EngineRunner } from "../scenario/engine-runner.js";
import type { ScenarioRunner } from "../scenario/model.js";
import { answerLine } from "../scenario/stream.js";
import { output } from "./streams.js";

export const SCENARIO_USAGE = "netfilter-lab scenario [--backend engine|linux] < scenarios.jsonl > results.jsonl";

/** Reads standard input line by line; blocks while there is nothing, so that no answer waits for the next question. */
function* inputLines(): Generator<string> {
  const decoder = new StringDecoder("utf8");
  const chunk = Buffer.alloc(1 << 16);
  let rest = "";
  for (;;) {
    const length = readInput(chunk);
    rest += length === 0 ? decoder.end() : decoder.write(chunk.subarray(0, length));
    let start = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      yield rest.slice(start, end);
      start = end + 1;
    }
    rest = rest.slice(start);
    if (length > 0) continue;
    if (rest !== "") yield rest;
    return;
  }
}

function readInput(chunk: Buffer): number {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      return readSync(0, chunk);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EOF") return 0;
      // A terminal or pipe that somebody else made non-blocking has nothing yet.
      if (code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function backendOf(args: readonly string[]): string | null {
  if (args.length === 0) return "engine";
  const given = args.length === 1 && args[0].startsWith("--backend=") ? args[0].slice("--backend=".length) : null;
  return given ?? (args.length === 2 && args[0] === "--backend" ? args[1] : null);
}

/** Runs scenarios from standard input to its end. Resolves to the exit status. */
export async function runScenarios(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    output.print(`Usage: ${SCENARIO_USAGE}\n`);
    return 0;
  }
  const backend = backendOf(args);
  if (backend !== "engine" && backend !== "linux") {
    const wrong = backend === null ? args.join(" ") : `--backend ${backend}`;
    output.error(`netfilter-lab scenario: ${wrong}: unknown (usage: ${SCENARIO_USAGE})\n`);
    return 2;
  }
  const runner = backend === "engine" ? new EngineRunner() : await linuxRunner();
  if (runner === null) return 2;
  try {
    for (const line of inputLines()) output.line(JSON.stringify(answerLine(runner, line)));
  } finally {
    runner.close();
  }
  return 0;
}

/** The real kernel, when this machine has what it needs; otherwise says what is missing. */
async function linuxRunner(): Promise<ScenarioRunner | null> {
  const { LinuxRunner, missingForLinux } = await import("../scenario/linux/runner.js");
  const missing = missingForLinux();
  if (missing.length === 0) return new LinuxRunner();
  output.error(`netfilter-lab scenario --backend linux: ${missing.join("; ")}\n`);
  return null;
}
