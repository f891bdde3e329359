/**
 * Joins what a cell prints piece by piece into few messages: a loop that prints ten thousand lines is one output, not
 * ten thousand. Order among streams, displays and errors is kept.
 */

import type { MimeBundle } from "../notebook/model.js";
import type { CellSink, Displayed, ErrorReport } from "../notebook/sink.js";

const largestPiece = 64 * 1024;

/** A sink that passes text on once a turn, or when something else must come after it. */
export class CoalescingSink implements CellSink {
  readonly #next: CellSink;
  #name: "stdout" | "stderr" = "stdout";
  #pieces: string[] = [];
  #length = 0;
  #scheduled = false;

  constructor(next: CellSink) {
    this.#next = next;
  }

  stream(name: "stdout" | "stderr", text: string): void {
    if (name !== this.#name) this.flush();
    this.#name = name;
    this.#pieces.push(text);
    this.#length += text.length;
    if (this.#length >= largestPiece) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  display(displayed: Displayed): void {
    this.flush();
    this.#next.display(displayed);
  }

  result(data: MimeBundle): void {
    this.flush();
    this.#next.result(data);
  }

  error(report: ErrorReport): void {
    this.flush();
    this.#next.error(report);
  }

  /** Passes on what is waiting. */
  flush(): void {
    const text = this.#pieces.join("");
    this.#pieces = [];
    this.#length = 0;
    if (text !== "") this.#next.stream(this.#name, text);
  }
}
