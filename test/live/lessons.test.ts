/**
 * Every lesson in the live session, cell by cell, and each output compared with the saved one, which `npm run lessons`
 * compares with the real tslab kernel's. So what a reader's browser shows for an unchanged lesson is what Jupyter shows.
 */
import { readdirSync, readFileSync } from "node:fs";
import { format, inspect } from "node:util";
import { type CodeCell, hasTag, parseNotebook } from "@netfilter-lab/notebook";
import { LiveSession } from "@netfilter-lab/notebook/live";
import { compileCell } from "@netfilter-lab/notebook/live/compile";
import * as browser from "node-inspect-extracted";
import { afterEach, describe, expect, test } from "vitest";
import { collect } from "./collect.js";

const folder = new URL("../../notebooks/", import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".ipynb"))
  .sort();

let session: LiveSession | undefined;
afterEach(() => session?.close());

/** How values are printed in Node, and how they are in the page. */
const formattings = { "Node's inspect": { format, inspect }, "the page's inspect": browser };

describe.each(Object.entries(formattings))("with %s", (_, formatting) => {
  test.each(files)("%s gives the outputs that tslab gives", { timeout: 60_000 }, async (file) => {
    const { cells } = parseNotebook(readFileSync(new URL(file, folder), "utf8"), file);
    session = new LiveSession({
      formatting,
      compile: compileCell,
      modules: {
        "netfilter-lab": () => import("netfilter-lab"),
        "@netfilter-lab/engine": () => import("@netfilter-lab/engine"),
      },
      place: "here",
    });
    const code = cells.filter((cell): cell is CodeCell => cell.type === "code" && cell.source.trim() !== "");
    expect(code.length).toBeGreaterThan(0);
    for (const cell of code) {
      const { outputs, sink } = collect();
      const ok = await session.run(cell.source, sink);
      expect(outputs, cell.source).toEqual(cell.outputs);
      expect(ok, cell.source).toBe(!hasTag(cell, "raises-exception"));
    }
  });
});
