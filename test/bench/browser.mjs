// @ts-nocheck: a page's functions are not Node's.
/** The same measurements in headless Chromium, from the same bundle of engine and lab: null where there is none. */
import { existsSync, readFileSync } from "node:fs";
import { chromium } from "@playwright/test";

/** What is measured there: name and parameters, as in measures.mjs. */
const MEASURED = [
  ["forward", { setup: 2, protocol: "udp", flows: 1 }],
  ["forward", { setup: 2, protocol: "udp", flows: 1000 }],
  ["forward", { setup: 2, protocol: "udp", flows: 50_000 }],
  ["newFlows", { flows: 50_000 }],
];

/** Rows of parameters and results; each in a page of its own. */
export async function measureBrowser(bundle) {
  const executablePath =
    process.env["CHROMIUM"] ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
  if (executablePath === undefined) return null;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const rows = [];
    for (const [name, parameters] of MEASURED) {
      const page = await browser.newPage();
      await page.addScriptTag({ content: readFileSync(bundle, "utf8"), type: "module" });
      await page.waitForFunction(() => globalThis.measure !== undefined);
      const result = await page.evaluate(([what, how]) => globalThis.measure(what, how), [name, parameters]);
      rows.push({ name, ...parameters, ...result });
      await page.close();
    }
    return { version: browser.version(), rows };
  } finally {
    await browser.close();
  }
}
