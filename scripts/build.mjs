/**
 * `npm run build`: packages (TypeScript's own incremental build), then the site, each only where its inputs changed.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { parseOptions } from "./arguments.mjs";
import { runNpm, runProgram, stopOnSignals } from "./child.mjs";
import { ensureInstalled } from "./install.mjs";
import { say, withProgress } from "./progress.mjs";
import { inRepository, ROOT } from "./repository.mjs";
import { ScriptError } from "./script-error.mjs";
import { hashInputs, Stamp } from "./stale.mjs";

const HELP = `npm run build [-- options]

Builds the packages and then the site, skipping what is up to date.

  --packages   only the packages
  --force      build even what is up to date
  --help       this text`;

/** The compiler by path: another package brings an older one to node_modules/.bin/tsc. */
export const TSC = inRepository("node_modules", "typescript", "bin", "tsc6");

/** What decides the packages' build, relative to the checkout. */
const PACKAGE_INPUTS = ["packages", "package-lock.json", "tsconfig.json", "tsconfig.base.json"];

/** What decides the site: the packages build it and run in it, the lessons are its text. */
// Pages tell of what was recorded and compared.
const SITE_INPUTS = [...PACKAGE_INPUTS, "website", "notebooks", "test/results", "test/recordings", "test/callgraph"];

/** What the site's build writes into its own folder. */
const SITE_OUTPUTS = ["website/build", "website/lessons", "website/api"];

/** Where the built site is. */
export const SITE = inRepository("website", "build");

/**
 * Runs a step unless its inputs are those of its last success and its outputs are there.
 * @param {{ name: string, title: string, inputs: string[], except?: string[], outputs: string[], force: boolean,
 *   run: (fromNothing: boolean) => Promise<void> }} step `fromNothing` tells run() that earlier output cannot be built upon
 */
async function buildStep({ name, title, inputs, except = [], outputs, force, run }) {
  const stamp = new Stamp(name);
  const hash = hashInputs(ROOT, inputs, except);
  if (!force && stamp.isFresh(hash, outputs)) {
    say(`▸ ${title}: up to date.`);
    return;
  }
  const fromNothing = force || !stamp.isRecorded(outputs);
  stamp.clear();
  await withProgress(title, () => run(fromNothing));
  stamp.record(hash);
}

/** @param {{ force?: boolean }} [options] */
export async function buildPackages({ force = false } = {}) {
  const folders = readdirSync(inRepository("packages")).sort();
  await buildStep({
    name: "packages",
    title: "Building the packages",
    inputs: PACKAGE_INPUTS,
    outputs: folders.map((folder) => inRepository("packages", folder, "dist", "index.js")),
    force,
    run: async (fromNothing) => {
      // tsc trusts its record of what it wrote; where we cannot, it is told to write everything.
      const { status } = await runProgram(process.execPath, [TSC, "-b", ...(fromNothing ? ["--force"] : [])]);
      if (status !== 0) throw new ScriptError("The packages do not compile: see the compiler's messages above.");
    },
  });
}

/** Needs built packages. @param {{ force?: boolean }} [options] */
export async function buildSite({ force = false } = {}) {
  await buildStep({
    name: "site",
    title: "Building the site (lessons, glossary, API pages)",
    inputs: SITE_INPUTS,
    except: SITE_OUTPUTS,
    outputs: [path.join(SITE, "index.html")],
    force,
    run: async () => {
      const { status, output } = await runNpm(["run", "build", "-w", "netfilter-lab-website"], { show: false });
      if (status === 0) return;
      process.stderr.write(output);
      throw new ScriptError("The site does not build: see its messages above.");
    },
  });
}

/** @param {string[]} args */
export async function main(args) {
  const options = parseOptions(
    args,
    { packages: { type: "boolean" }, force: { type: "boolean" }, help: { type: "boolean" } },
    "npm run build",
  );
  if (options.help) {
    say(HELP);
    return 0;
  }
  stopOnSignals();
  await ensureInstalled();
  await buildPackages({ force: options.force ?? false });
  if (!options.packages) await buildSite({ force: options.force ?? false });
  return 0;
}
