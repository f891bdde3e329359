// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * `npm run bench`: how fast the engine forwards and how fast the running kernel does the same, in turn, burst by burst, and
 * what rules, new flows, full tables and entries cost. Prints tables and writes test/bench/result.json. README.md says how
 * it is measured.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import { measureBrowser } from "./browser.mjs";
import { Bursts, KernelRouter, whyNoKernel } from "./kernel.mjs";

const HELP = `npm run bench [-- options]

  --modules      the packages as Node loads them, one module a file, instead of bundled
  --kernel       ends where the kernel cannot be measured; --no-kernel leaves it out
  --no-browser   leaves Chromium out
  --quick        fewer bursts, and no million flows
  --help         this text
`;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const given = (option) => process.argv.includes(option);
const modules = given("--modules");
const quick = given("--quick");
const worker = here(modules ? "worker.mjs" : ".bundle/worker.mjs");
const SNAT = 2;

/** Rounds of bursts. In each the kernel has one and the engine, whose bursts are a tenth as long, several. */
const ROUNDS = quick ? 5 : 11;
const ENGINE_BURSTS = 5;
const MILLION = 1_000_000;

/** What is forwarded by both: a setup of router.mjs, how many flows and in which order, and rules before the setup's. */
const PAIRED = [
  { setup: 0, flows: 1000 },
  { setup: 1, flows: 1000 },
  { setup: SNAT, flows: 1 },
  { setup: SNAT, flows: 1000 },
  { setup: SNAT, flows: 50_000 },
  { setup: SNAT, flows: MILLION },
  { setup: SNAT, flows: MILLION, order: "random" },
  ...[10, 100, 1000, 10_000].map((rules) => ({ setup: SNAT, flows: 1000, filter: { rules } })),
  { setup: SNAT, flows: 1000, filter: { set: 1000 } },
].filter(({ flows }) => !quick || flows < MILLION);

/** What is measured of the engine alone: a function of measures.mjs and its parameters. */
const ALONE = [
  ...[0, 1, SNAT].flatMap((setup) => [1, 1000, 50_000].map((flows) => ["forward", { setup, protocol: "tcp", flows }])),
  ["newFlows", { flows: 50_000 }],
  ["memory", { flows: quick ? 50_000 : MILLION }],
  ...[0.1, 0.5, 0.9].map((share) => ["nearlyFull", { max: 65_536, share }]),
  ...[0, 0.5, 0.9, 0.99].map((share) => ["portSearch", { ports: 20_000, share }]),
];

if (given("--help")) {
  process.stdout.write(HELP);
  process.exit();
}
const bundles = [
  ["worker.mjs", "node"],
  ["page.mjs", "browser"],
];
for (const [input, platform] of bundles) {
  const output = { file: here(`.bundle/${input}`), format: "esm", codeSplitting: false };
  await build({ input: here(input), platform, logLevel: "warn", output });
}
const { filterRules } = await import("./measures.mjs");
const { rulesOf, SETUPS } = await import("./router.mjs");

/** The best: whatever else the machine does only ever takes away. */
function best(values) {
  return values.reduce((most, value) => Math.max(most, value));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Packets a second of sending alone, into a router that drops at once. */
async function sendingAlone(kernel) {
  kernel.open([], 1);
  const sender = kernel.sender({ flows: 1000, nobody: true });
  const rates = [];
  for (let round = 0; round <= ROUNDS; round++) rates.push(await sender.burst(100_000));
  await sender.end();
  return best(rates);
}

/** One row of {@link PAIRED}: rates of both by burst, in turn. */
async function pair(kernel, sendingRate, row) {
  const { setup, flows, order = "turn", filter } = row;
  // Packets a burst: fewer where each passes many rules.
  const count = Math.max(1000, flows, Math.round(100_000 / (1 + (filter?.rules ?? 0) / 20)));
  const engine = new Bursts(process.execPath, [
    worker,
    "send",
    JSON.stringify({ setup, protocol: "udp", flows, order, filter }),
  ]);
  kernel?.open([...(filter === undefined ? [] : filterRules(filter)), ...rulesOf(setup)], flows);
  const sender = kernel?.sender({ flows, order });
  const rounds = flows === MILLION ? Math.ceil(ROUNDS / 2) : ROUNDS;
  const ours = [];
  const theirs = [];
  let lost = 0;
  // The first bursts make the connections, and V8 compiles.
  const warming = flows === MILLION ? 1 : 3;
  for (let round = 0; round < warming + rounds; round++) {
    const rates = [];
    while (rates.length < (flows === MILLION ? 1 : ENGINE_BURSTS)) rates.push(await engine.burst(count));
    const before = kernel?.received();
    const rival = await sender?.burst(count);
    if (round < warming) continue;
    ours.push(best(rates));
    if (rival === undefined) continue;
    theirs.push(rival);
    lost = Math.max(lost, 1 - (kernel.received() - before) / count);
  }
  await engine.end();
  await sender?.end();
  const result = { ...row, order, setup: SETUPS[setup].name, packetsPerSecond: Math.round(best(ours)) };
  if (kernel === null) return result;
  const alone = (rate) => 1 / (1 / rate - 1 / sendingRate);
  return {
    ...result,
    kernelPacketsPerSecond: Math.round(best(theirs)),
    kernelWithoutSending: Math.round(alone(best(theirs))),
    kernelBuckets: kernel.buckets,
    kernelLost: Math.max(0, lost),
    ratio: best(ours) / best(theirs),
    ratioOfPairs: median(ours.map((rate, i) => rate / theirs[i])),
    ratioWithoutSending: best(ours) / alone(best(theirs)),
  };
}

/** First packets a second, by the kernel: every burst is one of new connections. */
async function kernelNewFlows(kernel) {
  const flows = 50_000;
  kernel.open(rulesOf(SNAT), flows);
  const sender = kernel.sender({ flows });
  const rates = [];
  for (let round = 0; round < ROUNDS; round++) {
    rates.push(await sender.burst(flows));
    kernel.flush();
  }
  await sender.end();
  return Math.round(best(rates));
}

function alone(name, parameters) {
  const args = ["--expose-gc", worker, "measure", name, JSON.stringify(parameters)];
  return { name, ...parameters, ...JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) };
}

const why = given("--no-kernel") ? "--no-kernel" : whyNoKernel();
if (why !== null && given("--kernel")) throw new Error(`the kernel cannot be measured: ${why}`);
const kernel = why === null ? new KernelRouter() : null;
const result = {
  machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version, load: os.loadavg()[0] },
  form: modules ? "modules" : "bundled",
  kernel: kernel === null ? null : { release: kernel.release },
  paired: [],
  alone: [],
  browser: null,
};
const mega = (value) => (value / 1e6).toFixed(2);
const { cpu, cores, node, load } = result.machine;
console.log(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(1)}; the engine ${result.form}`);
console.log(
  kernel === null
    ? `the kernel was not measured: ${why}`
    : `Linux ${kernel.release}, ${kernel.buckets} buckets; rates in million packets a second of processor time`,
);

/** A row of a table. */
function print(what, ...columns) {
  console.log(what.padEnd(44) + columns.map((column) => String(column).padStart(14)).join(""));
}

try {
  const sendingRate = kernel === null ? 0 : await sendingAlone(kernel);
  if (kernel !== null) result.kernel.sendingPerSecond = Math.round(sendingRate);
  print("\nforwarding, UDP", "engine", "kernel", "ratio", "of pairs", "less sending", "ratio");
  for (const row of PAIRED) {
    const measured = await pair(kernel, sendingRate, row);
    result.paired.push(measured);
    const { rules, set } = row.filter ?? {};
    const filter = rules === undefined ? (set === undefined ? "" : `, a set of ${set}`) : `, ${rules} rules`;
    const what = `${measured.setup}, ${row.flows} flow${row.flows === 1 ? "" : "s"}${row.order === undefined ? "" : " at random"}${filter}`;
    if (kernel === null) print(what, mega(measured.packetsPerSecond));
    else
      print(
        what,
        mega(measured.packetsPerSecond),
        mega(measured.kernelPacketsPerSecond),
        measured.ratio.toFixed(1),
        measured.ratioOfPairs.toFixed(1),
        mega(measured.kernelWithoutSending),
        measured.ratioWithoutSending.toFixed(1),
      );
  }
  if (kernel !== null) {
    result.kernel.newFlowsPerSecond = await kernelNewFlows(kernel);
    print("new flows a second, with SNAT", "", mega(result.kernel.newFlowsPerSecond));
  }
} finally {
  kernel?.end();
}
console.log("\nthe engine alone");
for (const [name, parameters] of ALONE) {
  const row = alone(name, parameters);
  result.alone.push(row);
  const { name: _, ...figures } = row;
  print(name, JSON.stringify(figures));
}
if (!given("--no-browser")) {
  result.browser = await measureBrowser(here(".bundle/page.mjs"));
  console.log(result.browser === null ? "\nno Chromium" : `\nin Chromium ${result.browser.version}`);
  for (const { name, ...figures } of result.browser?.rows ?? []) print(name, JSON.stringify(figures));
}
writeFileSync(here("result.json"), `${JSON.stringify(result, null, 2)}\n`);
