/** The text streams between commands: pipes, fixed input, and the terminal that a person looks at. */
import type { Reader, Wait, Writer } from "./command.js";

/** How much text a command's output, a pipe, `$(...)` or a file may hold, in UTF-16 code units. */
export const MAX_TEXT = 16 * 1024 * 1024;

/** A command printed more than the lab keeps. */
export class OutputLimitError extends Error {
  override readonly name = "OutputLimitError";

  constructor() {
    super(`has printed too much: the lab keeps ${MAX_TEXT / 1024 / 1024} MiB of text`);
  }
}

/** `text` after what is held already. Throws {@link OutputLimitError}: whoever prints for ever is ended by it. */
export function appended(held: string, text: string): string {
  if (held.length + text.length > MAX_TEXT) throw new OutputLimitError();
  return held + text;
}

/**
 * A pipe between two commands; never full before {@link MAX_TEXT}, since virtual time gives nobody a reason to block on
 * a full one.
 */
export class Pipe implements Reader, Writer {
  #text = "";
  #writers = 1;
  #readerGone = false;
  readonly #waiting: Set<() => void> = new Set();
  /** Called when somebody writes after the reader went: the writer's SIGPIPE. */
  onBroken: (() => void) | null = null;

  write(text: string): boolean {
    if (this.#readerGone) {
      this.onBroken?.();
      return false;
    }
    if (text !== "") {
      this.#text = appended(this.#text, text);
      this.#wake();
    }
    return true;
  }

  read(): string | null {
    const text = this.#text;
    this.#text = "";
    if (text === "" && this.#writers === 0) return null;
    return text;
  }

  /** No more text will come. */
  closeWrite(): void {
    this.#writers = 0;
    this.#wake();
  }

  /** Nobody reads any more. */
  closeRead(): void {
    this.#readerGone = true;
  }

  readonly readable: Wait = {
    arm: (wake) => {
      if (this.#text !== "" || this.#writers === 0) {
        wake();
        return () => {};
      }
      this.#waiting.add(wake);
      return () => this.#waiting.delete(wake);
    },
  };

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** Input that is all there from the start: a here-string, a file, `/dev/null` (empty). */
export class TextReader implements Reader {
  #text: string | null;

  constructor(text: string) {
    this.#text = text === "" ? null : text;
  }

  read(): string | null {
    const text = this.#text;
    this.#text = null;
    return text;
  }

  readonly readable: Wait = {
    arm: (wake) => {
      wake();
      return () => {};
    },
  };
}

/** What a command printed: both streams apart, and together as a terminal shows them. */
export class Terminal {
  #stdout = "";
  #stderr = "";
  #text = "";

  readonly stdoutWriter: Writer = {
    write: (text) => {
      this.#text = appended(this.#text, text);
      this.#stdout += text;
      return true;
    },
  };

  readonly stderrWriter: Writer = {
    write: (text) => {
      this.#text = appended(this.#text, text);
      this.#stderr += text;
      return true;
    },
  };

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Both streams in the order in which they were written. */
  get text(): string {
    return this.#text;
  }
}

/** Collects text, for `$(...)`. */
export class TextWriter implements Writer {
  text = "";

  write(text: string): boolean {
    this.text = appended(this.text, text);
    return true;
  }
}

/** Swallows what is written: `/dev/null`. */
export const NULL_WRITER: Writer = { write: () => true };

/** Splits a stream into lines as they come; the last one may lack its newline. */
export class LineReader {
  readonly #input: Reader;
  #rest = "";
  #ended = false;

  constructor(input: Reader) {
    this.#input = input;
  }

  /** The next line without its newline, or null at the end. Waits while there is none yet. */
  *next(): Generator<Wait, string | null, void> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      if (this.#ended) {
        if (this.#rest === "") return null;
        const line = this.#rest;
        this.#rest = "";
        return line;
      }
      const text = this.#input.read();
      if (text === null) this.#ended = true;
      else if (text === "") yield this.#input.readable;
      else this.#rest += text;
    }
  }
}

/** Everything up to the end of a stream. */
export function* readAll(input: Reader): Generator<Wait, string, void> {
  let all = "";
  for (;;) {
    const text = input.read();
    if (text === null) return all;
    if (text === "") yield input.readable;
    else all = appended(all, text);
  }
}
