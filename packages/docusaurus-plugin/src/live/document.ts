/**
 * A lesson's code cells as a reader changes and runs them: a plain value and a pure function from one to the next.
 * Prose stays where it is; each cell is shown in the place of one of the lesson's cells, its anchor. Knows nothing of
 * workers, storage or React.
 */
import type { Output } from "@netfilter-lab/notebook";
import type { CompiledCell } from "@netfilter-lab/notebook/live";
import type { PageOutput } from "../outputs.js";

/** Who wrote a cell's present text. */
export type Author = "lesson" | "reader" | "link" | "file";

/** What a reader may change of a cell, and what is worth keeping or sharing. */
export interface CellContent {
  /** Unique in the document: letters, digits, `_` and `-`. */
  readonly id: string;
  /** The id of the lesson's cell in whose place this one is shown. */
  readonly anchor: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly author: Author;
}

/** One run of a cell. */
export interface CellRun {
  /** Counts all runs of this page; what a cell says later, of an older run, is not heard. */
  readonly number: number;
  /** The program it was a part of; see {@link LiveDocument.session}. */
  readonly session: number;
  /** The text that was run. */
  readonly source: string;
  readonly status: "running" | "done" | "failed" | "stopped";
  /** As a notebook's file holds them. */
  readonly outputs: readonly Output[];
  /** The same, safe to show. */
  readonly shown: readonly PageOutput[];
  /** How long it took, in milliseconds, once it has ended. */
  readonly milliseconds?: number;
  /** The runs of the cells before it that it was built on. */
  readonly basis: readonly number[];
}

/** A cell in the page. */
export interface LiveCell extends CellContent {
  /** What the lesson says; absent for a cell that was added. */
  readonly published?: PublishedCell;
  readonly run?: CellRun;
  readonly isQueued: boolean;
}

/** All cells, in the order in which they run. */
export interface LiveDocument {
  /** The lesson as published. */
  readonly lesson: readonly PublishedCell[];
  readonly cells: readonly LiveCell[];
  /** Counts the programs: a new one begins when the worker is new, or everything is run from the top. */
  readonly session: number;
  /** What was deleted last, and before which cell it stood. */
  readonly deleted?: { readonly cell: LiveCell; readonly before: string | undefined };
}

/** What can happen to a document. */
export type DocumentAction =
  | { readonly type: "edit"; readonly id: string; readonly source: string; readonly author?: Author }
  | { readonly type: "revert"; readonly id: string }
  | { readonly type: "add"; readonly id: string; readonly beside: string; readonly where: "above" | "below" }
  | { readonly type: "delete"; readonly id: string }
  | { readonly type: "undelete" }
  | { readonly type: "move"; readonly id: string; readonly direction: "up" | "down" }
  /** The lesson as published, nothing run. */
  | { readonly type: "reset" }
  /**
   * All cells' content at once: kept, opened from a file or a link. Cells with an unknown anchor go to the last one.
   */
  | { readonly type: "replace"; readonly cells: readonly CellContent[] }
  | { readonly type: "session" }
  | { readonly type: "queue"; readonly ids: readonly string[] }
  | { readonly type: "unqueue" }
  | { readonly type: "start"; readonly id: string; readonly number: number }
  | {
      readonly type: "output";
      readonly number: number;
      readonly outputs: CellRun["outputs"];
      readonly shown: CellRun["shown"];
    }
  | {
      readonly type: "finish";
      readonly number: number;
      readonly status: "done" | "failed" | "stopped";
      readonly milliseconds: number;
    };

/** One of the lesson's own cells. */
export interface PublishedCell {
  readonly id: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly outputs: readonly PageOutput[];
  /** The source as HTML with the highlighter's classes, where the site's build has made it. */
  readonly highlighted?: string;
  /** A `KernelMark` as JSON, where Linux gave these outputs, too. */
  readonly linux?: string;
}

/** A lesson's cell as its page brings it: also compiled, so that running it unchanged needs no compiler. */
export interface PageCell extends PublishedCell {
  readonly compiled: CompiledCell;
}

/** A lesson as published, before anything has happened to it. */
export function publishedDocument(lesson: readonly PublishedCell[]): LiveDocument {
  return { lesson, cells: lesson.map(publishedCell), session: 0 };
}

/** The document after an action. What does not apply (an id that is gone) changes nothing. */
export function reduceDocument(document: LiveDocument, action: DocumentAction): LiveDocument {
  const { cells } = document;
  const at = "id" in action ? cells.findIndex(({ id }) => id === action.id) : -1;
  const cell = cells[at];
  switch (action.type) {
    case "edit": {
      if (cell === undefined) return document;
      const { source } = action;
      const author = source === cell.published?.source ? "lesson" : (action.author ?? "reader");
      return replaceAt(document, at, { ...cell, source, author });
    }
    case "revert": {
      if (cell?.published === undefined) return document;
      return replaceAt(document, at, { ...cell, source: cell.published.source, author: "lesson" });
    }
    case "add": {
      const beside = cells.findIndex(({ id }) => id === action.beside);
      if (beside < 0 || at >= 0) return document;
      const { anchor } = cells[beside]!;
      const added: LiveCell = { id: action.id, anchor, source: "", tags: [], author: "reader", isQueued: false };
      return withCells(document, inserted(cells, action.where === "above" ? beside : beside + 1, added));
    }
    case "delete":
      if (cell === undefined) return document;
      return {
        ...withCells(
          document,
          cells.filter((other) => other !== cell),
        ),
        deleted: { cell: { ...cell, isQueued: false }, before: cells[at + 1]?.id },
      };
    case "undelete": {
      if (document.deleted === undefined) return document;
      const { cell: gone, before } = document.deleted;
      const place = before === undefined ? -1 : cells.findIndex(({ id }) => id === before);
      return withCells(document, inserted(cells, place < 0 ? cells.length : place, gone));
    }
    case "move":
      return cell === undefined ? document : moved(document, at, action.direction);
    case "reset":
      return reset(document);
    case "replace":
      return replaced(document, action.cells);
    case "session":
      return { ...document, session: document.session + 1 };
    case "queue": {
      const queued = new Set(action.ids);
      return { ...document, cells: cells.map((each) => (queued.has(each.id) ? { ...each, isQueued: true } : each)) };
    }
    case "unqueue":
      return { ...document, cells: cells.map((each) => (each.isQueued ? { ...each, isQueued: false } : each)) };
    case "start": {
      if (cell === undefined) return document;
      const run: CellRun = {
        number: action.number,
        session: document.session,
        source: cell.source,
        status: "running",
        outputs: [],
        shown: [],
        basis: basisOf(cells, at),
      };
      return replaceAt(document, at, { ...cell, isQueued: false, run });
    }
    case "output": {
      const { outputs, shown } = action;
      return withRun(document, action.number, (run) => ({ ...run, outputs, shown }));
    }
    case "finish": {
      const { status, milliseconds } = action;
      return withRun(document, action.number, (run) => ({ ...run, status, milliseconds }));
    }
  }
}

/**
 * How a cell's outputs stand to its text and to the cells before it.
 *
 * - `published`: never run; the lesson's own outputs, of the lesson's own cells.
 * - `live`: what running it gave, and nothing it was built on has changed since.
 * - `stale`: its text or a cell before it has changed, or the program it was run in is gone.
 * - `none`: it was added and never run.
 */
export type Freshness = "published" | "live" | "stale" | "none";

/** {@link Freshness} of the cell at a place. */
export function freshnessOf(document: LiveDocument, at: number): Freshness {
  const { cells, session, lesson } = document;
  const { run, published, source } = cells[at]!;
  if (run === undefined) {
    if (published === undefined) return "none";
    const before = cells.slice(0, at + 1);
    const isUnchanged =
      before.every((cell, index) => cell.id === lesson[index]?.id && cell.source === cell.published?.source) &&
      source === published.source;
    return isUnchanged ? "published" : "stale";
  }
  if (run.session !== session || run.source !== source) return "stale";
  const basis = basisOf(cells, at);
  const isSame = basis.length === run.basis.length && basis.every((number, index) => number === run.basis[index]);
  const edited = cells.slice(0, at).some((cell) => cell.run !== undefined && cell.run.source !== cell.source);
  return isSame && !edited ? "live" : "stale";
}

/** True if running a later cell has to run this one first: it has not run in this program as it stands. */
export function needsRun({ source, run, tags }: LiveCell, session: number): boolean {
  if (source.trim() === "") return false;
  if (run === undefined || run.session !== session || run.source !== source) return true;
  return run.status === "stopped" || (run.status === "failed" && !tags.includes("raises-exception"));
}

/** True if nothing differs from the lesson as published, besides what was run. */
export function isPublished({ cells, lesson }: LiveDocument): boolean {
  return (
    cells.length === lesson.length &&
    cells.every(({ id, anchor, source, published }, at) => {
      return id === lesson[at]?.id && anchor === id && source === published?.source;
    })
  );
}

/** What is worth keeping or sharing of the document; `replace` takes it back. */
export function contentOf({ cells }: LiveDocument): CellContent[] {
  return cells.map(({ id, anchor, source, tags, author }) => ({ id, anchor, source, tags, author }));
}

/** One of the lesson's cells as it is before anything has happened to it. */
function publishedCell(published: PublishedCell): LiveCell {
  const { id, source, tags } = published;
  return { id, anchor: id, source, tags, author: "lesson", published, isQueued: false };
}

/** The runs before a place; what has no text is no part of a program. */
function basisOf(cells: readonly LiveCell[], at: number): number[] {
  return cells
    .slice(0, at)
    .flatMap(({ run, source }) => (run === undefined || source.trim() === "" ? [] : [run.number]));
}

function withCells(document: LiveDocument, cells: readonly LiveCell[]): LiveDocument {
  const { deleted: _, ...rest } = document;
  return { ...rest, cells };
}

function replaceAt(document: LiveDocument, at: number, cell: LiveCell): LiveDocument {
  return { ...document, cells: document.cells.map((other, index) => (index === at ? cell : other)) };
}

function withRun(document: LiveDocument, number: number, change: (run: CellRun) => CellRun): LiveDocument {
  const at = document.cells.findIndex(({ run }) => run?.number === number);
  const cell = document.cells[at];
  return cell?.run === undefined ? document : replaceAt(document, at, { ...cell, run: change(cell.run) });
}

function inserted(cells: readonly LiveCell[], at: number, cell: LiveCell): LiveCell[] {
  return [...cells.slice(0, at), cell, ...cells.slice(at)];
}

/** Past the prose first, if there is prose between it and the next cell, and then past the cell. */
function moved(document: LiveDocument, at: number, direction: "up" | "down"): LiveDocument {
  const { cells } = document;
  const anchors = document.lesson.map(({ id }) => id);
  const step = direction === "up" ? -1 : 1;
  const cell = cells[at]!;
  const next = cells[at + step];
  if (next !== undefined && next.anchor === cell.anchor) {
    const others = cells.filter((other) => other !== cell);
    return withCells(document, inserted(others, at + step, cell));
  }
  const anchor = anchors[anchors.indexOf(cell.anchor) + step];
  return anchor === undefined
    ? document
    : withCells(
        document,
        cells.map((other) => (other === cell ? { ...cell, anchor } : other)),
      );
}

function reset({ lesson, session }: LiveDocument): LiveDocument {
  return { lesson, session: session + 1, cells: lesson.map(publishedCell) };
}

function replaced(document: LiveDocument, content: readonly CellContent[]): LiveDocument {
  const { lesson } = document;
  const anchors = lesson.map(({ id }) => id);
  const place = (anchor: string): number => (anchors.includes(anchor) ? anchors.indexOf(anchor) : anchors.length - 1);
  const cells = content.map((each): LiveCell => {
    const published = lesson.find(({ id }) => id === each.id);
    const anchor = anchors[place(each.anchor)] ?? each.anchor;
    const author = each.source === published?.source ? "lesson" : each.author;
    const { id, source, tags } = each;
    return { id, source, tags, anchor, author, isQueued: false, ...(published === undefined ? {} : { published }) };
  });
  // A cell is shown with its anchor, so the order in which cells run follows the anchors.
  const ordered = [...cells].sort((a, b) => place(a.anchor) - place(b.anchor));
  return { lesson, session: document.session + 1, cells: ordered };
}
