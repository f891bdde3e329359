import { expect, test } from "vitest";
import { type Answer, readAnswer } from "./protocol.js";

const parts = new Set(["compiler", "./first.js"]);

const answers: Answer[] = [
  { type: "need", name: "compiler" },
  { type: "need", name: "./first.js" },
  { type: "event", run: 1, event: { type: "stream", name: "stderr", text: "a" } },
  {
    type: "event",
    run: 1,
    event: {
      type: "display",
      data: { "text/plain": "a", "application/json": { a: [1] } },
      displayId: "d",
      replaces: true,
    },
  },
  { type: "event", run: 1, event: { type: "display", data: {}, displayId: undefined, replaces: false } },
  { type: "event", run: 1, event: { type: "result", data: { "text/plain": "a" } } },
  { type: "event", run: 1, event: { type: "error", report: { name: "E", message: "m", traceback: ["a"] } } },
  { type: "done", run: 2, ok: true, milliseconds: 1.5 },
  { type: "closed" },
];
test.each(answers.map((answer) => [JSON.stringify(answer), answer]))("%s is read as it is", (_, answer) => {
  expect(readAnswer(answer, parts)).toEqual(answer);
});

const cyclic: Record<string, unknown> = {};
cyclic["cyclic"] = cyclic;
const nonsense: unknown[] = [
  undefined,
  null,
  "closed",
  [],
  { type: "part" },
  { type: "need", name: "sandbox" },
  { type: "need", name: "./other.js" },
  { type: "need", name: ["compiler"] },
  { type: "need", name: "__proto__" },
  { type: "event", run: "1", event: { type: "result", data: {} } },
  { type: "event", run: 1 },
  { type: "event", run: 1, event: { type: "stream", name: "stdin", text: "a" } },
  { type: "event", run: 1, event: { type: "stream", name: "stdout", text: { length: 1 } } },
  { type: "event", run: 1, event: { type: "display", data: null, replaces: false } },
  { type: "event", run: 1, event: { type: "display", data: {}, displayId: 1, replaces: false } },
  { type: "event", run: 1, event: { type: "result", data: cyclic } },
  { type: "event", run: 1, event: { type: "result", data: { n: 1n } } },
  { type: "event", run: 1, event: { type: "error", report: { name: "E", message: "m", traceback: "a" } } },
  { type: "event", run: 1, event: { type: "error", report: { name: "E", message: "m", traceback: [1] } } },
  { type: "event", run: 1, event: { type: "error" } },
  { type: "done", run: 1, ok: 1, milliseconds: 1 },
  Object.create({ type: "closed" }),
];
test.each(nonsense.map((value, index) => [index, value]))("nonsense %i is dropped", (_, value) => {
  expect(readAnswer(value, parts)).toBeUndefined();
});
