/** `npm run lessons` and `lesson:new` as a person uses them, in a folder of their own, with the built kernel. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatNotebook } from "../notebook/format.js";
import type { Cell, Output } from "../notebook/model.js";
import { parseNotebook } from "../notebook/parse.js";
import { unifiedDiff } from "./compare.js";
import { executeNotebook } from "./execute.js";
import { findNotebooks, runLessons } from "./lessons.js";
import { newLesson } from "./new.js";

let directory: string;
let printed: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "netfilter-lab-lessons-"));
  mkdirSync(join(directory, "notebooks"));
  printed = "";
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (text: string): void => {
  printed += text;
};
const lessons = (argv: string[], ci = false): Promise<number> => {
  printed = "";
  return runLessons(argv, { directory, write, colour: false, ci, cacheFile: join(directory, "cache.json") });
};

type Source = string | [source: string, ...tags: string[]];
const cellsOf = (sources: readonly Source[]): Cell[] => [
  { type: "markdown", id: "title", source: "# Title", tags: [], metadata: {} },
  ...sources.map((cell, index): Cell => {
    const [source, ...tags] = typeof cell === "string" ? [cell] : cell;
    return { type: "code", id: `c${index}`, source, tags, metadata: {}, outputs: [] };
  }),
];
const put = (name: string, ...sources: Source[]): string => {
  const path = join(directory, "notebooks", name);
  writeFileSync(path, formatNotebook({ path, metadata: {}, cells: cellsOf(sources) }));
  return path;
};

describe("executing a notebook", { timeout: 240_000 }, () => {
  let cellTimeoutSeconds = 60;
  const run = async (
    ...sources: Source[]
  ): Promise<{ outputs: (readonly Output[])[]; failures: (string | undefined)[] }> => {
    const path = join(directory, "n.ipynb");
    const { cells } = await executeNotebook({ path, metadata: {}, cells: cellsOf(sources) }, { cellTimeoutSeconds });
    return { outputs: cells.map((cell) => cell.outputs), failures: cells.map((cell) => cell.failure) };
  };
  const plain = (text: string): Output => ({ type: "execute_result", data: { "text/plain": text }, metadata: {} });

  test("forms stock tslab breaks on, rich values, replaced displays, joined streams", async () => {
    const draws =
      "{ [Symbol.for('Jupyter.display')]: async () => ({ 'text/plain': 't', 'image/svg+xml': '<svg/>', 'application/json': { a: 1 } }) }";
    const { outputs, failures } = await run(
      "const a = 1;\nexport let b = 2;",
      "({ a, b })",
      "for await (const x of [a, b]) console.log(x);\nconsole.log('end');",
      "[1, 2, 3].findLast((x) => x < 3)",
      `(${draws})`,
      `display(${draws});\ndisplay('text');`,
      "import { newDisplay } from 'tslab';\nconst d = newDisplay();\nd.text('before');\nconsole.error('between');\nd.text('after');",
      "Promise.resolve(new Set([1]))",
      "setTimeout(() => console.log('late'), 50);\nundefined",
    );
    const rich = { "application/json": { a: 1 }, "image/svg+xml": "<svg/>", "text/plain": "t" };
    expect(failures.filter((failure) => failure !== undefined)).toEqual([]);
    expect(outputs).toEqual([
      [],
      [plain("{ a: 1, b: 2 }")],
      [{ type: "stream", name: "stdout", text: "1\n2\nend\n" }],
      [plain("2")],
      [{ type: "execute_result", data: rich, metadata: {} }],
      [
        { type: "display_data", data: { "text/plain": "text" }, metadata: {} },
        { type: "display_data", data: rich, metadata: {} },
      ],
      [
        { type: "display_data", data: { "text/plain": "after" }, metadata: {} },
        { type: "stream", name: "stderr", text: "between\n" },
      ],
      [plain("Promise { Set(1) { 1 } }")],
      [{ type: "stream", name: "stdout", text: "late\n" }],
    ]);
  });

  test("cells compiled before the first one runs do the same", async () => {
    const path = join(directory, "n.ipynb");
    const sources: Source[] = [
      "const a: number = 1;",
      ["throw new TypeError(`x${a}`);\nconst b = 2;", "raises-exception"],
      "const c = a + 1;\nc",
      ["missing", "raises-exception"],
      "a + c",
    ];
    const notebook = { path, metadata: {}, cells: cellsOf(sources) };
    const [ahead, usual] = await Promise.all(
      [true, false].map((compileFirst) => executeNotebook(notebook, { compileFirst, cellTimeoutSeconds: 60 })),
    );
    const told = (result: typeof ahead): unknown[] => result!.cells.map(({ outputs, failure }) => [outputs, failure]);
    expect(told(ahead)).toEqual(told(usual));
    expect(usual!.cells.at(-1)!.outputs).toEqual([plain("3")]);
  });

  test.each<[string, Source[], (string | undefined)[]]>([
    [
      "a throw",
      ["throw new TypeError('x')", "1"],
      ["threw TypeError: x", "did not run, because an earlier cell failed"],
    ],
    ["a throw that was meant", [["throw 1", "raises-exception"], "1"], [undefined, undefined]],
    [
      "a meant throw that does not come",
      [["1", "raises-exception"]],
      ["is tagged raises-exception, but threw nothing"],
    ],
    [
      "a throw after the cell's end",
      ["setTimeout(() => { throw new Error('x') }, 50);\n1", "2"],
      ["threw Error: x", undefined],
    ],
    ["a refused form", ["\nusing x = null;"], [expect.stringContaining("CompileError: `using` is newer") as string]],
    ["the kernel's end", ["process.exit(3)"], ["ended the kernel (exit status 3)"]],
    [
      "a broken drawing",
      ["({ [Symbol.for('Jupyter.display')]: () => 3 })"],
      [expect.stringContaining("not a MIME bundle") as string],
    ],
  ])("%s", async (_title, sources, expected) => {
    expect((await run(...sources)).failures).toEqual(expected);
  });

  test("an endless loop is ended", async () => {
    cellTimeoutSeconds = 2;
    expect((await run("for (;;) {}")).failures).toEqual(["took longer than 2 s"]);
  });
});

describe("npm run lessons", { timeout: 240_000 }, () => {
  test("saves outputs, finds them right, skips what has not changed, and shows one changed character", async () => {
    const path = put("01-a.ipynb", "const xs = [1, 2, 3];\nconsole.log('printed');\nxs", ["Math.random()", "volatile"]);
    expect(await lessons([])).toBe(1);
    expect(await lessons(["--update"])).toBe(0);
    const saved = readFileSync(path, "utf8");
    expect(await lessons([])).toBe(0);
    expect(printed).toContain("notebooks/01-a.ipynb: unchanged");
    expect(await lessons([], true)).toBe(0);
    expect(printed).toMatch(/01-a\.ipynb: same, /);
    expect(readFileSync(path, "utf8")).toBe(saved);
    expect(await lessons(["--update", "--all"])).toBe(0);
    expect(readFileSync(path, "utf8")).toBe(saved);

    writeFileSync(path, saved.replace("[ 1, 2, 3 ]", "[ 1, 2, 4 ]"));
    expect(await lessons(["notebooks/01*"])).toBe(1);
    expect(printed.replace(/, [\d.]+ s\n/, ", N s\n")).toBe(`✗ notebooks/01-a.ipynb: different, N s
  cell 2: const xs = [1, 2, 3];
    --- notebooks/01-a.ipynb, cell 2, saved
    +++ notebooks/01-a.ipynb, cell 2, now
    @@ -3,4 +3,4 @@
       (newline at the end)
     [result]
     text/plain:
    -  [ 1, 2, 4 ]
    +  [ 1, 2, 3 ]
1 of 1 notebooks wrong (if the new outputs are right, save them: npm run lessons -- --update)
0 passed, 1 failed
`);
  });

  test("reports each kind of trouble, runs the rest, and saves nothing that failed", async () => {
    writeFileSync(join(directory, "notebooks/01-cut.ipynb"), '{"nbformat": 4, "cells": [{"cell_type": "code"}]}');
    put("02-types.ipynb", "const n: number = 'a';");
    const failing = put("03-fails.ipynb", "const f = (): never => {\n  throw new Error('x');\n};\nf();", "1");
    put("04-good.ipynb", "1;");
    const before = readFileSync(failing, "utf8");
    expect(await lessons(["--update"])).toBe(1);
    expect(printed.replace(/, [\d.]+ s\n/g, ", N s\n")).toBe(`✗ notebooks/01-cut.ipynb: malformed
  cell 1
    \`source\` is missing; it must be a string or an array of strings
✗ notebooks/02-types.ipynb: wrong types
  cell 2: const n: number = 'a';
    line 1, column 7: Type 'string' is not assignable to type 'number'. (TS2322)
✗ notebooks/03-fails.ipynb: failed, N s
  cell 2: const f = (): never => {
    Error: x
        at f (In[1]:2:9)
        at In[1]:4:1
✓ notebooks/04-good.ipynb: updated, N s
3 of 4 notebooks wrong
1 passed, 3 failed
`);
    expect(readFileSync(failing, "utf8")).toBe(before);
    expect(await lessons(["--json", "--check-only"])).toBe(1);
    const summary = JSON.parse(printed) as { ok: boolean; notebooks: { status: string }[] };
    expect([summary.ok, ...summary.notebooks.map((each) => each.status)]).toEqual([
      false,
      "malformed",
      "wrong types",
      "checked",
      "checked",
    ]);
  });

  test("finds notebooks by path, folder and glob, in the lessons' order", () => {
    for (const name of ["10-z.ipynb", "2-a.ipynb", "extra.ipynb"]) put(name, "1;");
    expect(findNotebooks([], directory)).toEqual([
      "notebooks/2-a.ipynb",
      "notebooks/10-z.ipynb",
      "notebooks/extra.ipynb",
    ]);
    expect(findNotebooks(["notebooks/1*"], directory)).toEqual(["notebooks/10-z.ipynb"]);
    expect(findNotebooks(["notebooks/none*"], directory)).toBe("no such notebook: notebooks/none*");
  });

  test("a wrong command line is told", async () => {
    expect(await lessons(["--upadte"])).toBe(2);
    expect(printed).toContain("unknown option --upadte");
  });
});

test("an empty side of a diff begins after the line before it", () => {
  expect(unifiedDiff([], ["a"])).toEqual(["@@ -0,0 +1,1 @@", "+a"]);
  expect(unifiedDiff(["a", "b", "c"], ["a", "c"])).toEqual(["@@ -1,3 +1,2 @@", " a", "-b", " c"]);
});

describe("lesson:new", () => {
  const make = (...argv: string[]): number => {
    printed = "";
    return newLesson(argv, { directory, write });
  };

  test("takes the next number and a name from the title, and says what to do next", () => {
    put("07-x.ipynb", "1;");
    expect(make("Ports were", "not a détail!")).toBe(0);
    expect(readdirSync(join(directory, "notebooks"))).toContain("08-ports-were-not-a-detail.ipynb");
    expect(printed).toContain("npm run lessons -- --update notebooks/08-ports-were-not-a-detail.ipynb");
    const text = readFileSync(join(directory, "notebooks/08-ports-were-not-a-detail.ipynb"), "utf8");
    expect(formatNotebook(parseNotebook(text, "x.ipynb"))).toBe(text);
  });

  test("refuses an empty title, one without letters, and one that is taken", () => {
    expect([make(), make("  "), make("?!")]).toEqual([2, 2, 2]);
    expect([make("Same"), make("same!")]).toEqual([0, 2]);
    expect(printed).toBe("lesson:new: there is a lesson of that name already: notebooks/01-same.ipynb\n");
  });
});
