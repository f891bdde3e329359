/** The workers that live cells need; the plugin bundles each into one script. */
import { fileURLToPath } from "node:url";
import type { WorkerSource } from "./sandbox/workers.js";
import { gatherLibrary } from "./types/library.js";

/** Every worker. Their addresses are what `usePluginData("netfilter-lab-lessons").live` tells under their names. */
export function liveWorkers(): WorkerSource[] {
  return [{ name: "types", entry: inPackage("./types/worker"), options: { plugins: [cellLibrary(), withoutNode()] } }];
}

type RolldownPlugin = Extract<NonNullable<NonNullable<WorkerSource["options"]>["plugins"]>, { name: string }>;

/** The declarations that the language-service worker holds. */
function cellLibrary(): RolldownPlugin {
  const id = "virtual:cell-library";
  return {
    name: "cell-library",
    resolveId: (source) => (source === id ? `\0${id}` : null),
    // A text that is parsed when it is needed costs less to load than an object written out.
    load: (loaded) =>
      loaded === `\0${id}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(gatherLibrary()))});` : null,
  };
}

/** TypeScript asks for Node's modules where there is a Node. */
function withoutNode(): RolldownPlugin {
  const nothing = "\0nothing";
  return {
    name: "without-node",
    resolveId: (source) => (/^(node:)?(crypto|fs|inspector|os|path|perf_hooks)$/.test(source) ? nothing : null),
    load: (id) => (id === nothing ? "export default undefined;" : null),
  };
}

/** A module of this package: JavaScript where it is built, TypeScript where it is tested. */
function inPackage(path: string): string {
  return fileURLToPath(new URL(`${path}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
}
