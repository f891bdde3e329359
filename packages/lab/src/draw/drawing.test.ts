import { expect, it } from "vitest";
import { Drawing, JUPYTER_DISPLAY, NODE_INSPECT } from "./drawing.js";

it("offers every form it has, text always and Mermaid never alone", () => {
  const source = { text: () => "text", mermaid: () => "flowchart LR" };
  const picture = new Drawing({ ...source, svg: () => "<svg/>" });
  expect(picture[JUPYTER_DISPLAY]()).toEqual({
    "text/plain": "text",
    "image/svg+xml": "<svg/>",
    "text/vnd.mermaid": "flowchart LR",
  });
  const table = new Drawing({ ...source, html: () => "<table/>" });
  expect(table[JUPYTER_DISPLAY]()).toEqual({
    "text/plain": "text",
    "text/html": "<table/>",
    "text/vnd.mermaid": "flowchart LR",
  });
  expect([picture.toString(), picture[NODE_INSPECT](), picture.html, table.svg]).toEqual(["text", "text", null, null]);
});

it("shows itself as a Mermaid diagram on request, with the source as text", () => {
  const drawing = new Drawing({ text: () => "text", svg: () => "<svg/>", mermaid: () => "flowchart LR" });
  expect(drawing.mermaidDiagram[JUPYTER_DISPLAY]()).toEqual({
    "text/plain": "flowchart LR",
    "text/vnd.mermaid": "flowchart LR",
  });
});

it("uses the symbols that kernels and Node look for", () => {
  expect([JUPYTER_DISPLAY, NODE_INSPECT]).toEqual([
    Symbol.for("Jupyter.display"),
    Symbol.for("nodejs.util.inspect.custom"),
  ]);
});
