/** Puts the recorder, and the program that runs in the emulated machine, into one file each. */
import { fileURLToPath } from "node:url";

const engine = fileURLToPath(new URL("../../packages/engine/src/index.ts", import.meta.url));

/** @param {string} entry */
const program = (entry) => ({
  input: fileURLToPath(new URL(`${entry}.ts`, import.meta.url)),
  platform: /** @type {const} */ ("node"),
  external: ["koffi"],
  resolve: { alias: { "@netfilter-lab/engine": engine }, extensionAlias: { ".js": [".ts", ".js"] } },
  output: { file: fileURLToPath(new URL(`dist/${entry}.mjs`, import.meta.url)) },
});

export default [program("record"), program("guest")];
