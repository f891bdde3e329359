/** Marks on outputs that Linux gave, too: on the page exactly as long as the record holds. */
import { lessonOf, parseNotebook } from "@netfilter-lab/notebook";
import { digestOfCell, type KernelRecord } from "@netfilter-lab/notebook/kernel-record";
import { fromMarkdown } from "mdast-util-from-markdown";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { exportedCells } from "../test/exported-cells.js";
import { kernelMark } from "./kernel-mark.js";
import { lessonPage } from "./page.js";
import { remarkNotebook } from "./remark.js";

vi.doMock("@theme/NotebookOutput", () => ({
  default: ({ output }: { output: { name: string; text: string } }) => `[${output.name}: ${output.text}]`,
}));

const notebookWith = (text: string) =>
  parseNotebook(
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: [
        { cell_type: "markdown", id: "t", metadata: {}, source: "# T" },
        {
          cell_type: "code",
          id: "a",
          metadata: {},
          execution_count: null,
          source: "1;",
          outputs: [{ output_type: "stream", name: "stdout", text }],
        },
        { cell_type: "code", id: "b", metadata: {}, execution_count: null, source: "2;", outputs: [] },
      ],
    }),
    "notebooks/01-t.ipynb",
  );
const notebook = notebookWith("id=7\n");
const record: KernelRecord = {
  version: 1,
  kernel: "6.18.44-x",
  tools: { conntrack: "conntrack v1.4.7 (conntrack-tools)" },
  cells: [
    { id: "a", digest: digestOfCell(notebook, 1), rules: ["ids"], outputs: [{ kind: "stdout", text: "id=9\n" }] },
  ],
};
const facts = { file: "01-t.ipynb", download: "x", codeCells: 2, pages: {}, assets: "..", stamp: "s" };

/** What the page has as `linux` of each of its cells. */
function marksOnPage(of: typeof notebook, by: KernelRecord | null): unknown[] {
  const tree = fromMarkdown(lessonPage(of, lessonOf(of), facts, by).replace(/^---[^]*?---\n/, ""));
  remarkNotebook()(tree);
  return exportedCells(tree).map(({ linux }) => linux ?? null);
}

test("a cell that the record holds for has its mark, and no other", () => {
  const mark = JSON.stringify({
    version: "6.18",
    versions: ["Linux 6.18.44-x", "conntrack v1.4.7 (conntrack-tools)"],
    rules: [
      "Ids of conntrack entries and of echo requests are random: they were numbered in the order in which they appear.",
    ],
    outputs: [{ kind: "stdout", text: "id=9\n" }],
  });
  expect(marksOnPage(notebook, record)).toEqual([mark, null]);
  expect(marksOnPage(notebook, null)).toEqual([null, null]);
});

test("the mark goes when the output changes", () => {
  expect(marksOnPage(notebookWith("id=8\n"), record)).toEqual([null, null]);
});

test("a record that names no rule of ours stops the build", () => {
  const cells = [{ ...record.cells[0], rules: ["anything"] }];
  expect(() => kernelMark({ ...record, cells }, notebook, 1)).toThrow(
    "01-t.ipynb: its record names a rule that is none",
  );
});

test("the mark unfolds to what Linux gave and how it was compared, without JavaScript", async () => {
  const { default: Mark } = await import("./theme/NotebookKernelMark/index.js");
  const drawn = (mark: unknown): string =>
    renderToStaticMarkup(createElement(Mark, { mark: JSON.stringify(mark) })).replace(/<[^>]+>/g, "|");
  expect(drawn(kernelMark(record, notebook, 1))).toContain("Also from Linux 6.18|");
  expect(drawn(kernelMark(record, notebook, 1))).toMatch(/as it came:\|+\[stdout: id=9\n\].*Ids of .* random/s);
  const exact = kernelMark({ ...record, cells: [{ ...record.cells[0], rules: [] }] }, notebook, 1);
  expect(drawn(exact)).toContain("the same to the last character");
  expect(drawn(exact)).not.toContain("Before the two were compared");
});
