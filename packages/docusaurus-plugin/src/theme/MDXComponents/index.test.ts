import { createElement, type FunctionComponent } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test, vi } from "vitest";

// The site brings these; the test is of what this package adds by itself.
vi.mock("@theme-init/MDXComponents", () => ({ default: { p: "p" } }));
for (const name of ["NotebookAside", "NotebookCell", "NotebookLesson", "NotebookList"]) {
  vi.doMock(`@theme/${name}`, () => ({ default: "div" }));
}
const { default: components } = await import("./index.js");

function rendered(name: string, properties: object, ...children: string[]): string {
  return renderToStaticMarkup(createElement(components[name] as FunctionComponent, properties, ...children));
}

test("a table's heading without words is a cell", () => {
  expect(rendered("th", {})).toBe("<td></td>");
  expect(rendered("th", { scope: "col" }, "source")).toBe('<th scope="col">source</th>');
});

test("`details` is the browser's own, and the site's other components stay", () => {
  expect(rendered("details", {}, "more")).toBe('<details class="nb-details ">more</details>');
  expect(components["p"]).toBe("p");
});
