/** Bundles as a program of its own: Docusaurus loads plugins in a way that a bundler cannot be loaded in. */
import { join } from "node:path";
import { bundleParts, bundleServiceWorker } from "./bundle.js";

const [folder, siteDir, ...modules] = process.argv.slice(2);
if (folder === undefined || siteDir === undefined) throw new Error("usage: bundle-main FOLDER SITE_DIR MODULE...");
await bundleServiceWorker(join(folder, "sw.js"));
process.stdout.write(JSON.stringify(await bundleParts(join(folder, "live"), modules, siteDir)));
