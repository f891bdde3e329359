/** The language-service worker: TypeScript and the library are in its bundle, so that the page's thread has neither. */
import library from "virtual:cell-library";
import ts from "typescript";
import type { Answer, Question } from "./protocol.js";
import { createCellTypes } from "./service.js";

const types = createCellTypes(ts, library);

addEventListener("message", ({ data }: MessageEvent<Question>) => {
  postMessage(answerTo(data));
});

function answerTo({ number, ask, about }: Question): Answer {
  try {
    const method = types[ask] as (...about: unknown[]) => unknown;
    return { number, answer: method(...about) };
  } catch (error) {
    return { number, failed: error instanceof Error ? error.message : String(error) };
  }
}
