/**
 * The document in which cells run: a static page of the site, and inside it a frame without an origin, in which the
 * worker is made. Two, because of what browsers do with each: a frame without an origin is never answered by the site's
 * service worker, so its text has to be at hand where there is no network; and a frame whose text is at hand inherits
 * its embedder's policy, which must allow `unsafe-eval`, as the lesson's own page must not. Between them they run
 * nothing but these two scripts, named by their hashes, and can fetch nothing, neither from the site nor from anywhere
 * else.
 */
import { hashOf } from "../policy.js";

/**
 * In the frame without an origin. Takes the worker's text and two ports from its embedder: one to tell that the worker
 * began or died, one for the worker itself. Had it the site's origin after all, it would do nothing.
 */
const innerScript = `
"use strict";
if (self.origin === "null" && parent !== self) {
  addEventListener("message", function start(event) {
    if (event.source !== parent) return;
    removeEventListener("message", start);
    const [life, cells] = event.ports;
    const address = URL.createObjectURL(new Blob([event.data], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onerror = (error) => life.postMessage(String(error.message || "the worker could not be started"));
    worker.postMessage(null, [cells]);
    life.postMessage(null);
  });
}
`;

/** A document with one script and a policy. */
const documentOf = (title: string, policy: string, script: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="robots" content="noindex">
<title>${title}</title>
<script>${script}</script>
</head>
</html>
`;

/** What a document with these scripts and its worker may do. `unsafe-eval` is how a cell's code runs. */
const policyOf = (...scripts: readonly string[]): string =>
  [
    "default-src 'none'",
    `script-src ${scripts.map((script) => `'${hashOf(script)}'`).join(" ")} 'unsafe-eval' blob:`,
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");

const inner = documentOf("Where the cells of a lesson run", policyOf(innerScript), innerScript);

/**
 * In the site's page: makes the frame, and hands on what the page that embeds it sends, once, if it is the site's own.
 */
const outerScript = `
"use strict";
addEventListener("message", function start(event) {
  if (parent === self || event.source !== parent || event.origin !== self.origin) return;
  removeEventListener("message", start);
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = ${JSON.stringify(inner).replaceAll("<", "\\u003c")};
  frame.addEventListener("load", () => frame.contentWindow.postMessage(event.data, "*", event.ports), { once: true });
  document.body.append(frame);
});
`;

/** The document's text. */
export const sandboxDocument: string = documentOf(
  "Around the cells of a lesson",
  policyOf(outerScript, innerScript),
  outerScript,
);
