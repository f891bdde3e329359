/**
 * A static file server for the built site: directories answer with their index.html, unknown paths with 404.html.
 * Listens on 127.0.0.1 only.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const types = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".ipynb": "application/x-ipynb+json",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
};

/**
 * Serves a folder.
 *
 * @param {string} root the folder
 * @param {number} [port] 0 for a free one
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve(root, port = 0) {
  const server = createServer((request, response) => {
    void answer(root, new URL(request.url ?? "/", "http://localhost").pathname, response);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(root, path, response) {
  const file = await fileAt(join(root, normalize(decodeURIComponent(path))));
  const shown = file ?? join(root, "404.html");
  response.writeHead(file === undefined ? 404 : 200, {
    "content-type": types[extname(shown)] ?? "application/octet-stream",
  });
  createReadStream(shown).pipe(response);
}

async function fileAt(path) {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  return found?.isDirectory() ? fileAt(join(path, "index.html")) : undefined;
}
