/** Ports: the one asked for, or the next free one. */
import { createServer } from "node:net";
import { ScriptError } from "./script-error.mjs";

/** How many ports after the wanted one are tried. */
const TRIES = 50;

/** Only this machine sees what we serve. */
export const HOST = "127.0.0.1";

/**
 * Makes a server listen on this machine's port, or the next one that is free.
 * @param {import("node:net").Server} server
 * @param {number} wanted
 * @returns {Promise<number>} the port it listens on
 */
export async function listenOnFreePort(server, wanted) {
  for (let port = wanted; port < wanted + TRIES && port <= 65535; port++) {
    if (await listen(server, port)) return port;
  }
  throw new ScriptError(`No free port from ${wanted} on: choose another with --port.`);
}

/**
 * A port that is free now, for a program that opens it itself.
 * @param {number} wanted
 */
export async function findFreePort(wanted) {
  const probe = createServer();
  const port = await listenOnFreePort(probe, wanted);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/**
 * @param {import("node:net").Server} server
 * @param {number} port
 * @returns {Promise<boolean>} false where someone else has the port, or it is not for us
 */
function listen(server, port) {
  return new Promise((resolve, reject) => {
    /** @param {NodeJS.ErrnoException} error */
    const failed = (error) => {
      server.off("listening", succeeded);
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(error);
    };
    const succeeded = () => {
      server.off("error", failed);
      resolve(true);
    };
    server.once("error", failed);
    server.once("listening", succeeded);
    server.listen({ host: HOST, port, exclusive: true });
  });
}
