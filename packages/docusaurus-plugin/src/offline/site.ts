/**
 * What the service worker keeps from the first visit on: every page but those of folders that are left out, and what
 * runs cells. The pages' scripts, pictures and fonts are kept as a page loads them, which is also ahead of time for the
 * pages it links to.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a built site's service worker knows of it. */
export interface OfflineSite {
  /** Another one for each build that differs in what is kept. */
  readonly version: string;
  /** Addresses below the worker's own, without a leading slash. */
  readonly kept: readonly string[];
  /** The address of the list of lessons, likewise. */
  readonly start: string;
}

/** What a site keeps. */
export interface OfflineOptions {
  /** Folders whose pages are kept only once they were visited. */
  readonly without: readonly string[];
  /** Files to keep beside the pages. */
  readonly parts: readonly string[];
  readonly start: string;
}

/** The list for a site built into a folder. */
export async function offlineSite(build: string, { without, parts, start }: OfflineOptions): Promise<OfflineSite> {
  const entries = await readdir(build, { recursive: true });
  const pages = entries
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path === "index.html" || path.endsWith("/index.html"))
    .filter((path) => !without.some((folder) => path.startsWith(`${folder}/`)))
    .sort();
  const hash = createHash("sha256");
  for (const path of [...pages, ...parts]) {
    hash.update(`${path}\0`);
    hash.update(await readFile(join(build, path)));
  }
  return {
    version: hash.digest("hex").slice(0, 16),
    kept: [...pages.map((path) => path.slice(0, -"index.html".length)), ...parts],
    start,
  };
}
