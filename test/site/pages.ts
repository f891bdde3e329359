/// <reference lib="dom" />
/** What the tests of the real site and of the fixtures share: which pages there are, and watching a page for faults. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

export const repository: string = fileURLToPath(new URL("../../", import.meta.url));

/** The addresses of all pages in a built site, from its root. */
export function builtPages(build: string): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(build, folder))) {
      const path = `${folder}${name}`;
      if (name === "index.html") found.push(folder);
      else if (statSync(join(build, path)).isDirectory()) walk(`${path}/`);
    }
  };
  walk("/");
  return found.sort();
}

/** A notebook's cells, as the tests need them. */
export interface CellText {
  readonly cell_type: string;
  readonly source: string | readonly string[];
  readonly outputs?: readonly { readonly output_type: string; readonly text?: string | readonly string[] }[];
}

/** The notebooks of a folder, by file name. */
export function notebooksIn(folder: string): Map<string, readonly CellText[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".ipynb") && !name.startsWith("."));
  return new Map(
    files.sort().map((name) => {
      const { cells } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { cells: CellText[] };
      return [name, cells];
    }),
  );
}

/** nbformat's two spellings of a text. */
export function joined(text: string | readonly string[] | undefined): string {
  return typeof text === "string" ? text : (text ?? []).join("");
}

/** Collects what must not happen on any page: errors in the console, failed requests, requests to anyone else. */
export function watch(page: Page, home: string): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    const isPlaywrights = message.text() === "Service Worker registration blocked by Playwright";
    if ((message.type() === "error" || message.type() === "warning") && !isPlaywrights)
      faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    // What a page had begun to prefetch when the test left it.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") faults.push(`failed: ${request.url()}`);
  });
  page.on("request", (request) => {
    // A blob of no origin is the worker that cells run in; it came from the page itself.
    if (!request.url().startsWith(home) && !/^(data:|blob:null\/)/.test(request.url()))
      faults.push(`elsewhere: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  return faults;
}

/** Fails unless axe finds nothing, with the violations' own words. */
export async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
  expect(told).toEqual([]);
}

/** Fails if the page is wider than the window. */
export async function expectFits(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content).toBeLessThanOrEqual(window ?? 0);
}
