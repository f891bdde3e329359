/// <reference lib="dom" />
/** A lesson on paper: the cells, what they gave and the drawings, whole; nothing to press and nowhere to go. */
import { expect, test } from "@playwright/test";
import { notebooksIn, repository } from "./pages.ts";

const home = process.env["SITE_URL"] ?? "";
const lessons = [...notebooksIn(`${repository}notebooks`).keys()].map((file) => file.replace(/^\d+-|\.ipynb$/g, ""));

/** A4 without margins of 15 mm, in CSS pixels. */
const paper = { width: 680, height: 1009 };

for (const lesson of lessons) {
  test(`${lesson} on paper shows all of itself, and no control`, async ({ page }) => {
    await page.setViewportSize(paper);
    await page.emulateMedia({ media: "print" });
    await page.goto(`${home}/lessons/${lesson}/`, { waitUntil: "networkidle" });
    const found = await page.evaluate((width) => {
      const visible = [...document.querySelectorAll<HTMLElement>("body *")].filter((each) => each.checkVisibility());
      const named = (each: Element): string => `${each.tagName}.${each.getAttribute("class") ?? ""}`;
      const inside = (each: Element): boolean => each.closest("netfilter-packet-view") === null;
      return {
        controls: visible
          .filter((each) => each.matches("button, input, nav, [role=toolbar]") && inside(each))
          .map(named),
        tooWide: visible
          .filter((each) => each.closest("main") !== null && each.clientWidth > 0 && inside(each))
          .filter((each) => each.getBoundingClientRect().right > width + 1)
          .map(named),
        cells: visible.filter((each) => each.matches("[data-cell-id]")).length,
        outputs: visible.filter((each) => each.matches(".nb-outputs")).length,
      };
    }, paper.width);
    expect(found.controls).toEqual([]);
    expect(found.tooWide).toEqual([]);
    expect(found.cells).toBeGreaterThan(2);
    expect(found.outputs).toBeGreaterThan(2);
    expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000);
  });
}
