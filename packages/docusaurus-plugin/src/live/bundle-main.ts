/** Bundles as a program of its own: Docusaurus loads plugins in a way that a bundler cannot be loaded in. */
import { join } from "node:path";
import { bundleParts, bundleServiceWorker, type CellModules } from "./bundle.js";

const [folder, siteDir, cells] = process.argv.slice(2);
if (folder === undefined || siteDir === undefined || cells === undefined)
  throw new Error("usage: bundle-main FOLDER SITE_DIR CELL_MODULES, the last as JSON");
await bundleServiceWorker(join(folder, "sw.js"));
process.stdout.write(
  JSON.stringify(await bundleParts(join(folder, "live"), JSON.parse(cells) as CellModules, siteDir)),
);
