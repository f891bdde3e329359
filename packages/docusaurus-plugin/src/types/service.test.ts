import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseNotebook } from "@netfilter-lab/notebook";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { gatherLibrary } from "./library.js";
import type { EditedCell } from "./protocol.js";
import { createCellTypes } from "./service.js";

const types = createCellTypes(
  ts,
  gatherLibrary(
    ["netfilter-lab", "@netfilter-lab/engine"],
    fileURLToPath(new URL("../../../../website", import.meta.url)),
  ),
);

const cells = (...sources: string[]): EditedCell[] =>
  sources.map((source, index) => ({ id: `c${index + 1}`, source: source.replace("|", ""), tags: [] }));

/** The place of `|` in the last source. */
const at = (...sources: string[]): [cell: string, offset: number] => {
  types.update(cells(...sources));
  return [`c${sources.length}`, sources.at(-1)!.indexOf("|")];
};

const lab = 'import { Lab, theQuestion } from "netfilter-lab";\nconst lab = await Lab.create(theQuestion);';

const folder = new URL("../../../../notebooks/", import.meta.url);
test.each(readdirSync(folder).filter((name) => name.endsWith(".ipynb")))("nothing is wrong in %s", (name) => {
  const notebook = parseNotebook(readFileSync(new URL(name, folder), "utf8"), name);
  const code = notebook.cells.filter((cell) => cell.type === "code");
  expect(code.length).toBeGreaterThan(3);
  types.update(code);
  const found = code.flatMap(({ id }) => types.diagnostics(id).map(({ message }) => `${id}: ${message}`));
  expect(found).toEqual([]);
});

describe("what is wrong is found", () => {
  test.each<[string, string[], string[]]>([
    ["a type across cells", ["const n = 1;", "n.nothing;"], ["c2 2 7 2339"]],
    ["a name declared again, with another type", ["const x = 1;", 'const x = "a";', "x.toFixed();"], ["c3 2 7 2551"]],
    ["a name of a later cell", ["later;", "const later = 1;"], ["c1 0 5 2304"]],
    ["an unfinished cell, at its end", ["const a = {"], ["c1 11 0 1136"]],
    ["an unfinished name, at its end", [lab, "lab.hosts.client."], ["c2 17 0 1003"]],
    ["what the page does not have", ['document.title; fetch("/")'], ["c1 0 8 2584", "c1 16 5 2304"]],
    ["Node's modules", ['import { readFileSync } from "node:fs";'], ["c1 29 9 2591"]],
    ["after a shorthand that was rewritten", ["const a = 1;", "({ a }); a.b"], ["c2 11 1 2339"]],
    ["a promise nobody awaits", [lab, "lab.hosts.client.sh`true`"], ["c2 0 25 undefined"]],
    [
      "assigning what an earlier cell's function sees",
      ["let n = 1; const f = () => n;", "n = 2"],
      ["c2 0 1 undefined"],
    ],
    ["nothing in a cell that is right", [lab, "const { client } = lab.hosts; await client.sh`ip route`"], []],
  ])("%s", (_title, sources, expected) => {
    const edited = cells(...sources);
    types.update(edited);
    const found = edited.flatMap(({ id }) =>
      types.diagnostics(id).map(({ start, length, code }) => `${id} ${start} ${length} ${code}`),
    );
    expect(found).toEqual(expected);
  });

  test("a cell that is meant to fail may be wrong, and leaves no names", () => {
    types.update([
      { id: "c1", source: "const x: string = 1", tags: ["raises-exception"] },
      { id: "c2", source: "x", tags: [] },
    ]);
    expect(types.diagnostics("c1")).toEqual([]);
    expect(types.diagnostics("c2").map(({ code }) => code)).toEqual([2304]);
  });

  test("a correction is seen, in the other cells too", () => {
    types.update(cells("const n = 1;", "n.length"));
    expect(types.diagnostics("c2")).toHaveLength(1);
    types.update(cells('const n = "1";', "n.length"));
    expect(types.diagnostics("c2")).toEqual([]);
  });
});

describe("completion", () => {
  test.each<[string, string[], from: number, offered: string[], notOffered: string[]]>([
    ["a host's members", [lab, "const { client } = lab.hosts;", "client.wa|"], 7, ["walk", "sh", "start"], ["lab"]],
    [
      "names of earlier cells, before they are mentioned",
      [lab, "la|"],
      0,
      ["lab", "Lab", "console", "display"],
      ["document"],
    ],
    ["the last of two declarations", ["const x = 1;", 'const x = "a";', "x.|"], 2, ["padStart"], ["toFixed"]],
    ["after a shorthand that was rewritten", ["const a = 1;", "({ a }); a.to|"], 11, ["toFixed"], []],
  ])("%s", (_title, sources, from, offered, notOffered) => {
    const found = types.complete(...at(...sources))!;
    const labels = found.entries.map(({ label }) => label);
    expect(found.from).toBe(from);
    expect(labels).toEqual(expect.arrayContaining(offered));
    for (const label of notOffered) expect(labels).not.toContain(label);
  });

  test("is described by our doc comments", () => {
    const [cell, offset] = at(lab, "lab.hosts.gateway.|");
    const found = types.describe(cell, offset, "walk")!;
    expect(found.signature).toMatch(/^\(method\) Host\.walk/);
    expect(found.documentation).toMatch(/packet/);
  });
});

describe("explanation", () => {
  test("of a name that an earlier cell declares", () => {
    const found = types.explain(...at(lab, "await lab.sl|eep('1s')"))!;
    expect([found.start, found.end]).toEqual([10, 15]);
    expect(found.signature).toMatch(/^\(method\) Lab<.*>\.sleep\(/s);
    expect(found.documentation.length).toBeGreaterThan(20);
  });

  test("says nothing of how the name got into the cell", () => {
    const found = types.explain(...at("/** How many. */\nconst count = 3;", "cou|nt"))!;
    expect(found).toEqual({ start: 0, end: 5, signature: "const count: 3", documentation: "How many." });
  });

  test("of nothing is nothing", () => {
    expect(types.explain(...at("1 |+ 1"))).toBeUndefined();
  });
});
