/**
 * What a cell means, form by form: the same cells in the real tslab kernel and in the live session must give the same
 * outputs, to the column of an error. All cases are one notebook, one after the other. Not
 * compared: what only a type checker refuses, and a shown promise, whose state a page cannot see.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format, inspect } from "node:util";
import type { CodeCell, Notebook, Output } from "@netfilter-lab/notebook";
import { type Formatting, LiveSession } from "@netfilter-lab/notebook/live";
import { compileCell } from "@netfilter-lab/notebook/live/compile";
import * as browser from "node-inspect-extracted";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executeNotebook } from "../../packages/notebook/src/runner/execute.js";
import { collect } from "./collect.js";

const folder = mkdtempSync(join(tmpdir(), "netfilter-lab-live-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cases: [what: string, ...cells: string[]][] = [
  [
    "names persist, and are redeclared",
    "const a = 1;\nlet b = 2;",
    "const c = a + b;\nc",
    "const a = 10;\na + b + c",
    "a",
  ],
  ["functions see their own cell", "const x = 1;\nconst f = () => x;", "const x = 2;\nf()", "x"],
  [
    "functions, classes, enums, destructuring",
    "function f(n: number) { return n * 2 }\nclass P { constructor(readonly x: number, private y = 1) {} sum() { return this.x + this.y } }\nenum E { A, B = 5, C }\nconst { p, q: [r, ...s] } = { p: 1, q: [2, 3, 4] };",
    "console.log(f(4), new P(3).sum(), E.C, E[5], p, r, s);",
    "new P(1)",
    "E",
  ],
  [
    "every way to use an earlier name",
    "let n = 1;\nconst o = { k: 1 };\nconst g = (...v: unknown[]) => v.length;\nconst tag = (t: TemplateStringsArray, ...v: unknown[]) => t.raw.join('|') + v.join();\nclass Base { hi() { return 'hi' } }",
    "n++;\nn += 2;\n[n] = [n * 2];\n({ k: n } = { k: n + 1 });\nn",
    "({ n, o, g: g(1, 2) })",
    "const { k = n } = {} as { k?: number };\nk",
    "class Sub extends Base {}\nnew Sub().hi()",
    "tag`a${n}b`",
    "typeof n + typeof g",
    "o.k++, o",
    "for (n of [7, 8]);\nn",
    "`${n} ${o.k}`",
    "[...'ab'].map((v, n) => v + n)",
    "(() => { const n = 'inner'; return n })()",
    "new Base().hi?.()",
    "g?.(1)",
    "const h = { n() { return n } };\nh.n()",
  ],
  [
    "var in a block is its own cell's, and no later one's",
    "{ var inBlock = 1 }\nif (inBlock) { var inIf = 2 }\nfor (var i = 0; i < 3; i++) { var inLoop = i }\n[inBlock, inIf, i, inLoop]",
    "const inBlock = 'later';\nconst own = () => { { var i = 9 } return i };\ninBlock + own()",
  ],
  [
    "lines without semicolons",
    "const f = (v: number) => [v]\nconst t = (s: TemplateStringsArray) => s[0]",
    "const a = 1\nf(a)\nconst b = t`x`\nt`y`",
    "if (a)\n  f(2)\nelse\n  f(3)\nf(4)",
  ],
  [
    "the last expression",
    "1;",
    "undefined",
    "null",
    "0",
    "''",
    "'text'",
    "const x = 1",
    "x",
    "x; if (x) 3",
    "({})",
    "[]",
    "// only a comment",
    "x // and a comment",
    "x;\ninterface Later {}",
    "false",
  ],
  [
    "what is shown",
    "new Map([['a', { b: [1, 2] }]])",
    "[1.5, -0, 10n, Symbol('s'), null, undefined]",
    "class A { #p = 1; q = 2 }\nnew A()",
    "new Uint8Array([1, 2])",
    "new Date(0)",
    "/x/g",
    "'multi\\nline'",
    "({ a: { b: { c: { d: 1 } } } })",
    "Array.from({ length: 120 }, (_, i) => i)",
    "new Error('as a value').message",
    "Object.create(null)",
    "[,1]",
    "new Proxy({}, {})",
    "'x'.repeat(200)",
    "[['a', 'b'], 'c']",
  ],
  [
    "top-level await",
    "const v = await Promise.resolve(3);\nv",
    "for await (const each of [v, v + 1]) console.log(each);",
    "await new Promise((done) => setTimeout(() => { console.log('waited'); done(4) }, 5))",
  ],
  [
    "printing",
    "console.log('a %d %s %o', 1.5, 'b', [1]);\nconsole.error('err', { a: 1 });\nconsole.info(new Map([[1, 2]]));\nconsole.warn('w');\nconsole.debug('d');",
    "console.table([{ a: 1, b: 'x' }, { a: 2, c: true }]);",
    "console.table([[1, 2], [3]]);\nconsole.table(['x', 'y']);\nconsole.table(new Map([['k', 1]]));\nconsole.table([{ a: 1, b: 2 }], ['b']);\nconsole.table(5);",
    "console.group('g');\nconsole.log('in\\nside');\nconsole.group();\nconsole.log('deeper');\nconsole.groupEnd();\nconsole.groupEnd();\nconsole.log('out');",
    "console.count();\nconsole.count('x');\nconsole.count();\nconsole.countReset();\nconsole.count();",
    "console.assert(true, 'no');\nconsole.assert(false, 'yes %d', 1);\nconsole.assert(false);\nconsole.assert(0, '%o', [1]);",
    "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 });",
    "console.log();",
    "console.log('%c styled', 'color: red');",
  ],
  [
    "display",
    "display('text');\ndisplay({ [Symbol.for('Jupyter.display')]: async () => ({ 'text/plain': 't', 'image/svg+xml': '<svg/>', 'application/json': { a: 1 }, 'image/png': new Uint8Array([1, 2, 3]) }) });\n'after'",
    "({ [Symbol.for('Jupyter.display')]: () => ({ 'text/html': '<b>x</b>' }) })",
    "({ [Symbol.for('Jupyter.display')]: () => 3 })",
    "({ [Symbol.for('Jupyter.display')]() { throw new TypeError('cannot draw') } })",
  ],
  [
    "tslab's own",
    "import { display as d, newDisplay } from 'tslab';\nd.html('<i>h</i>');\nd.png(new Uint8Array([9]));\nconst one = newDisplay();\none.text('before');\nconsole.log('between');\none.text('after');",
    "one.svg('<svg/>');",
  ],
  [
    "thrown",
    "const deep = (n: number): number => {\n  if (n === 0) throw new TypeError('deep');\n  return deep(n - 1) + 1;\n};",
    "// a comment\nconst ok: number = 1;\n  deep(1);",
    "throw 'a string'",
    "throw { code: 1 }",
    "throw undefined",
    "class MyError extends Error {\n  override readonly name = 'MyError';\n  readonly extra = 1;\n}\nthrow new MyError('own');",
    "throw new Error('outer', { cause: new Error('inner') })",
    "const nothing = null as unknown as { x: number };\n  nothing.x;",
  ],
  [
    "thrown where types stood before",
    "interface A { a: number }\ntype B = A & {\n  b: string;\n};\nconst f = <T extends A>(value: T, other?: B): T => { if (other === undefined) throw new Error('here'); return value as T };\nf<A>({ a: 1 } satisfies A);",
    "const g = async (): Promise<never> => {\n  await Promise.resolve();\n  throw new RangeError('later');\n};\nawait g();",
  ],
  [
    "thrown in a callback, and rejected by nobody's promise",
    "setTimeout(() => { throw new Error('late') }, 1);\nawait new Promise((done) => setTimeout(done, 30));",
    "void Promise.reject(new Error('nobody'));\n1",
  ],
  [
    "refused",
    "export default 1",
    "const a = 1;\nexport { a }",
    "export const b = 1;\nexport function c() { return b }\nc()",
    "b",
  ],
  [
    "earlier names inside patterns, defaults, computed keys, labels and members",
    "const k = 'key';\nconst d = 5;",
    "const { [k]: v = d } = {} as Record<string, number>;\nv",
    "const f = ({ k: own = k, ...rest }: Record<string, string> = { z: k }) => own + JSON.stringify(rest);\nf()",
    "k: for (const x of [1]) { if (x) continue k; }\nclass C { [k] = d; k = k; static s = d; static { console.log(d) } }\nnew C()",
    "try { throw d } catch (k) { console.log(k) }\nk",
    "switch (d) { case 5: { const k = 1; console.log(k) } }",
    "var hoisted = typeof hoisted;\nhoisted",
    "const o = { k, [k + 1]: d, get d() { return d } };\no.d + o.k",
  ],
];

type Outputs = readonly (readonly [source: string, outputs: readonly Output[]])[];

/** The cells of all cases in one program, one case after the other. */
const all = cases.flatMap(([, ...cells]) => cells);
const formattings = { "Node's inspect": { format, inspect }, "the page's inspect": browser };

let byKernel: Outputs = [];
beforeAll(async () => {
  const { cells } = await executeNotebook(notebookOf(all), { stopOnError: false });
  byKernel = cells.map(({ outputs }, index) => [all[index]!, outputs] as const);
}, 300_000);

describe.each(Object.entries(formattings))("with %s", (_, formatting) => {
  let byPage: Outputs = [];
  beforeAll(async () => {
    byPage = await inLiveSession(formatting);
  }, 300_000);

  test.each(cases.map(([what, ...cells], index) => [what, cells.length, cases.slice(0, index)] as const))(
    "%s",
    (_, count, before) => {
      const from = before.reduce((sum, [, ...cells]) => sum + cells.length, 0);
      expect(byPage.slice(from, from + count)).toEqual(byKernel.slice(from, from + count));
    },
  );
});

function notebookOf(sources: readonly string[]): Notebook {
  const cells = sources.map((source, index): CodeCell => {
    return { type: "code", id: `c${index}`, source, tags: ["raises-exception"], metadata: {}, outputs: [] };
  });
  return { path: join(folder, "n.ipynb"), metadata: {}, cells };
}

async function inLiveSession(formatting: Formatting): Promise<Outputs> {
  const session = new LiveSession({ formatting, compile: compileCell, modules: {}, place: "here" });
  // What nobody catches is the cell's here, not the test's.
  const stray = (error: unknown): void => session.stray(error);
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => process.listeners(event as "uncaughtException"));
  for (const event of events) process.removeAllListeners(event).on(event, stray);
  try {
    const done: [string, Output[]][] = [];
    const places: Parameters<typeof collect>[0] = new Map();
    for (const source of all) {
      const { outputs, sink } = collect(places);
      await session.run(source, sink);
      done.push([source, outputs]);
    }
    return done;
  } finally {
    for (const [index, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of before[index]!) process.on(event, listener);
    }
    session.close();
  }
}
