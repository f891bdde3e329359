/**
 * A lesson with the reader's cells as an `.ipynb` file, and back. The file is the published notebook with its code
 * cells replaced, so prose, pictures and tags are those of the lesson; it opens in Jupyter like the lesson itself.
 */
import {
  type Cell,
  type CodeCell,
  formatNotebook,
  type Notebook,
  NotebookError,
  type Output,
  parseNotebook,
} from "@netfilter-lab/notebook";
import type { CellContent } from "../live/document.js";
import { CellsError, limits, type PublishedCell, readCells } from "./cells.js";

/**
 * The file's text.
 *
 * @param outputs what running a cell in the page left; a published cell that was neither run nor changed has its saved ones
 */
export function notebookText(
  published: Notebook,
  cells: readonly CellContent[],
  outputs: (id: string) => readonly Output[] | undefined,
): string {
  const authors = new Map(published.cells.flatMap((cell) => (cell.type === "code" ? [[cell.id, cell] as const] : [])));
  const codeCell = ({ id, source, tags }: CellContent): CodeCell => {
    const author = authors.get(id);
    return {
      type: "code",
      id,
      source,
      tags: author?.tags ?? tags,
      metadata: author?.metadata ?? {},
      outputs: outputs(id) ?? (author?.source.trimEnd() === source.trimEnd() ? author.outputs : []),
    };
  };
  return formatNotebook({
    ...published,
    cells: published.cells.flatMap((cell): Cell[] =>
      cell.type === "code" ? cells.filter(({ anchor }) => anchor === cell.id).map(codeCell) : [cell],
    ),
  });
}

/** {@link notebookText} of the published file's text. */
export function changedNotebook(
  publishedText: string,
  cells: readonly CellContent[],
  outputs: (id: string) => readonly Output[] | undefined,
): string {
  return notebookText(parsed(publishedText, "The lesson's notebook"), cells, outputs);
}

/** Cells from a file. */
export interface OpenedCells {
  readonly cells: CellContent[];
  /** How many of the file's cells are prose that the lesson does not have; the page does not show them. */
  readonly otherProse: number;
}

/** {@link openNotebook} with the published file's text. */
export function openLesson(
  publishedText: string,
  published: readonly PublishedCell[],
  text: string,
  fileName: string,
): OpenedCells {
  return openNotebook(parsed(publishedText, "The lesson's notebook"), published, text, fileName);
}

/**
 * The cells of a notebook file, at their places among the lesson's prose.
 *
 * @param lesson the published notebook
 * @param text the file's content
 * @param fileName for messages
 * @throws CellsError with a sentence for the reader if the file is no notebook, or one of another lesson
 */
export function openNotebook(
  lesson: Notebook,
  published: readonly PublishedCell[],
  text: string,
  fileName: string,
): OpenedCells {
  const notebook = parsed(text, fileName);
  const code = notebook.cells.filter((cell) => cell.type === "code");
  const known = new Set(published.map(({ id }) => id));
  if (!code.some(({ id }) => known.has(id))) {
    throw new CellsError(
      `${fileName} has no cell of this lesson. Open it on the page of its own lesson, or in Jupyter.`,
    );
  }
  const anchors = anchorsOf(lesson, published, notebook);
  const records = code.map(({ id, source, tags }) => ({ id, anchor: anchors.get(id), source: source.trimEnd(), tags }));
  const prose = new Set(lesson.cells.flatMap((cell) => (cell.type === "code" ? [] : [cell.source.trim()])));
  const otherProse = notebook.cells.filter((cell) => cell.type !== "code" && !prose.has(cell.source.trim())).length;
  try {
    return { cells: readCells(published, records, "file"), otherProse };
  } catch (error) {
    if (!(error instanceof CellsError)) throw error;
    throw new CellsError(`${fileName} cannot be shown: ${error.message}.`);
  }
}

interface Stretch {
  readonly from: number;
  to: number;
}

/**
 * In whose place each code cell of a file is to be shown. The lesson's prose cells that the file has too say between
 * which of them a code cell stands; among the lesson's code cells there, it stands with the last that is not after it.
 */
function anchorsOf(
  lesson: Notebook,
  published: readonly PublishedCell[],
  notebook: Notebook,
): ReadonlyMap<string, string> {
  const order = new Map(published.map(({ id }, index) => [id, index]));
  /** From a prose cell to the lesson's code cells between it and the next prose, as places among them. */
  const stretches = new Map<string, Stretch>();
  let last: Stretch = { from: 0, to: 0 };
  for (const cell of lesson.cells) {
    const place = order.get(cell.id);
    if (cell.type !== "code") stretches.set(cell.id, (last = { from: last.to, to: last.to }));
    else if (place !== undefined) last.to = place + 1;
  }
  const anchors = new Map<string, string>();
  let stretch: Stretch = { from: 0, to: published.length };
  let current: number | undefined;
  for (const cell of notebook.cells) {
    if (cell.type !== "code") {
      const known = stretches.get(cell.id);
      if (known !== undefined) [stretch, current] = [known, undefined];
      continue;
    }
    const own = order.get(cell.id) ?? -1;
    if (own >= Math.max(stretch.from, current ?? 0) && own < stretch.to) current = own;
    current ??= stretch.from < stretch.to ? stretch.from : Math.max(0, stretch.from - 1);
    anchors.set(cell.id, published[current]!.id);
  }
  return anchors;
}

function parsed(text: string, fileName: string): Notebook {
  if (text.length > limits.cells * limits.sourceLength) throw new CellsError(`${fileName} is too large for a lesson.`);
  try {
    return parseNotebook(text, fileName);
  } catch (error) {
    if (!(error instanceof NotebookError)) throw error;
    throw new CellsError(`${error.message}. The page shows what it showed.`);
  }
}
