import { fromMarkdown } from "mdast-util-from-markdown";
import { describe, expect, test } from "vitest";
import { exportedCells } from "../test/exported-cells.js";
import type { PageCell } from "./live/document.js";
import { remarkNotebook } from "./remark.js";

interface Shape {
  readonly type: string;
  readonly name?: string;
  readonly attributes?: readonly { readonly name: string; readonly value: string | { readonly value: string } }[];
  readonly children?: readonly Shape[];
  readonly url?: string;
  readonly value?: string;
}

/** The page after the plugin, as an outline: elements with their properties, other nodes by their type. */
function outline(markdown: string): unknown[] {
  const tree = fromMarkdown(markdown);
  remarkNotebook()(tree);
  return (tree.children as Shape[]).map(part);
}

function part(node: Shape): unknown {
  if (node.type !== "mdxJsxFlowElement") return node.type;
  const properties = Object.fromEntries(
    (node.attributes ?? []).map(({ name, value }) => [name, typeof value === "string" ? value : `{${value.value}}`]),
  );
  return [node.name, properties, ...(node.children ?? []).map(part)];
}

/** The cells that the page exports. */
function exported(markdown: string): readonly PageCell[] {
  const tree = fromMarkdown(markdown);
  remarkNotebook()(tree);
  return exportedCells(tree);
}

const facts = (pages: object): string =>
  `\`\`\`notebook-lesson\n${JSON.stringify({ file: "01-a.ipynb", download: "d", codeCells: 1, pages, assets: "../../notebooks", stamp: "s" })}\n\`\`\``;

const place = (number: string): unknown => [
  "NotebookCell",
  { language: "ts", place: number, cells: "{notebookCells}" },
];

describe("fences become elements", () => {
  test("a cell and its outputs are one", () => {
    const page =
      "```ts notebook-cell id=a tags=check,x%20y\nlet a = `b`;\n```\n\n```json notebook-outputs\n[\n 1\n]\n```\n\nend";
    expect(outline(page)).toEqual([place("0"), "paragraph", "mdxjsEsm"]);
    expect(exported(page)).toMatchObject([
      { id: "a", tags: ["check", "x y"], source: "let a = `b`;", outputs: [1], compiled: { names: ["a"] } },
    ]);
    expect(exported(page)[0]?.highlighted).toContain('<span class="token keyword">let</span> a ');
  });

  test("a cell without outputs does not take its neighbour's", () => {
    const page =
      "```ts notebook-cell id=a tags=\n1\n```\n\n```ts notebook-cell id=b tags=\n2\n```\n\n```json notebook-outputs\n[2]\n```";
    expect(outline(page)).toEqual([place("0"), place("1"), "mdxjsEsm"]);
    expect(exported(page)).toMatchObject([
      { id: "a", outputs: [] },
      { id: "b", outputs: [2] },
    ]);
  });

  test("what is put aside is inside", () => {
    expect(
      outline(
        "a\n\n<!-- notebook:solution -->\n\nb\n\n```ts notebook-cell id=a tags=solution\n1\n```\n\n<!-- /notebook:solution -->\n\nc",
      ),
    ).toEqual(["paragraph", ["NotebookAside", { kind: "solution" }, "paragraph", place("0")], "paragraph", "mdxjsEsm"]);
  });

  test("a cell is compiled, and cells are numbered in the page's order, those put aside too", () => {
    const cell = (id: string): string => `\`\`\`ts notebook-cell id=${id} tags=\nlet ${id}: number = 1;\n\`\`\``;
    const page = [cell("a"), "<!-- notebook:solution -->", cell("b"), "<!-- /notebook:solution -->", cell("c")].join(
      "\n\n",
    );
    expect(outline(page)).toEqual([
      place("0"),
      ["NotebookAside", { kind: "solution" }, place("1")],
      place("2"),
      "mdxjsEsm",
    ]);
    expect(
      exported(page).map(({ compiled }) => (compiled.ok ? [compiled.code.replace(/\s+/g, " "), compiled.names] : [])),
    ).toEqual([
      ["let a = 1;", ["a"]],
      ["let b = 1;", ["b"]],
      ["let c = 1;", ["c"]],
    ]);
  });

  test("the lesson's line stands under the title; what only links need is not sent to the reader", () => {
    expect(outline(`# T\n\n${facts({})}\n\na`)).toEqual([
      "heading",
      ["NotebookLesson", { facts: '{"file":"01-a.ipynb","download":"d","codeCells":1}' }],
      "paragraph",
    ]);
  });

  test("the lesson's line has the page's cells", () => {
    expect(outline(`# T\n\n${facts({})}\n\n\`\`\`ts notebook-cell id=a tags=\n1\n\`\`\``)[1]).toEqual([
      "NotebookLesson",
      { facts: '{"file":"01-a.ipynb","download":"d","codeCells":1}', cells: "{notebookCells}" },
    ]);
  });

  test("any other page passes unchanged", () => {
    expect(outline("# T\n\n```ts\n1\n```\n\n<!-- a comment -->")).toEqual(["heading", "code", "html"]);
  });
});

describe("links", () => {
  const cases: [what: string, url: string, result: string][] = [
    ["to another notebook", "02-b.ipynb", "./b.md"],
    ["to a heading of another", "./02-b.ipynb#the-hash", "./b.md#the-hash"],
    ["to a notebook that is not there", "09-z.ipynb", "../../notebooks/09-z.ipynb"],
    ["to a picture beside the notebooks", "img/a.png", "../../notebooks/img/a.png"],
    ["to a heading of this one", "#here", "#here"],
    ["to the site", "/glossary/", "/glossary/"],
    ["to elsewhere", "https://www.kernel.org/", "https://www.kernel.org/"],
  ];
  test.each(cases)("%s", (_, url, result) => {
    const tree = fromMarkdown(`# T\n\n${facts({ "02-b.ipynb": "b.md" })}\n\n[a](${url})`);
    remarkNotebook()(tree);
    const paragraph = (tree.children as Shape[]).find((node) => node.type === "paragraph");
    expect(paragraph?.children?.[0]?.url).toBe(result);
  });
});
