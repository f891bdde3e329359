/**
 * `npm test`: installs and builds what is missing, then runs every suite that this machine can run, and says which it
 * could not and why. On CI nothing may be skipped.
 */
import { parseOptions } from "./arguments.mjs";
import { buildPackages, buildSite } from "./build.mjs";
import { stopOnSignals } from "./child.mjs";
import { addCounts, closingLine, formatTable, settleCounts } from "./counts.mjs";
import { ensureInstalled } from "./install.mjs";
import { formatDuration, say } from "./progress.mjs";
import { ScriptError } from "./script-error.mjs";
import { SUITES } from "./suites.mjs";

const HELP = `npm test [-- options]

Installs what is missing, then runs every test that this machine can run:

${SUITES.map(({ name, title }) => `  ${name.padEnd(10)}${title}`).join("\n")}

  --only NAME,NAME   only these
  --help             this text

With CI set in the environment, what cannot run has failed.`;

/**
 * The suites named in `--only`, in their own order; all where nothing is named.
 * @param {string | undefined} only
 */
export function selectSuites(only) {
  if (only === undefined) return SUITES;
  const names = only.split(",").map((name) => name.trim());
  const known = SUITES.map(({ name }) => name);
  for (const name of names) {
    if (!known.includes(name)) throw new ScriptError(`There is no suite "${name}"; there are ${known.join(", ")}.`);
  }
  return SUITES.filter(({ name }) => names.includes(name));
}

/**
 * Whether the environment says that this is a CI run.
 * @param {NodeJS.ProcessEnv} env
 */
export const isCi = (env) => !["", "0", "false"].includes((env["CI"] ?? "").toLowerCase());

/** Builds once what several suites need; gives why it failed, or undefined. */
class Builds {
  /** @type {Map<string, Promise<string | undefined>>} */
  #done = new Map();

  /**
   * @param {"packages" | "site" | undefined} what
   * @returns {Promise<string | undefined>}
   */
  async failure(what) {
    if (!what) return undefined;
    if (what === "site") {
      const failure = await this.failure("packages");
      if (failure) return failure;
    }
    const build = what === "site" ? buildSite : buildPackages;
    const done = this.#done.get(what) ?? build().then(() => undefined, messageOfScriptError);
    this.#done.set(what, done);
    return done;
  }
}

/** @param {unknown} error */
function messageOfScriptError(error) {
  if (error instanceof ScriptError) return error.message;
  throw error;
}

/**
 * @param {import("./suites.mjs").Suite} suite
 * @param {Builds} builds
 * @param {boolean} ci
 * @returns {Promise<import("./counts.mjs").SuiteResult>}
 */
async function runSuite(suite, builds, ci) {
  const { name } = suite;
  const missing = suite.missing();
  if (missing.length > 0) {
    const note = `not run: this machine lacks ${missing.join(", ")}`;
    say(`\n▸ ${name}: ${note}`);
    return { name, ...settleCounts({ passed: 0, failed: 0, skipped: 1 }, { status: 0, ci }), note, milliseconds: 0 };
  }
  const failure = await builds.failure(suite.needsBuilt);
  if (failure) {
    say(`\n▸ ${name}: not run. ${failure}`);
    return { name, passed: 0, failed: 1, skipped: 0, note: `not run: ${failure}`, milliseconds: 0 };
  }
  say(`\n▸ ${name}: ${suite.title}`);
  const began = performance.now();
  const { counts, status } = await suite.run();
  const settled = settleCounts(counts, { status, ci });
  const note = ci && counts && counts.skipped > 0 ? `${counts.skipped} skipped, which on CI is a failure` : "";
  return { name, ...settled, note, milliseconds: performance.now() - began };
}

/** @param {string[]} args */
export async function main(args) {
  const options = parseOptions(args, { only: { type: "string" }, help: { type: "boolean" } }, "npm test");
  if (options.help) {
    say(HELP);
    return 0;
  }
  const suites = selectSuites(options.only);
  stopOnSignals();
  await ensureInstalled();
  const ci = isCi(process.env);
  const builds = new Builds();
  const results = [];
  for (const suite of suites) results.push(await runSuite(suite, builds, ci));

  const total = addCounts(results);
  say(`\n${formatTable(results, formatDuration)}\n`);
  say(closingLine(total));
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}
