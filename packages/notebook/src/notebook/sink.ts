/**
 * What a running cell does, as those who run cells tell it: Jupyter's server, the headless runner, the page's worker.
 */
import type { MimeBundle } from "./model.js";

/** An exception as a front end shows it. */
export interface ErrorReport {
  readonly name: string;
  readonly message: string;
  readonly traceback: readonly string[];
}

/** Something displayed, perhaps in the place of something displayed before. */
export interface Displayed {
  readonly data: MimeBundle;
  /** Names the place, so that a later value can replace this one. */
  readonly displayId: string | undefined;
  readonly replaces: boolean;
}

/** Receives what a cell does, in order. May be called after the cell has ended, by what the cell left running. */
export interface CellSink {
  stream(name: "stdout" | "stderr", text: string): void;
  display(displayed: Displayed): void;
  result(data: MimeBundle): void;
  error(report: ErrorReport): void;
}
