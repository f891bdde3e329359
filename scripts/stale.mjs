/**
 * What is stale: a build step runs again only where the content of its inputs has changed since it last succeeded, or
 * its output is gone. Contents are hashed, so a fresh checkout's dates and a touched file mean nothing.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE } from "./repository.mjs";

/** Folders that hold no input: installed, built or remembered things. */
const NOT_INPUTS = new Set(["node_modules", "dist", ".cache", ".docusaurus", ".ipynb_checkpoints", ".git"]);

/**
 * A hash of the files' paths and contents. Folders are walked; what does not exist counts as absent, so that a file
 * that appears or vanishes changes the hash.
 * @param {string} root paths are told relative to it, so that two checkouts agree
 * @param {string[]} inputs files and folders, relative to root
 * @param {string[]} [except] files and folders below the inputs that are outputs
 */
export function hashInputs(root, inputs, except = []) {
  const hash = createHash("sha256");
  const skip = new Set(except.map((name) => path.normalize(name)));
  /** @param {string} name */
  const add = (name) => {
    if (skip.has(name)) return;
    const stats = statSync(path.join(root, name), { throwIfNoEntry: false });
    if (stats?.isDirectory()) {
      for (const child of readdirSync(path.join(root, name)).sort()) {
        if (!NOT_INPUTS.has(child) && !child.endsWith(".tsbuildinfo")) add(path.join(name, child));
      }
      return;
    }
    const content = stats
      ? createHash("sha256")
          .update(readFileSync(path.join(root, name)))
          .digest("hex")
      : "absent";
    hash.update(`${name.split(path.sep).join("/")}\0${content}\0`);
  };
  for (const input of [...inputs].sort()) add(path.normalize(input));
  return hash.digest("hex");
}

/**
 * Remembers with which inputs a step last succeeded. While the step runs nothing is remembered, so an interrupted step
 * is stale.
 */
export class Stamp {
  /** @type {string} */
  #file;

  /**
   * @param {string} name the step
   * @param {string} [folder]
   */
  constructor(name, folder = path.join(CACHE, "stamps")) {
    this.#file = path.join(folder, name);
  }

  /**
   * @param {string} hash of the inputs as they are now
   * @param {string[]} outputs absolute paths that the step makes
   */
  isFresh(hash, outputs) {
    return this.isRecorded(outputs) && readFileSync(this.#file, "utf8") === hash;
  }

  /**
   * Whether the step succeeded once, with whatever inputs, and its outputs are still there.
   * @param {string[]} outputs absolute paths that the step makes
   */
  isRecorded(outputs) {
    return existsSync(this.#file) && outputs.every((output) => existsSync(output));
  }

  /** The step begins: until record() it counts as never having run. */
  clear() {
    rmSync(this.#file, { force: true });
  }

  /**
   * The step succeeded.
   * @param {string} hash of the inputs as they were when it began
   */
  record(hash) {
    mkdirSync(path.dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, hash);
  }
}
