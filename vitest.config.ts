import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Packages are tested from their source, so that a unit test needs no build and sees the change just made. */
const source = (folder: string): string => fileURLToPath(new URL(`./packages/${folder}/src/index.ts`, import.meta.url));

const live = (file: string): string =>
  fileURLToPath(new URL(`./packages/notebook/src/live/${file}.ts`, import.meta.url));

const alias = [
  { find: /^@netfilter-lab\/notebook\/live$/, replacement: live("index") },
  { find: /^@netfilter-lab\/notebook\/live\/compile$/, replacement: live("compile") },
  { find: /^@netfilter-lab\/engine$/, replacement: source("engine") },
  {
    find: /^@netfilter-lab\/engine\/parts$/,
    replacement: fileURLToPath(new URL("./packages/engine/src/parts.ts", import.meta.url)),
  },
  { find: /^netfilter-lab$/, replacement: source("lab") },
  {
    find: /^@netfilter-lab\/notebook\/cells$/,
    replacement: fileURLToPath(new URL("./packages/notebook/src/checker/cells.ts", import.meta.url)),
  },
  { find: /^@netfilter-lab\/notebook$/, replacement: source("notebook") },
  {
    find: /^@netfilter-lab\/notebook\/kernel-record$/,
    replacement: fileURLToPath(new URL("./packages/notebook/src/runner/kernel-record.ts", import.meta.url)),
  },
  { find: /^@netfilter-lab\/docusaurus-plugin$/, replacement: source("docusaurus-plugin") },
];

export default defineConfig({
  resolve: { alias },
  test: {
    // Two projects: `unit` runs anywhere; `kernel` asks the machine's own Linux and needs root and its tools.
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/{src,test}/**/*.test.ts", "website/src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "test/site/**", "test/kernel/**"],
        },
      },
      {
        extends: true,
        test: {
          name: "kernel",
          include: ["test/kernel/**/*.test.ts"],
          // One kernel, two cores: namespaces of several files at once would only slow each other down.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
