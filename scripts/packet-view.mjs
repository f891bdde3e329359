/**
 * `npm run packet-view`: bundles the packet view's element into the one script that a notebook's output carries, and
 * writes it as a module of the lab, so that the lab draws itself without a build step of its own. A test bundles again
 * and compares.
 */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { inRepository } from "./repository.mjs";

const folder = inRepository("packages", "lab", "src", "draw", "packet-view");

/** Where the script is kept. */
export const SCRIPT_MODULE = `${folder}/script.ts`;

/** The module's text, from the sources as they are. @returns {Promise<string>} */
export async function scriptModule() {
  const bundle = await rolldown({
    input: `${folder}/element/main.ts`,
    cwd: inRepository(),
    platform: "browser",
    logLevel: "silent",
    treeshake: { moduleSideEffects: false },
    resolve: {
      extensionAlias: { ".js": [".ts", ".js"] },
      alias: { "@netfilter-lab/engine": inRepository("packages", "engine", "src", "index.ts") },
    },
  });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  await bundle.close();
  const [{ code }] = output;
  // A page's parser would end the script there.
  if (/<\/script|<!--/i.test(code)) throw new Error("the script cannot stand inside of HTML");
  return [
    "/** The packet view's element as one script, made from `element/` by `npm run packet-view`; do not edit. */",
    `export const PACKET_VIEW_SCRIPT: string = ${JSON.stringify(code.trim())};`,
    "",
  ].join("\n");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(SCRIPT_MODULE, await scriptModule());
}
