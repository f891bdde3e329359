/**
 * Every lesson in the live session, cell by cell, and each output compared with the saved one, which `npm run lessons`
 * compares with the real tslab kernel's. So what a reader's browser shows for an unchanged lesson is what Jupyter
 * shows.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, inspect } from "node:util";
import { type CodeCell, hasTag, parseNotebook } from "@netfilter-lab/notebook";
import { LiveSession, type SessionHost } from "@netfilter-lab/notebook/live";
import { compileCell } from "@netfilter-lab/notebook/live/compile";
import * as browser from "node-inspect-extracted";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type BundledProgram,
  bundleProgram,
  type CellModules,
} from "../../packages/docusaurus-plugin/src/live/bundle.js";
import { firstPart, Program } from "../../packages/docusaurus-plugin/src/live/program.js";
import { collect } from "./collect.js";

const folder = new URL("../../notebooks/", import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".ipynb"))
  .sort();

let session: LiveSession | undefined;
afterEach(() => session?.close());

/** How values are printed in Node, and how they are in the page. */
const formattings = { "Node's inspect": { format, inspect }, "the page's inspect": browser };

/** A page has the packet view's script itself, and its bundle leaves it out of what cells show. */
function withoutScript(outputs: unknown): unknown {
  return JSON.parse(JSON.stringify(outputs).replaceAll(/<script>.*?<\/script>/g, "<script></script>"));
}

type Modules = SessionHost["modules"];

/** Runs a lesson, compares, and gives the number of cells. `before` is called with each cell's text before it runs. */
async function runLesson(
  file: string,
  formatting: SessionHost["formatting"],
  modules: Modules,
  before: (source: string) => Promise<void> = async () => {},
  expected: (cell: CodeCell) => unknown = (cell) => cell.outputs,
): Promise<number> {
  const { cells } = parseNotebook(readFileSync(new URL(file, folder), "utf8"), file);
  session = new LiveSession({ formatting, compile: compileCell, modules, place: "here" });
  const code = cells.filter((cell): cell is CodeCell => cell.type === "code" && cell.source.trim() !== "");
  for (const cell of code) {
    const { outputs, sink } = collect();
    await before(cell.source);
    const ok = await session.run(cell.source, sink);
    expect(outputs, cell.source).toEqual(expected(cell));
    expect(ok, cell.source).toBe(!hasTag(cell, "raises-exception"));
  }
  return code.length;
}

describe.each(Object.entries(formattings))("with %s", (_, formatting) => {
  test.each(files)("%s gives the outputs that tslab gives", { timeout: 60_000 }, async (file) => {
    const modules: Modules = {
      "netfilter-lab": () => import("netfilter-lab"),
      "@netfilter-lab/engine": () => import("@netfilter-lab/engine"),
    };
    expect(await runLesson(file, formatting, modules)).toBeGreaterThan(0);
  });
});

describe("with the program in parts that come late", () => {
  let bundled: BundledProgram;
  beforeAll(async () => {
    const site = new URL("../../website/", import.meta.url);
    const cells = JSON.parse(readFileSync(new URL("cell-modules.json", site), "utf8")) as CellModules;
    bundled = await bundleProgram(cells, fileURLToPath(site));
  }, 60_000);

  /**
   * In the page, what a cell names is fetched before it runs; without that, parts come while commands are under way.
   */
  describe.each([
    ["fetched before the cell that names them", true],
    ["fetched when a command asks", false],
  ])("%s", (_name, isPrepared) => {
    test.each(files)("%s gives the outputs that tslab gives", { timeout: 60_000 }, async (file) => {
      const fetched: string[] = [];
      const program = new Program(bundled.plan, async (part) => {
        fetched.push(part);
        await new Promise((resolve) => setTimeout(resolve, 3 * fetched.length));
        return bundled.texts.get(part)!;
      });
      let running = "";
      const prepare = async (): Promise<void> => (isPrepared ? await program.prepareFor(running) : undefined);
      const load = (name: string) => async (names?: readonly string[]) => {
        const module = await program.module(name, names);
        await prepare();
        return module;
      };
      const modules: Modules = Object.fromEntries(bundled.plan.modules.map((name) => [name, load(name)]));
      const before = async (source: string): Promise<void> => {
        running = source;
        await prepare();
      };
      const ran = await runLesson(file, browser, modules, before, ({ outputs }) => withoutScript(outputs));
      expect(ran).toBeGreaterThan(0);
      // Each came once, and some came later than the first cell's import.
      expect(new Set(fetched).size).toBe(fetched.length);
      expect(fetched.length).toBeGreaterThan(1 + bundled.plan.parts[firstPart]!.length);
    });
  });
});
