import { describe, expect, test } from "vitest";
import type { Cell, Notebook } from "../notebook/model.js";
import { checkNotebooks } from "./check.js";

const notebook = (
  sources: readonly (string | { source: string; tags: string[] })[],
  path = "lesson.ipynb",
): Notebook => ({
  path,
  metadata: {},
  cells: sources.map((cell, index): Cell => {
    const { source, tags } = typeof cell === "string" ? { source: cell, tags: [] } : cell;
    return { type: "code", id: `c${index}`, source, tags, metadata: {}, outputs: [] };
  }),
});

/** Problems as `cell:line:column code`, cells counted from 1, with the message's first words where there is no code. */
const problems = (sources: Parameters<typeof notebook>[0]): string[] =>
  checkNotebooks([notebook(sources)]).map(
    ({ index, line, column, code, message }) =>
      `${index + 1}:${line}:${column} ${code ?? message.split(" ").slice(0, 4).join(" ")}`,
  );

describe("cells are right", { timeout: 60_000 }, () => {
  test.each<[string, string[]]>([
    [
      "top-level await, also for await",
      ["const x = await Promise.resolve(1);\nfor await (const y of [x]) console.log(y);"],
    ],
    [
      "names of earlier cells: values, types, classes, enums, imports",
      [
        'import { readFileSync } from "node:fs";\ntype T = { a: number };\nclass C { b = 1 }\nenum E { P }\ninterface I { c: T }',
        "const t: T = { a: new C().b + E.P };\nconst i: I = { c: t };\nreadFileSync;\n({ t, i })",
      ],
    ],
    [
      "a name declared again, with another type",
      ["const x = 1;\nconst f = () => x;", 'const x = "a";', "x.length + f()"],
    ],
    ["assigning an earlier cell's variable no function uses", ["let n = 1;", "n = 2;\nn++;"]],
    ["changing an earlier cell's object", ["const state = { n: 1 };\nconst f = () => state.n;", "state.n = 2;\nf();"]],
    ["export before a declaration", ["export const x = 1;", "x"]],
    ["the kernel's own display, and a shadowed one", ["display(1);", "const display = 2;", "display + 1"]],
    ["a library as new as Node 20", ["[1, 2].findLast((x) => x > 1);\n[1].toSorted();"]],
    ["a promise meant to go on", ["void Promise.resolve(1);"]],
  ])("%s", (_title, sources) => {
    expect(problems(sources)).toEqual([]);
  });
});

describe("cells are wrong", { timeout: 60_000 }, () => {
  test.each<[string, string[], string[]]>([
    ["strictly", ["function f(x) {\n  return x;\n}"], ["1:1:12 7006"]],
    [
      "by the types of earlier cells",
      ["const a: number | undefined = [1].at(0);", "\n  a.toFixed();"],
      ["2:2:3 18048"],
    ],
    ["by names that come later only", ["later;", "const later = 1;"], ["1:1:1 2304"]],
    [
      "after a shorthand that was rewritten, at the right column",
      ["const n = 1;", "({ n, wrong: missing })"],
      ["2:1:14 2304"],
    ],
    ["by the browser's names", ["document.title;"], ["1:1:1 2584"]],
    [
      "by assigning what an earlier cell's function uses",
      ["let n = 1;\nconst f = () => n;", "n = 2;"],
      ["2:1:1 `n` belongs to an"],
    ],
    ["by destructuring into it", ["let n = 1;\nfunction f() { return n; }", "[n] = [2];"], ["2:1:2 `n` belongs to an"]],
    ["by using", ["{\n  using x = null;\n}"], ["1:2:3 `using` is newer than"]],
    ["by export default", ["export default 1;"], ["1:1:1 `export default` has no"]],
    ["by a module comment", ["/** @module helper */\nconst x = 1;"], ["1:1:1 a `@module` comment makes"]],
    ["by a promise nobody awaits", ["1;\nPromise.resolve(1);"], ["1:2:1 this promise is not"]],
  ])("%s", (_title, sources, expected) => {
    expect(problems(sources)).toEqual(expected);
  });

  test("a cell meant to fail may have wrong types, and leaves no names", () => {
    expect(problems([{ source: 'const x: number = "a";', tags: ["raises-exception"] }, "x;"])).toEqual(["2:1:1 2304"]);
  });

  test("each in its own notebook", () => {
    const found = checkNotebooks([notebook(["const mine = 1;"], "b.ipynb"), notebook(["mine;"], "a.ipynb")]);
    expect(found.map(({ path, index, code }) => [path, index, code])).toEqual([["a.ipynb", 0, 2304]]);
  });
});
