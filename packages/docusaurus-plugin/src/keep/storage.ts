/**
 * The reader's cells kept in the browser, one entry for each lesson and each of its published versions, so that a
 * lesson that changed does not take anybody's work away. Storage may be forbidden, full, or hold what something else
 * left there: a lesson runs in any case, and the reader is told what is not kept.
 */
import type { CellContent } from "../live/document.js";
import { CellsError, type PublishedCell, readCells, recordsOf } from "./cells.js";

/** What of the browser's `Storage` is used. */
export type KeptStorage = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** Why changes are not kept. */
export type NotKept = "forbidden" | "full";

/** One lesson's entries. */
export interface Keeper {
  /**
   * The cells kept for the lesson as it is now; `undefined` if there are none. Throws CellsError if they are
   * unreadable.
   */
  load(): CellContent[] | undefined;
  /** The versions of the lesson, other than this, for which cells are kept. */
  otherVersions(): readonly string[];
  /** Cells kept for another version, brought to the lesson as it is now. Throws CellsError if they are unreadable. */
  loadOther(version: string): CellContent[];
  /** Keeps cells for the lesson as it is now; says why if it could not. */
  save(cells: readonly CellContent[]): NotKept | undefined;
  /** True if something is kept for the lesson as it is now, readable or not. */
  has(): boolean;
  /** True if these cells, as they are, are kept for the lesson as it is now. */
  keeps(cells: readonly CellContent[]): boolean;
  /** True for the entry of the lesson as it is now; `null` stands for all entries. */
  isEntry(key: string | null): boolean;
  /** Forgets what is kept for a version. */
  forget(version: string): void;
  /** Forgets what is kept for the lesson as it is now. */
  forgetThis(): void;
}

const prefix = "netfilter-lab/cells/";

/** The browser's storage; `undefined` where it is forbidden. */
export function browserStorage(): KeptStorage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

/**
 * The entries of one lesson.
 *
 * @param lesson the lesson's address on the site, which is its name here
 */
export function openKeeper(
  storage: KeptStorage | undefined,
  lesson: string,
  version: string,
  published: readonly PublishedCell[],
): Keeper {
  const lessonPrefix = `${prefix}${encodeURIComponent(lesson)}/`;
  const read = (of: string): CellContent[] | undefined => {
    const text = guarded(() => storage?.getItem(lessonPrefix + of) ?? undefined, undefined);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new CellsError("What was kept of your changes to this lesson is damaged.");
    }
    try {
      return readCells(published, value, undefined);
    } catch (error) {
      if (!(error instanceof CellsError)) throw error;
      throw new CellsError(`What was kept of your changes to this lesson cannot be read: ${error.message}.`);
    }
  };
  const textOf = (cells: readonly CellContent[]): string => JSON.stringify(recordsOf(published, cells, true));
  return {
    load: () => read(version),
    otherVersions: () =>
      guarded(() => {
        const keys = Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key(index) ?? "");
        return keys
          .filter((key) => key.startsWith(lessonPrefix))
          .map((key) => key.slice(lessonPrefix.length))
          .filter((found) => found !== version);
      }, []),
    loadOther: (other) => read(other) ?? [],
    save(cells) {
      if (storage === undefined) return "forbidden";
      try {
        storage.setItem(lessonPrefix + version, textOf(cells));
        return undefined;
      } catch (error) {
        return error instanceof DOMException && /quota/i.test(error.name) ? "full" : "forbidden";
      }
    },
    has: () => guarded(() => (storage?.getItem(lessonPrefix + version) ?? null) !== null, false),
    keeps: (cells) => guarded(() => storage?.getItem(lessonPrefix + version) === textOf(cells), false),
    isEntry: (key) => key === null || key === lessonPrefix + version,
    forget: (of) => guarded(() => storage?.removeItem(lessonPrefix + of), undefined),
    forgetThis: () => guarded(() => storage?.removeItem(lessonPrefix + version), undefined),
  };
}

/** Any use of storage may throw, whenever the browser's user changes their mind. */
function guarded<T>(use: () => T, otherwise: T): T {
  try {
    return use();
  } catch {
    return otherwise;
  }
}
