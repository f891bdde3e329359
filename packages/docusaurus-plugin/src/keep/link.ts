/**
 * A link that carries a lesson's cells: JSON, compressed, in the address's fragment, which no browser sends to a
 * server. Such a link is a stranger's word. It is bounded before it is unpacked and while it is, and then read like any
 * cells from outside; nothing in it runs by being read.
 */
import type { CellContent } from "../live/document.js";
import { CellsError, type PublishedCell, readCells, recordsOf } from "./cells.js";

/** The longest fragment that is made or read, in characters. Some programs cut longer addresses off. */
export const longestFragment = 16_000;

/** The most that a link may unpack to, in bytes. */
const largestText = 1_000_000;

const mark = "#cells=1.";

/** Cells from a link. */
export interface SharedCells {
  readonly cells: CellContent[];
  /** True if the lesson was another when the link was made. */
  readonly outdated: boolean;
}

/**
 * The fragment, `#` included, that carries the cells.
 *
 * @throws CellsError if it would be longer than {@link longestFragment}
 */
export async function fragmentOf(
  published: readonly PublishedCell[],
  version: string,
  cells: readonly CellContent[],
): Promise<string> {
  const text = JSON.stringify({ version, cells: recordsOf(published, cells, false) });
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const fragment = mark + toBase64(bytes);
  if (fragment.length > longestFragment) {
    throw new CellsError(
      `These cells make a link of ${fragment.length} characters; ${longestFragment} is the most that arrives everywhere. ` +
        "Download the notebook and send the file instead.",
    );
  }
  return fragment;
}

/** True if an address's fragment says that it carries cells. */
export function carriesCells(fragment: string): boolean {
  return fragment.startsWith("#cells=");
}

/**
 * The cells that a fragment carries.
 *
 * @throws CellsError with a sentence for the reader if it carries none that can be shown
 */
export async function cellsOfFragment(
  published: readonly PublishedCell[],
  version: string,
  fragment: string,
): Promise<SharedCells> {
  try {
    if (!fragment.startsWith(mark)) throw new CellsError("it was made by another version of this site");
    if (fragment.length > longestFragment) throw new CellsError(`it is longer than ${longestFragment} characters`);
    const value = parsed(await unpacked(fromBase64(fragment.slice(mark.length))));
    if (typeof value !== "object" || value === null) throw new CellsError("it holds no cells");
    const own = (name: string): unknown =>
      Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
    return { cells: readCells(published, own("cells"), "link"), outdated: own("version") !== version };
  } catch (error) {
    if (!(error instanceof CellsError)) throw error;
    throw new CellsError(`The cells in this link cannot be shown: ${error.message}. This is the lesson as published.`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CellsError("it is damaged");
  }
}

async function unpacked(bytes: Uint8Array): Promise<string> {
  const stream = new Blob([bytes as Uint8Array & { readonly buffer: ArrayBuffer }])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((): never => {
      throw new CellsError("it is damaged");
    });
    if (done) break;
    size += value.length;
    if (size > largestText) {
      await reader.cancel();
      throw new CellsError("it unpacks to more than a lesson can hold");
    }
    pieces.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(whole);
  } catch {
    throw new CellsError("it is damaged");
  }
}

function toBase64(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new CellsError("it is damaged");
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
  } catch {
    throw new CellsError("it is damaged");
  }
}
