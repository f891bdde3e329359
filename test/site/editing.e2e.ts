/// <reference lib="dom" />
/** Editing cells with their types, and what becomes of the reader's changes, in a real browser. */
import { readFileSync } from "node:fs";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { expectFits, expectNoViolations, repository, watch } from "./pages.ts";
import { fragmentWith } from "./strangers.ts";

const home = process.env["SITE_URL"] ?? "";
const lesson = `${home}/lessons/the-puzzle/`;
const published = JSON.parse(readFileSync(`${repository}notebooks/01-the-puzzle.ipynb`, "utf8")) as {
  cells: { cell_type: string; id: string; source: string[]; metadata: { tags?: string[] } }[];
};
const code = published.cells.filter((cell) => cell.cell_type === "code" && cell.metadata.tags === undefined);
const [first, second] = [code[0]!.id, code[1]!.id];

const cell = (page: Page, id: string): Locator => page.locator(`[data-cell-id="${id}"]`);

/** Opens a cell's editor and gives the element one types into. */
async function edit(page: Page, id: string): Promise<Locator> {
  await cell(page, id).getByRole("button", { name: /^Edit/ }).click();
  const editor = cell(page, id).locator(".cm-content");
  await expect(editor).toBeFocused();
  return editor;
}

/** Puts a text in place of a cell's. */
async function rewrite(page: Page, id: string, text: string): Promise<void> {
  await edit(page, id);
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

test("the editor comes with the first Edit, in the page's colours, and knows the types of other cells", async ({
  page,
}) => {
  const faults = watch(page, home);
  const fetched: string[] = [];
  page.on("request", (request) => fetched.push(request.url()));
  await page.goto(lesson, { waitUntil: "networkidle" });
  expect(fetched.filter((url) => url.includes("/live/types."))).toEqual([]);
  const colours = (within: Locator): Promise<string[]> =>
    within.locator("span").evaluateAll((spans) => {
      const found = spans
        .filter((span) => /^(await|const|import)$/.test(span.textContent ?? ""))
        .map((span) => getComputedStyle(span).color);
      return [...new Set(found)];
    });
  const before = await colours(cell(page, first).locator("pre").first());
  expect(before).toHaveLength(1);
  const editor = await edit(page, first);
  expect(await colours(editor)).toEqual(before);
  await page.keyboard.press("Escape");

  await edit(page, second);
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\nlab.hosts.gateway.wa");
  const list = page.locator(".cm-tooltip-autocomplete");
  await expect(list).toContainText("walk");
  await expect(page.locator(".cm-completionInfo")).toContainText("journey of every packet");
  await page.keyboard.press("Enter");
  await page.keyboard.type("(7)");
  await expect(page.locator(".cm-lintRange-error").filter({ hasText: "7" })).toBeVisible();
  for (let step = 0; step < 3; step++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("F1");
  await expect(page.locator(".nb-explanation")).toBeVisible();
  // The first Escape closes what is open, the next leaves.
  await page.keyboard.press("Escape");
  await expect(page.locator(".nb-explanation")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(page.locator(".cm-content")).toHaveCount(0);
  await expect(cell(page, second)).toBeFocused();
  expect(faults).toEqual([]);
});

for (const scheme of ["light", "dark"] as const) {
  test(`an open editor has no fault that axe finds in ${scheme}`, async ({ page }) => {
    test.slow();
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(lesson);
    await edit(page, first);
    await expectNoViolations(page);
  });
}

test("while the editor comes the reader already types, and goes on in it as if it had been there", async ({ page }) => {
  await page.goto(lesson, { waitUntil: "networkidle" });
  // The editor's chunks are held back until the reader has begun.
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(`${home}/assets/js/**`, async (route) => {
    await released;
    await route.continue();
  });
  await cell(page, first).getByRole("button", { name: /^Edit/ }).click();
  const plain = cell(page, first).locator("textarea");
  await expect(plain).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("const before = 1;");
  await page.keyboard.press("Home");
  for (let i = 0; i < "const".length; i++) await page.keyboard.press("Shift+ArrowRight");
  release();
  const editor = cell(page, first).locator(".cm-content");
  await expect(editor).toBeFocused();
  await page.keyboard.type("let");
  await expect(editor).toHaveText("let before = 1;");
});

test("who comes to the plain editor as the other one opens keeps the keyboard", async ({ page }) => {
  await page.goto(lesson, { waitUntil: "networkidle" });
  const element = cell(page, first);
  // The first moment at which both could be there: the plain one must be gone, or the keyboard would go with it.
  const sawBoth = element.evaluate(
    (root) =>
      new Promise<boolean>((resolve) => {
        new MutationObserver((_changes, observer) => {
          if (root.querySelector(".cm-content") === null) return;
          observer.disconnect();
          resolve(root.querySelector("textarea") !== null);
        }).observe(root, { childList: true, subtree: true });
      }),
  );
  await element.getByRole("button", { name: /^Edit/ }).click();
  expect(await sawBoth).toBe(false);
});

test("on a phone the editor fits, and is not zoomed into", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  await page.goto(lesson, { waitUntil: "networkidle" });
  const editor = await edit(page, first);
  await expectFits(page);
  expect(await editor.evaluate((element) => getComputedStyle(element).fontSize)).toBe("16px");
  await context.close();
});

test("changes are there after a reload, and gone after Reset", async ({ page }) => {
  await page.goto(lesson);
  await rewrite(page, first, 'console.log("mine")');
  await page.keyboard.press("Alt+Enter");
  await page.keyboard.insertText('console.log("added")');
  await page.keyboard.press("Escape");
  await expect
    .poll(() => page.evaluate(() => JSON.stringify(Object.values(localStorage)).includes("added")))
    .toBe(true);
  await page.reload();
  await expect(cell(page, first).locator("pre").first()).toHaveText('console.log("mine")');
  await expect(page.locator("[data-cell-author=reader]")).toHaveCount(2);
  await page.getByRole("button", { name: "Reset" }).click();
  await expect(page.locator("[data-cell-author=reader]")).toHaveCount(0);
  await expect
    .poll(() => page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("cells"))))
    .toEqual([]);
  await page.reload();
  await expect(cell(page, first).locator("pre").first()).toContainText("import { Lab");
});

test("the saved notebook is valid, holds the changes and what ran, and opens again", async ({ page }) => {
  await page.goto(lesson);
  await rewrite(page, first, 'console.log("mine")');
  await page.keyboard.press("Control+Enter");
  await expect(cell(page, first).locator(".nb-outputs")).toContainText("mine");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as .ipynb" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("01-the-puzzle.ipynb");
  const path = await download.path();
  const saved = JSON.parse(readFileSync(path, "utf8")) as typeof published;
  expect(saved.cells.map(({ id }) => id)).toEqual(published.cells.map(({ id }) => id));
  const mine = saved.cells.find(({ id }) => id === first) as unknown as { source: string[]; outputs: unknown };
  expect(mine.source).toEqual(['console.log("mine")']);
  expect(mine.outputs).toEqual([{ name: "stdout", output_type: "stream", text: ["mine\n"] }]);
  await page.getByRole("button", { name: "Reset" }).click();
  await page.getByLabel("Open a notebook file").setInputFiles(path);
  await expect(cell(page, first)).toHaveAttribute("data-cell-author", "file");
  await expect(cell(page, first).locator("pre").first()).toHaveText('console.log("mine")');
  await expect(page.getByRole("status").filter({ hasText: "cells of a file" })).toBeVisible();
  await page.getByRole("button", { name: "Back to the lesson" }).click();
  await expect(page.locator("[data-cell-author=file]")).toHaveCount(0);
});

for (const [what, name, text, told] of [
  ["no notebook", "notes.ipynb", "hello", /notes\.ipynb: not JSON/],
  [
    "a malformed cell",
    "bad.ipynb",
    '{"nbformat":4,"cells":[{"cell_type":"code","source":7,"outputs":[]}]}',
    /cell 1: `source` is a number/,
  ],
  [
    "another lesson's",
    "other.ipynb",
    '{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]}',
    /no cell of this lesson/,
  ],
] as const) {
  test(`a file that is ${what} gets a sentence, and the page stays`, async ({ page }) => {
    await page.goto(lesson);
    await expect(page.getByRole("button", { name: "Open a notebook" })).toBeVisible();
    await page
      .getByLabel("Open a notebook file")
      .setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
    await expect(page.getByRole("status").filter({ hasText: told })).toBeVisible();
    await expect(cell(page, first)).toHaveAttribute("data-cell-author", "lesson");
  });
}

test("a dropped notebook is opened", async ({ page }) => {
  await page.goto(lesson);
  await expect(page.getByRole("button", { name: "Open a notebook" })).toBeVisible();
  const changed = {
    ...published,
    cells: published.cells.map((each) => (each.id === first ? { ...each, source: ["1 + 1"] } : each)),
  };
  const dropped = await page.evaluateHandle((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "mine.ipynb"));
    return data;
  }, JSON.stringify(changed));
  await page.dispatchEvent("body", "drop", { dataTransfer: dropped });
  await expect(cell(page, first).locator("pre").first()).toHaveText("1 + 1");
});

test("a shared link carries the cells, and keeps the receiver's own beside them", async ({ page, browser }) => {
  await page.goto(lesson);
  await rewrite(page, first, 'console.log("shared → ü")');
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Share by a link" }).click();
  const link = await page.getByLabel("The link").inputValue();
  expect(link.startsWith(`${lesson}#cells=1.`)).toBe(true);
  await expect(page.getByRole("status").filter({ hasText: "characters long" })).toContainText(`${link.length}`);

  const context = await browser.newContext();
  const other = await context.newPage();
  await other.goto(lesson);
  await rewrite(other, first, "own()");
  await other.keyboard.press("Escape");
  await expect
    .poll(() => other.evaluate(() => JSON.stringify(Object.values(localStorage)).includes("own()")))
    .toBe(true);
  await other.goto("about:blank");
  await other.goto(link);
  await expect(cell(other, first).locator("pre").first()).toHaveText('console.log("shared → ü")');
  await expect(cell(other, first)).toHaveAttribute("data-cell-author", "link");
  await expect(other.getByRole("status").filter({ hasText: "came with the link" })).toContainText(
    "Your own changes to this lesson are kept",
  );
  await other.getByRole("button", { name: "Back to mine" }).click();
  await expect(cell(other, first).locator("pre").first()).toHaveText("own()");
  expect(other.url()).toBe(lesson);
  await context.close();
});

test("changes made to another version of the lesson are kept beside this one", async ({ page }) => {
  await page.goto(`${home}/about/`);
  await page.evaluate(
    ([id]) =>
      localStorage.setItem(
        `netfilter-lab/cells/${encodeURIComponent("/lessons/the-puzzle/")}/0123456789abcdef`,
        JSON.stringify([{ id, anchor: id, source: "older()", author: "reader" }]),
      ),
    [first],
  );
  await page.goto(lesson);
  await expect(page.getByRole("status").filter({ hasText: "has changed since you changed it" })).toBeVisible();
  await expect(cell(page, first)).toHaveAttribute("data-cell-author", "lesson");
  await page.getByRole("button", { name: "Show them in this one" }).click();
  await expect(cell(page, first).locator("pre").first()).toHaveText("older()");
  await page.getByRole("button", { name: "Delete them" }).click();
  await expect(page.getByText("has changed since you changed it")).toHaveCount(0);
});

test("two tabs of a lesson: what one keeps, the other does not overwrite without a word", async ({ page, context }) => {
  const kept = (): Promise<string> => page.evaluate(() => JSON.stringify(Object.values(localStorage)));
  const other = await context.newPage();
  await page.goto(lesson);
  await other.goto(lesson);
  await rewrite(page, first, "one()");
  const done = cell(page, first).getByRole("button", { name: "Done" });
  await done.click();
  await expect.poll(kept).toContain("one()");
  const notice = other.getByText("Another tab has kept other changes");
  await expect(notice).toBeVisible();
  await rewrite(other, first, "two()");
  // Longer than changes wait to be kept.
  await other.waitForTimeout(1000);
  expect(await kept()).toContain("one()");
  await other.getByRole("button", { name: "Keep these instead" }).click();
  await expect.poll(kept).toContain("two()");
  await expect(notice).toHaveCount(0);

  await page.getByRole("button", { name: "Show the other tab’s" }).click();
  await expect(cell(page, first).locator("pre").first()).toHaveText("two()");
  await expect(page.getByText("Another tab has kept other changes")).toHaveCount(0);
  // From here on the first tab keeps again, and the other is told.
  await rewrite(page, first, "three()");
  await expect.poll(kept).toContain("three()");
  await expect(notice).toBeVisible();
  await done.click();
  await page.getByRole("button", { name: "Reset" }).click();
  await expect.poll(kept).not.toContain("three()");
  await other.getByRole("button", { name: "Show the other tab’s" }).click();
  await expect(cell(other, first)).toHaveAttribute("data-cell-author", "lesson");
});

for (const [what, break_, told] of [
  [
    "full",
    "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    "storage is full",
  ],
  [
    "forbidden",
    "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });",
    "storage is not allowed",
  ],
] as const) {
  test(`where storage is ${what} cells run, and the page says that changes are not kept`, async ({ page }) => {
    await page.addInitScript(break_);
    await page.goto(lesson);
    await rewrite(page, first, 'console.log("still runs")');
    await page.keyboard.press("Control+Enter");
    await expect(cell(page, first).locator(".nb-outputs")).toContainText("still runs");
    await expect(page.getByRole("status").filter({ hasText: told })).toBeVisible();
  });
}

test("a link followed within the page is heard too", async ({ page }) => {
  await page.goto(lesson);
  await expect(page.getByRole("button", { name: "Open a notebook" })).toBeVisible();
  const fragment = fragmentWith({ version: "0", cells: [{ id: first, anchor: first, source: "'linked'" }] });
  await page.evaluate((hash) => {
    window.location.hash = hash;
  }, fragment);
  await expect(cell(page, first).locator("pre").first()).toHaveText("'linked'");
});
