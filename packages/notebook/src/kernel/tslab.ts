/**
 * The parts of tslab 1.0.22 the kernel is built on, and the few settings of its compiler that have to differ. tslab has
 * no programming interface; this file alone knows its internals, and the kernel's tests notice when they change.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import type * as Converter from "tslab/dist/converter.js";
import type * as Executor from "tslab/dist/executor.js";
import type * as Jupyter from "tslab/dist/jupyter.js";
import type ts from "typescript";

/** tslab's modules and its own TypeScript, loaded and adjusted. */
export interface Tslab {
  readonly converter: typeof Converter;
  readonly executor: typeof Executor;
  readonly jupyter: typeof Jupyter;
  /** tslab's TypeScript 5.0: the same shape as ours as far as it is used here. */
  readonly ts: typeof ts;
  /** The source maps of the code `convert` returned last, outermost first; taking them clears them. */
  readonly takeSourceMaps: () => readonly string[];
}

/** The library cells may use: what Node 20 has and tslab's TypeScript knows. */
export const cellLibrary = "es2023";

/** The declarations of what the kernel adds to every cell. */
export const cellGlobalsFile: string = fileURLToPath(new URL("../../cell-globals.d.ts", import.meta.url));

interface CompilerOptions {
  [option: string]: unknown;
}

let loaded: Tslab | undefined;

/**
 * Loads tslab. Its TypeScript is replaced in the module cache by a copy with two functions wrapped: the one that makes
 * the compiler host (a newer library, only Node's ambient types, source maps) and the one that turns modules into
 * CommonJS (source maps again).
 */
export function loadTslab(): Tslab {
  if (loaded !== undefined) return loaded;
  const require = createRequire(import.meta.url);
  const requireTslab = createRequire(require.resolve("tslab/dist/converter.js"));
  const compilerPath = requireTslab.resolve("@tslab/typescript-for-tslab");
  const compiler = requireTslab(compilerPath) as Record<string, unknown>;
  let maps: string[] = [];

  const createWatchCompilerHost = compiler["createWatchCompilerHost"] as (...args: unknown[]) => unknown;
  const transpileModule = compiler["transpileModule"] as (
    input: string,
    options: { compilerOptions: CompilerOptions },
  ) => { outputText: string; sourceMapText?: string };

  const adjusted: Record<string, unknown> = {
    ...compiler,
    createWatchCompilerHost: (files: readonly string[], options: CompilerOptions, ...rest: unknown[]) =>
      createWatchCompilerHost(
        [...files, cellGlobalsFile],
        { ...options, lib: [`lib.${cellLibrary}.d.ts`], types: ["node"], inlineSourceMap: true },
        ...rest,
      ),
    transpileModule: (input: string, options: { compilerOptions: CompilerOptions }) => {
      const [code, inner] = splitInlineMap(input);
      const result = transpileModule(code, {
        ...options,
        compilerOptions: { ...options.compilerOptions, sourceMap: true },
      });
      const [outputText] = splitInlineMap(result.outputText);
      maps = [result.sourceMapText, inner].filter((map) => map !== undefined);
      return { ...result, outputText };
    },
  };
  const cached = requireTslab.cache[compilerPath];
  if (cached === undefined) throw new Error("tslab's TypeScript is not in the module cache");
  cached.exports = adjusted;

  // Node would put the failing line of the *compiled* cell before the stack of an error thrown in it.
  const runInThisContext = vm.runInThisContext;
  vm.runInThisContext = (code, options) =>
    runInThisContext(code, typeof options === "string" ? options : { ...options, displayErrors: false });

  loaded = {
    converter: require("tslab/dist/converter.js") as typeof Converter,
    executor: require("tslab/dist/executor.js") as typeof Executor,
    jupyter: require("tslab/dist/jupyter.js") as typeof Jupyter,
    ts: compiler as unknown as typeof ts,
    takeSourceMaps: () => {
      const taken = maps;
      maps = [];
      return taken;
    },
  };
  return loaded;
}

/** Code without its trailing `sourceMappingURL`, and the map's JSON if the URL holds it. */
function splitInlineMap(code: string): [code: string, map: string | undefined] {
  const at = code.lastIndexOf("//# sourceMappingURL=");
  if (at < 0 || code.slice(at).trimEnd().includes("\n")) return [code, undefined];
  const encoded = /base64,(\S+)/.exec(code.slice(at))?.[1];
  return [code.slice(0, at), encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8")];
}

/** The version of tslab, for the kernel's banner and the runner's cache. */
export function tslabVersion(): string {
  const path = createRequire(import.meta.url).resolve("tslab/package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
