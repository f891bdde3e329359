import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request, type Server } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOST, listenOnFreePort } from "../../scripts/ports.mjs";
import { createStaticServer } from "../../scripts/serve.mjs";

let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "serve-"));
  const site = path.join(folder, "site");
  mkdirSync(path.join(site, "lessons"), { recursive: true });
  writeFileSync(path.join(folder, "secret.txt"), "secret");
  writeFileSync(path.join(site, "index.html"), "home");
  writeFileSync(path.join(site, "404.html"), "not here");
  writeFileSync(path.join(site, "about.html"), "about");
  writeFileSync(path.join(site, "lessons", "index.html"), "lessons");
  writeFileSync(path.join(site, "lessons", "a b.css"), "css");
  symlinkSync(path.join(folder, "secret.txt"), path.join(site, "link.txt"));
  server = await createStaticServer(site);
  port = await listenOnFreePort(server, 22_000);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

type Answer = { status: number | undefined; body: string; headers: Record<string, unknown> };

/** A request with its path exactly as given: fetch() would tidy `..` away. */
const ask = (pathname: string, { method = "GET", headers = {} } = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: HOST, port, path: pathname, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode, body, headers: response.headers }));
    });
    sent.on("error", reject);
    sent.end();
  });

describe("the static server answers", () => {
  test.each([
    ["/", 200, "home", "text/html; charset=utf-8"],
    ["/?utm=1", 200, "home", "text/html; charset=utf-8"],
    ["/about", 200, "about", "text/html; charset=utf-8"],
    ["/lessons/", 200, "lessons", "text/html; charset=utf-8"],
    ["/lessons/a%20b.css", 200, "css", "text/css; charset=utf-8"],
    ["/nowhere", 404, "not here", "text/html; charset=utf-8"],
    ["/lessons/nowhere.js", 404, "not here", "text/html; charset=utf-8"],
  ])("%s with %d", async (pathname, status, body, type) => {
    expect(await ask(pathname)).toMatchObject({ status, body, headers: { "content-type": type } });
  });

  test("a folder's address gets its slash, query kept", async () => {
    expect(await ask("/lessons?x=1")).toMatchObject({ status: 301, headers: { location: "/lessons/?x=1" } });
  });

  test("an address never redirects to another host", async () => {
    expect((await ask("//lessons")).headers["location"]).toBe("/lessons/");
  });

  test.each(["/../secret.txt", "/%2e%2e/secret.txt", "/lessons/..%2f..%2fsecret.txt", "/link.txt"])(
    "%s without leaving the folder",
    async (pathname) => {
      expect(await ask(pathname)).toMatchObject({ status: 404, body: "not here" });
    },
  );

  test.each(["/%", "/a%00b", "*"])("%s as a bad request", async (pathname) => {
    expect(await ask(pathname)).toMatchObject({ status: 400, body: "" });
  });

  test("HEAD with the headers alone, and other methods not at all", async () => {
    expect(await ask("/", { method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
      headers: { "content-length": "4" },
    });
    expect(await ask("/", { method: "POST" })).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  test("an unchanged page with 304", async () => {
    const { headers } = await ask("/");
    const again = await ask("/", { headers: { "if-none-match": String(headers["etag"]) } });
    expect(again).toMatchObject({ status: 304, body: "" });
  });
});
