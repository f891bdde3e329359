/**
 * A Jupyter notebook (nbformat 4) as plain values: cells, outputs, tags. Multi-line text is always one string here,
 * whichever of the two spellings the file uses; `parse.ts` and `format.ts` are the only places that know the file's
 * shape. Not modelled: nbformat 3, widgets' state.
 */

/** Any JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * One value in several representations, keyed by MIME type; a front end shows the richest it knows. Text types
 * hold a string; `application/json` and `…+json` types hold any JSON value.
 */
export interface MimeBundle {
  readonly [mimeType: string]: Json;
}

/** True for the MIME types whose value is JSON itself rather than text. */
export function isJsonMimeType(mimeType: string): boolean {
  return mimeType === "application/json" || /^application\/.*\+json$/.test(mimeType);
}

/** Text printed while the cell ran. */
export interface StreamOutput {
  readonly type: "stream";
  readonly name: "stdout" | "stderr";
  readonly text: string;
}

/** Something the cell displayed while it ran. */
export interface DisplayDataOutput {
  readonly type: "display_data";
  readonly data: MimeBundle;
  readonly metadata: JsonObject;
}

/** The value of the cell's last expression. */
export interface ExecuteResultOutput {
  readonly type: "execute_result";
  readonly data: MimeBundle;
  readonly metadata: JsonObject;
}

/** The exception that ended the cell. */
export interface ErrorOutput {
  readonly type: "error";
  /** The error's class, e.g. `TypeError`. */
  readonly name: string;
  /** The error's message. */
  readonly message: string;
  /** What a front end prints, one entry a line; may hold ANSI colours. */
  readonly traceback: readonly string[];
}

/** What running a code cell left behind, in the order it appeared. */
export type Output = StreamOutput | DisplayDataOutput | ExecuteResultOutput | ErrorOutput;

/**
 * The tags this project gives a meaning to. Any other tag is kept and ignored.
 *
 * - `raises-exception`: the cell must end in an error, and that error is compared like any output.
 * - `volatile`: the outputs differ from run to run; only their kinds and MIME types are compared.
 * - `exercise`: a Markdown cell that states an exercise.
 * - `solution`: a code cell that solves the exercise before it; folded away on the site and in Jupyter.
 *   `hide-solution` is read as the same tag.
 * - `check`: a code cell that checks the reader's answer to the exercise before it.
 */
export type LessonTag = "raises-exception" | "volatile" | "exercise" | "solution" | "check";

/** Every {@link LessonTag}. */
export const lessonTags: readonly LessonTag[] = ["raises-exception", "volatile", "exercise", "solution", "check"];

interface CellBase {
  /** Unique in the notebook, 1 to 64 of `A-Za-z0-9_-`. */
  readonly id: string;
  readonly source: string;
  readonly tags: readonly string[];
  /** The cell's metadata without its tags. */
  readonly metadata: JsonObject;
}

/** Prose. */
export interface MarkdownCell extends CellBase {
  readonly type: "markdown";
  /** Files embedded in the cell, by name. */
  readonly attachments?: { readonly [fileName: string]: MimeBundle };
}

/** Text for one particular converter; neither run nor rendered here. */
export interface RawCell extends CellBase {
  readonly type: "raw";
  readonly attachments?: { readonly [fileName: string]: MimeBundle };
}

/** Code, and what running it gave. */
export interface CodeCell extends CellBase {
  readonly type: "code";
  readonly outputs: readonly Output[];
}

/** One cell of a notebook. */
export type Cell = MarkdownCell | CodeCell | RawCell;

/** A whole notebook. */
export interface Notebook {
  /** The path given to `parseNotebook`; used in messages and for the lesson's place among the others. */
  readonly path: string;
  /** The notebook's own metadata, without the kernel's and the language's (always ours when written). */
  readonly metadata: JsonObject;
  readonly cells: readonly Cell[];
}

/** True if the cell carries the tag. */
export function hasTag(cell: Cell, tag: LessonTag): boolean {
  return cell.tags.includes(tag);
}

/** Why a file is not a notebook: which file, which cell (counted from 1, if one is to blame), and the reason. */
export class NotebookError extends Error {
  override readonly name = "NotebookError";
  readonly path: string;
  readonly cell: number | undefined;
  readonly reason: string;

  constructor(path: string, cell: number | undefined, reason: string) {
    super(`${path}${cell === undefined ? "" : `, cell ${cell}`}: ${reason}`);
    this.path = path;
    this.cell = cell;
    this.reason = reason;
  }
}
