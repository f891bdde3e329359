/// <reference lib="dom" />
/**
 * The site without a network after one visit, at the root of a server and below a path of one: each test has a server
 * of its own and stops it.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { repository } from "./pages.ts";
import { serve } from "./serve.mjs";

const sites = [
  { where: "at the root", build: `${repository}website/build`, path: "", lesson: "the-puzzle", other: "the-way-back" },
  {
    where: "below a path",
    build: `${repository}website/.cache/fixtures/build`,
    path: new URL(process.env["FIXTURES_URL"] ?? "").pathname,
    lesson: "cells-that-run",
    other: "second",
  },
];

test.use({ serviceWorkers: "allow" });

/** What the service worker has not kept yet of the page, what it loaded, and what its workers did. */
function missing(page: Page, byWorkers: readonly string[] = []): Promise<string[]> {
  return page.evaluate(async (others) => {
    const [name] = await caches.keys();
    if (navigator.serviceWorker.controller === null || name === undefined) return ["everything"];
    const kept = (await (await caches.open(name)).keys()).map(({ url }) => url);
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    return [location.href, ...loaded, ...others].filter((url) => !kept.includes(url));
  }, byWorkers);
}

/** Opens a page and waits until the service worker has kept what is to be kept. */
async function visit(page: Page, address: string): Promise<void> {
  await page.goto(address, { waitUntil: "networkidle" });
  await expect.poll(() => missing(page)).toEqual([]);
}

async function cutOff(context: BrowserContext, server: { close: () => Promise<void> }): Promise<void> {
  await server.close();
  await context.setOffline(true);
}

for (const { where, build, path, lesson, other } of sites) {
  test(`${where}, a lesson that was visited reads and runs, changed cells too, and leads on to the next`, async ({
    page,
    context,
  }) => {
    const server = await serve(build);
    const home = `${server.url}${path}`;
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await visit(page, `${home}/lessons/${lesson}/`);
    await cutOff(context, server);

    await page.reload();
    const cells = page.locator("[data-cell-id]");
    await cells
      .first()
      .getByRole("button", { name: /^Run\b/ })
      .first()
      .click();
    await expect(cells.first()).toHaveAttribute("data-cell-state", "live");
    await expect(page.getByRole("heading", { level: 1 })).toHaveCSS("font-family", /IBM Plex Sans/);

    // A changed cell needs the compiler. Its types have not been visited: the editor does without.
    await cells.first().getByRole("button", { name: "Edit" }).first().click();
    const editor = cells.first().getByRole("textbox").first();
    await editor.focus();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("console.log('without a network', 6 * 7)");
    await page.keyboard.press("Control+Enter");
    await expect(cells.first().locator(".nb-outputs")).toContainText("without a network 42");

    await page.goto(`${home}/lessons/${other}`);
    await expect(page).toHaveURL(`${home}/lessons/${other}/`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await page.goto(`${home}/glossary/`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Glossary");
    expect(faults).toEqual([]);
  });

  test(`${where}, an address that was never visited says that it is not kept, and leads to the lessons`, async ({
    page,
    context,
  }) => {
    const server = await serve(build);
    const home = `${server.url}${path}`;
    await visit(page, `${home}/`);
    await cutOff(context, server);
    await page.goto(`${home}/api/never/`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("You are offline");
    await page.getByRole("link", { name: "To the lessons" }).click();
    await expect(page).toHaveURL(`${home}/lessons/`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Lessons");
  });
}

test("the editor knows the types offline where it was used before", async ({ page, context }) => {
  const server = await serve(sites[0]!.build);
  await visit(page, `${server.url}/lessons/the-puzzle/`);
  const edit = page.locator("[data-cell-id]").first().getByRole("button", { name: "Edit" }).first();
  const types = page.waitForResponse((response) => response.url().includes("/live/types."));
  await edit.click();
  const address = (await types).url();
  await expect.poll(() => missing(page, [address])).toEqual([]);
  await cutOff(context, server);
  await page.reload();
  await edit.click();
  const editor = page.locator("[data-cell-id]").first().getByRole("textbox").first();
  await editor.focus();
  await page.keyboard.press("ControlOrMeta+a");
  const wrong = 'const wrong: number = "text";';
  await page.keyboard.type(wrong);
  await expect(page.locator(".cm-content")).toHaveText(wrong);
  await expect(page.locator(".cm-lintRange-error")).toBeVisible();
});

test("while there is a network, a page is never an old one", async ({ page }) => {
  const build = mkdtempSync(join(tmpdir(), "site-"));
  cpSync(sites[0]!.build, build, { recursive: true, filter: (path) => !path.endsWith("/api") });
  const server = await serve(build);
  await visit(page, `${server.url}/`);
  const file = join(build, "about/index.html");
  writeFileSync(file, readFileSync(file, "utf8").replace(/<title[^>]*>[^<]*/, "<title>Said anew"));
  await page.goto(`${server.url}/about/`);
  expect(await page.evaluate(async () => (await fetch(location.href)).text())).toContain("<title>Said anew");
  await server.close();
  rmSync(build, { recursive: true });
});
