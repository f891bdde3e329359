import { describe, expect, test } from "vitest";
import { compileCell } from "./compile.js";
import type { RunnableCell } from "./compiled.js";
import { linkCell } from "./link.js";

const compiled = (source: string): RunnableCell => {
  const cell = compileCell(source);
  if (!cell.ok) throw new Error(cell.problems.map(({ text }) => text).join("; "));
  return cell;
};

/** A cell's own lines as they are evaluated, in a session that knows the names. */
const linked = (source: string, known: readonly string[]): string => {
  const { code } = linkCell(compiled(source), (name) => known.includes(name));
  return code.split("\n").slice(1, -1).join("\n").trim();
};

describe("compiling", () => {
  test.each<[string, readonly string[]]>([
    ["const a = 1, { b, c: [d] } = x;", ["a", "b", "d"]],
    ["function f() { const inner = 1; } class C {}", ["f", "C"]],
    ["export const e = 1;", ["e"]],
    ['import { Lab, theQuestion as q } from "netfilter-lab";', ["Lab", "q"]],
    ["type T = number; interface I {}", []],
    ["for (const i of []) { let j; }", []],
  ])("%s declares %j for later cells", (source, names) => {
    expect(compiled(source).names).toEqual(names);
  });

  test.each([
    ["1 + 1", "return [(1 + 1)]"],
    ["a;", "return [(a)];"],
    ["const a = 1;", "const a = 1;"],
    ["a as number", "return [(a)]"],
    ["f();\ntype T = 1;", "f();\n           "],
  ])("%j becomes %j", (source, code) => {
    expect(compiled(source).code.trimEnd()).toBe(code.trimEnd());
  });

  test.each([
    ["const a = ;", 10],
    ["let x: = 1;", 7],
    ["a b", 2],
  ])("%j has a problem at character %i", (source, start) => {
    const cell = compileCell(source);
    expect(cell.ok).toBe(false);
    expect(cell.ok || cell.problems.map((problem) => problem.start)).toEqual([start]);
  });

  test("an import says where its module is named in the cell's own text", () => {
    const source = 'const a: number = 1;\nimport { b } from "netfilter-lab";';
    const [found] = compiled(source).imports;
    expect(found?.module).toBe("netfilter-lab");
    expect(source.slice(found?.start, (found?.start ?? 0) + (found?.length ?? 0))).toBe('"netfilter-lab"');
  });
});

describe("linking", () => {
  test.each<[string, readonly string[], string]>([
    ["a", ["a"], "return [(__cell.names.a)]"],
    ["a", [], "return [(a)]"],
    ["f(1)", ["f"], "return [((0, __cell.names.f)(1))]"],
    ["({ a })", ["a"], "return [(({ a: __cell.names.a }))]"],
    ["a = a + 1;", ["a"], "return [(__cell.names.a = __cell.names.a + 1)];"],
    ["o.a", ["a"], "return [(o.a)]"],
    ["((a) => a)(1)", ["a"], "return [(((a) => a)(1))]"],
    ["tag`x`", ["tag"], "return [((0, __cell.names.tag)`x`)]"],
  ])("%s, where %j are known, is %s", (source, known, code) => {
    expect(linked(source, known)).toBe(code);
  });

  test("a cell's names are accessors of its own variables, and its modules come through the session", () => {
    const { code } = linkCell(compiled('import * as m from "netfilter-lab";\nlet a = 1;'), () => false);
    expect(code).toContain("get a() { return a }, set a(__value) { a = __value }");
    expect(code).toContain('let m = await __cell.import("netfilter-lab");');
  });
});
