/**
 * The page's end of the language-service worker. The types are a help, never a condition: whatever goes wrong there, an
 * answer is `undefined`, and editing and running go on.
 */
import type { Answer, CellTypes, Question } from "./protocol.js";

/** {@link CellTypes}, answered later, by a second or third worker if need be; `undefined` if none had an answer. */
export type CellTypesClient = {
  readonly [K in Exclude<keyof CellTypes, "update">]: (
    ...about: Parameters<CellTypes[K]>
  ) => Promise<ReturnType<CellTypes[K]> | undefined>;
} & {
  readonly update: CellTypes["update"];
  /** Ends the worker. */
  readonly close: () => void;
};

/** Longer than the first answer ever takes. Types can be written that take the compiler for ever. */
const patienceMilliseconds = 15_000;

/**
 * Starts the worker.
 *
 * @param start makes the worker; called again when one had to be ended
 */
export function openCellTypes(start: () => Worker): CellTypesClient {
  let worker: Worker | undefined;
  let cells: Parameters<CellTypes["update"]>[0] = [];
  let failures = 0;
  let isClosed = false;
  let last = 0;
  const waiting = new Map<number, (answer: Answer | undefined) => void>();

  // What stopped the worker may still be in a cell; three times is no accident.
  const mayAsk = (): boolean => failures < 3 && !isClosed;
  const end = (): void => {
    worker?.terminate();
    worker = undefined;
    for (const settle of waiting.values()) settle(undefined);
    waiting.clear();
  };
  const fail = (): void => {
    failures++;
    end();
  };
  const send = (question: Omit<Question, "number">): Promise<Answer | undefined> => {
    const number = ++last;
    return new Promise((resolve) => {
      if (!mayAsk()) {
        resolve(undefined);
        return;
      }
      if (worker === undefined) {
        const started = start();
        started.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
          waiting.get(data.number)?.(data);
        });
        started.addEventListener("error", () => {
          // One that was ended may still have something to say.
          if (worker === started) fail();
        });
        worker = started;
        if (question.ask !== "update") void send({ ask: "update", about: [cells] });
      }
      const timer = setTimeout(fail, patienceMilliseconds);
      waiting.set(number, (answer) => {
        clearTimeout(timer);
        waiting.delete(number);
        resolve(answer);
      });
      // A worker has no origin to name.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage({ ...question, number });
    });
  };
  const ask =
    <K extends Exclude<keyof CellTypes, "update">>(name: K) =>
    async (...about: Parameters<CellTypes[K]>): Promise<ReturnType<CellTypes[K]> | undefined> => {
      let answer: Answer | undefined;
      // Nobody else asks again: the reader may have typed the last letter.
      do answer = await send({ ask: name, about } as Omit<Question, "number">);
      while (answer === undefined && mayAsk());
      return answer?.answer as ReturnType<CellTypes[K]> | undefined;
    };
  return {
    update(changed) {
      cells = changed;
      // What was broken may have been repaired.
      failures = Math.min(failures, 2);
      void send({ ask: "update", about: [changed] });
    },
    diagnostics: ask("diagnostics"),
    complete: ask("complete"),
    describe: ask("describe"),
    explain: ask("explain"),
    close() {
      isClosed = true;
      end();
    },
  };
}
