/**
 * Fetches ahead what the links in sight lead to: a page's chunks when nothing else is to do, each chunk once.
 * Docusaurus's own way asks for all the links of a screen in one go, looks through every route for each, and makes an
 * element for chunks that it has asked for before: 242 of them on a lesson that needed 23.
 */
import routes from "@generated/routes";
import routesChunkNames from "@generated/routesChunkNames";
import { isSlow, savesData } from "@netfilter-lab/docusaurus-plugin/connection";
import { matchRoutes } from "react-router-config";

type ChunkNames = string | { readonly [part: string]: ChunkNames };

/** Docusaurus's own addition to the bundler's runtime: a chunk's address by its name. */
declare const __webpack_require__: { gca(chunkName: string): string };

const waiting: string[] = [];
const asked = new Set<string>();
let chunksOf: Map<string, readonly string[]> | undefined;

/** Asks for the chunks of the page at a path; false where readers asked for less data, or have a slow network. */
export function fetchAhead(path: string): false | Promise<void[]> {
  if (savesData() || isSlow()) return false;
  if (waiting.push(path) === 1) whenIdle(fetchNext);
  return Promise.resolve([]);
}

function fetchNext(): void {
  const path = waiting[0];
  if (path === undefined) return;
  chunksOf ??= namesByPath();
  for (const { route } of matchRoutes(routes, path)) {
    for (const name of chunksOf.get(String(route.path)) ?? []) {
      if (asked.has(name)) continue;
      asked.add(name);
      const address = __webpack_require__.gca(name);
      // A chunk that was merged into another has no address of its own.
      if (address.includes("undefined")) continue;
      document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", href: address }));
    }
  }
  waiting.shift();
  if (waiting.length > 0) whenIdle(fetchNext);
}

/** Safari has no idle callbacks. */
function whenIdle(work: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(work);
  else setTimeout(work, 200);
}

function namesByPath(): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>();
  for (const [key, chunks] of Object.entries(routesChunkNames as { readonly [key: string]: ChunkNames })) {
    // "/a/path/-hash": routes of one path are parts of one page.
    const path = key.slice(0, key.lastIndexOf("-"));
    known.set(path, [...(known.get(path) ?? []), ...flat(chunks)]);
  }
  return known;
}

function flat(names: ChunkNames): readonly string[] {
  return typeof names === "string" ? [names] : Object.values(names).flatMap(flat);
}
