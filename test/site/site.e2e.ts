/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { builtPages, expectFits, expectNoViolations, joined, notebooksIn, repository, watch } from "./pages.ts";

const home = process.env["SITE_URL"] ?? "";
const build = `${repository}website/build`;
const notebooks = notebooksIn(`${repository}notebooks`);

/** Every page by itself; of the API's, which are all of a kind, the overviews and one of each kind. */
const pages = builtPages(build).filter((path) => !path.startsWith("/api/"));
const api = builtPages(build).filter((path) => path.startsWith("/api/"));
const kinds = ["classes", "functions", "interfaces", "type-aliases", "variables"];
const kindOf = (path: string): string | undefined => kinds.find((kind) => path.includes(`/${kind}/`));
const someApi = [
  ...api.filter((path) => kindOf(path) === undefined),
  ...kinds.flatMap((kind) => api.find((path) => kindOf(path) === kind) ?? []),
];
const phone = { width: 360, height: 740 };
const shown = [...pages, ...someApi, "/no/such/page/"];

/** Lessons as the site must show them: address and notebook, in order. */
const lessons = [...notebooks].map(([file, cells]) => ({
  file,
  cells,
  path: `/lessons/${file.replace(/^\d+[-_. ]+/, "").replace(/\.ipynb$/, "")}/`,
  order: Number.parseInt(file, 10),
}));
lessons.sort((a, b) => (Number.isNaN(a.order) ? Infinity : a.order) - (Number.isNaN(b.order) ? Infinity : b.order));

test.describe("the home page", () => {
  test("asks the question and starts the first lesson, in one screen", async ({ page }) => {
    const faults = watch(page, home);
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.goto(home);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(
      "How does Linux track a connection whose packets NAT rewrites?",
    );
    const start = page.getByRole("link", { name: lessons.length === 0 ? "See the lessons" : "Start lesson" });
    await expect(start).toBeInViewport({ ratio: 1 });
    await expect(page.getByRole("figure")).toBeInViewport({ ratio: 0.9 });
    await start.click();
    await expect(page).toHaveURL(`${home}${lessons[0]?.path ?? "/lessons/"}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    expect(faults).toEqual([]);
  });

  test("starts the first lesson from the keyboard", async ({ page }) => {
    await page.goto(home);
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Skip to main content" })).toBeFocused();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    await expect(focused).toHaveText(lessons.length === 0 ? "See the lessons" : /^Start lesson/);
    expect(await focused.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(`${home}${lessons[0]?.path ?? "/lessons/"}`);
  });

  test("is light enough", async ({ page }) => {
    const sizes: Promise<number>[] = [];
    page.on("response", (response) => {
      const size = async (): Promise<number> => {
        // Fetched ahead, once the page is there, for the pages that it links to.
        if ((await response.request().allHeaders())["sec-purpose"] === "prefetch") return 0;
        // What arrives after the test has ended has no body any more.
        const body = await response.body().catch(() => Buffer.alloc(0));
        // Fonts are compressed as they are.
        return response.url().endsWith(".woff2") ? body.length : gzipSync(body).length;
      };
      sizes.push(size());
    });
    await page.goto(home, { waitUntil: "networkidle" });
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(340_000);
  });
});

for (const scheme of ["light", "dark"] as const) {
  test.describe(`in ${scheme}`, () => {
    test.use({ colorScheme: scheme });
    for (const path of shown) {
      test(`${path} has no fault that axe finds, no error, no request to elsewhere, and fits a phone`, async ({
        page,
      }) => {
        const faults = watch(page, home);
        await page.goto(home + path, { waitUntil: "networkidle" });
        await expect(page.locator("html")).toHaveAttribute("data-theme", scheme);
        await expectNoViolations(page);
        await page.setViewportSize(phone);
        await expectFits(page);
        expect(faults.filter((fault) => !(path === "/no/such/page/" && fault.includes("404")))).toEqual([]);
      });
    }
  });
}

test.describe("on a phone", () => {
  test.use({ viewport: phone });

  test("starts the first lesson without scrolling", async ({ page }) => {
    await page.goto(home);
    await expect(page.getByRole("link", { name: /Start lesson|See the lessons/ })).toBeInViewport({ ratio: 1 });
  });

  test("the menu leads to the lessons", async ({ page }) => {
    await page.goto(home);
    await page.getByRole("button", { name: "Toggle navigation bar" }).click();
    await page.locator(".navbar-sidebar").getByRole("link", { name: "Lessons", exact: true }).click();
    await expect(page).toHaveURL(`${home}/lessons/`);
  });
});

test("what the links in sight lead to is fetched ahead, each file once", async ({ page }) => {
  await page.goto(`${home}/lessons/`, { waitUntil: "networkidle" });
  const ahead = (): Promise<string[]> =>
    page.locator("link[rel=prefetch]").evaluateAll((found) => found.map((link) => (link as HTMLLinkElement).href));
  // At least the lessons' own.
  await expect.poll(async () => (await ahead()).length).toBeGreaterThan(lessons.length);
  const addresses = await ahead();
  expect(new Set(addresses).size).toBe(addresses.length);
});

test("the list of lessons is all of them, in order", async ({ page }) => {
  await page.goto(`${home}/lessons/`);
  const links = await page
    .locator(".nb-list a")
    .evaluateAll((found) => found.map((link) => new URL((link as HTMLAnchorElement).href).pathname));
  expect(links).toEqual(lessons.map(({ path }) => path));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });
  test("the home page says what it is", async ({ page }) => {
    await page.goto(home);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("figure")).toBeVisible();
  });

  for (const { file, path, cells } of lessons) {
    test(`${file}: every cell's code and printed output is on the page`, async ({ page }) => {
      await page.goto(home + path);
      const text = await page.locator("main").evaluate((main) => main.textContent ?? "");
      const bare = (value: string): string => value.replace(/\u001b\[[0-9;]*m/g, "").replace(/\s+/g, "");
      const shownText = bare(text);
      const code = cells.filter((cell) => cell.cell_type === "code");
      expect(code.length).toBeGreaterThan(0);
      for (const cell of code) {
        expect(shownText).toContain(bare(joined(cell.source)));
        for (const output of cell.outputs ?? []) {
          if (output.output_type === "stream") expect(shownText).toContain(bare(joined(output.text)));
        }
      }
    });
  }
});

for (const { file, path } of lessons) {
  test(`${file} can be taken away as it is`, async ({ page }) => {
    await page.goto(home + path);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download notebook" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(file);
    expect(readFileSync(await download.path(), "utf8")).toBe(readFileSync(`${repository}notebooks/${file}`, "utf8"));
  });
}

for (const { file, cells } of lessons.slice(0, 1)) {
  test(`the entry on the home page is one that ${file} prints`, async ({ page }) => {
    await page.goto(home);
    const line = (await page.getByText("[ASSURED]").textContent()) ?? "";
    const [tuples] = /src=.*\[ASSURED\]/.exec(line) ?? [];
    expect(tuples).toMatch(/src=\S+ dst=\S+ sport=\d+ dport=\d+ src=\S+ dst=\S+ sport=\d+ dport=\d+ \[ASSURED\]/);
    expect(JSON.stringify(cells)).toContain(tuples);
  });
}

test("a printed conntrack line shows both tuples without scrolling, on a phone too", async ({ page }) => {
  await page.goto(`${home}${lessons[0]?.path ?? ""}`);
  for (const width of [1440, phone.width]) {
    await page.setViewportSize({ width, height: 900 });
    const reply = page.locator("main .nb-reply").first();
    await expect(reply).toHaveText(/^src=\S+ dst=\S+/);
    const inside = await reply.evaluate((tuple) => {
      const block = tuple.closest("pre")?.getBoundingClientRect();
      return block !== undefined && tuple.getBoundingClientRect().right <= block.right;
    });
    expect(inside).toBe(true);
  }
});

test("whoever tabs through the search is not called back when its index has come", async ({ page }) => {
  await page.route(/search-index/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await route.continue();
  });
  const asked = page.waitForRequest(/search-index/);
  const index = page.waitForResponse(/search-index/);
  await page.goto(home);
  const field = page.getByPlaceholder("Search");
  await field.focus();
  // Who leaves the field before the page has come to life asks for no index.
  await asked;
  await page.keyboard.press("Tab");
  await expect(field).not.toBeFocused();
  await (await index).finished();
  // The theme takes the field apart and puts it together again when the index is there.
  await expect(page.getByRole("combobox", { name: "Search" })).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Search" })).not.toBeFocused();
  await field.focus();
  await expect(page.getByRole("combobox", { name: "Search" })).toBeFocused();
});

test("search finds a word of the glossary, without a server", async ({ page }) => {
  const faults = watch(page, home);
  await page.goto(home);
  await page.getByRole("combobox", { name: "Search" }).or(page.getByPlaceholder("Search")).first().click();
  await page.keyboard.type("masquerade");
  const hit = page.locator('[class*="suggestion_"]').filter({ hasText: "Glossary › Glossary" }).first();
  await expect(hit).toBeVisible();
  await hit.click();
  await expect(page).toHaveURL(/\/glossary\/.*#masquerade$/);
  expect(faults).toEqual([]);
});

test("a diagram is drawn when it is reached, in the page's theme", async ({ page }) => {
  const faults = watch(page, home);
  await page.goto(`${home}/about/`);
  const diagram = page.locator("[data-mermaid]").first();
  await diagram.scrollIntoViewIfNeeded();
  await expect(diagram).toHaveAttribute("data-mermaid", "drawn");
  await expect(diagram.locator("svg")).toContainText("engine");
  await expectNoViolations(page);
  await page.getByRole("button", { name: /Switch between dark and light mode/ }).click();
  await page.getByRole("button", { name: /Switch between dark and light mode/ }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(diagram.locator("svg")).toContainText("engine");
  expect(faults).toEqual([]);
});

test("a wrong address says so and leads on", async ({ page }) => {
  const response = await page.goto(`${home}/no/such/page/`);
  expect(response?.status()).toBe(404);
  await page.getByRole("main").getByRole("link", { name: "the lessons" }).click();
  await expect(page).toHaveURL(`${home}/lessons/`);
});
