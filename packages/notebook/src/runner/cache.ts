/**
 * Remembers which notebooks were found right, by a hash of all that decides it: the notebook's file, helper files
 * beside it, the kernel and checker, the built engine and lab, and Node's version. On CI nothing is remembered.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { tslabVersion } from "../kernel/tslab.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));

/** The built files a cell's outputs may depend on. */
const builtFolders = ["packages/engine/dist", "packages/lab/dist", "packages/notebook/dist"];

/** Hashes of notebooks that were found right. */
export class VerifiedNotebooks {
  readonly #file: string;
  readonly #enabled: boolean;
  readonly #environment: string;
  #hashes: Record<string, string>;

  /**
   * @param file where hashes are kept
   * @param enabled false to remember and recall nothing
   */
  constructor(file: string = join(repository, ".cache", "lessons.json"), enabled = true) {
    this.#file = file;
    this.#enabled = enabled;
    this.#environment = enabled ? environmentHash() : "";
    this.#hashes = {};
    if (!enabled || !existsSync(file)) return;
    try {
      this.#hashes = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
    } catch {
      // A damaged cache is an empty one.
    }
  }

  /** True if this very text was found right in this very environment. */
  has(path: string, text: string): boolean {
    return this.#enabled && this.#hashes[resolve(path)] === this.#hash(path, text);
  }

  /** Notes that the notebook was found right. */
  add(path: string, text: string): void {
    if (!this.#enabled) return;
    this.#hashes[resolve(path)] = this.#hash(path, text);
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, `${JSON.stringify(this.#hashes, null, 1)}\n`);
  }

  #hash(path: string, text: string): string {
    const hash = createHash("sha256").update(this.#environment).update(text);
    const folder = dirname(resolve(path));
    for (const name of readdirSync(folder).sort()) {
      if (/\.(ts|js|mjs|cjs|json)$/.test(name)) hash.update(name).update(readFileSync(join(folder, name)));
    }
    return hash.digest("hex");
  }
}

function environmentHash(): string {
  const hash = createHash("sha256").update(`${process.version} ${tslabVersion()} ${ts.version}`);
  for (const folder of builtFolders) {
    const path = join(repository, folder);
    if (!existsSync(path)) continue;
    for (const name of (readdirSync(path, { recursive: true }) as string[]).sort()) {
      if (/\.(js|d\.ts)$/.test(name)) hash.update(name).update(readFileSync(join(path, name)));
    }
  }
  return hash.digest("hex");
}
