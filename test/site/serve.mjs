/** The server that `npm start` uses, on a port of its own for the tests. */
import { createStaticServer } from "../../scripts/serve.mjs";

/**
 * Serves a folder on 127.0.0.1.
 *
 * @param {string} root the folder
 * @param {number} [port] 0 for a free one
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve(root, port = 0) {
  const server = await createStaticServer(root);
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve(undefined));
        server.closeAllConnections();
      }),
  };
}
