/**
 * The files that live cells need beside the site's own bundles: the sandbox's document, and each worker as one script
 * that loads nothing more, since a worker of an opaque origin could not. Made anew with every build; a worker's name
 * holds the hash of its content, so that a browser may keep it.
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InputOptions, rolldown } from "rolldown";
import { sandboxDocument } from "./document.js";

/** A worker to make. */
export interface WorkerSource {
  /** What its file's name begins with. */
  readonly name: string;
  /** The module it begins with. */
  readonly entry: string;
  /** What differs from one bundle to another: aliases, virtual modules. */
  readonly options?: Omit<InputOptions, "input">;
}

/**
 * Writes the files into a folder of their own.
 *
 * @returns the file names: `sandbox` and one for each worker's name
 */
export async function writeWorkers(
  folder: string,
  workers: readonly WorkerSource[],
): Promise<Readonly<Record<string, string>>> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "sandbox.html"), sandboxDocument);
  const names = await Promise.all(
    workers.map(async ({ name, entry, options }) => {
      const code = await bundleWorker(entry, options);
      const file = `${name}.${createHash("sha256").update(code).digest("hex").slice(0, 10)}.js`;
      await writeFile(join(folder, file), code);
      return [name, file] as const;
    }),
  );
  return { sandbox: "sandbox.html", ...Object.fromEntries(names) };
}

/** One classic script with everything in it. */
export async function bundleWorker(entry: string, options: WorkerSource["options"] = {}): Promise<string> {
  const bundle = await rolldown({ platform: "browser", ...options, input: entry, logLevel: "silent" });
  const { output } = await bundle.generate({ format: "iife", minify: true, codeSplitting: false });
  await bundle.close();
  const [first, ...others] = output;
  if (others.some((file) => file.type === "chunk")) throw new Error(`${entry} is more than one script`);
  return first.code;
}
