import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  contentOf,
  type DocumentAction,
  freshnessOf,
  isPublished,
  type LiveDocument,
  needsRun,
  publishedDocument,
  reduceDocument,
} from "./document.js";

const published = ["a", "b", "c"].map((id) => ({
  id,
  source: `${id} = 1`,
  tags: id === "c" ? ["check"] : [],
  outputs: [{ kind: "stream" as const, name: "stdout" as const, text: `${id}\n` }],
}));
const lesson = publishedDocument(published);

function after(document: LiveDocument, ...actions: readonly DocumentAction[]): LiveDocument {
  return actions.reduce(reduceDocument, document);
}

/** Runs of cells, each one done, numbered on from what is there. */
function ran(document: LiveDocument, ...ids: readonly string[]): LiveDocument {
  return ids.reduce((now, id) => {
    const number = Math.max(0, ...now.cells.map(({ run }) => run?.number ?? 0)) + 1;
    const finish = { type: "finish", number, status: "done", milliseconds: 1 } as const;
    return after(now, { type: "start", id, number }, finish);
  }, document);
}

const outline = ({ cells }: LiveDocument): string =>
  cells.map(({ id, anchor }) => (id === anchor ? id : `${id}@${anchor}`)).join(" ");
const freshness = (document: LiveDocument): string =>
  document.cells.map((_, at) => freshnessOf(document, at)).join(" ");

const add = (id: string, beside: string, where: "above" | "below"): DocumentAction => ({
  type: "add",
  id,
  beside,
  where,
});
const move = (id: string, direction: "up" | "down"): DocumentAction => ({ type: "move", id, direction });
const edit = (id: string, source: string): DocumentAction => ({ type: "edit", id, source });
const remove = (id: string): DocumentAction => ({ type: "delete", id });

describe("cells come, go and move", () => {
  const cases: [what: string, actions: DocumentAction[], outline: string][] = [
    ["as published", [], "a b c"],
    ["below", [add("x", "a", "below")], "a x@a b c"],
    ["above", [add("x", "a", "above")], "x@a a b c"],
    ["beside an added one", [add("x", "a", "below"), add("y", "x", "below")], "a x@a y@a b c"],
    ["an id that is taken", [add("b", "a", "below")], "a b c"],
    ["beside nothing", [add("x", "z", "below")], "a b c"],
    ["down: past the prose first", [move("a", "down")], "a@b b c"],
    ["down: then past the cell", [move("a", "down"), move("a", "down")], "b a@b c"],
    ["up", [move("c", "up")], "a b c@b"],
    ["up twice", [move("c", "up"), move("c", "up")], "a c@b b"],
    ["up from the top", [move("a", "up")], "a b c"],
    ["down from the end", [move("c", "down")], "a b c"],
    ["over a place whose cell is gone", [remove("b"), move("a", "down")], "a@b c"],
    ["deleted", [remove("b")], "a c"],
    ["deleted and brought back", [remove("b"), { type: "undelete" }], "a b c"],
    ["the last one too", [remove("c"), { type: "undelete" }], "a b c"],
    [
      "only what was deleted last comes back",
      [remove("a"), remove("b"), { type: "undelete" }, { type: "undelete" }],
      "b c",
    ],
    ["after another change nothing comes back", [remove("a"), add("x", "b", "below"), { type: "undelete" }], "b x@b c"],
    ["reset", [remove("a"), remove("b"), add("x", "c", "above"), { type: "reset" }], "a b c"],
  ];
  test.each(cases)("%s", (_, actions, expected) => {
    expect(outline(after(lesson, ...actions))).toBe(expected);
  });
});

describe("what outputs are worth", () => {
  const cases: [what: string, document: LiveDocument, expected: string][] = [
    ["as published", lesson, "published published published"],
    ["run from the top", ran(lesson, "a", "b", "c"), "live live live"],
    ["run to the middle", ran(lesson, "a", "b"), "live live published"],
    ["a cell before is edited, none is run", after(lesson, edit("b", "2")), "published stale stale"],
    ["and edited back", after(lesson, edit("b", "2"), edit("b", "b = 1")), "published published published"],
    ["a cell before is gone", after(lesson, remove("a")), "stale stale"],
    ["a cell is added before", after(lesson, add("x", "b", "above")), "published none stale stale"],
    ["a cell before is edited after the run", after(ran(lesson, "a", "b"), edit("a", "2")), "stale stale stale"],
    ["run again, edited", ran(after(ran(lesson, "a", "b"), edit("a", "2")), "a"), "live stale stale"],
    ["a cell before is run again", ran(ran(lesson, "a", "b"), "a"), "live stale published"],
    ["a run cell before is gone", after(ran(lesson, "a", "b", "c"), remove("b")), "live stale"],
    ["the program is gone", after(ran(lesson, "a", "b"), { type: "session" }), "stale stale published"],
    [
      "an empty cell added between is no change of the program",
      after(ran(lesson, "a", "b"), add("x", "a", "below")),
      "live none live stale",
    ],
  ];
  test.each(cases)("%s", (_, document, expected) => {
    expect(freshness(document)).toBe(expected);
  });
});

describe("what runs first", () => {
  const failed = (tags: readonly string[]): LiveDocument => {
    const document = publishedDocument([{ ...published[0]!, tags }]);
    const finish = { type: "finish", number: 1, status: "failed", milliseconds: 1 } as const;
    return after(document, { type: "start", id: "a", number: 1 }, finish);
  };
  const stopped = after(
    lesson,
    { type: "start", id: "a", number: 1 },
    { type: "finish", number: 1, status: "stopped", milliseconds: 0 },
  );
  const cases: [what: string, document: LiveDocument, needs: boolean][] = [
    ["never run", lesson, true],
    ["run", ran(lesson, "a"), false],
    ["edited since", after(ran(lesson, "a"), edit("a", "2")), true],
    ["run in a program that is gone", after(ran(lesson, "a"), { type: "session" }), true],
    ["without text", after(lesson, edit("a", " \n")), false],
    ["failed", failed([]), true],
    ["failed as it should", failed(["raises-exception"]), false],
    ["stopped", stopped, true],
  ];
  test.each(cases)("%s", (_, document, needs) => {
    expect(needsRun(document.cells[0]!, document.session)).toBe(needs);
  });
});

test("outputs go to the run they came from, and to no later one", () => {
  const shown = [{ kind: "stream" as const, name: "stdout" as const, text: "1" }];
  const say = (number: number): DocumentAction => ({ type: "output", number, outputs: [], shown });
  const twice = ran(lesson, "a", "a");
  expect(after(twice, say(1))).toEqual(twice);
  expect(after(twice, say(2)).cells[0]?.run?.shown).toEqual(shown);
});

test("who wrote a cell", () => {
  const edited = after(lesson, edit("a", "2"), add("x", "a", "below"), {
    ...edit("b", "3"),
    author: "link",
  } as DocumentAction);
  expect(edited.cells.map(({ author }) => author)).toEqual(["reader", "reader", "link", "lesson"]);
  expect(after(edited, { type: "revert", id: "a" }).cells[0]).toMatchObject({ source: "a = 1", author: "lesson" });
});

test("kept content is the document again, whatever was done to it", () => {
  const ids = fc.constantFrom("a", "b", "c", "x", "y");
  const action = fc.oneof(
    fc.record({ type: fc.constant("edit"), id: ids, source: fc.constantFrom("1", "2", "a = 1") }),
    fc.record({
      type: fc.constant("add"),
      id: fc.constantFrom("x", "y"),
      beside: ids,
      where: fc.constantFrom("above", "below"),
    }),
    fc.record({ type: fc.constant("delete"), id: ids }),
    fc.record({ type: fc.constant("undelete") }),
    fc.record({ type: fc.constant("move"), id: ids, direction: fc.constantFrom("up", "down") }),
    fc.record({ type: fc.constant("revert"), id: ids }),
  ) as fc.Arbitrary<DocumentAction>;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const document = after(lesson, ...actions);
      const content = contentOf(document);
      expect(new Set(content.map(({ id }) => id)).size).toBe(content.length);
      // Cells stand in the order of the places they are shown at.
      const places = content.map(({ anchor }) => document.lesson.findIndex(({ id }) => id === anchor));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      const again = after(lesson, { type: "replace", cells: JSON.parse(JSON.stringify(content)) });
      expect(contentOf(again)).toEqual(content);
      expect(isPublished(again)).toBe(isPublished(document));
      expect(after(again, { type: "reset" }).cells).toEqual(lesson.cells);
    }),
  );
});
