/**
 * The document in which cells run: a static page of the site that is only ever shown in an `<iframe sandbox>`, so its
 * origin is opaque. It makes a worker out of the text it is given and gets out of the way. Its own policy, which the
 * worker inherits, lets it fetch nothing: neither from the site nor from anywhere else.
 */
import { hashOf } from "../policy.js";

/**
 * Takes the worker's text and two ports from whoever embeds it: one to tell that the worker began or
 * died, one for the worker itself. At
 * top level, or in a frame without `sandbox`, it would have the site's origin: then it does nothing.
 */
const script = `
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

/** What the document and its worker may do. `unsafe-eval` is how a cell's code runs; nothing else may be loaded. */
export const sandboxPolicy: string = [
  "default-src 'none'",
  `script-src '${hashOf(script)}' 'unsafe-eval' blob:`,
  "worker-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The document's text. */
export const sandboxDocument: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${sandboxPolicy}">
<meta name="robots" content="noindex">
<title>Where the cells of a lesson run</title>
<script>${script}</script>
</head>
</html>
`;
