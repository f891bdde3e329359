/**
 * A committed recording: what one kernel called in one scenario, step by step. Text for people: comments say what was
 * done, what left and which events came; below each step are its calls in the tracer's own form.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { functionGraphText, type GraphCall, parseFunctionGraph } from "../../packages/lab/src/draw/call-graph.js";
import { fromHex } from "../../packages/lab/src/scenario/bytes.js";
import type { Scenario, ScenarioStep, StepResult } from "../../packages/lab/src/scenario/model.js";
import { ends } from "../referee/lines.js";

/** Where recordings lie. */
export const RECORDINGS: string = fileURLToPath(new URL("../recordings/callgraph", import.meta.url));

/** One step of a scenario as it was recorded. */
export interface RecordedStep {
  /** Packets that left and events, each on a line: see {@link resultLines}. */
  readonly result: readonly string[];
  readonly calls: readonly GraphCall[];
}

export interface Recording {
  readonly scenario: string;
  /** Major and minor version, such as `6.18`. */
  readonly kernel: string;
  /** As `uname -r` says it. */
  readonly release: string;
  readonly steps: readonly RecordedStep[];
}

function stepTitle(step: ScenarioStep): string {
  if ("run" in step) return `run ${step.run}`;
  if ("sleep" in step) return `sleep ${step.sleep}`;
  return `in ${step.in}: ${ends(fromHex(step.hex))}`;
}

/** The numbers that a scenario itself names: in its packets' ends, and in its commands. */
function namedNumbers(scenario: Scenario): Set<string> {
  const texts = [...(scenario.setup ?? []), ...(scenario.steps ?? []).map(stepTitle)];
  return new Set(texts.flatMap((text) => text.match(/\d+/g) ?? []));
}

/** The seconds an event says are left, as `*`: the emulated machine is slow, and its clock runs on meanwhile. */
function withoutTimeout(line: string): string {
  return line.replace(/^(\[\w+\] \w+ +\d+ )\d+/, "$1*");
}

/** A port that the scenario does not name was drawn by NAT, at random: `*`. */
function withoutDrawnPort(line: string, scenario: Scenario): string {
  const named = namedNumbers(scenario);
  return line.replace(/(?<=:|port=)\d+\b/g, (port) => (named.has(port) ? port : "*"));
}

/** What a step gave, one a line: packets that left, and events. */
export function resultLines(scenario: Scenario, result: StepResult): string[] {
  const out = (result.out ?? []).map(({ dev, hex }) => `out ${dev}: ${ends(fromHex(hex))}`);
  return [...out, ...(result.events ?? []).map(withoutTimeout)].map((line) => withoutDrawnPort(line, scenario));
}

/** The text of a recording. */
export function recordingText(
  scenario: Scenario,
  shows: string,
  release: string,
  steps: readonly { readonly result: readonly string[]; readonly calls: readonly GraphCall[] }[],
): string {
  const head = [
    `# ${scenario.name}: ${shows}`,
    `# Linux ${release}, of a Debian package, in an emulated machine (one CPU); function_graph tracer over`,
    "# netfilter's functions and IPv4's. Taken twice with the same result. `npm run record:callgraph` makes it anew: see",
    "# test/callgraph/README.md.",
    ...(scenario.setup ?? []).map((command) => `# setup: ${command}`),
  ];
  const parts = steps.map(({ result, calls }, index) =>
    [
      "",
      `# step ${index + 1}, ${stepTitle((scenario.steps ?? [])[index])}`,
      ...result.map((line) => `#> ${line}`),
      functionGraphText(calls).trimEnd(),
    ]
      .filter((line, at) => line !== "" || at === 0)
      .join("\n"),
  );
  return `${[...head, ...parts].join("\n")}\n`;
}

function parseRecording(scenario: string, kernel: string, text: string): Recording {
  const release = /^# Linux (\S+),/m.exec(text)?.[1];
  if (release === undefined) throw new Error(`${scenario}.linux-${kernel}.txt names no kernel`);
  const [, ...parts] = text.split(/^# step \d+, .*$/m);
  const steps = parts.map((part) => ({
    result: part.split("\n").flatMap((line) => (line.startsWith("#> ") ? [line.slice(3)] : [])),
    calls: parseFunctionGraph(part),
  }));
  return { scenario, kernel, release, steps };
}

/** The file name of a recording. */
export function recordingName(scenario: string, kernel: string): string {
  return `${scenario}.linux-${kernel}.txt`;
}

/** What was taken of one kernel. */
export interface KernelSummary {
  readonly kernel: string;
  readonly release: string;
  readonly scenarios: number;
  /** Packets that came in or were made. */
  readonly packets: number;
  /** Function calls in all. */
  readonly calls: number;
}

/** Where a packet's way begins: it arrives, or is made on the host. */
export const BEGINNINGS: readonly string[] = ["ip_rcv", "__ip_local_out"];

function count(calls: readonly GraphCall[], counts: (call: GraphCall) => boolean): number {
  return calls.reduce((sum, call) => sum + (counts(call) ? 1 : 0) + count(call.children, counts), 0);
}

/** The recordings kernel by kernel: the content of kernels.json, which the site shows. */
export function summarize(recordings: readonly Recording[]): KernelSummary[] {
  return [...new Set(recordings.map(({ kernel }) => kernel))].sort(compareVersions).map((kernel) => {
    const own = recordings.filter((each) => each.kernel === kernel);
    const calls = own.flatMap(({ steps }) => steps.flatMap((step) => step.calls));
    return {
      kernel,
      release: [...new Set(own.map(({ release }) => release))].join(", "),
      scenarios: own.length,
      packets: count(calls, ({ fn }) => BEGINNINGS.includes(fn)),
      calls: count(calls, () => true),
    };
  });
}

/** The text of kernels.json. */
export function summaryText(summary: readonly KernelSummary[]): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/** All recordings of a folder, by scenario and then by kernel. */
export function readRecordings(folder: string = RECORDINGS): Recording[] {
  return readdirSync(folder)
    .flatMap((file) => {
      const match = /^(.+)\.linux-(\d+\.\d+)\.txt$/.exec(file);
      if (match === null) return [];
      return [parseRecording(match[1], match[2], readFileSync(`${folder}/${file}`, "utf8"))];
    })
    .sort((a, b) => a.scenario.localeCompare(b.scenario, "en") || compareVersions(a.kernel, b.kernel));
}

/** Orders `6.1` before `6.12`. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
