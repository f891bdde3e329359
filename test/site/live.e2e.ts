/// <reference lib="dom" />
/** Every control of live cells, in a small lesson of the fixtures; and every real lesson, run from top to bottom. */
import { gzipSync } from "node:zlib";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { expectFits, expectNoViolations, notebooksIn, repository, watch } from "./pages.ts";

const home = process.env["FIXTURES_URL"] ?? "";
const site = process.env["SITE_URL"] ?? "";

test("the first Run of the first lesson fetches no more than 150 kB beyond the page", async ({ page }) => {
  await withoutPrefetch(page);
  const fetched: Promise<number>[] = [];
  await page.goto(`${site}/lessons/the-puzzle/`, { waitUntil: "networkidle" });
  await page.locator('html[data-has-hydrated="true"]').waitFor();
  page.on("response", (response) => {
    if (response.url().startsWith(site))
      fetched.push(response.body().then((body) => gzipSync(body, { level: 9 }).length));
  });
  const notebook = new Notebook(page);
  const [first] = (await notebook.order()).split(" ");
  await notebook.press(first!, "Run");
  await notebook.expectState(first!, "live");
  const bytes = (await Promise.all(fetched)).reduce((sum, each) => sum + each, 0);
  expect(fetched.length).toBeGreaterThan(2);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThanOrEqual(150_000);
});

const lesson = `${home}/lessons/cells-that-run/`;

class Notebook {
  readonly page: Page;
  readonly status: Locator;

  constructor(page: Page) {
    this.page = page;
    this.status = page.locator(".nb-status");
  }

  static async open(page: Page, address = lesson): Promise<Notebook> {
    await page.goto(address);
    await page.locator('html[data-has-hydrated="true"]').waitFor();
    return new Notebook(page);
  }

  cell(id: string): Locator {
    return this.page.locator(`[data-cell-id="${id}"]`);
  }
  output(id: string): Locator {
    return this.cell(id).locator(".nb-outputs");
  }
  /** The editor that takes the place of the plain text area when it has been loaded. */
  editor(id: string): Locator {
    return this.cell(id).locator(".cm-content");
  }
  async expectState(id: string, state: string): Promise<void> {
    await expect(this.cell(id)).toHaveAttribute("data-cell-state", state);
  }
  /** The cells' ids, in the page's order. */
  async order(): Promise<string> {
    const ids = await this.page
      .locator("[data-cell-id]")
      .evaluateAll((cells) => cells.map((cell) => (cell as HTMLElement).dataset["cellId"]));
    return ids.join(" ");
  }
  async press(id: string, button: string): Promise<void> {
    await this.cell(id).hover();
    await this.cell(id).getByRole("button", { name: button, exact: true }).click();
  }
  async choose(id: string, item: string): Promise<void> {
    await this.cell(id).hover();
    await this.cell(id).locator(".nb-more > summary").click();
    await this.cell(id).locator(".nb-menu").getByRole("button", { name: item }).click();
  }
  async edit(id: string, source: string): Promise<void> {
    if ((await this.cell(id).getByRole("textbox").count()) === 0) await this.press(id, "Edit");
    await this.editor(id).fill(source);
  }
  async runAll(): Promise<void> {
    await this.page.getByRole("button", { name: "Run all" }).click();
    await expect(this.status).toContainText("cells have run.");
  }
}

test("Run: the cells before run first; outputs become live; nothing is fetched from elsewhere", async ({ page }) => {
  const faults = watch(page, home);
  const notebook = await Notebook.open(page);
  await notebook.expectState("sum", "published");
  await notebook.press("sum", "Run");
  await notebook.expectState("sum", "live");
  await notebook.expectState("base", "live");
  await notebook.expectState("yours", "published");
  await expect(notebook.output("sum")).toHaveText("sum 3 run 1");
  await expect(notebook.status).toHaveText("3 cells have run.");
  // Those that have run do not run again.
  await notebook.press("sum", "Run");
  await expect(notebook.output("sum")).toHaveText("sum 3 run 2");
  expect(faults).toEqual([]);
});

test("what is fetched: nothing to run with until somebody seems to want to; the compiler only for a changed cell", async ({
  page,
}) => {
  const fetched: string[] = [];
  page.on("request", (request) => fetched.push(/live\/(\w+)\./.exec(request.url())?.[1] ?? ""));
  const notebook = await Notebook.open(page);
  await notebook.press("lab", "Run");
  await notebook.expectState("lab", "live");
  expect(fetched).toContain("first");
  expect(fetched).not.toContain("compiler");
  await notebook.edit("base", "const base = 5;\nbase;");
  await notebook.press("base", "Run");
  await expect(notebook.output("base")).toHaveText("5");
  expect(fetched).toContain("compiler");
});

/** A page on a line where data is dear: it fetches nothing ahead. */
async function withoutPrefetch(page: Page): Promise<void> {
  await page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
}

test("parts of the program come when a cell needs them, and what a cell gives is the same", async ({ page }) => {
  await withoutPrefetch(page);
  const parts: string[] = [];
  page.on("request", (request) => {
    const name = /live\/(part\.\w+)\./.exec(request.url())?.[1];
    if (name !== undefined) parts.push(name);
  });
  const notebook = await Notebook.open(page);
  const run = async (source: string): Promise<number> => {
    const before = parts.length;
    await notebook.edit("base", source);
    await notebook.press("base", "Run");
    await notebook.expectState("base", "live");
    return parts.length - before;
  };
  const lab =
    'import { Lab, theQuestion } from "netfilter-lab";\nconst { gateway, client } = (await Lab.create(theQuestion)).hosts;\n';
  expect(await run(`${lab}(await gateway.sh\`ip -br addr\`).status;`)).toBe(0);
  await expect(notebook.output("base")).toHaveText("0");
  // A command; an extension that is named in no text of the cell; a command that is read from before the clock goes on.
  expect(await run(`${lab}(await gateway.sh("iptables " + "-S")).lines.length;`)).toBeGreaterThan(0);
  await expect(notebook.output("base")).toHaveText("3");
  const recent = `${lab}const name = "rec" + "ent";\n(await gateway.sh("iptables -A INPUT -m " + name + " --set; iptables -S INPUT")).lines[1];`;
  expect(await run(recent)).toBeGreaterThan(0);
  await expect(notebook.output("base")).toContainText("-A INPUT -m recent --set --name DEFAULT");
  const dump = `${lab}const dump = gateway.start("tcpdump -n -c 1 -i eth0 icmp");\ndump.stderr.includes("listening on eth0");`;
  await run(dump);
  await expect(notebook.output("base")).toHaveText("true");
  const walk = `${lab}import { WalkPacket } from "netfilter-lab";\n(await gateway.walk(() => client.sh("ping -c 1 217.254.1.76"))).packets[0] instanceof WalkPacket;`;
  await run(walk);
  await expect(notebook.output("base")).toHaveText("true");
  await run(
    'import { matchExtensions } from "@netfilter-lab/engine";\nmatchExtensions().some(({ name }) => name === "recent");',
  );
  await expect(notebook.output("base")).toHaveText("true");
  expect(new Set(parts).size).toBe(parts.length);
});

test("a part that cannot be fetched: said under the cell, and Run works again", async ({ page }) => {
  await withoutPrefetch(page);
  await page.route(/assets\/live\/part\./, (route) => route.abort());
  const notebook = await Notebook.open(page);
  await notebook.press("lab", "Run");
  await expect(notebook.output("lab")).toContainText("could not be loaded: are you offline?");
  await page.unroute(/assets\/live\/part\./);
  await notebook.press("lab", "Run");
  await expect(notebook.output("lab")).toHaveText("2");
  await notebook.expectState("lab", "live");
});

test("Run all and Run to here begin a new program", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.runAll();
  await expect(notebook.output("sum")).toHaveText("sum 3 run 1");
  await expect(notebook.output("lab")).toHaveText("2");
  await notebook.press("sum", "Run");
  await expect(notebook.output("sum")).toHaveText("sum 3 run 2");
  await notebook.choose("sum", "Run to here");
  await expect(notebook.output("sum")).toHaveText("sum 3 run 1");
  await notebook.expectState("sum", "live");
  await notebook.expectState("lab", "stale");
});

test("an edited cell marks those after it; running it again brings them back", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.runAll();
  await notebook.edit("base", "const base: number = 10;\nbase;");
  await notebook.expectState("base", "stale");
  await notebook.expectState("lab", "stale");
  await notebook.press("sum", "Run");
  await expect(notebook.output("base")).toHaveText("10");
  await expect(notebook.output("sum")).toHaveText("sum 12 run 2");
  await notebook.choose("base", "As published");
  await notebook.press("base", "Done");
  await expect(notebook.cell("base").locator("pre").first()).toContainText("number = 1;");
});

test("Stop ends an endless loop, and cells run again", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit("twice", "for (;;);");
  await notebook.press("twice", "Run");
  await notebook.expectState("twice", "running");
  await notebook.press("twice", "Stop");
  await expect(notebook.cell("twice").locator(".nb-state")).toContainText("Stopped");
  await expect(notebook.status).toContainText("Stopped.");
  // The editor's types have a worker of their own.
  await expect.poll(() => page.workers().filter((worker) => worker.url().startsWith("blob:")).length).toBe(0);
  await notebook.edit("twice", "let runs = 0;\nconst twice = base * 4;\ntwice;");
  await notebook.press("sum", "Run");
  await expect(notebook.output("sum")).toHaveText("sum 5 run 1");
});

test("an endless loop that prints stays within bounds and can be stopped from the top", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit("base", 'for (;;) console.log("again and again");');
  await notebook.press("base", "Run");
  await expect(notebook.output("base")).toContainText("what follows is left out");
  await page.getByRole("toolbar", { name: "All cells" }).getByRole("button", { name: "Stop" }).click();
  await expect(notebook.status).toContainText("Stopped.");
});

test("what runs the cells dies: one line, and Run works again", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit("twice", "self.close();\nawait new Promise(() => {});");
  await notebook.press("twice", "Run");
  await expect(notebook.output("twice")).toContainText("What runs the cells has ended");
  await notebook.press("base", "Run");
  await notebook.expectState("base", "live");
});

test("no network when a cell is to run: said under the cell, and tried again", async ({ page }) => {
  await page.route(/assets\/live\/worker/, (route) => route.abort());
  const notebook = await Notebook.open(page);
  await notebook.press("base", "Run");
  await expect(notebook.output("base")).toContainText("could not be loaded");
  await page.unroute(/assets\/live\/worker/);
  await notebook.press("base", "Run");
  await notebook.expectState("base", "live");
});

test("mistakes are told under the cell, at the reader's own line and column", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit("twice", "type Later = string;\nconst twice = base +;");
  await notebook.press("sum", "Run");
  await expect(notebook.output("twice")).toContainText("(line 2, column 21)");
  await expect(notebook.status).toContainText("A cell failed; the one after it did not run.");
  await expect(notebook.output("sum")).toHaveText("sum 3 run 1");
  await notebook.edit(
    "twice",
    "interface A { a: number }\nconst f = (value: A): number => {\n  if (value.a) throw new TypeError('no');\n  return 1;\n};\nf({ a: base } as A);",
  );
  await notebook.press("twice", "Run");
  await expect(notebook.output("twice")).toHaveText(/^TypeError: no\s+at f \(In\[\d+\]:3:22\)\s+at In\[\d+\]:6:1\s*$/);
  await notebook.edit("twice", "import fs from 'node:fs';");
  await notebook.press("twice", "Run");
  await expect(notebook.output("twice")).toContainText(
    'cannot import "node:fs" in this page; there is "netfilter-lab"',
  );
});

test("cells are added, moved, deleted, brought back, and reset", async ({ page }) => {
  const notebook = await Notebook.open(page);
  const published = "base twice sum yours judge solve lab";
  expect(await notebook.order()).toBe(published);
  await notebook.choose("twice", "Add cell below");
  await expect(notebook.editor("added-1")).toBeFocused();
  await page.keyboard.type("base + 41");
  await page.keyboard.press("Control+Enter");
  await expect(notebook.output("added-1")).toHaveText("42");
  await notebook.choose("base", "Add cell above");
  expect(await notebook.order()).toBe("added-2 base twice added-1 sum yours judge solve lab");
  await notebook.choose("added-1", "Move up");
  expect(await notebook.order()).toBe("added-2 base added-1 twice sum yours judge solve lab");
  await notebook.choose("added-1", "Move down");
  await notebook.choose("added-1", "Move down");
  expect(await notebook.order()).toBe("added-2 base twice added-1 sum yours judge solve lab");
  await expect(page.getByText("Prose between cells").locator("xpath=following::*[@data-cell-id][1]")).toHaveAttribute(
    "data-cell-id",
    "added-1",
  );
  await notebook.choose("twice", "Delete");
  expect(await notebook.order()).toBe("added-2 base added-1 sum yours judge solve lab");
  await page.getByRole("button", { name: "Undo" }).click();
  expect(await notebook.order()).toBe("added-2 base twice added-1 sum yours judge solve lab");
  await page.getByRole("button", { name: "Reset" }).click();
  expect(await notebook.order()).toBe(published);
  await notebook.expectState("twice", "published");
});

test("Jupyter's keys", async ({ page }) => {
  const notebook = await Notebook.open(page);
  const { keyboard } = page;
  await notebook.cell("base").focus();
  await keyboard.press("Shift+Enter");
  await notebook.expectState("base", "live");
  await expect(notebook.cell("twice")).toBeFocused();
  await keyboard.press("Control+Enter");
  await notebook.expectState("twice", "live");
  await expect(notebook.cell("twice")).toBeFocused();
  await keyboard.press("ArrowDown");
  await expect(notebook.cell("sum")).toBeFocused();
  await keyboard.press("k");
  await expect(notebook.cell("twice")).toBeFocused();
  await keyboard.press("b");
  await expect(notebook.cell("added-1")).toBeFocused();
  await keyboard.press("Enter");
  await expect(notebook.editor("added-1")).toBeFocused();
  await keyboard.type("twice + 5");
  // The first may close the completions.
  await expect(async () => {
    await keyboard.press("Escape");
    await expect(notebook.cell("added-1")).toBeFocused({ timeout: 1000 });
  }).toPass();
  await keyboard.press("a");
  await expect(notebook.cell("added-2")).toBeFocused();
  await keyboard.press("d");
  await keyboard.press("d");
  await expect(notebook.cell("added-2")).toHaveCount(0);
  await expect(notebook.cell("added-1")).toBeFocused();
  await keyboard.press("z");
  await expect(notebook.cell("added-2")).toHaveCount(1);
  await notebook.cell("added-1").focus();
  await keyboard.press("Alt+Enter");
  await expect(notebook.output("added-1")).toHaveText("7");
  await expect(notebook.editor("added-3")).toBeFocused();
});

test("a lesson from its first line to the next lesson, by the keyboard alone", async ({ page }) => {
  await Notebook.open(page, `${site}/lessons/the-way-back/`);
  const { keyboard } = page;
  const focused = page.locator(":focus");
  const tabTo = async (wanted: Locator): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      await keyboard.press("Tab");
      // The packet view's own controls are inside it; what has the keyboard there is another test's.
      await expect(focused).toHaveCount(1);
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
    }
    await expect(wanted).toBeFocused();
  };
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  const cells = page.locator("[data-cell-id]:not(details:not([open]) [data-cell-id])");
  const count = await cells.count();
  await tabTo(cells.first());
  for (let at = 0; at < count; at++) {
    await expect(cells.nth(at)).toBeFocused();
    await keyboard.press("Shift+Enter");
    await expect(cells.nth(at)).toHaveAttribute("data-cell-state", "live");
  }
  // The last one has nowhere to go: it keeps the keyboard.
  await expect(cells.last()).toBeFocused();
  // Back up to the first exercise, an answer, its check, and the solution behind it.
  const exercise = page.locator('[data-cell-tags~="exercise"]').first();
  while (!(await exercise.evaluate((element) => element === document.activeElement))) await keyboard.press("k");
  await keyboard.press("Enter");
  await expect(exercise.locator(".cm-content")).toBeFocused();
  await keyboard.press("Control+a");
  await keyboard.type('const rewrittenIn: string = "POSTROUTING";');
  await keyboard.press("Shift+Enter");
  await keyboard.press("Shift+Enter");
  const check = page.locator('[data-cell-tags~="check"]').first();
  await expect(check.locator(".nb-outputs")).toHaveText(/^Right/);
  const solution = page.getByText("Show the solution").first();
  await page.locator('[data-cell-tags~="check"]').first().focus();
  await tabTo(solution);
  await keyboard.press("Enter");
  await expect(page.locator("details[open] [data-cell-id]").first()).toBeVisible();
  await page.locator("[data-cell-id]").last().focus();
  await tabTo(page.getByRole("link", { name: /^Next/ }));
  await keyboard.press("Enter");
  await expect(page).toHaveURL(/\/lessons\/why-the-nat-table-sees-only-first-packets\/$/);
});

test("an exercise: answer, check, solution", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit("yours", 'const answer: string = "forty-two";');
  await page.keyboard.press("Shift+Enter");
  await notebook.press("judge", "Run");
  await expect(notebook.output("judge")).toHaveText("You say forty-two.");
  await page.getByText("Show the solution").click();
  await notebook.press("solve", "Run");
  await expect(notebook.output("solve")).toHaveText("Say 2.");
});

test("a cell's drawing is made safe before it is shown", async ({ page }) => {
  const notebook = await Notebook.open(page);
  await notebook.edit(
    "base",
    `({ [Symbol.for("Jupyter.display")]: () => ({ "text/plain": "t", "text/html":
  '<p id="kept">kept</p><img src=x onerror="window.stolen = 1"><script>window.stolen = 2<\\/script>' }) })`,
  );
  await notebook.press("base", "Run");
  await expect(notebook.output("base")).toContainText("kept");
  await expect(notebook.output("base").locator("[onerror], script")).toHaveCount(0);
  expect(await page.evaluate(() => "stolen" in window)).toBe(false);
});

test("without JavaScript there is the lesson, and nothing to press", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(lesson);
  await expect(page.locator('[data-cell-id="sum"]')).toContainText("sum 3 run 1");
  await expect(page.getByRole("button", { name: "Run", exact: true }).first()).toBeHidden();
  await context.close();
});

for (const scheme of ["light", "dark"] as const) {
  test(`no fault that axe finds in ${scheme}: run, stale, failed, edited, with the menu and the keys open`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme: scheme });
    const notebook = await Notebook.open(page);
    await notebook.runAll();
    await notebook.choose("twice", "Add cell below");
    await notebook.edit("sum", "throw new Error('no');");
    await notebook.press("sum", "Run");
    await notebook.expectState("sum", "live");
    await notebook.choose("base", "Delete");
    await page.getByText("Keys", { exact: true }).click();
    await expectNoViolations(page);
    await notebook.press("yours", "Edit");
    await notebook.cell("lab").hover();
    await notebook.cell("lab").locator(".nb-more > summary").click();
    await expectNoViolations(page);
  });
}

test("on a phone everything fits and can be pressed", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  const notebook = await Notebook.open(page);
  await notebook.cell("sum").getByRole("button", { name: "Run", exact: true }).tap();
  await notebook.expectState("sum", "live");
  await notebook.cell("sum").locator(".nb-more > summary").tap();
  await expect(notebook.cell("sum").getByRole("button", { name: "Add cell below" })).toBeInViewport({ ratio: 1 });
  await expectFits(page);
  await context.close();
});

for (const file of notebooksIn(`${repository}notebooks`).keys()) {
  const slug = file.replace(/^\d+[-_. ]+/, "").replace(/\.ipynb$/, "");
  test(`${slug} gives in the browser what it gave in Jupyter`, async ({ page }) => {
    const faults = watch(page, site);
    // By a link from the list: a page that is opened first has its markup as the site's build minified it.
    const notebook = await Notebook.open(page, `${site}/lessons/`);
    await page.locator(`main a[href$="/lessons/${slug}/"]`).first().click();
    await page.locator("[data-cell-id]").first().waitFor();
    const outputs = (): Promise<[string | undefined, string][]> =>
      page.locator("[data-cell-id]").evaluateAll((cells) =>
        cells.map((cell) => {
          // What Linux gave, too, is told of saved outputs only.
          const shown = [...cell.querySelectorAll(".nb-outputs :is(.nb-text, .nb-html):not(.nb-kernel *)")];
          return [(cell as HTMLElement).dataset["cellId"], shown.map((each) => each.outerHTML).join("\n")];
        }),
      );
    const saved = await outputs();
    await notebook.runAll();
    expect(await outputs()).toEqual(saved);
    expect(faults).toEqual([]);
  });
}
