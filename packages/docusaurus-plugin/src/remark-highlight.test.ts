import { fromMarkdown } from "mdast-util-from-markdown";
import { expect, test } from "vitest";
import { remarkHighlight } from "./remark-highlight.js";

function htmlOf(markdown: string): unknown[] {
  const tree = fromMarkdown(markdown);
  remarkHighlight()(tree);
  const blocks: unknown[] = [];
  const visit = (node: (typeof tree.children)[number] | typeof tree): void => {
    if (node.type === "code") blocks.push(node.data?.hProperties?.["html"]);
    if ("children" in node) for (const child of node.children) visit(child);
  };
  visit(tree);
  return blocks;
}

test("blocks of code get their tokens, wherever they stand", () => {
  expect(
    htmlOf("- a\n\n  ```ts\n  let a;\n  ```\n\n```bash\necho $A\n```\n\n```nothing\n<b>\n```\n\n```\na & b\n```"),
  ).toEqual([
    '<span class="token keyword">let</span> a<span class="token punctuation">;</span>',
    '<span class="token builtin class-name">echo</span> <span class="token variable">$A</span>',
    "&lt;b&gt;",
    "a &amp; b",
  ]);
});

test("a diagram is no code", () => {
  const diagram = fromMarkdown("```mermaid\nflowchart LR\n```");
  remarkHighlight()(diagram);
  expect(diagram).toEqual(fromMarkdown("```mermaid\nflowchart LR\n```"));
});
