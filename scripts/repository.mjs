/** Where things are in the checkout. Everything the scripts write lies inside it, in folders that git ignores. */
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout's top folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * An absolute path inside the checkout.
 * @param {string[]} segments
 */
export const inRepository = (...segments) => path.join(ROOT, ...segments);

/** What the scripts remember between runs: stamps, logs, reports, Jupyter's own files. */
export const CACHE = inRepository(".cache");
