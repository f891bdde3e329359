/** The test suites, in the order in which they run: cheapest first, those that need special tools last. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { TSC } from "./build.mjs";
import { runProgram } from "./child.mjs";
import { addCounts, countsFromClosingLine, countsFromVitest } from "./counts.mjs";
import { inRepository } from "./repository.mjs";
import { DEBIAN_PACKAGE, findProgram } from "./tools.mjs";

/**
 * @typedef {{ counts: import("./counts.mjs").Counts | undefined, status: number }} Outcome counts: undefined where the
 *   suite told none
 * @typedef {object} Suite
 * @property {string} name as in `--only`
 * @property {string} title what it checks
 * @property {"packages" | "site" | undefined} needsBuilt
 * @property {() => string[]} missing what this machine lacks to run it, each with how to get it; empty where it can run
 * @property {() => Promise<Outcome>} run
 */

const nothing = () => [];

/** Any of these runs the site's tests. */
const BROWSERS = "chromium|chromium-browser|google-chrome";
const FIREFOXES = "firefox-esr|firefox";

/** @param {string} alternatives names of programs, any of which will do, with "|" between them */
const firstProgram = (alternatives) =>
  alternatives
    .split("|")
    .map((name) => findProgram(name))
    .find((file) => file !== undefined);

/**
 * @param {string[]} programs each a name, or alternatives as in firstProgram()
 * @returns {string[]}
 */
function missingPrograms(programs) {
  return programs
    .filter((alternatives) => !firstProgram(alternatives))
    .map((alternatives) => alternatives.split("|")[0] ?? "")
    .map((name) => `${name} (apt-get install ${DEBIAN_PACKAGE[name] ?? name})`);
}

/**
 * Runs Node on one of the installed packages' programs.
 * @param {string} script relative to the checkout
 * @param {string[]} args
 * @param {Parameters<typeof runProgram>[2]} [options]
 */
const runNode = (script, args, options) => runProgram(process.execPath, [inRepository(script), ...args], options);

/**
 * Programs that only pass or fail: each counts as one.
 * @param {[string, string[]][]} checks
 * @returns {Promise<Outcome>}
 */
async function runChecks(checks) {
  const counts = [];
  for (const [script, args] of checks) {
    const { status } = await runNode(script, args);
    counts.push({ passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 });
  }
  return { counts: addCounts(counts), status: 0 };
}

/**
 * @param {string} project of vitest.config.ts
 * @returns {Promise<Outcome>}
 */
async function runVitest(project) {
  const report = inRepository("test-results", `${project}.json`);
  mkdirSync(path.dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const { status } = await runNode("node_modules/vitest/vitest.mjs", [
    "run",
    `--project=${project}`,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  const counts = existsSync(report) ? countsFromVitest(JSON.parse(readFileSync(report, "utf8"))) : undefined;
  return { counts, status };
}

/**
 * A program that ends its output with `N passed, N failed`.
 * @param {string} script
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Outcome>}
 */
async function runCounting(script, args, env) {
  const { status, output } = await runNode(script, args, env ? { keep: true, env } : { keep: true });
  return { counts: countsFromClosingLine(output), status };
}

/** @type {readonly Suite[]} */
export const SUITES = [
  {
    name: "lint",
    title: "format and lint (biome, oxlint with types)",
    needsBuilt: "packages",
    missing: nothing,
    run: () =>
      runChecks([
        ["node_modules/@biomejs/biome/bin/biome", ["check", "."]],
        ["node_modules/oxlint/bin/oxlint", ["--type-aware"]],
      ]),
  },
  {
    name: "types",
    title: "types of tests and scripts",
    needsBuilt: "packages",
    missing: nothing,
    run: () => runChecks([[path.relative(inRepository(), TSC), ["-p", "tsconfig.test.json"]]]),
  },
  {
    name: "vitest",
    title: "unit tests, recordings, scripts",
    needsBuilt: "packages",
    missing: nothing,
    run: () => runVitest("unit"),
  },
  {
    name: "lessons",
    title: "every cell of every lesson, in the real kernel",
    needsBuilt: "packages",
    missing: nothing,
    run: () => runCounting("packages/notebook/bin/lessons.mjs", []),
  },
  {
    name: "site",
    title: "the site in Chromium",
    needsBuilt: "site",
    missing: () => (process.env["CHROMIUM"] ? [] : missingPrograms([BROWSERS])),
    run: () => {
      const browser = process.env["CHROMIUM"] ?? firstProgram(BROWSERS);
      return runCounting("test/site/run.mjs", [], { ...process.env, CHROMIUM: browser });
    },
  },
  {
    name: "firefox",
    title: "the site in Firefox",
    needsBuilt: "site",
    missing: () => (process.env["FIREFOX"] ? [] : missingPrograms([FIREFOXES])),
    run: () => {
      const browser = process.env["FIREFOX"] ?? firstProgram(FIREFOXES);
      return runCounting("test/site/firefox.mjs", [], { ...process.env, FIREFOX: browser });
    },
  },
  {
    name: "lighthouse",
    title: "accessibility, best practices and search engines, by Lighthouse",
    needsBuilt: "site",
    missing: () => (process.env["CHROMIUM"] ? [] : missingPrograms([BROWSERS])),
    run: () => {
      const browser = process.env["CHROMIUM"] ?? firstProgram(BROWSERS);
      return runCounting("test/site/lighthouse.mjs", [], { ...process.env, CHROMIUM: browser });
    },
  },
  {
    name: "sizes",
    title: "what a page fetches to run cells (size-limit)",
    needsBuilt: "site",
    missing: nothing,
    run: () => runChecks([["node_modules/size-limit/bin.js", []]]),
  },
  {
    name: "kernel",
    title: "our text and bytes beside the real kernel's",
    needsBuilt: "packages",
    missing: () => [
      ...(process.getuid?.() === 0 ? [] : ["root (network namespaces)"]),
      ...(process.platform === "linux"
        ? missingPrograms(["ip", "iptables", "ipset", "conntrack", "nfacct", "socat"])
        : ["Linux"]),
    ],
    run: () => runVitest("kernel"),
  },
];
