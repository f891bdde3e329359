import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { findFreePort, HOST, listenOnFreePort } from "../../scripts/ports.mjs";

const servers: Server[] = [];
const newServer = (): Server => {
  const server = createServer();
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** A port that the system calls free, taken by us. */
const takeAnyPort = async (): Promise<number> => {
  const server = newServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
};

test("a taken port gives way to a later one, and the server listens there", async () => {
  const taken = await takeAnyPort();
  const server = newServer();
  const port = await listenOnFreePort(server, taken);
  expect(port).toBeGreaterThan(taken);
  expect(server.address()).toMatchObject({ address: HOST, port });
});

test("two servers that want the same port get different ones", async () => {
  const wanted = await findFreePort(20_000);
  const ports = [await listenOnFreePort(newServer(), wanted), await listenOnFreePort(newServer(), wanted)];
  expect(new Set(ports).size).toBe(2);
});

test("a free port is left free", async () => {
  const port = await findFreePort(21_000);
  const server = newServer();
  expect(await listenOnFreePort(server, port)).toBe(port);
});

test("no port above 65535 is tried", async () => {
  await expect(listenOnFreePort(newServer(), 65_536)).rejects.toThrow("No free port from 65536 on");
});
