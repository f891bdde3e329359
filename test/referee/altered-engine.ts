/**
 * A copy of the built packages in which lines of the engine are changed: to break it, or to watch it. Nothing of the
 * project's own build is touched.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One change to a built file. */
export interface Change {
  /** Below packages/engine/dist. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly from: string;
  readonly to: string;
}

/** An altered copy of the packages below `root`, in a folder `packages`, which the caller removes. */
export function alterEngine(
  root: string,
  changes: readonly Change[],
): { readonly packages: string; readonly remove: () => void } {
  const copy = mkdtempSync(join(tmpdir(), "netfilter-lab-altered-"));
  const packages = join(copy, "packages");
  for (const part of ["engine/package.json", "engine/dist", "lab/package.json", "lab/dist", "lab/bin"])
    cpSync(join(root, "packages", part), join(packages, part), { recursive: true });
  mkdirSync(join(copy, "node_modules/@netfilter-lab"), { recursive: true });
  symlinkSync(join(packages, "engine"), join(copy, "node_modules/@netfilter-lab/engine"));
  for (const { file, from, to } of changes) {
    const path = join(packages, "engine/dist", file);
    const parts = readFileSync(path, "utf8").split(from);
    if (parts.length !== 2) throw new Error(`${file} has ${from} ${parts.length - 1} times, not once`);
    writeFileSync(path, parts.join(to));
  }
  return { packages, remove: () => rmSync(copy, { recursive: true }) };
}
