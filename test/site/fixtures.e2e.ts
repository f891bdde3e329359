/// <reference lib="dom" />
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { expectFits, expectNoViolations, repository, watch } from "./pages.ts";

const home = process.env["FIXTURES_URL"] ?? "";
const lesson = `${home}/lessons/kinds-of-output/`;

for (const scheme of ["light", "dark"] as const) {
  test(`every kind of output, drawn and opened, has no fault that axe finds in ${scheme}`, async ({ page }) => {
    const faults = watch(page, home);
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(lesson, { waitUntil: "networkidle" });
    for (const diagram of await page.locator("[data-mermaid]").all()) {
      await diagram.scrollIntoViewIfNeeded();
      await expect(diagram).toHaveAttribute("data-mermaid", "drawn");
    }
    await page.evaluate(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
    });
    await expectNoViolations(page);
    expect(faults).toEqual([]);
  });
}

test("on a phone nothing is wider than the window", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(lesson, { waitUntil: "networkidle" });
  await expectFits(page);
});

test("what cells and prose say is shown as it is", async ({ page }) => {
  await page.goto(lesson);
  const main = page.getByRole("main");
  await expect(main).toContainText("{bare braces}, a < b and Map<string, number>");
  await expect(page.locator('[data-cell-id="text"] pre').first()).toContainText(
    "const events = gateway.start`conntrack -E`;",
  );
  await expect(page.locator('[data-cell-id="text"] .nb-outputs pre').first()).toContainText(
    "    [NEW] tcp      6 120 SYN_SENT",
  );
  await expect(page.locator('[data-cell-id="ansi"] .ansi-red')).toHaveText("DROP");
  await expect(page.locator('[data-cell-id="ansi"] .nb-outputs')).toContainText("plain <b>not bold</b> & so on");
  await expect(page.locator('[data-cell-id="result"] .nb-outputs > pre')).toHaveText("2");
  await expect(page.locator('[data-cell-id="silent"] .nb-outputs')).toHaveCount(0);
  await expect(page.locator('[data-cell-id="error"] .nb-error')).toContainText("No chain/target/match by that name.");
  await expect(page.locator('[data-cell-id="html"] td').first()).toHaveText("original");
});

test("code is highlighted before any script has run", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(lesson);
  const colours = await page
    .locator('[data-cell-id="text"] pre .token')
    .evaluateAll((tokens) => new Set(tokens.map((token) => getComputedStyle(token).color)).size);
  expect(colours).toBeGreaterThan(3);
  await context.close();
});

test("nothing of an output runs, and two drawings of one kind stay apart", async ({ page }) => {
  await page.goto(lesson);
  expect(await page.evaluate(() => "stolen" in window)).toBe(false);
  await expect(page.locator("main script, main img[src^=http]")).toHaveCount(0);
  const ids = await page.locator(".nb-html [id]").evaluateAll((found) => found.map((element) => element.id));
  expect(ids.length).toBeGreaterThan(2);
  expect(new Set(ids).size).toBe(ids.length);
  const arrow = page.locator('[data-cell-id="svg-again"] line');
  expect(ids).toContain((await arrow.getAttribute("marker-end"))?.slice(5, -1));
});

test("a solution stays folded until asked for, without JavaScript too", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(lesson);
  const code = page.locator('[data-cell-id="solution"]');
  await expect(code).toBeHidden();
  await page.getByText("Show the solution").click();
  await expect(code).toBeVisible();
  await expect(code).toContainText("hidden until asked for");
  await context.close();
});

test("an output that Linux gave, too, says so and shows it, without JavaScript; a stale record marks nothing", async ({
  browser,
}) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(lesson);
  await expect(page.locator(".nb-kernel")).toHaveCount(3);
  await expect(page.locator('[data-cell-id="ansi"] .nb-kernel')).toHaveCount(0);
  const mark = page.locator('[data-cell-id="text"] .nb-kernel');
  await expect(mark.locator("pre").first()).toBeHidden();
  await mark.getByText("Also from Linux 6.18").click();
  await expect(mark.locator("pre").first()).toContainText("    [NEW] tcp      6 120 SYN_SENT");
  await expect(mark.getByRole("listitem")).toHaveCount(2);
  await expect(mark).toContainText("Linux 6.18.0-fixture · conntrack v1.4.7 (conntrack-tools)");
  const exact = page.locator('[data-cell-id="result"] .nb-kernel');
  await exact.getByText("Also from Linux 6.18").click();
  await expect(exact).toContainText("the same to the last character");
  await context.close();
});

test("a link to another notebook leads to its page and heading", async ({ page }) => {
  await page.goto(lesson);
  await page.getByRole("link", { name: "the next notebook" }).click();
  await expect(page).toHaveURL(`${home}/lessons/second/#a-heading`);
});

test("Mermaid is fetched only by pages with a diagram", async ({ page }) => {
  const fetched: string[] = [];
  page.on("request", (request) => {
    if (request.resourceType() === "script") fetched.push(request.url());
  });
  await page.goto(`${home}/lessons/second/`, { waitUntil: "networkidle" });
  const plain = new Set(fetched);
  await page.goto(lesson, { waitUntil: "networkidle" });
  await page.locator("[data-mermaid]").last().scrollIntoViewIfNeeded();
  await expect(page.locator("[data-mermaid]").last()).toHaveAttribute("data-mermaid", "drawn");
  const more = fetched.filter((url) => !plain.has(url));
  const sizes = await Promise.all(more.map(async (url) => (await (await page.request.get(url)).body()).length));
  // Mermaid's core is several hundred kilobytes in one file.
  expect(Math.max(...sizes)).toBeGreaterThan(200_000);
});

test("a malformed notebook stops the build with its file, cell and the reason", () => {
  const folder = mkdtempSync(join(tmpdir(), "notebooks-"));
  const cells = [
    { cell_type: "markdown", id: "a", metadata: {}, source: "# T" },
    { cell_type: "code", id: "b", metadata: {}, source: 7 },
  ];
  writeFileSync(
    join(folder, "01-broken.ipynb"),
    JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }),
  );
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["../node_modules/@docusaurus/core/bin/docusaurus.mjs", "build", "--out-dir", join(folder, "build")],
    {
      cwd: `${repository}website`,
      encoding: "utf8",
      env: {
        ...process.env,
        NOTEBOOKS: folder,
        LESSON_PAGES: join(folder, "pages"),
        DOCUSAURUS_GENERATED_FILES_DIR_NAME: join(folder, "generated"),
      },
    },
  );
  rmSync(folder, { recursive: true });
  expect(status).not.toBe(0);
  expect(stdout + stderr).toMatch(
    /01-broken\.ipynb, cell 2: `source` is a number; it must be a string or an array of strings/,
  );
});
