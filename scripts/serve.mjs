/**
 * A static server for the built site, on this machine only: GET and HEAD, folders by their index.html, the site's own
 * 404 page, and revalidation by ETag. It reads no file outside the folder it serves.
 */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";

/** @type {Record<string, string>} */
const CONTENT_TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".ipynb": "application/x-ipynb+json",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".pcap": "application/vnd.tcpdump.pcap",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".xml": "application/xml; charset=utf-8",
};

/**
 * The file that answers a path, if there is one: the file itself, a folder's index.html, or the path with `.html`.
 * @param {string} folder real path of the folder served
 * @param {string} pathname decoded, beginning with "/"
 * @returns {Promise<{ file: string, size: number, modified: number } | { redirect: string } | undefined>}
 */
async function findFile(folder, pathname) {
  const base = path.join(folder, pathname);
  for (const candidate of [base, path.join(base, "index.html"), `${base.replace(/[/\\]$/, "")}.html`]) {
    let real;
    try {
      real = await realpath(candidate);
    } catch {
      continue;
    }
    if (real !== folder && !real.startsWith(folder + path.sep)) return undefined;
    const stats = await stat(real);
    if (!stats.isFile()) continue;
    // A page's relative links count from its folder, so the folder's address ends in a slash.
    if (candidate.endsWith(`${path.sep}index.html`) && candidate !== base && !pathname.endsWith("/")) {
      return { redirect: `${encodeURI(pathname.replace(/^\/+/, "/"))}/` };
    }
    return { file: real, size: stats.size, modified: stats.mtimeMs };
  }
  return undefined;
}

/**
 * A server for a folder, not listening yet: give it to listenOnFreePort().
 * @param {string} folder
 * @returns {Promise<import("node:http").Server>}
 */
export async function createStaticServer(folder) {
  const root = await realpath(folder);
  return createServer((request, response) => {
    answer(root, request, response).catch(() => {
      // The browser went away, or the file vanished while it was read.
      response.destroy();
    });
  });
}

/**
 * @param {string} root
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(root, request, response) {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const query = mark < 0 ? "" : target.slice(mark);
  let pathname;
  try {
    pathname = decodeURIComponent(mark < 0 ? target : target.slice(0, mark));
  } catch {
    pathname = "";
  }
  if (!pathname.startsWith("/") || pathname.includes("\0")) {
    response.writeHead(400).end();
    return;
  }

  const found = await findFile(root, pathname);
  if (found && "redirect" in found) {
    response.writeHead(301, { location: found.redirect + query }).end();
    return;
  }
  const served = found ?? (await findFile(root, "/404.html"));
  if (!served || "redirect" in served) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found\n");
    return;
  }
  const etag = `"${served.size.toString(36)}-${Math.round(served.modified).toString(36)}"`;
  if (found && request.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag }).end();
    return;
  }
  response.writeHead(found ? 200 : 404, {
    "content-type": CONTENT_TYPES[path.extname(served.file).toLowerCase()] ?? "application/octet-stream",
    "content-length": served.size,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    etag,
  });
  if (request.method === "HEAD") response.end();
  else await pipeline(createReadStream(served.file), response);
}
