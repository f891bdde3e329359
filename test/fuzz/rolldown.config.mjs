/** Puts the command and its worker into one file each, from the sources: constants of other modules cost time else. */
import { fileURLToPath } from "node:url";

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const alias = {
  "@netfilter-lab/engine/parts": path("../../packages/engine/src/parts.ts"),
  "@netfilter-lab/engine": path("../../packages/engine/src/index.ts"),
  "netfilter-lab": path("../../packages/lab/src/index.ts"),
};

/** @param {string} entry */
const program = (entry) => ({
  input: path(`${entry}.ts`),
  platform: /** @type {const} */ ("node"),
  external: ["koffi"],
  resolve: { alias, extensionAlias: { ".js": [".ts", ".js"] } },
  output: { file: path(`dist/${entry}.mjs`), codeSplitting: false },
});

export default [program("main"), program("worker")];
