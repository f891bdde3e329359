/**
 * The set-up step: `npm ci` where what is installed is not what package-lock.json asks for. npm writes its own record
 * (node_modules/.package-lock.json) last; comparing the two tells a finished installation, whoever made it, and a
 * marker of ours tells one that was cut short.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runNpm } from "./child.mjs";
import { say, withProgress } from "./progress.mjs";
import { CACHE, ROOT } from "./repository.mjs";
import { ScriptError } from "./script-error.mjs";

/**
 * @typedef {{ version?: string, integrity?: string, link?: boolean, resolved?: string, optional?: boolean,
 *   devOptional?: boolean, peer?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile
 */

/**
 * Why an installation does not serve, in words for a person; undefined where it does.
 * @param {Lockfile} wanted package-lock.json
 * @param {Lockfile | undefined} installed node_modules/.package-lock.json
 * @returns {string | undefined}
 */
export function installProblem(wanted, installed) {
  if (!installed) return "nothing is installed yet";
  for (const [place, locked] of Object.entries(wanted.packages ?? {})) {
    // Workspaces themselves are folders of the checkout; their links below node_modules are compared.
    if (!place.includes("node_modules/")) continue;
    const found = installed.packages?.[place];
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    if (!found) {
      if (locked.optional) continue; // made for another system
      return `${name} is missing`;
    }
    if (found.version !== locked.version || found.integrity !== locked.integrity || found.link !== locked.link) {
      return `${name} is another version`;
    }
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {Lockfile | undefined}
 */
function readLockfile(file) {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // cut short while it was written
  }
}

/**
 * Installs the project's packages where they are not there as locked.
 * @param {string} [root]
 */
export async function ensureInstalled(root = ROOT) {
  const unfinished = path.join(CACHE, "installing");
  const wanted = readLockfile(path.join(root, "package-lock.json"));
  if (!wanted) throw new ScriptError("package-lock.json is missing or unreadable: is this a whole checkout?");
  const problem = existsSync(unfinished)
    ? "an earlier installation was cut short"
    : installProblem(wanted, readLockfile(path.join(root, "node_modules", ".package-lock.json")));
  if (!problem) return;

  const count = Object.keys(wanted.packages ?? {}).length;
  say(`Packages: ${problem}. Everything goes into node_modules, inside this folder.`);
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(unfinished, "");
  await withProgress(`Installing about ${count} packages with npm ci`, async () => {
    const { status } = await runNpm(["ci", "--no-audit", "--no-fund"]);
    if (status !== 0) {
      throw new ScriptError("npm ci failed: see its message above. Run the same command again to go on from here.");
    }
  });
  rmSync(unfinished);
}
