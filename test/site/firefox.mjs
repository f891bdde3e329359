/**
 * The site in Firefox, driven by WebDriver BiDi: a lesson runs, its loop can be stopped, the editor opens and knows the
 * types, the packet view steps, and what was visited is there offline. `node test/site/firefox.mjs`; ends with
 * `N passed, N failed`.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";
import { refuse, site } from "./chromium.mjs";
import { serve } from "./serve.mjs";

const firefox = process.env["FIREFOX"] ?? ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => existsSync(path));
if (firefox === undefined || !existsSync(firefox)) {
  refuse("These tests need Firefox. On Debian: apt-get install firefox-esr. Elsewhere: set FIREFOX to its path.");
}
if (!existsSync(`${site}/index.html`)) refuse("The site is not built. Build it first: npm run build");

const patience = { timeout: 60_000 };

/** @typedef {import("puppeteer-core").Page} Page */

/**
 * Waits for an element that has the text.
 * @param {Page} page
 * @param {string} selector
 * @param {string | RegExp} text
 */
async function expectText(page, selector, text) {
  const pattern = typeof text === "string" ? text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&") : text.source;
  const until = Date.now() + patience.timeout;
  let last = "";
  while (Date.now() < until) {
    last = await page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? "(nothing)", selector);
    if (new RegExp(pattern).test(last)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.match(last, new RegExp(pattern), selector);
}

/**
 * Presses the button of that name inside an element.
 * @param {Page} page
 * @param {string} within
 * @param {RegExp} name
 */
async function press(page, within, name) {
  const found = await page.waitForSelector(within, patience);
  assert.ok(found);
  for (const button of await found.$$("button")) {
    const label = await button.evaluate((each) => each.getAttribute("aria-label") ?? each.textContent ?? "");
    if (name.test(label.trim())) {
      await button.scrollIntoView();
      await button.click();
      return;
    }
  }
  assert.fail(`no button ${name} in ${within}`);
}

/** @param {Page} page @param {string} address */
async function open(page, address) {
  await page.goto(address, { waitUntil: "load", timeout: patience.timeout });
  await page.waitForSelector('html[data-has-hydrated="true"]', patience);
}

/** Puts a text in the place of a cell's. @param {Page} page @param {string} cell @param {string} text */
async function edit(page, cell, text) {
  // An editor that is open stays open while its cell runs.
  if ((await page.$(`${cell} .cm-content`)) === null) await press(page, cell, /^Edit/);
  await page.waitForSelector(`${cell} .cm-content`, patience);
  await page.click(`${cell} .cm-content`);
  await page.keyboard.down("Control");
  await page.keyboard.press("a");
  await page.keyboard.up("Control");
  await page.keyboard.type(text);
}

const first = "[data-cell-id]";

/** @type {Record<string, (page: Page, home: string) => Promise<void>>} */
const tests = {
  "a lesson runs from top to bottom": async (page, home) => {
    await open(page, `${home}/lessons/the-puzzle/`);
    await press(page, ".nb-lesson-bar", /^Run all$/);
    await expectText(page, ".nb-status", /\d+ cells have run\./);
    const states = await page.$$eval("[data-cell-state]", (cells) =>
      cells.map((cell) => cell.getAttribute("data-cell-state")),
    );
    assert.ok(states.length > 3);
    assert.deepEqual([...new Set(states)], ["live"]);
  },
  "an endless loop is stopped, and the cell runs again": async (page, home) => {
    await open(page, `${home}/lessons/the-puzzle/`);
    await edit(page, first, "while (true) {}");
    await press(page, first, /^Run\b/);
    await page.waitForSelector(`${first}[data-cell-state="running"]`, patience);
    await press(page, ".nb-lesson-bar", /^Stop$/);
    await expectText(page, ".nb-status", "Stopped.");
    await edit(page, first, "console.log(6 * 7)");
    await press(page, first, /^Run\b/);
    await expectText(page, `${first} .nb-outputs`, "42");
  },
  "the editor knows the types": async (page, home) => {
    await open(page, `${home}/lessons/the-puzzle/`);
    await edit(page, first, 'const wrong: number = "text";');
    await page.waitForSelector(".cm-lintRange-error", patience);
  },
  "the packet view steps": async (page, home) => {
    await open(page, `${home}/lessons/the-way-back/`);
    const view = "netfilter-packet-view >>> ";
    const shown = async () =>
      (await page.waitForSelector(`${view}.words`, patience))?.evaluate((words) => words.textContent ?? "");
    /** @param {string} name */
    const pressInView = async (name) => {
      const button = await page.waitForSelector(`${view}button[aria-label="${name}"]`, patience);
      await button?.scrollIntoView();
      await button?.click();
    };
    assert.equal(await shown(), "The packet is received.");
    await pressInView("Step on");
    assert.equal(await shown(), "The packet comes to PREROUTING.");
    await pressInView("Next rewrite");
    assert.match((await shown()) ?? "", /^NAT rewrites the packet’s source/);
  },
};

let [passed, failed] = [0, 0];
const browser = await puppeteer.launch({ browser: "firefox", executablePath: firefox, headless: true });
console.log(await browser.version());
for (const [name, run] of Object.entries(tests)) {
  // A server of its own gives each test an origin of its own.
  const server = await serve(site);
  const page = await browser.newPage();
  const faults = /** @type {string[]} */ ([]);
  page.on("pageerror", (error) => faults.push(error instanceof Error ? error.message : String(error)));
  const began = performance.now();
  try {
    await run(page, server.url);
    assert.deepEqual(faults, []);
    console.log(`ok   ${name} (${Math.round(performance.now() - began)} ms)`);
    passed++;
  } catch (error) {
    console.log(`FAIL ${name}\n${error instanceof Error ? error.message : String(error)}`);
    failed++;
  }
  await page.close();
  await server.close();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
