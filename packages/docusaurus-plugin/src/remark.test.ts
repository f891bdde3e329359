import { fromMarkdown } from "mdast-util-from-markdown";
import { describe, expect, test } from "vitest";
import { remarkNotebook } from "./remark.js";

interface Shape {
  readonly type: string;
  readonly name?: string;
  readonly attributes?: readonly { readonly name: string; readonly value: string }[];
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
  const attributes = (node.attributes ?? []).filter(({ name }) => name !== "compiled");
  const properties = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  return [node.name, properties, ...(node.children ?? []).map(part)];
}

const facts = (pages: object): string =>
  `\`\`\`notebook-lesson\n${JSON.stringify({ file: "01-a.ipynb", download: "d", codeCells: 1, pages, assets: "../../notebooks", stamp: "s" })}\n\`\`\``;

describe("fences become elements", () => {
  test("a cell and its outputs are one", () => {
    expect(
      outline(
        "```ts notebook-cell id=a tags=check,x%20y\nlet a = `b`;\n```\n\n```json notebook-outputs\n[\n 1\n]\n```\n\nend",
      ),
    ).toEqual([
      [
        "NotebookCell",
        { id: "a", language: "ts", tags: "check x y", source: "let a = `b`;", outputs: "[1]", place: "0" },
      ],
      "paragraph",
    ]);
  });

  test("a cell without outputs does not take its neighbour's", () => {
    expect(
      outline(
        "```ts notebook-cell id=a tags=\n1\n```\n\n```ts notebook-cell id=b tags=\n2\n```\n\n```json notebook-outputs\n[2]\n```",
      ),
    ).toEqual([
      ["NotebookCell", { id: "a", language: "ts", tags: "", source: "1", outputs: "[]", place: "0" }],
      ["NotebookCell", { id: "b", language: "ts", tags: "", source: "2", outputs: "[2]", place: "1" }],
    ]);
  });

  test("what is put aside is inside", () => {
    expect(
      outline(
        "a\n\n<!-- notebook:solution -->\n\nb\n\n```ts notebook-cell id=a tags=solution\n1\n```\n\n<!-- /notebook:solution -->\n\nc",
      ),
    ).toEqual([
      "paragraph",
      [
        "NotebookAside",
        { kind: "solution" },
        "paragraph",
        ["NotebookCell", { id: "a", language: "ts", tags: "solution", source: "1", outputs: "[]", place: "0" }],
      ],
      "paragraph",
    ]);
  });

  test("a cell is compiled, and cells are numbered in the page's order, those put aside too", () => {
    const cell = (id: string): string => `\`\`\`ts notebook-cell id=${id} tags=\nlet ${id}: number = 1;\n\`\`\``;
    const tree = fromMarkdown(
      [cell("a"), "<!-- notebook:solution -->", cell("b"), "<!-- /notebook:solution -->", cell("c")].join("\n\n"),
    );
    remarkNotebook()(tree);
    const [a, aside, c] = tree.children as Shape[];
    const cells = [a, aside?.children?.[0], c].map((node) => {
      const values = new Map(node?.attributes?.map(({ name, value }) => [name, value]));
      const { code, names } = JSON.parse(values.get("compiled") ?? "") as { code: string; names: string[] };
      return [values.get("place"), code.replace(/\s+/g, " "), names];
    });
    expect(cells).toEqual([
      ["0", "let a = 1;", ["a"]],
      ["1", "let b = 1;", ["b"]],
      ["2", "let c = 1;", ["c"]],
    ]);
  });

  test("the lesson's line stands under the title; what only links need is not sent to the reader", () => {
    expect(outline(`# T\n\n${facts({})}\n\na`)).toEqual([
      "heading",
      ["NotebookLesson", { facts: '{"file":"01-a.ipynb","download":"d","codeCells":1}' }],
      "paragraph",
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
