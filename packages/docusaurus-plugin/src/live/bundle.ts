/**
 * What runs in the page's worker, bundled when the site is built: the worker itself, the modules cells may import, and
 * the compiler for cells that were changed; the page around the frame that the worker lives in; the worker of the
 * editor's types; and the site's service worker. Plain files beside the site's own, which a page fetches when it needs
 * them.
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type OutputChunk, type OutputOptions, rolldown } from "rolldown";
import { gatherLibrary } from "../types/library.js";
import { firstPart, type ProgramPlan } from "./program.js";
import type { LiveParts, ProgramPart } from "./runner.js";
import { sandboxDocument } from "./sandbox-document.js";

/** A package that cells may import. */
export interface CellModule {
  readonly name: string;
  /** The names of it that come with a page's first Run. The whole of it is loaded for a cell that imports others. */
  readonly first?: readonly string[];
}

/** What a page's cells import. */
export interface CellModules {
  readonly modules: readonly CellModule[];
  /**
   * A module that loads what else the packages import dynamically: `prepareFor(source)` what a cell seems to need
   * before it runs, `prepareAll()` everything.
   */
  readonly prepare?: string;
}

/** The program that cells import, bundled in parts. */
export interface BundledProgram {
  readonly plan: ProgramPlan;
  /** The parts' texts by name. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Bundles everything into a folder.
 *
 * @param folder emptied first
 * @param siteDir where packages are resolved from
 * @returns the files' names
 */
export async function bundleParts(folder: string, cells: CellModules, siteDir: string): Promise<LiveParts> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const worker = fileURLToPath(new URL("./worker-main.js", import.meta.url));
  const compiler = fileURLToPath(new URL("./compiler.js", import.meta.url));
  const names = cells.modules.map(({ name }) => name);
  const library = JSON.stringify(JSON.stringify(gatherLibrary(names, siteDir)));
  const { plan, texts } = await bundleProgram(cells, siteDir);
  const first = new Set([firstPart, ...(plan.parts[firstPart] ?? [])]);
  const program: ProgramPart[] = [];
  for (const [name, text] of texts) {
    const isFirst = first.has(name);
    program.push({ name, address: await write(folder, isFirst ? "first" : "part", text), isFirst });
  }
  return {
    worker: await write(folder, "worker", `var pageProgram = ${JSON.stringify(plan)};\n${await bundle(worker)}`),
    compiler: await write(
      folder,
      "compiler",
      await bundle(compiler, 'export { compileCell } from "@netfilter-lab/notebook/live/compile";'),
    ),
    program: program.sort((a, b) => Number(b.isFirst) - Number(a.isFirst)),
    sandbox: await write(folder, "sandbox", sandboxDocument, "html"),
    types: await write(
      folder,
      "types",
      // A text that is parsed when it is needed costs less to load than an object written out.
      `var cellLibrary = ${library};\n${await bundle(fileURLToPath(new URL("../types/worker.js", import.meta.url)))}`,
    ),
  };
}

/**
 * Bundles what cells import, in parts: what a first Run needs, the whole, and whatever the packages import dynamically.
 */
export async function bundleProgram({ modules, prepare }: CellModules, siteDir: string): Promise<BundledProgram> {
  const object = (entries: readonly string[]): string => `export const modules = { ${entries.join(", ")} };`;
  const first = modules.map(({ name, first = [] }, index) => ({
    name: JSON.stringify(name),
    names: first.map((each) => ({ each, local: `m${index}_${each}` })),
  }));
  const entries = {
    first: [
      ...first.map(
        ({ name, names }) =>
          `import { ${names.map(({ each, local }) => `${each} as ${local}`).join(", ")} } from ${name};`,
      ),
      object(
        first.map(
          ({ name, names }) => `${name}: { ${names.map(({ each, local }) => `${each}: ${local}`).join(", ")} }`,
        ),
      ),
      prepare === undefined ? "" : `export { prepareAll, prepareFor } from ${JSON.stringify(prepare)};`,
    ],
    whole: [
      ...modules.map(({ name }, index) => `import * as m${index} from ${JSON.stringify(name)};`),
      object(modules.map(({ name }, index) => `${JSON.stringify(name)}: m${index}`)),
    ],
  };
  const texts = new Map(
    Object.entries(entries).map(([name, lines]) => [join(siteDir, `cells-${name}.js`), lines.join("\n")]),
  );
  const input = Object.fromEntries(Object.keys(entries).map((name) => [name, join(siteDir, `cells-${name}.js`)]));
  const output = await build(input, texts, { format: "cjs", entryFileNames: "[name].js", chunkFileNames: "[name].js" });
  const imports = new Map(output.map(({ fileName, imports }) => [fileName, imports]));
  const neededBy = (part: string, found = new Set<string>()): Set<string> => {
    for (const each of imports.get(part) ?? []) {
      if (found.has(each)) continue;
      found.add(each);
      neededBy(each, found);
    }
    return found;
  };
  for (const part of imports.keys()) if (neededBy(part).has(part)) throw new Error(`the part ${part} needs itself`);
  const parts = output.map(
    ({ fileName }) => [`./${fileName}`, [...neededBy(fileName)].map((each) => `./${each}`)] as const,
  );
  return {
    plan: { modules: modules.map(({ name }) => name), parts: Object.fromEntries(parts) },
    texts: new Map(output.map(({ fileName, code }) => [`./${fileName}`, code])),
  };
}

/** Bundles the site's service worker; `offlineSite` is yet to be put in front of it. */
export async function bundleServiceWorker(file: string): Promise<void> {
  await writeFile(file, await bundle(fileURLToPath(new URL("../offline/service-worker.js", import.meta.url))));
}

/**
 * One script that leaves what the entry exports in the variable `part`.
 *
 * @param input the entry's path; with a text, only the place from which the text's imports are resolved
 */
async function bundle(input: string, text?: string): Promise<string> {
  const texts = new Map(text === undefined ? [] : [[input, text]]);
  const [chunk, ...others] = await build(input, texts, { format: "iife", name: "part", codeSplitting: false });
  if (chunk === undefined || others.length > 0) throw new Error(`bundling ${input} gave more than one file`);
  return chunk.code;
}

/** Bundles for a page. Where an entry has a text, that is taken for what the file contains. */
async function build(
  input: string | Record<string, string>,
  texts: ReadonlyMap<string, string>,
  options: OutputOptions,
): Promise<OutputChunk[]> {
  const bundling = await rolldown({
    input,
    platform: "browser",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (texts.has(id) ? id : null),
        load: (id) => texts.get(id) ?? null,
      },
      {
        // A notebook's output carries the packet view's script; a page has the view itself and runs nobody's.
        name: "without-packet-view",
        load: (id) => (/[\\/]packet-view[\\/]script\.js$/.test(id) ? 'export const PACKET_VIEW_SCRIPT = "";' : null),
      },
      {
        // TypeScript asks for Node's modules where there is a Node.
        name: "without-node",
        resolveId: (id, importer) => (importer?.includes("typescript") === true && isBuiltin(id) ? withoutNode : null),
        load: (id) => (id === withoutNode ? "export default undefined;" : null),
      },
    ],
    onLog: (level, log) => {
      if (level === "warn") throw new Error(`bundling ${JSON.stringify(input)}: ${log.message}`);
    },
  });
  const { output } = await bundling.generate({ ...options, minify: true });
  await bundling.close();
  return output.filter((file) => file.type === "chunk");
}

const withoutNode = "\0without-node";

async function write(folder: string, name: string, code: string, type: "js" | "html" = "js"): Promise<string> {
  const digest = createHash("sha256").update(code).digest("hex").slice(0, 8);
  const file = `${name}.${digest}.${type}`;
  await writeFile(join(folder, file), code);
  return file;
}
