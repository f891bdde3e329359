/**
 * The code cells of a lesson as a reader has made them: the published ones, changed, moved or gone, and cells of their
 * own. Prose stays where the lesson has it, so each cell says at whose place among the prose it stands. Whatever comes
 * from outside (storage, a link, a file) passes {@link readCells} before anything else sees it.
 */

import type { Author, CellContent } from "../live/document.js";

/** A code cell as the lesson has it. */
export interface PublishedCell {
  readonly id: string;
  readonly source: string;
  readonly tags: readonly string[];
}

/** Why cells from outside cannot be shown; the message is for the reader. */
export class CellsError extends Error {
  override readonly name = "CellsError";
}

/** What a lesson's cells may come to. Far above any lesson, far below what would hurt a page. */
export const limits = { cells: 500, sourceLength: 100_000, tags: 20, tagLength: 64 } as const;

/**
 * A short name for the lesson's code as it is published now: another one when any code cell changed, came or went.
 */
export function lessonVersion(published: readonly PublishedCell[]): string {
  const text = JSON.stringify(published.map(({ id, source }) => [id, source]));
  // FNV-1a, from both ends: to tell versions apart, not to withstand anybody.
  let [there, back] = [0x811c9dc5, 0x811c9dc5];
  for (let at = 0; at < text.length; at++) {
    there = Math.imul(there ^ text.charCodeAt(at), 0x01000193);
    back = Math.imul(back ^ text.charCodeAt(text.length - 1 - at), 0x01000193);
  }
  return [there, back].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

/**
 * A cell as it is stored or sent: everything about it in words of JSON. `source` may be left out if it is as published.
 */
export interface CellRecord {
  readonly id: string;
  readonly anchor: string;
  readonly source?: string;
  readonly tags?: readonly string[];
  readonly author?: Author;
}

/**
 * Cells that came from outside, checked and put into the page's order.
 *
 * @param published the lesson's cells now; a cell whose anchor is no longer among them goes to the last one
 * @param value what was stored or sent
 * @param author who wrote what differs from the published cells; without it, each record says so itself
 * @throws CellsError if it is no list of cells
 */
export function readCells(
  published: readonly PublishedCell[],
  value: unknown,
  author: Author | undefined,
): CellContent[] {
  if (!Array.isArray(value)) throw new CellsError("it holds no list of cells");
  if (value.length > limits.cells) throw new CellsError(`it holds ${value.length} cells; ${limits.cells} is the most`);
  const byId = new Map(published.map((cell, index) => [cell.id, { cell, index }]));
  // Not in a solution, which is folded away.
  const last = (published.filter((cell) => !cell.tags.includes("solution")).at(-1) ?? published.at(-1))?.id;
  const taken = new Set<string>();
  const cells = (value as readonly unknown[]).flatMap((record, index): CellContent[] => {
    const fail = (reason: string): never => {
      throw new CellsError(`its cell ${index + 1} ${reason}`);
    };
    if (typeof record !== "object" || record === null) return fail("is no cell");
    const own = (name: keyof CellRecord): unknown =>
      Object.hasOwn(record, name) ? (record as Readonly<Record<string, unknown>>)[name] : undefined;
    const [id, anchor, source, tags, said] = [own("id"), own("anchor"), own("source"), own("tags"), own("author")];
    if (!isId(id)) return fail("has no proper id");
    if (taken.has(id)) return fail("has the id of another");
    taken.add(id);
    const same = byId.get(id)?.cell;
    // A cell that was not changed, of which nothing is left in the lesson.
    if (source === undefined && same === undefined) return [];
    const text = source ?? same?.source;
    if (typeof text !== "string" || text.length > limits.sourceLength) {
      return fail(`has no text, or one of more than ${limits.sourceLength} characters`);
    }
    const unchanged = same !== undefined && same.source === text;
    const at = isId(anchor) && byId.has(anchor) ? anchor : last;
    if (at === undefined) return fail("has no place in this lesson");
    return [
      {
        id,
        anchor: at,
        source: text,
        tags: same?.tags ?? readTags(tags ?? [], fail),
        author: unchanged ? "lesson" : (author ?? readAuthor(said, fail)),
      },
    ];
  });
  // A stable sort: with one anchor, the order given.
  return cells.sort((a, b) => byId.get(a.anchor)!.index - byId.get(b.anchor)!.index);
}

/** The records of cells; without `whole`, only what the lesson does not say itself. */
export function recordsOf(
  published: readonly PublishedCell[],
  cells: readonly CellContent[],
  whole: boolean,
): CellRecord[] {
  const sources = new Map(published.map(({ id, source }) => [id, source]));
  return cells.map(({ id, anchor, source, tags, author }) => ({
    id,
    anchor,
    ...(whole || sources.get(id) !== source ? { source } : {}),
    ...(tags.length === 0 || sources.has(id) ? {} : { tags }),
    ...(whole && author !== "lesson" ? { author } : {}),
  }));
}

/** True for what may be a cell's id. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(value);
}

function readTags(value: unknown, fail: (reason: string) => never): string[] {
  if (!Array.isArray(value) || value.length > limits.tags) return fail("has no proper tags");
  return (value as readonly unknown[]).map((tag) =>
    typeof tag === "string" && tag.length <= limits.tagLength ? tag : fail("has a tag that is no short text"),
  );
}

function readAuthor(value: unknown, fail: (reason: string) => never): Author {
  return value === "link" || value === "file" || value === "reader" || value === undefined
    ? (value ?? "reader")
    : fail("does not say who wrote it");
}
