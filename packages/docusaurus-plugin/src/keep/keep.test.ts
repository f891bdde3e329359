import { readdirSync, readFileSync } from "node:fs";
import { constants, deflateRawSync } from "node:zlib";
import { type CodeCell, type Notebook, parseNotebook } from "@netfilter-lab/notebook";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CellContent } from "../live/document.js";
import { CellsError, lessonVersion, type PublishedCell, readCells } from "./cells.js";
import { carriesCells, cellsOfFragment, fragmentOf, longestFragment } from "./link.js";
import { notebookText, openNotebook } from "./notebook.js";
import { type KeptStorage, openKeeper } from "./storage.js";

const published: PublishedCell[] = [
  { id: "one", source: "const a = 1;", tags: [] },
  { id: "two", source: "a + 1", tags: ["check"] },
];
const version = lessonVersion(published);
const mine: CellContent[] = [
  { id: "one", anchor: "one", source: "const a = 2;", tags: [], author: "reader" },
  { id: "new-1", anchor: "one", source: "console.log(a, '→ ü 🦊')", tags: ["volatile"], author: "reader" },
  { id: "two", anchor: "two", source: "a + 1", tags: ["check"], author: "lesson" },
];
/** The lesson's own cells. */
const publishedCells = (cells: readonly PublishedCell[]): CellContent[] =>
  cells.map(({ id, source, tags }) => ({ id, anchor: id, source, tags, author: "lesson" }));
const asFrom = (cells: CellContent[], author: "link" | "file"): CellContent[] =>
  cells.map((cell) => (cell.author === "lesson" ? cell : { ...cell, author }));

const packed = (value: unknown): string =>
  `#cells=1.${deflateRawSync(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url")}`;

describe("a lesson's version", () => {
  test("is the same for the same code", () => {
    expect(lessonVersion(structuredClone(published))).toBe(version);
    expect(version).toMatch(/^[0-9a-f]{16}$/);
  });

  test.each<[string, PublishedCell[]]>([
    ["a text", [{ ...published[0]!, source: "const a = 3;" }, published[1]!]],
    ["an id", [{ ...published[0]!, id: "uno" }, published[1]!]],
    ["the order", [published[1]!, published[0]!]],
    ["a cell less", [published[0]!]],
  ])("changes with %s", (_what, changed) => {
    expect(lessonVersion(changed)).not.toBe(version);
  });
});

describe("a link", () => {
  test("carries the cells, as a stranger's", async () => {
    const fragment = await fragmentOf(published, version, mine);
    expect(carriesCells(fragment)).toBe(true);
    expect(fragment).toMatch(/^#cells=1\.[A-Za-z0-9_-]+$/);
    expect(await cellsOfFragment(published, version, fragment)).toEqual({
      cells: asFrom(mine, "link"),
      outdated: false,
    });
  });

  test("carries any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 6 }), async (sources) => {
        const cells = sources.map(
          (source, index): CellContent => ({
            id: `c${index}`,
            anchor: "two",
            source,
            tags: [],
            author: "link",
          }),
        );
        const { cells: read } = await cellsOfFragment(published, version, await fragmentOf(published, version, cells));
        expect(read).toEqual(cells);
      }),
      { numRuns: 60 },
    );
  });

  test("to a lesson that changed since says so, and what nobody changed is as published now", async () => {
    const fragment = await fragmentOf(published, version, mine);
    const now = [published[0]!, { ...published[1]!, source: "a + 100" }];
    const { cells, outdated } = await cellsOfFragment(now, lessonVersion(now), fragment);
    expect(outdated).toBe(true);
    expect(cells.map(({ id, source, author }) => [id, source, author])).toEqual([
      ["one", "const a = 2;", "link"],
      ["new-1", mine[1]!.source, "link"],
      ["two", "a + 100", "lesson"],
    ]);
  });

  test("keeps the cells whose place is gone, in the last place", async () => {
    const fragment = await fragmentOf(published, version, mine);
    const now = [{ ...published[1]! }];
    const { cells } = await cellsOfFragment(now, lessonVersion(now), fragment);
    expect(cells.map(({ id, anchor }) => [id, anchor])).toEqual([
      ["one", "two"],
      ["new-1", "two"],
      ["two", "two"],
    ]);
  });

  test("does not put them into a solution, which is folded away", async () => {
    const now = [published[1]!, { id: "three", source: "3", tags: ["solution"] }];
    const { cells } = await cellsOfFragment(
      now,
      "",
      packed({ version, cells: [{ id: "x", anchor: "gone", source: "1" }] }),
    );
    expect(cells.map(({ anchor }) => anchor)).toEqual(["two"]);
  });

  test("is not made longer than it may be", async () => {
    let random = 1;
    const noise = Array.from({ length: 20_000 }, () => {
      random = (random * 48271) % 2147483647;
      return String.fromCharCode(33 + (random % 90));
    }).join("");
    const cells: CellContent[] = [{ id: "x", anchor: "one", source: noise, tags: [], author: "reader" }];
    await expect(fragmentOf(published, version, cells)).rejects.toThrow(/link of \d+ characters; 16000 is the most/);
  });

  const record = { id: "x", anchor: "one", source: "1" };
  test.each<[string, string, RegExp]>([
    ["another version of the form", "#cells=2.abc", /another version of this site/],
    ["nothing", "#cells=1.", /damaged/],
    ["what is not base64", "#cells=1.!!!", /damaged/],
    ["what is not compressed", "#cells=1.AAECAwQF", /damaged/],
    ["half of it", packed({ version, cells: [record] }).slice(0, -6), /damaged/],
    ["what is not JSON", packed("{"), /damaged/],
    [
      "bytes that are no text",
      `#cells=1.${deflateRawSync(Buffer.from([0x22, 0xff, 0x22])).toString("base64url")}`,
      /damaged/,
    ],
    ["a number", packed("1"), /holds no cells/],
    ["null", packed("null"), /holds no cells/],
    ["no list", packed({ version, cells: { length: 1 } }), /no list of cells/],
    [
      "too many cells",
      packed({ version, cells: Array.from({ length: 501 }, () => record) }),
      /501 cells; 500 is the most/,
    ],
    ["a cell that is no object", packed({ version, cells: ["x"] }), /cell 1 is no cell/],
    ["a cell without id", packed({ version, cells: [{ source: "1" }] }), /cell 1 has no proper id/],
    ["an id that is markup", packed({ version, cells: [{ ...record, id: "<img onerror=x>" }] }), /no proper id/],
    ["one id twice", packed({ version, cells: [record, record] }), /cell 2 has the id of another/],
    ["a text that is no text", packed({ version, cells: [{ ...record, source: { toString: "x" } }] }), /has no text/],
    [
      "a text too long",
      packed({ version, cells: [{ ...record, source: "x".repeat(100_001) }] }),
      /has no text, or one/,
    ],
    ["tags that are no tags", packed({ version, cells: [{ ...record, tags: [{}] }] }), /a tag that is no short text/],
    ["more than it may unpack to", packed({ version, cells: [], more: " ".repeat(2_000_000) }), /unpacks to more/],
    ["a longer one than is made", `#cells=1.${"A".repeat(longestFragment)}`, /longer than 16000 characters/],
  ])("with %s is refused with a sentence", async (_what, fragment, reason) => {
    const refusal = await cellsOfFragment(published, version, fragment).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CellsError);
    expect((refusal as Error).message).toMatch(reason);
    expect((refusal as Error).message).toMatch(/This is the lesson as published\.$/);
  });

  test("that unpacks without end is stopped early", async () => {
    // 16 kB that would become 11 MB.
    const bomb = deflateRawSync(Buffer.alloc(11_000_000, 0x20), { level: constants.Z_BEST_COMPRESSION });
    const fragment = `#cells=1.${bomb.toString("base64url")}`;
    expect(fragment.length).toBeLessThan(longestFragment);
    await expect(cellsOfFragment(published, version, fragment)).rejects.toThrow(/unpacks to more/);
  });

  test("cannot reach the objects' prototype", async () => {
    const text =
      '{"__proto__":{"cells":[{"id":"x","anchor":"one","source":"stolen"}],"version":"x"},"constructor":{"prototype":{"polluted":1}},' +
      '"cells":[{"id":"__proto__","anchor":"__proto__","source":"1","__proto__":{"tags":["volatile"]}},{"id":"constructor","anchor":"toString","source":"2"}]}';
    const { cells } = await cellsOfFragment(published, version, packed(text));
    expect(cells.map(({ id, anchor, tags }) => [id, anchor, tags])).toEqual([
      ["__proto__", "two", []],
      ["constructor", "two", []],
    ]);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    await expect(cellsOfFragment(published, version, packed('{"__proto__":{"cells":[]}}'))).rejects.toThrow(/no list/);
  });

  test("of any bytes is read or refused, never worse", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json().map(packed),
          fc.base64String().map((text) => `#cells=1.${text}`),
        ),
        async (fragment) => {
          const outcome = await cellsOfFragment(published, version, fragment).catch((error: unknown) => error);
          expect(outcome instanceof CellsError || Array.isArray((outcome as { cells: unknown }).cells)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** A browser's storage in memory, that holds so many characters. */
function memory(room = Number.POSITIVE_INFINITY): KeptStorage & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get length() {
      return entries.size;
    },
    key: (index) => [...entries.keys()][index] ?? null,
    getItem: (key) => entries.get(key) ?? null,
    setItem(key, value) {
      if (key.length + value.length > room) throw new DOMException("full", "QuotaExceededError");
      entries.set(key, value);
    },
    removeItem: (key) => void entries.delete(key),
  };
}

const forbidding: KeptStorage = {
  get length(): number {
    throw new DOMException("denied", "SecurityError");
  },
  key: () => null,
  getItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  setItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
  removeItem: () => {
    throw new DOMException("denied", "SecurityError");
  },
};

describe("storage", () => {
  test("keeps cells, and forgets them", () => {
    const storage = memory();
    const keeper = openKeeper(storage, "/lessons/x/", version, published);
    expect(keeper.load()).toBeUndefined();
    expect(keeper.save(mine)).toBeUndefined();
    expect(openKeeper(storage, "/lessons/x/", version, published).load()).toEqual(mine);
    expect(openKeeper(storage, "/lessons/x", version, published).load()).toBeUndefined();
    keeper.forget(version);
    expect(keeper.load()).toBeUndefined();
  });

  test("tells an entry of its own, and whether cells are what it holds", () => {
    const storage = memory();
    const keeper = openKeeper(storage, "x", version, published);
    expect(keeper.keeps(mine)).toBe(false);
    keeper.save(mine);
    expect(keeper.keeps(structuredClone(mine))).toBe(true);
    expect(keeper.keeps(mine.slice(1))).toBe(false);
    const key = storage.key(0);
    expect([key, null, "another", `${key}0`].map((each) => keeper.isEntry(each))).toEqual([true, true, false, false]);
  });

  test("keeps whose cells they are", () => {
    const keeper = openKeeper(memory(), "x", version, published);
    const foreign = asFrom(mine, "link");
    keeper.save(foreign);
    expect(keeper.load()).toEqual(foreign);
  });

  test("a lesson that changed leaves what was kept, beside the new", () => {
    const storage = memory();
    openKeeper(storage, "x", version, published).save(mine);
    const now = [published[0]!, { ...published[1]!, source: "a * 2" }];
    const keeper = openKeeper(storage, "x", lessonVersion(now), now);
    expect(keeper.load()).toBeUndefined();
    expect(keeper.otherVersions()).toEqual([version]);
    expect(keeper.loadOther(version).map(({ id, source }) => [id, source])).toEqual([
      ["one", "const a = 2;"],
      ["new-1", mine[1]!.source],
      ["two", "a + 1"],
    ]);
    keeper.save(publishedCells(now));
    expect(keeper.otherVersions()).toEqual([version]);
    keeper.forget(version);
    expect(keeper.otherVersions()).toEqual([]);
  });

  test.each<[string, KeptStorage | undefined, string]>([
    ["forbidden", undefined, "forbidden"],
    ["forbidden at every use", forbidding, "forbidden"],
    ["full", memory(20), "full"],
  ])("that is %s keeps nothing and says so", (_what, storage, reason) => {
    const keeper = openKeeper(storage, "x", version, published);
    expect(keeper.save(mine)).toBe(reason);
    expect(keeper.load()).toBeUndefined();
    expect(keeper.otherVersions()).toEqual([]);
    keeper.forget(version);
  });

  test.each(["{", "null", '[{"id":1}]', '[{"id":"x","source":"1","author":"lesson"}]'])(
    "that holds %s says so",
    (text) => {
      const storage = memory();
      openKeeper(storage, "x", version, published).save(mine);
      for (const key of storage.entries.keys()) storage.setItem(key, text);
      expect(() => openKeeper(storage, "x", version, published).load()).toThrow(CellsError);
    },
  );
});

describe("a notebook file", () => {
  const folder = new URL("../../../../notebooks/", import.meta.url);
  const lessons = readdirSync(folder)
    .filter((name) => name.endsWith(".ipynb"))
    .map((name): [string, Notebook] => [name, parseNotebook(readFileSync(new URL(name, folder), "utf8"), name)]);
  const codeOf = (notebook: Notebook): CodeCell[] => notebook.cells.filter((cell) => cell.type === "code");

  test.each(lessons)("%s unchanged is the published file", (name, notebook) => {
    const cells = publishedCells(codeOf(notebook));
    expect(notebookText(notebook, cells, () => undefined)).toBe(readFileSync(new URL(name, folder), "utf8"));
  });

  test("holds the reader's cells at their places, and opens again", () => {
    const [, notebook] = lessons[0]!;
    const code = codeOf(notebook);
    const [first, second, ...rest] = publishedCells(code);
    const changed: CellContent[] = [
      { ...first!, source: "1 + 1", author: "reader" },
      { id: "mine", anchor: first!.id, source: "'mine'", tags: [], author: "reader" },
      // Deleted: the second. Moved to the end: the first of the rest.
      ...rest.slice(1),
      { ...rest[0]!, anchor: rest.at(-1)!.anchor },
    ];
    const text = notebookText(notebook, changed, (id) =>
      id === "mine" ? [{ type: "stream", name: "stdout", text: "mine\n" }] : undefined,
    );
    const read = parseNotebook(text, "mine.ipynb");
    expect(codeOf(read).map(({ id }) => id)).toEqual(changed.map(({ id }) => id));
    expect(codeOf(read).map(({ id }) => id)).not.toContain(second!.id);
    expect(codeOf(read)[0]!.outputs).toEqual([]);
    expect(codeOf(read)[1]!.outputs).toEqual([{ type: "stream", name: "stdout", text: "mine\n" }]);
    const opened = openNotebook(notebook, code, text, "mine.ipynb");
    expect(opened.otherProse).toBe(0);
    expect(opened.cells.map(({ id }) => id)).toEqual(changed.map(({ id }) => id));
    expect(opened.cells.slice(0, 2)).toEqual(asFrom(changed.slice(0, 2), "file"));
    // Prose stands between its old place and its new one.
    expect(opened.cells.at(-1)).toEqual(changed.at(-1));
  });

  const lesson = parseNotebook(
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: [
        { cell_type: "markdown", id: "m", metadata: {}, source: "# T" },
        ...published.map(({ id, source }) => ({ cell_type: "code", id, metadata: {}, source, outputs: [] })),
      ],
    }),
    "lesson.ipynb",
  );
  const file = (cells: unknown): string => JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });

  test("with prose of its own tells how much the page does not show", () => {
    const text = file([
      { cell_type: "markdown", id: "p", metadata: {}, source: "My notes" },
      { cell_type: "code", id: "x", metadata: {}, source: "0", outputs: [] },
      { cell_type: "code", id: "two", metadata: {}, source: "a + 1\n", outputs: [] },
    ]);
    expect(openNotebook(lesson, published, text, "f.ipynb")).toEqual({
      cells: [
        { id: "x", anchor: "one", source: "0", tags: [], author: "file" },
        { id: "two", anchor: "two", source: "a + 1", tags: ["check"], author: "lesson" },
      ],
      otherProse: 1,
    });
  });

  test.each<[string, string, RegExp]>([
    ["nothing", "", /f\.ipynb: the file is empty/],
    ["a picture", "\u0089PNG", /f\.ipynb: not JSON/],
    ["another JSON", "[]", /f\.ipynb: the file is an array/],
    ["nbformat 3", '{"nbformat":3}', /nbformat 3 is not supported/],
    [
      "a malformed cell",
      file([{ cell_type: "code", id: "one", metadata: {}, source: 7, outputs: [] }]),
      /cell 1: `source`/,
    ],
    [
      "another lesson",
      file([{ cell_type: "code", id: "z", metadata: {}, source: "", outputs: [] }]),
      /no cell of this lesson/,
    ],
    [
      "a cell too long",
      file([{ cell_type: "code", id: "one", metadata: {}, source: "x".repeat(100_001), outputs: [] }]),
      /100000 char/,
    ],
  ])("that holds %s is refused with a sentence", (_what, text, reason) => {
    const open = (): unknown => openNotebook(lesson, published, text, "f.ipynb");
    expect(open).toThrow(CellsError);
    expect(open).toThrow(reason);
  });
});

test("a text set back to the published one is the author's again", () => {
  const [cell] = readCells(
    published,
    [{ id: "one", anchor: "one", source: "const a = 1;", author: "reader" }],
    undefined,
  );
  expect(cell?.author).toBe("lesson");
});
