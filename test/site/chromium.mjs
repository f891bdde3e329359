/** Where the browser is that the site's tests and measurements use, and the site that they look at. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** The folder of the built site. */
export const site = `${root}website/build`;

/**
 * Ends the run with its closing line.
 * @param {string} reason
 * @returns {never}
 */
export function refuse(reason) {
  console.log(`${reason}\n0 passed, 1 failed`);
  process.exit(1);
}

/** Chromium's path, once the site is known to be built; ends the run where either is missing. */
export function findChromium() {
  const chromium =
    process.env["CHROMIUM"] ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
  if (chromium === undefined || !existsSync(chromium)) {
    refuse("The site's tests need Chromium. On Debian: apt-get install chromium. Elsewhere: set CHROMIUM to its path.");
  }
  if (!existsSync(`${site}/index.html`)) refuse("The site is not built. Build it first: npm run build");
  return chromium;
}
