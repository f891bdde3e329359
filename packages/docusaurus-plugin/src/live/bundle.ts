/**
 * What runs in the page's worker, bundled when the site is built: the worker itself, the modules cells may import, and
 * the compiler for cells that were changed; the page around the frame that the worker lives in; the worker of the editor's
 * types; and the site's service worker. Plain files beside the site's own, which a page fetches when it needs them.
 */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { gatherLibrary } from "../types/library.js";
import type { LiveParts } from "./runner.js";
import { sandboxDocument } from "./sandbox-document.js";

/**
 * Bundles the parts into a folder.
 *
 * @param folder emptied first
 * @param modules names of packages that cells may import
 * @param siteDir where those packages are resolved from
 * @returns the files' names
 */
export async function bundleParts(folder: string, modules: readonly string[], siteDir: string): Promise<LiveParts> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const worker = fileURLToPath(new URL("./worker-main.js", import.meta.url));
  const compiler = fileURLToPath(new URL("./compiler.js", import.meta.url));
  const imports = modules.map((name, index) => `import * as m${index} from ${JSON.stringify(name)};`);
  const entries = modules.map((name, index) => `${JSON.stringify(name)}: m${index}`);
  const entry = join(siteDir, "cell-modules.js");
  const names = JSON.stringify(modules);
  const library = JSON.stringify(JSON.stringify(gatherLibrary(modules, siteDir)));
  return {
    worker: await write(folder, "worker", `var pageModules = ${names};\n${await bundle(worker)}`),
    compiler: await write(
      folder,
      "compiler",
      await bundle(compiler, 'export { compileCell } from "@netfilter-lab/notebook/live/compile";'),
    ),
    modules: await write(
      folder,
      "modules",
      await bundle(entry, `${imports.join("\n")}\nexport const modules = { ${entries.join(", ")} };`),
    ),
    sandbox: await write(folder, "sandbox", sandboxDocument, "html"),
    types: await write(
      folder,
      "types",
      // A text that is parsed when it is needed costs less to load than an object written out.
      `var cellLibrary = ${library};\n${await bundle(fileURLToPath(new URL("../types/worker.js", import.meta.url)))}`,
    ),
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
  const build = await rolldown({
    input,
    platform: "browser",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (text !== undefined && id === input ? id : null),
        load: (id) => (text !== undefined && id === input ? text : null),
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
      if (level === "warn") throw new Error(`bundling ${input}: ${log.message}`);
    },
  });
  const { output } = await build.generate({ format: "iife", name: "part", minify: true, codeSplitting: false });
  await build.close();
  const [chunk, ...others] = output;
  if (others.length > 0) throw new Error(`bundling ${input} gave more than one file`);
  return chunk.code;
}

const withoutNode = "\0without-node";

async function write(folder: string, name: string, code: string, type: "js" | "html" = "js"): Promise<string> {
  const digest = createHash("sha256").update(code).digest("hex").slice(0, 8);
  const file = `${name}.${digest}.${type}`;
  await writeFile(join(folder, file), code);
  return file;
}
