/**
 * How long a reader waits: `npm run bench:site [-- ROUNDS]`. The first lesson of the built site in Chromium, each round in a
 * browser that has never seen it; times are taken inside the page, from the press of the button to the change on the
 * screen's side. Prints the least, the median and the most of all rounds, and the aim beside them; decides nothing, since a
 * busy machine is slower than the site.
 */
import { chromium } from "@playwright/test";
import { findChromium, site } from "./chromium.mjs";
import { serve } from "./serve.mjs";

const rounds = Number(process.argv[2] ?? 7);
const lesson = "/lessons/the-puzzle/";

/** @type {Map<string, { aim: number, times: number[] }>} */
const measured = new Map();

/** @param {string} what @param {number} aim in milliseconds @param {number} time likewise */
function note(what, aim, time) {
  const known = measured.get(what) ?? { aim, times: [] };
  known.times.push(time);
  measured.set(what, known);
}

/**
 * Presses a button of the page and waits for an element; gives the milliseconds between.
 * @param {import("@playwright/test").Page} page
 * @param {{ press: string, until: string }} what both as CSS selectors
 */
function time(page, what) {
  return page.evaluate(
    ({ press, until }) =>
      new Promise((resolve) => {
        const button = /** @type {HTMLElement} */ (document.querySelector(press));
        const began = performance.now();
        // Looks only once something has changed: the state before the press may be the one that is waited for.
        const observer = new MutationObserver(() => {
          if (document.querySelector(until) === null) return;
          observer.disconnect();
          resolve(performance.now() - began);
        });
        observer.observe(document.body, { attributes: true, childList: true, subtree: true });
        button.click();
      }),
    what,
  );
}

const server = await serve(site);
const browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox"] });
console.log(`Chromium ${browser.version()}, ${rounds} rounds`);
for (let round = 0; round < rounds; round++) {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const page = await context.newPage();
  await page.goto(server.url + lesson);
  await page.locator('html[data-has-hydrated="true"]').waitFor();
  const first = (await page.locator("[data-cell-id]").first().getAttribute("data-cell-id")) ?? "";
  const at = `[data-cell-id="${first}"]`;
  const run = `${at} .nb-run`;
  const live = `${at}[data-cell-state="live"]`;

  note("first Run, at once after the page is there", 500, await time(page, { press: run, until: live }));
  for (let again = 0; again < 10; again++) {
    note("a cell once more", 20, await time(page, { press: run, until: live }));
  }

  note(
    "editor on the first Edit",
    1000,
    await time(page, { press: `${at} .nb-bar > button:nth-of-type(2)`, until: `${at} .cm-content` }),
  );
  await page.locator(`${at} .cm-content`).focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText("while (true) {}");
  await time(page, { press: run, until: `${at}[data-cell-state="running"]` });
  await page.waitForTimeout(300);
  const stop = ".nb-lesson-bar .nb-stop";
  note("Stop of an endless loop", 200, await time(page, { press: stop, until: `${stop}:disabled` }));
  await page.locator(`${at} .cm-content`).focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText("1 + 1");
  note("Run after Stop, in a new worker, compiled in the page", 500, await time(page, { press: run, until: live }));
  await context.close();
}
await browser.close();
await server.close();

console.log(`${"milliseconds".padEnd(56)}   least  median    most     aim`);
for (const [what, { aim, times }] of measured) {
  const sorted = [...times].sort((a, b) => a - b);
  const figures = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const shown = figures.map((figure) => (figure ?? Number.NaN).toFixed(1).padStart(8)).join("");
  console.log(`${what.padEnd(56)}${shown}${`< ${aim}`.padStart(8)}`);
}
