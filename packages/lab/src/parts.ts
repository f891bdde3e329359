/**
 * The parts of this program that not every lab needs. In Node they are there from the start (`provide.ts`); in a page
 * each is loaded when it is first asked for (`provide-deferred.ts`), and meanwhile the lab stands still.
 */
import type { CommandProcess, Wait } from "./command.js";
import type * as drawings from "./parts/drawings.js";
import type * as everyday from "./parts/everyday.js";
import type * as rare from "./parts/rare.js";
import { STANDSTILL, standstill } from "./standstill.js";

/** A part that could not be loaded: a page that is offline. */
export class MissingPartError extends Error {
  override readonly name = "MissingPartError";
}

/** One of them. */
export class Part<Content> {
  #content: Content | null = null;
  #load: (() => Promise<Content>) | null = null;
  #loading: Promise<Content> | null = null;

  /** Says what is in it, or how that is loaded. */
  provide(content: Content | (() => Promise<Content>)): void {
    if (typeof content === "function") this.#load = content as () => Promise<Content>;
    else this.#content = content;
  }

  /** What is in it; null while it is not there. */
  get content(): Content | null {
    return this.#content;
  }

  /** Whether it has yet to be loaded. */
  get isToCome(): boolean {
    return this.#content === null && this.#load !== null;
  }

  /** Loads it, unless it is there. What could not be loaded is tried again the next time. */
  load(): Promise<Content> {
    if (this.#content !== null) return Promise.resolve(this.#content);
    if (this.#load === null) throw new Error("a part of the lab was not provided");
    this.#loading ??= this.#load().then(
      (content) => (this.#content = content),
      (error: unknown) => {
        this.#loading = null;
        throw new MissingPartError((error as Error).message);
      },
    );
    return this.#loading;
  }

  /** For a command: waits until it is there. Throws when it cannot be loaded. */
  *arrival(): Generator<Wait, Content, void> {
    if (this.#content !== null) return this.#content;
    let failure: unknown = null;
    const loading = this.load().catch((error: unknown) => {
      failure = error;
    });
    standstill.hold(loading);
    yield STANDSTILL;
    if (this.#content === null) throw failure;
    return this.#content;
  }
}

/** What a command does with a part: at once if it is there, else when it has come. */
export function withPart<Content>(
  part: Part<Content>,
  command: (content: Content) => number | CommandProcess,
): number | CommandProcess {
  return part.content === null ? arrivalThen(part, command) : command(part.content);
}

function* arrivalThen<Content>(
  part: Part<Content>,
  command: (content: Content) => number | CommandProcess,
): CommandProcess {
  const result = command(yield* part.arrival());
  return typeof result === "number" ? result : yield* result;
}

/** The commands of nearly every lab, and the extensions that nearly every ruleset uses. */
export const everydayPart: Part<typeof everyday> = new Part();
/** What commands and extensions are left. */
export const rarePart: Part<typeof rare> = new Part();
/** What is made of packets, hooks and connections to be looked at. */
export const drawingsPart: Part<typeof drawings> = new Part();
