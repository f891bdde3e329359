/** Records of what Linux gave for a lesson's cells: when one holds, when it is stale, and how comparing is judged. */
import { describe, expect, test } from "vitest";
import type { CodeCell, Notebook, Output } from "../notebook/model.js";
import type { CellResult } from "./execute.js";
import { judgeCells, recordOf, slackOf, surroundingsOf } from "./kernel-lessons.js";
import { formatRecord, type KernelRecord, mergeRecords, parseRecord, recordOfCell } from "./kernel-record.js";

const printed = (text: string): Output[] => [{ type: "stream", name: "stdout", text }];
const code = (id: string, source: string, outputs: Output[] = []): CodeCell => ({
  type: "code",
  id,
  source,
  tags: [],
  metadata: {},
  outputs,
});
const notebookOf = (...cells: CodeCell[]): Notebook => ({ path: "01-a.ipynb", metadata: {}, cells });
const entry = (seconds: number, id: number): string =>
  `udp      17 ${seconds} src=10.0.0.1 dst=10.0.0.2 sport=443 dport=53 src=10.0.0.2 dst=10.0.0.1 sport=53 dport=443 id=${id}\n`;
const result = (index: number, outputs: Output[], more: Partial<CellResult> = {}): CellResult => ({
  index,
  outputs,
  milliseconds: 1,
  failure: undefined,
  engineOnly: [],
  labSeconds: [10],
  ...more,
});

const saved = notebookOf(
  code("make", "make();"),
  code("same", "print(443);", printed("the same\n")),
  code("entry", "conntrack();", printed(entry(30, 7))),
  code("inside", "walk.lookups;", printed("1\n")),
  code("wrong", "wrong();", printed("left\n")),
);
const engine = saved.cells.map((_, index) => result(index, []));
const verdicts = judgeCells(
  saved,
  [
    result(0, []),
    result(1, printed("the same\n")),
    result(2, printed(entry(28, 9)), { labSeconds: [11.2] }),
    result(3, printed("not seen\n"), { engineOnly: ["walk.lookups"] }),
    result(4, printed("right\n")),
  ],
  engine,
);
const record = recordOf(verdicts);

test("each cell is judged, and what agreed with outputs is recorded with the rules that it took", () => {
  expect(verdicts.map(({ verdict }) => verdict)).toEqual(["agrees", "agrees", "agrees", "engine only", "disagrees"]);
  expect(record.cells.map(({ id, rules, slackSeconds, outputs }) => [id, rules, slackSeconds, outputs])).toEqual([
    ["same", [], undefined, [{ kind: "stdout", text: "the same\n" }]],
    ["entry", ["ids", "secondsLeft"], 3, [{ kind: "stdout", text: entry(28, 9) }]],
  ]);
  expect(Object.keys(record.tools)).toEqual(["iptables", "nft", "conntrack", "ip", "tcpdump", "ping", "nc"]);
});

test.each([
  ["no more time went by", [10], [10], 1],
  ["two seconds more", [12.1], [10.3], 3],
  ["the second lab lost more", [10, 14.5], [10, 10], 6],
  ["a lab that is gone", [null, 11], [10, 10], 2],
  ["a lab that the engine's run has not", [10, 99], [10], 1],
  ["a machine that stood still is no witness", [500], [10], 10],
])("slack: %s", (_title, linux, reference, slack) => {
  expect(slackOf(result(0, [], { labSeconds: linux }), result(0, [], { labSeconds: reference }))).toBe(slack);
});

test("a second that was not lost is a difference", () => {
  const [verdict] = judgeCells(
    notebookOf(code("a", "", printed(entry(30, 7)))),
    [result(0, printed(entry(28, 7)))],
    [result(0, [])],
  );
  expect(verdict!.verdict).toBe("disagrees");
});

describe("a record holds", () => {
  const changed = (at: number, cell: Partial<CodeCell>): Notebook =>
    notebookOf(...(saved.cells as CodeCell[]).map((each, index) => (index === at ? { ...each, ...cell } : each)));
  test.each<[string, Notebook, boolean]>([
    ["of the very cell", saved, true],
    ["when a later cell changes", changed(4, { source: "other();" }), true],
    ["not when the outputs change", changed(2, { outputs: printed(entry(29, 7)) }), false],
    ["not when the code changes", changed(2, { source: "conntrack(1);" }), false],
    ["not when code before it changes", changed(0, { source: "make(2);" }), false],
    ["not of a cell of another id", changed(2, { id: "renamed" }), false],
  ])("%s", (_title, notebook, holds) => {
    expect(recordOfCell(record, notebook, 2) !== undefined).toBe(holds);
  });
});

test("recording again keeps what says the same, and takes what does not", () => {
  const cell = (text: string): KernelRecord => ({
    ...record,
    cells: [{ ...record.cells[1]!, outputs: [{ kind: "stdout", text }] }],
  });
  const surroundings = surroundingsOf(saved);
  const merged = (old: KernelRecord, now: KernelRecord): string =>
    mergeRecords(old, now, surroundings).cells[0]!.outputs[0]!.text;
  expect(merged(cell(entry(28, 9)), cell(entry(29, 12)))).toBe(entry(28, 9));
  expect(merged(cell(entry(28, 9)), cell("other"))).toBe("other");
  expect(merged({ ...cell(entry(28, 9)), kernel: "6.1.0" }, cell(entry(29, 12)))).toBe(entry(29, 12));
});

test("the file is read back as it was, and a file that is none is refused by name", () => {
  expect(parseRecord(formatRecord(record), "x.json")).toEqual(record);
  for (const [text, reason] of [
    ["{", "not JSON"],
    ['{"version":2}', "version must be 1, not 2"],
    ['{"version":1}', "`kernel`"],
    ['{"version":1,"kernel":"6.18","tools":{},"cells":[{"id":"a"}]}', "cells[0] needs"],
  ] as const)
    expect(() => parseRecord(text, "x.json")).toThrow(`x.json: ${reason}`);
});

test("what the rules know of a lesson: the numbers it names and the ranges it gives", () => {
  const { named, ranges } = surroundingsOf(notebookOf(code("a", "--to-source 10.0.0.1:40000-40001 -p 443")));
  expect([named.has("443"), named.has("40000"), named.has("444")]).toEqual([true, true, false]);
  expect(ranges).toEqual([[40000, 40001]]);
});
