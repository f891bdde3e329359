/**
 * Lighthouse on the built site, as a phone with a slow network would have it (its mobile simulation): `npm run lighthouse`.
 * Accessibility, best practices and search engines must reach 100. Performance is printed beside its aim and decides
 * nothing, because a busy machine loses points that the site has. Ends with `N passed, N failed`.
 */
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { chromium } from "@playwright/test";
import lighthouse from "lighthouse";
import { findChromium, site } from "./chromium.mjs";
import { serve } from "./serve.mjs";

const pages = ["/", "/lessons/the-puzzle/", "/lessons/the-way-back/", "/lessons/playground/", "/glossary/"];
const perfect = ["accessibility", "best-practices", "seo"];
const performanceAim = 90;

/**
 * What hosts do, and the server for one's own machine does not: answers are compressed.
 * @param {string} url of the server whose answers are taken
 */
async function compressed(url) {
  /** @type {Map<string, { status: number, headers: Record<string, string>, body: Buffer }>} */
  const known = new Map();
  /** @param {string} path @param {import("node:http").ServerResponse} response */
  const answerTo = async (path, response) => {
    let answer = known.get(path);
    if (answer === undefined) {
      const got = await fetch(url + path);
      const type = got.headers.get("content-type") ?? "";
      const body = Buffer.from(await got.arrayBuffer());
      const isText = /text|json|javascript|svg|xml/.test(type);
      answer = {
        status: got.status,
        headers: {
          "content-type": type,
          // As long as hosts commonly let pages be kept.
          "cache-control": "max-age=600",
          ...(isText ? { "content-encoding": "gzip" } : {}),
        },
        body: isText ? gzipSync(body) : body,
      };
      known.set(path, answer);
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const server = createServer(({ url: path = "/" }, response) => {
    answerTo(path, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return { server, url: `http://127.0.0.1:${portOf(server)}` };
}

/** @param {import("node:net").Server} server */
function portOf(server) {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}

/** A port that nobody has. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const plain = await serve(site);
const { server, url } = await compressed(plain.url);
const port = await freePort();
const browser = await chromium.launch({
  executablePath: findChromium(),
  args: ["--no-sandbox", "--disable-background-networking", `--remote-debugging-port=${port}`],
});
let [passed, failed] = [0, 0];
console.log(`${"".padEnd(26)}performance  accessibility  best practices  SEO    FCP    LCP    TBT    CLS   bytes`);
for (const path of process.argv[2] === undefined ? pages : process.argv.slice(2)) {
  const result = await lighthouse(url + path, { port, logLevel: "error", formFactor: "mobile" });
  if (result === undefined) throw new Error("Lighthouse gave no result");
  const { categories, audits } = result.lhr;
  /** @param {string} name */
  const score = (name) => Math.round((categories[name]?.score ?? 0) * 100);
  /** @param {string} name @param {number} [digits] @param {number} [by] */
  const figure = (name, digits = 0, by = 1) => ((audits[name]?.numericValue ?? Number.NaN) / by).toFixed(digits);
  console.log(
    [
      path.padEnd(26),
      String(score("performance")).padStart(11),
      String(score("accessibility")).padStart(15),
      String(score("best-practices")).padStart(16),
      String(score("seo")).padStart(5),
      `${figure("first-contentful-paint", 1, 1000)} s`.padStart(7),
      `${figure("largest-contentful-paint", 1, 1000)} s`.padStart(7),
      `${figure("total-blocking-time")} ms`.padStart(7),
      figure("cumulative-layout-shift", 3).padStart(7),
      `${figure("total-byte-weight", 0, 1024)} KiB`.padStart(9),
    ].join(""),
  );
  for (const name of perfect) {
    if (score(name) === 100) passed++;
    else {
      failed++;
      const faults = (categories[name]?.auditRefs ?? []).flatMap(({ id, weight }) => {
        const audit = audits[id];
        return weight > 0 && audit?.score !== null && (audit?.score ?? 1) < 1 ? [`${id}: ${audit?.title}`] : [];
      });
      console.log(`  ${name}: ${faults.join("; ")}`);
    }
  }
}
console.log(`Aim for performance: ${performanceAim}, on a machine with nothing else to do.`);
await browser.close();
server.close();
server.closeAllConnections();
await plain.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
