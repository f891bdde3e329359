/**
 * Where a place in generated code comes from. A text that was edited keeps a list of the offsets at which the distance
 * between the two texts changes; going back through several edits is going back through several lists.
 */

/**
 * Pairs of an offset in the new text and one in the old, ascending; between two pairs, both texts run on side by side,
 * and what is longer in the new text has been put in there.
 */
export type OffsetMap = readonly number[];

/** A piece of a text to be replaced. */
export interface Edit {
  /** Offset in the old text. */
  readonly at: number;
  /** How many UTF-16 units to take away. */
  readonly remove: number;
  readonly insert: string;
}

/** The text with all edits made, which may not overlap; those at one place are made in the order given. */
export function applyEdits(text: string, edits: readonly Edit[]): { code: string; map: OffsetMap } {
  const ordered = [...edits].sort((a, b) => a.at - b.at);
  const map: number[] = [0, 0];
  let code = "";
  let from = 0;
  for (const { at, remove, insert } of ordered) {
    code += text.slice(from, at);
    map.push(code.length, at);
    code += insert;
    from = at + remove;
    map.push(code.length, from);
  }
  return { code: code + text.slice(from), map };
}

/** The offset in the old text that an offset in the new one comes from. */
export function oldOffset(map: OffsetMap, offset: number): number {
  let low = 0;
  let high = map.length / 2;
  // The last pair that begins at or before the offset.
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (map[2 * middle]! <= offset) low = middle;
    else high = middle;
  }
  const [newStart, oldStart, newEnd, oldEnd] = map.slice(2 * low, 2 * low + 4) as [number, number, number?, number?];
  // What is longer than it was has been put in: no place in it is more its origin than where it begins.
  if (newEnd !== undefined && oldEnd !== undefined && newEnd - newStart > oldEnd - oldStart) return oldStart;
  return oldEnd === undefined ? oldStart + offset - newStart : Math.min(oldStart + offset - newStart, oldEnd);
}

/** The offset of a line and a column, both counted from 0, in a text. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let n = 0; n < line; n++) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(start + column, text.length);
}
