/**
 * A lesson with the reader's cells as an `.ipynb` file, and back. The file is the published notebook with its code cells
 * replaced, so prose, pictures and tags are those of the lesson; it opens in Jupyter like the lesson itself.
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
import { CellsError, limits, type PlacedCell, type PublishedCell, readCells } from "./cells.js";

/**
 * The file's text.
 *
 * @param outputs what running a cell in the page left; a published cell that was neither run nor changed has its saved ones
 */
export function notebookText(
  published: Notebook,
  cells: readonly PlacedCell[],
  outputs: (id: string) => readonly Output[] | undefined,
): string {
  const authors = new Map(published.cells.flatMap((cell) => (cell.type === "code" ? [[cell.id, cell] as const] : [])));
  const codeCell = ({ id, source, tags }: PlacedCell): CodeCell => {
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
      cell.type === "code" ? cells.filter(({ place }) => place === cell.id).map(codeCell) : [cell],
    ),
  });
}

/** Cells from a file. */
export interface OpenedCells {
  readonly cells: PlacedCell[];
  /** How many of the file's cells are prose that the lesson does not have; the page does not show them. */
  readonly otherProse: number;
}

/**
 * The cells of a notebook file, at their places in the lesson. A cell that the lesson does not have stands behind the
 * last one before it that it has, or before the first.
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
  const known = new Set(published.map(({ id }) => id));
  const code = notebook.cells.filter((cell) => cell.type === "code");
  const first = code.find(({ id }) => known.has(id))?.id;
  if (first === undefined) {
    throw new CellsError(
      `${fileName} has no cell of this lesson. Open it on the page of its own lesson, or in Jupyter.`,
    );
  }
  let place = first;
  const records = code.map(({ id, source, tags }) => {
    if (known.has(id)) place = id;
    return { id, place, source: source.trimEnd(), tags };
  });
  const prose = new Set(lesson.cells.flatMap((cell) => (cell.type === "code" ? [] : [cell.source.trim()])));
  const otherProse = notebook.cells.filter((cell) => cell.type !== "code" && !prose.has(cell.source.trim())).length;
  try {
    return { cells: readCells(published, records, "file"), otherProse };
  } catch (error) {
    if (!(error instanceof CellsError)) throw error;
    throw new CellsError(`${fileName} cannot be shown: ${error.message}.`);
  }
}

function parsed(text: string, fileName: string): Notebook {
  if (text.length > limits.cells * limits.sourceLength) throw new CellsError(`${fileName} is too large for a lesson.`);
  try {
    return parseNotebook(text, fileName);
  } catch (error) {
    if (!(error instanceof NotebookError)) throw error;
    throw new CellsError(`${error.message}. This is the lesson as it was.`);
  }
}
