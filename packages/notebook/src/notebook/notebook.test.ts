import { describe, expect, test } from "vitest";
import { formatNotebook } from "./format.js";
import { compareLessons, lessonOf, slugOf } from "./lesson.js";
import type { Cell, Notebook } from "./model.js";
import { parseNotebook } from "./parse.js";

const file = (cells: unknown[], metadata: unknown = {}): string =>
  JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 });
const code = (more: object = {}): object => ({
  cell_type: "code",
  id: "a",
  metadata: {},
  source: "",
  outputs: [],
  execution_count: null,
  ...more,
});

describe("a malformed file is refused with cell and reason", () => {
  const cases: [title: string, text: string, message: string][] = [
    ["empty", "", "n.ipynb: the file is empty"],
    ["cut off", '{"cells": [\n {"a": ', "n.ipynb: not JSON: Unexpected end of JSON input"],
    [
      "a stray comma",
      '{"cells": [],\n }',
      "n.ipynb: not JSON (line 2, column 2): Expected double-quoted property name in JSON at position 15",
    ],
    ["not an object", "[]", "n.ipynb: the file is an array; it must be an object"],
    ["no version", '{"cells": []}', "n.ipynb: not a notebook: `nbformat` is missing"],
    ["an old version", '{"nbformat": 3, "worksheets": []}', "n.ipynb: nbformat 3 is not supported (only 4 is)"],
    ["no cells", '{"nbformat": 4}', "n.ipynb: `cells` is missing; it must be an array"],
    ["a cell that is none", file([code(), "x"]), "n.ipynb, cell 2: the cell is a string; it must be an object"],
    ["no type", file([{ source: "", id: "a" }]), "n.ipynb, cell 1: `cell_type` is missing"],
    [
      "an unknown type",
      file([{ cell_type: "heading", source: "", id: "a" }]),
      'n.ipynb, cell 1: `cell_type` is "heading"; it must be "markdown", "code" or "raw"',
    ],
    [
      "no source",
      file([code({ source: undefined })]),
      "n.ipynb, cell 1: `source` is missing; it must be a string or an array of strings",
    ],
    [
      "a number among the lines",
      file([code({ source: ["a", 1] })]),
      "n.ipynb, cell 1: `source` holds a number; every line must be a string",
    ],
    ["no outputs", file([code({ outputs: undefined })]), "n.ipynb, cell 1: `outputs` is missing; it must be an array"],
    [
      "an unknown output",
      file([code({ outputs: [{ output_type: "pyout" }] })]),
      'n.ipynb, cell 1: output 1: `output_type` is "pyout"; it must be "stream", "display_data", "execute_result" or "error"',
    ],
    [
      "a nameless stream",
      file([code({ outputs: [{ output_type: "stream", text: "" }] })]),
      'n.ipynb, cell 1: output 1: `name` is missing; it must be "stdout" or "stderr"',
    ],
    [
      "a bundle of numbers",
      file([code({ outputs: [{ output_type: "display_data", data: { "text/plain": 1 } }] })]),
      'n.ipynb, cell 1: output 1: `data`["text/plain"] is a number; it must be a string or an array of strings',
    ],
    ["two of one id", file([code(), code()]), 'n.ipynb, cell 2: `id` "a" is already the id of cell 1'],
    [
      "a bad id",
      file([code({ id: "a b" })]),
      'n.ipynb, cell 1: `id` is "a b"; it must be 1 to 64 letters, digits, `-` or `_`',
    ],
    [
      "tags that are none",
      file([code({ metadata: { tags: "solution" } })]),
      "n.ipynb, cell 1: `metadata.tags` is a string; it must be an array",
    ],
  ];
  test.each(cases)("%s", (_title, text, message) => {
    let thrown: unknown;
    try {
      parseNotebook(text, "n.ipynb");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "NotebookError", message });
  });
});

/** Written by Python's nbformat 4.5 (`nbformat.write`) but for `execution_count`, which is null here. */
const canonical = `{
 "cells": [
  {
   "cell_type": "markdown",
   "id": "intro",
   "metadata": {},
   "source": [
    "# Title\\n",
    "\\n",
    "Größe"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "a",
   "metadata": {
    "jupyter": {
     "source_hidden": true
    },
    "tags": [
     "solution"
    ]
   },
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "one\\r\\n",
      "two\\n"
     ]
    },
    {
     "data": {
      "application/json": {
       "a": [],
       "b": {}
      },
      "image/png": "aGVs\\nbG8=\\n",
      "image/svg+xml": [
       "<svg>\\n",
       "</svg>"
      ],
      "text/plain": [
       "x"
      ]
     },
     "execution_count": null,
     "metadata": {},
     "output_type": "execute_result"
    },
    {
     "ename": "Error",
     "evalue": "no",
     "output_type": "error",
     "traceback": [
      "Error: no",
      "    at cell 1"
     ]
    }
   ],
   "source": [
    "1"
   ]
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "TypeScript (netfilter-lab)",
   "language": "typescript",
   "name": "netfilter-lab"
  },
  "language_info": {
   "codemirror_mode": {
    "mode": "typescript",
    "name": "javascript",
    "typescript": true
   },
   "file_extension": ".ts",
   "mimetype": "text/typescript",
   "name": "typescript"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
`;

describe("the canonical text", () => {
  test("is a fixed point of reading and writing", () => {
    expect(formatNotebook(parseNotebook(canonical, "n.ipynb"))).toBe(canonical);
  });

  test("does not depend on spelling, key order, counts, or what front ends leave behind", () => {
    const file = JSON.parse(canonical);
    file.metadata.language_info.version = "3.7.2";
    file.metadata.kernelspec = { name: "tslab", display_name: "TypeScript", language: "typescript" };
    const [prose, cell] = file.cells;
    prose.source = prose.source.join("");
    cell.execution_count = 17;
    cell.metadata = {
      tags: ["hide-solution"],
      scrolled: true,
      collapsed: false,
      execution: { "iopub.status.idle": "2026-11-22T15:00:00Z" },
    };
    cell.outputs[1].execution_count = 17;
    cell.outputs[1].data["image/svg+xml"] = "<svg>\n</svg>";
    file.cells = [prose, Object.fromEntries(Object.entries(cell).reverse())];
    expect(formatNotebook(parseNotebook(JSON.stringify(file), "elsewhere.ipynb"))).toBe(canonical);
  });

  test("gives cells without an id the same id at every reading, and different ones to equal cells", () => {
    const text = JSON.stringify({
      cells: [code({ id: undefined }), code({ id: undefined })],
      metadata: {},
      nbformat: 4,
      nbformat_minor: 4,
    });
    const ids = parseNotebook(text, "n.ipynb").cells.map((cell) => cell.id);
    expect(new Set(ids).size).toBe(2);
    expect(parseNotebook(text, "m.ipynb").cells.map((cell) => cell.id)).toEqual(ids);
  });

  test("keeps metadata and tags it does not know", () => {
    const text = file([code({ metadata: { tags: ["mine", "check"], name: "x" } })], { description: "About x." });
    const notebook = parseNotebook(text, "n.ipynb");
    expect(notebook.cells[0]).toMatchObject({ tags: ["mine", "check"], metadata: { name: "x" } });
    const again = parseNotebook(formatNotebook(notebook), "n.ipynb");
    expect(again).toEqual(notebook);
  });
});

describe("a notebook as a lesson", () => {
  const lesson = (path: string, ...sources: string[]) =>
    lessonOf({
      path,
      metadata: {},
      cells: sources.map(
        (source, index): Cell => ({ type: "markdown", id: `c${index}`, source, tags: [], metadata: {} }),
      ),
    } satisfies Notebook);

  const cases: [path: string, source: string, expected: ReturnType<typeof lesson>][] = [
    [
      "notebooks/01-the-puzzle.ipynb",
      "# The puzzle\n\nThree hosts, *one* [flow](x.md),\nand `conntrack -E`.\n\nMore.",
      { order: 1, slug: "the-puzzle", title: "The puzzle", description: "Three hosts, one flow, and conntrack -E." },
    ],
    [
      "12_b.ipynb",
      "```sh\n# not this\n```\n# A `nat` table #\n\n- a list",
      { order: 12, slug: "b", title: "A nat table", description: "" },
    ],
    ["Scratch Pad.ipynb", "# X\n## Y", { order: undefined, slug: "scratch-pad", title: "X", description: "" }],
    ["3.ipynb", "# Ports, too\ntext", { order: 3, slug: "ports-too", title: "Ports, too", description: "text" }],
    ["64bit.ipynb", "# X", { order: undefined, slug: "64bit", title: "X", description: "" }],
  ];
  test.each(cases)("%s", (path, source, expected) => {
    expect(lesson(path, source)).toEqual(expected);
  });

  test("the metadata's description wins", () => {
    const notebook = parseNotebook(
      file([{ cell_type: "markdown", id: "a", metadata: {}, source: "# T\n\nProse." }], { description: "Given." }),
      "1-t.ipynb",
    );
    expect(lessonOf(notebook).description).toBe("Given.");
  });

  test("needs a title", () => {
    expect(() => lesson("1-x.ipynb", "## Second level")).toThrow(
      "1-x.ipynb: no Markdown cell has a top-level heading (`# Title`)",
    );
  });

  test("sorts by number, then by slug", () => {
    const paths = ["b.ipynb", "10-x.ipynb", "2-z.ipynb", "2-a.ipynb", "a.ipynb"];
    const sorted = paths.map((path) => lesson(path, "# T")).sort(compareLessons);
    expect(sorted.map(({ order, slug }) => `${order} ${slug}`)).toEqual([
      "2 a",
      "2 z",
      "10 x",
      "undefined a",
      "undefined b",
    ]);
  });

  test.each([
    ["Café & crème", "cafe-creme"],
    ["What's next?", "whats-next"],
    ["  --  ", ""],
  ])("slug of %j", (title, slug) => {
    expect(slugOf(title)).toBe(slug);
  });
});
