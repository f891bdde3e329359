import { type Cell, lessonOf, parseNotebook } from "@netfilter-lab/notebook";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cellInfo, fence, lessonPage, readCellInfo } from "./page.js";

type Given = { type: Cell["type"]; source: string; tags?: string[]; outputs?: unknown[]; attachments?: unknown };

function page(...cells: Given[]): string {
  const file = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: cells.map(({ type, source, tags = [], outputs = [], attachments }, index) => ({
      cell_type: type,
      id: `c${index + 1}`,
      metadata: { tags },
      source,
      ...(type === "code" ? { outputs, execution_count: null } : {}),
      ...(attachments === undefined ? {} : { attachments }),
    })),
  };
  const notebook = parseNotebook(JSON.stringify(file), "notebooks/03-one-entry.ipynb");
  const facts = {
    file: "03-one-entry.ipynb",
    download: "notebooks/x",
    codeCells: 0,
    pages: {},
    assets: "..",
    stamp: "s",
  };
  return lessonPage(notebook, lessonOf(notebook), facts);
}

/** What comes after the front matter, the title and the lesson's facts. */
function body(...cells: Given[]): string {
  return page({ type: "markdown", source: "# T" }, ...cells)
    .split("\n\n")
    .slice(3)
    .join("\n\n");
}

test("the whole page of a small lesson", () => {
  expect(
    page(
      { type: "markdown", source: "# One *entry*, two tuples\n\nThe hash: `{}`." },
      { type: "code", source: "1 + 1;\n", outputs: [{ output_type: "stream", name: "stdout", text: "2\n" }] },
    ),
  ).toBe(`---
id: "one-entry"
slug: "/one-entry"
title: "One entry, two tuples"
sidebar_label: "3. One entry, two tuples"
description: "The hash: {}."
---

# One *entry*, two tuples

\`\`\`notebook-lesson
{"file":"03-one-entry.ipynb","download":"notebooks/x","codeCells":0,"pages":{},"assets":"..","stamp":"s"}
\`\`\`

The hash: \`{}\`.

\`\`\`ts notebook-cell id=c2 tags=
1 + 1;
\`\`\`

\`\`\`json notebook-outputs
[
 {
  "kind": "stream",
  "name": "stdout",
  "text": "2\\n"
 }
]
\`\`\`
`);
});

describe("parts of a page", () => {
  const cases: [what: string, cells: Given[], text: string][] = [
    ["a raw cell is not shown", [{ type: "raw", source: "x" }], ""],
    ["an empty code cell is not shown", [{ type: "code", source: " \n" }], ""],
    [
      "a solution is put aside",
      [{ type: "markdown", source: "s", tags: ["solution"] }],
      "<!-- notebook:solution -->\n\ns\n\n<!-- /notebook:solution -->\n",
    ],
    [
      "neighbouring solution cells are one solution",
      [
        { type: "markdown", source: "a", tags: ["solution"] },
        { type: "markdown", source: "b", tags: ["solution"] },
        { type: "markdown", source: "c" },
      ],
      "<!-- notebook:solution -->\n\na\n\nb\n\n<!-- /notebook:solution -->\n\nc\n",
    ],
    [
      "neighbouring exercises are two",
      [
        { type: "markdown", source: "a", tags: ["exercise"] },
        { type: "markdown", source: "b", tags: ["exercise"] },
      ],
      "<!-- notebook:exercise -->\n\na\n\n<!-- /notebook:exercise -->\n\n<!-- notebook:exercise -->\n\nb\n\n<!-- /notebook:exercise -->\n",
    ],
    [
      "a code cell to fill in stands by itself",
      [{ type: "code", source: "let a;", tags: ["exercise"] }],
      "```ts notebook-cell id=c2 tags=exercise\nlet a;\n```\n",
    ],
    [
      "an attached picture is embedded",
      [
        {
          type: "markdown",
          source: "![p](attachment:a%20b.png)",
          attachments: { "a b.png": { "image/png": "AAA=\n" } },
        },
      ],
      "![p](data:image/png;base64,AAA=)\n",
    ],
  ];
  test.each(cases)("%s", (_, cells, text) => {
    expect(body(...cells)).toBe(text);
  });

  test("the title comes first, wherever the notebook has it", () => {
    const text = page(
      { type: "code", source: "1;" },
      { type: "markdown", source: "```\n# no\n```\n\n# Yes #\n\nmore" },
    );
    expect(text).toMatch(/---\n\n# Yes\n\n/);
    expect(text.match(/^# /gm)).toEqual(["# ", "# "]);
    expect(text.indexOf("notebook-cell")).toBeLessThan(text.indexOf("\nmore\n"));
  });

  test("a fence that is never closed names its cell and line", () => {
    expect(() => body({ type: "markdown", source: "a\n\n~~~ts\nb" })).toThrow(
      "notebooks/03-one-entry.ipynb, cell 2: the code fence on line 3 is never closed",
    );
  });
});

test("no content closes its own fence", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[`a\n]*$/), (content) => {
      const lines = fence("ts", content).split("\n");
      const ticks = lines.at(-1)!;
      expect(lines.slice(1, -1).join("\n")).toBe(content);
      expect(lines.slice(1, -1).some((line) => line.startsWith(ticks))).toBe(false);
    }),
  );
});

test("a cell's facts survive the info string", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\w-]{1,64}$/),
      fc.array(fc.string({ minLength: 1, unit: "grapheme" })),
      (id, tags) => {
        expect(readCellInfo(cellInfo({ id, tags }))).toEqual({ id, tags });
      },
    ),
  );
});
