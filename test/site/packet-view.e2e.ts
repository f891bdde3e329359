/// <reference lib="dom" />
/** The packet view in a real browser: on a lesson's page, and as the self-contained HTML that a notebook shows. */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { JUPYTER_DISPLAY, Lab, theQuestion } from "netfilter-lab";
import { expectFits, watch } from "./pages.ts";

const home = process.env["SITE_URL"] ?? "";
const lesson = `${home}/lessons/the-way-back/`;
const address = "#out-step-through-view-0";

/** The view on the lesson's page, drawn. */
async function open(page: Page, fragment = ""): Promise<Locator> {
  await page.goto(lesson + fragment);
  const view = page.locator("netfilter-packet-view section.view");
  await view.scrollIntoViewIfNeeded();
  await expect(view.locator(".words")).not.toBeEmpty();
  return view;
}

const words = (view: Locator): Locator => view.locator(".words");
const count = (view: Locator): Locator => view.locator(".count");

test("every control moves it", async ({ page }) => {
  const faults = watch(page, home);
  const view = await open(page);
  const press = (name: string): Promise<void> => view.getByRole("button", { name, exact: true }).click();
  await expect(count(view)).toHaveText("packet 1 of 9 · step 1 of 73");
  await expect(view.getByRole("button", { name: "Step back" })).toBeDisabled();
  await press("Step on");
  await expect(words(view)).toHaveText("The packet comes to PREROUTING.");
  await press("Step back");
  await expect(words(view)).toHaveText("The packet is received.");
  await press("Next lookup");
  await expect(words(view)).toContainText("There is no such tuple.");
  await press("Next rewrite");
  await expect(words(view)).toHaveText("NAT rewrites the packet’s source: src 192.168.2.55 → 193.157.56.3.");
  await press("Next verdict");
  await expect(words(view)).toContainText("POSTROUTING: ACCEPT");
  await view.getByRole("button", { name: /^Packet 2: SYN, ACK/ }).click();
  await expect(count(view)).toHaveText("packet 2 of 9 · step 1 of 46");
  await expect(view.locator(".packets [aria-current]")).toHaveAccessibleName(/^Packet 2/);
  await view.getByLabel("Every function").check();
  await press("Step on");
  await press("Step on");
  await press("Step on");
  await expect(count(view)).toHaveText("packet 2 of 9 · step 4 of 46");
  await view.getByRole("slider", { name: "Step" }).fill("0");
  await expect(count(view)).toHaveText("packet 1 of 9 · step 1 of 73");
  await press("Last step");
  await expect(words(view)).toHaveText("The packet leaves by eth0.");
  await expect(view.getByRole("button", { name: "Step on" })).toBeDisabled();
  await press("First step");
  await expect(count(view)).toHaveText("packet 1 of 9 · step 1 of 73");
  expect(faults).toEqual([]);
});

test("plays, pauses, and ends where the walk ends", async ({ page }) => {
  await page.clock.install();
  const view = await open(page);
  await view.getByRole("button", { name: "Play" }).click();
  await expect(words(view)).toHaveAttribute("aria-live", "off");
  await page.clock.runFor(3000);
  await expect(count(view)).toHaveText("packet 1 of 9 · step 3 of 73");
  await view.getByRole("button", { name: "Pause" }).click();
  await page.clock.runFor(5000);
  await expect(count(view)).toHaveText("packet 1 of 9 · step 3 of 73");
  await expect(words(view)).toHaveAttribute("aria-live", "polite");
  await view.focus();
  await page.keyboard.press("Space");
  await page.clock.runFor(600_000);
  await expect(count(view)).toHaveText("packet 9 of 9 · step 46 of 46");
  await expect(view.getByRole("button", { name: "Play" })).toBeVisible();
});

test("the keyboard reaches all of it", async ({ page }) => {
  const view = await open(page);
  await view.focus();
  const after = async (key: string, text: string): Promise<void> => {
    await page.keyboard.press(key);
    await expect(count(view)).toHaveText(text);
  };
  await after("ArrowRight", "packet 1 of 9 · step 2 of 73");
  await after("ArrowLeft", "packet 1 of 9 · step 1 of 73");
  await after("PageDown", "packet 2 of 9 · step 1 of 46");
  await after("l", "packet 2 of 9 · step 10 of 46");
  await after("r", "packet 2 of 9 · step 23 of 46");
  await after("v", "packet 2 of 9 · step 24 of 46");
  await after("PageUp", "packet 1 of 9 · step 1 of 73");
  await after("End", "packet 9 of 9 · step 46 of 46");
  await after("Home", "packet 1 of 9 · step 1 of 73");
  const reached = new Set<string>();
  for (let i = 0; i < 45; i++) {
    await page.keyboard.press("Tab");
    reached.add(
      await page.evaluate(() => {
        const inside = document.activeElement?.shadowRoot?.activeElement;
        if (inside === null || inside === undefined) return "";
        return inside.getAttribute("aria-label") ?? inside.getAttribute("role") ?? inside.tagName;
      }),
    );
  }
  for (const stop of [
    "Step on",
    "Last step",
    "Play",
    "Next lookup",
    "Step",
    "INPUT",
    "A",
    "treeitem",
    "gridcell",
    "SUMMARY",
  ])
    expect([...reached]).toContain(stop);
});

test("headers and bytes light each other: by pointer, by focus, by arrow keys", async ({ page }) => {
  const view = await open(page, `${address}.p2.s23`);
  const lit = async (): Promise<string> =>
    (await view.getByRole("gridcell").and(view.locator("[data-lit]")).allTextContents()).join(" ");
  const field = view.getByRole("treeitem").filter({ hasText: "Destination address" });
  await field.hover();
  expect(await lit()).toBe("c0 a8 02 37");
  await expect(field).toHaveAttribute("data-written", "");
  await expect(field).toContainText("192.168.2.55was 193.157.56.3");
  await view.getByRole("gridcell").nth(13).hover();
  await expect(view.locator(".field[data-lit]")).toHaveText(/^Source address/);
  await view.getByRole("treeitem").first().focus();
  for (let i = 0; i < 7; i++) await page.keyboard.press("ArrowDown");
  await expect(view.locator(".field[data-lit]")).toHaveText(/^Time to live/);
  await expect(view.locator(".field[data-lit]")).toHaveAttribute("aria-selected", "true");
  expect(await lit()).toBe("40");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await expect(view.getByRole("treeitem").first()).toHaveAttribute("aria-expanded", "false");
  await expect(view.getByRole("treeitem").nth(1)).toHaveText(/^▾?Transmission Control Protocol/);
  await page.keyboard.press("ArrowRight");
  await view.getByRole("gridcell").nth(20).focus();
  await page.keyboard.press("ArrowRight");
  await expect(view.locator(".field[data-lit]")).toHaveText(/^Source port/);
  expect(await lit()).toBe("01 bb");
  // Arrow keys moved in the packet, not in time.
  await expect(count(view)).toHaveText("packet 2 of 9 · step 23 of 46");
});

test("shows the connection, what hangs on the packet, the rule and the function", async ({ page }) => {
  const view = await open(page, `${address}.p2.s23`);
  const connection = view.getByRole("region", { name: "Connection" });
  await expect(connection).toContainText("entry 1 · SYN_RECV · in the hash");
  await expect(connection).toContainText("ORIGINAL192.168.2.55:50798 → 217.254.1.76:443");
  await expect(connection).toContainText("REPLY217.254.1.76:443 → 193.157.56.3:50798");
  await expect(connection).toContainText("packet217.254.1.76:443 → 192.168.2.55:50798no tuple says this");
  await expect(connection).toContainText("skb->_nfct → entry 1, ESTABLISHED REPLY");
  await expect(view.locator(".path li")).toHaveText([
    "ip_rcv",
    "nf_hook_slow",
    "nf_nat_ipv4_pre_routingnf_nat",
    "nf_nat_inet_fnnf_nat",
    "nf_nat_manip_pktnf_nat",
  ]);
  await expect(view.getByRole("img", { name: /The packet is at PREROUTING/ })).toBeVisible();
  await page.goto(`${lesson}${address}.p1.s53`);
  await expect(view.getByRole("region", { name: "Rule" })).toContainText(
    "[1:60] -A POSTROUTING -o eth1 -j SNAT --to-source 193.157.56.3",
  );
});

test("every step has an address", async ({ page }) => {
  const view = await open(page);
  await view.getByRole("button", { name: "Next rewrite" }).click();
  await view.getByRole("link", { name: "Link to this step" }).click();
  await expect(page).toHaveURL(`${lesson}${address}.p1.s53`);
  await view.getByRole("button", { name: "First step" }).click();
  await page.reload();
  await expect(count(view)).toHaveText("packet 1 of 9 · step 53 of 73");
  await expect(view).toBeInViewport();
  // One that does not exist changes nothing.
  await page.goto(`${lesson}${address}.p99.s1`);
  await expect(count(view)).toHaveText("packet 1 of 9 · step 53 of 73");
});

for (const scheme of ["light", "dark"] as const) {
  test(`has no fault that axe finds in ${scheme}, at steps of every kind`, async ({ page }) => {
    test.setTimeout(180_000);
    await page.emulateMedia({ colorScheme: scheme });
    const view = await open(page);
    await view.locator("summary").click();
    for (const step of ["p1.s10", "p1.s53", "p2.s46"]) {
      await page.goto(`${lesson}${address}.${step}`);
      await expect(view.getByRole("link", { name: "Link to this step" })).toHaveAttribute("href", `${address}.${step}`);
      const { violations } = await new AxeBuilder({ page }).include("netfilter-packet-view").analyze();
      expect(violations.map(({ help, nodes }) => `${help}: ${nodes.map(({ html }) => html).join(" | ")}`)).toEqual([]);
    }
  });
}

test("follows the page's theme", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  const view = await open(page);
  const paper = (): Promise<string> => view.evaluate((element) => getComputedStyle(element).backgroundColor);
  expect(await paper()).toBe("rgb(255, 255, 255)");
  await page.evaluate(() => document.documentElement.setAttribute("data-theme", "dark"));
  await expect.poll(paper).toBe("rgb(21, 24, 30)");
});

test("nothing moves for those who asked for no motion", async ({ page }) => {
  const view = await open(page);
  const duration = (): Promise<string> =>
    view.locator("svg.map .packet").evaluate((element) => getComputedStyle(element).transitionDuration);
  expect(await duration()).toBe("0.3s");
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await duration()).toBe("0s");
});

test("fits a phone", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const view = await open(page, `${address}.p2.s23`);
  await expectFits(page);
  const [inner, outer] = await view.evaluate((element) => [element.scrollWidth, element.clientWidth]);
  expect(inner).toBeLessThanOrEqual(outer ?? 0);
});

test("a Mermaid diagram of the hooks follows the packet", async ({ page }) => {
  await page.goto(`${home}/lessons/playground/`);
  const diagram = page.locator("[data-mermaid]").first();
  // The page puts another in its place while it comes to life, which may then be out of sight again.
  await expect(async () => {
    await diagram.scrollIntoViewIfNeeded({ timeout: 1000 });
    await expect(diagram).toHaveAttribute("data-mermaid", "drawn", { timeout: 2000 });
  }).toPass({ timeout: 20_000 });
  const view = page.locator("netfilter-packet-view section.view").first();
  await view.getByRole("button", { name: "Next lookup" }).click();
  await expect(diagram.locator("g[data-here]")).toHaveCount(1);
  await expect(diagram.locator("g[data-here]")).toContainText("PREROUTING");
  await view.getByRole("button", { name: "Next rewrite" }).click();
  await expect(diagram.locator("g[data-here]")).toHaveCount(1);
  await expect(diagram.locator("g[data-here]")).toContainText("POSTROUTING");
});

test("without JavaScript a table says what happened to each packet", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(lesson);
  const table = page.locator("netfilter-packet-view table");
  await expect(table).toBeVisible();
  await expect(table.locator("tbody tr")).toHaveCount(9);
  await expect(table.locator("tbody tr").nth(1)).toContainText("it is the REPLY tuple of entry 1");
  await context.close();
});

test.describe("as a notebook's output", () => {
  /** A page with these outputs, opened as a file: no server, no other script. */
  async function show(page: Page, name: string, ...outputs: string[]): Promise<string[]> {
    const file = test.info().outputPath(`${name}.html`);
    writeFileSync(
      file,
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><body>${outputs.join("\n")}</body></html>`,
    );
    const faults = watch(page, "file:");
    await page.goto(pathToFileURL(file).href);
    return faults;
  }

  async function output(): Promise<string> {
    const lab = await Lab.create(theQuestion);
    const { client, gateway } = lab.hosts;
    await gateway!.sh`iptables -A FORWARD -m comment --comment "</script><img src=x onerror=alert(1)>" -j DROP`;
    const walk = await gateway!.walk(() => client!.sh`ping -c 1 -W 1 217.254.1.76`);
    return walk[JUPYTER_DISPLAY]()["text/html"] ?? "";
  }

  test("it needs nothing but itself, twice on a page too", async ({ page }) => {
    const html = await output();
    const faults = await show(page, "twice", html, html);
    const views = page.locator("section.view");
    await expect(views).toHaveCount(2);
    await views.nth(1).getByRole("button", { name: "Last step" }).click();
    await expect(words(views.nth(1))).toContainText("dropped in FORWARD");
    await expect(words(views.nth(0))).toHaveText("The packet is received.");
    expect(faults).toEqual([]);
  });

  test("markup in a rule stays text", async ({ page }) => {
    const faults = await show(page, "markup", await output());
    const view = page.locator("section.view");
    await view.getByRole("button", { name: "Next verdict" }).click();
    await view.getByRole("button", { name: "Next verdict" }).click();
    await expect(view.getByRole("region", { name: "Rule" })).toContainText("<img src=x onerror=alert(1)>");
    await expect(page.locator("img")).toHaveCount(0);
    expect(faults).toEqual([]);
  });

  for (const [name, put, message] of [
    ["broken", "{", "it is no JSON"],
    [
      "hostile",
      '{"version":1,"packets":[{"host":"<img src=x onerror=alert(1)>"}]}',
      "the walk.functions is not a list",
    ],
    ["newer", '{"version":2}', "the walk is of version 2; this view reads version 1"],
  ] as const) {
    test(`a ${name} walk gets a message, and the table stays`, async ({ page }) => {
      const html = (await output()).replace(
        /(<script type="application\/json">).*(<\/script>)/,
        (_, begin: string, end: string) => begin + put + end,
      );
      const faults = await show(page, name, html);
      await expect(page.getByRole("alert")).toContainText(`This walk cannot be shown: ${message}`);
      await expect(page.getByRole("table")).toBeVisible();
      expect(faults).toEqual([]);
    });
  }
});
