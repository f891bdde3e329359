import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openCellTypes } from "./client.js";
import type { Question } from "./protocol.js";

type Behaviour = "answers" | "does not start" | "is silent";

/** Workers that behave as told, one after the other; what each was asked. */
function workers(...behaviours: readonly Behaviour[]): { start: () => Worker; asked: string[][] } {
  const asked: string[][] = [];
  const start = (): Worker => {
    const behaviour = behaviours[asked.length] ?? "answers";
    const questions: string[] = [];
    asked.push(questions);
    const worker = new EventTarget();
    return Object.assign(worker, {
      terminate() {},
      postMessage({ ask, number }: Question) {
        questions.push(ask);
        queueMicrotask(() => {
          if (behaviour === "does not start") worker.dispatchEvent(new Event("error"));
          const answer = ask === "update" ? undefined : [asked.length];
          if (behaviour === "answers") worker.dispatchEvent(new MessageEvent("message", { data: { number, answer } }));
        });
      },
    }) as unknown as Worker;
  };
  return { start, asked };
}

const cells = [{ id: "a", source: "1", tags: [] }];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the page's end of the language service", () => {
  test.each<{ first: Behaviour[]; answer: unknown }>([
    { first: [], answer: [1] },
    { first: ["does not start"], answer: [2] },
    { first: ["is silent"], answer: [2] },
    { first: ["is silent", "does not start"], answer: [3] },
    { first: ["does not start", "does not start", "does not start"], answer: undefined },
  ])("after workers of which $first, the answer is $answer", async ({ first, answer }) => {
    const { start, asked } = workers(...first);
    const client = openCellTypes(start);
    client.update(cells);
    const found = client.diagnostics("a");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await found).toEqual(answer);
    expect(asked).toHaveLength(Math.min(first.length + 1, 3));
    // Each was told of the cells before it was asked about them.
    for (const questions of asked) expect(questions).toEqual(["update", "diagnostics"]);
  });

  test("after a third failure nothing is asked until the text changes", async () => {
    const { start, asked } = workers("does not start", "does not start", "does not start");
    const client = openCellTypes(start);
    expect(await client.diagnostics("a")).toBeUndefined();
    expect(await client.explain("a", 0)).toBeUndefined();
    expect(asked).toHaveLength(3);
    client.update(cells);
    expect(await client.diagnostics("a")).toEqual([4]);
  });

  test("when it is closed, what waits is answered with nothing, and no worker is started for it", async () => {
    const { start, asked } = workers("is silent");
    const client = openCellTypes(start);
    const found = client.diagnostics("a");
    client.close();
    expect(await found).toBeUndefined();
    expect(await client.diagnostics("a")).toBeUndefined();
    expect(asked).toHaveLength(1);
  });
});
