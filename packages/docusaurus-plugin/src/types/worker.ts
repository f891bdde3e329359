/** The language-service worker: TypeScript and the library are in its bundle, so that the page's thread has neither. */
import ts from "typescript";
import type { Answer, Question } from "./protocol.js";
import { createCellTypes, type Library } from "./service.js";

/** The library, as JSON; put in front of the bundle by `live/bundle.ts`. */
declare const cellLibrary: string;

const types = createCellTypes(ts, JSON.parse(cellLibrary) as Library);

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
