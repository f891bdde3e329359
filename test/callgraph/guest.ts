/**
 * Runs inside the emulated machine, with root's power over its kernel: each scenario on the front door's Linux backend,
 * and around each step the function-graph tracer. Writes a line of JSON for each scenario to the file it is given.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import process from "node:process";
import { LinuxRunner } from "../../packages/lab/src/scenario/linux/runner.js";
import type { Scenario } from "../../packages/lab/src/scenario/model.js";
import { TRACED } from "./traced.js";

const TRACING = "/sys/kernel/tracing";

/** What the guest says of one run of a scenario. */
export interface GuestAnswer {
  /** `uname -r`. */
  readonly release: string;
  readonly name: string;
  /** Which run of all scenarios: 0, 1... */
  readonly round: number;
  /** By step: the tracer's text. */
  readonly traces: readonly string[];
  /** By step: the backend's result. */
  readonly results: readonly unknown[];
}

function trace(file: string, text: string): void {
  writeFileSync(`${TRACING}/${file}`, text);
}

function startTracer(): void {
  for (const pattern of TRACED) {
    try {
      appendFileSync(`${TRACING}/set_ftrace_filter`, `${pattern}\n`);
    } catch {
      // This kernel has no such function or module: the comparison will tell.
    }
  }
  trace("current_tracer", "function_graph");
  trace("options/funcgraph-duration", "0");
  trace("options/funcgraph-overhead", "0");
  trace("options/funcgraph-cpu", "0");
  trace("options/funcgraph-proc", "1");
  trace("options/funcgraph-irqs", "0");
  trace("buffer_size_kb", "8192");
}

const [scenariosFile, answersFile] = process.argv.slice(2);
const scenarios = JSON.parse(readFileSync(scenariosFile, "utf8")) as Scenario[];
trace("tracing_on", "0");
startTracer();
let traces: string[] = [];
const runner = new LinuxRunner((_index, run) => {
  trace("trace", "");
  trace("tracing_on", "1");
  try {
    return run();
  } finally {
    trace("tracing_on", "0");
    traces.push(readFileSync(`${TRACING}/trace`, "utf8"));
  }
});
for (const round of [0, 1])
  for (const scenario of scenarios) {
    traces = [];
    const { steps } = runner.run(scenario);
    const answer: GuestAnswer = { release: release(), name: scenario.name, round, traces, results: steps };
    appendFileSync(answersFile, `${JSON.stringify(answer)}\n`);
  }
runner.close();
