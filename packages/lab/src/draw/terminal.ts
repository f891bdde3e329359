/** Plain text for terminals: frames, aligned columns, wrapping. A character is a column wide. */

/** Lines in a frame with a title, `width` columns wide over all; longer lines are cut with an ellipsis. */
export function boxed(title: string, lines: readonly string[], width: number): string[] {
  const inner = width - 4;
  return [
    `┌─ ${title} ${"─".repeat(Math.max(0, width - 5 - title.length))}┐`,
    ...lines.map((line) => `│ ${cut(line, inner).padEnd(inner)} │`),
    `└${"─".repeat(width - 2)}┘`,
  ];
}

/**
 * Rows as aligned columns two spaces apart; `right[i]` aligns column i to the right. The first row is the heading.
 * Where the whole is wider than a terminal, the last column goes on in rows below.
 */
export function columns(table: readonly (readonly string[])[], right: readonly boolean[] = []): string[] {
  const rows = fitted(table);
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const [heading, ...rest] = rows;
  return [line(heading), widths.map((width) => "─".repeat(width)).join("  "), ...rest.map(line)];
}

/** Breaks the last column so that rows are at most 100 columns wide, as far as the others leave room. */
function fitted(rows: readonly (readonly string[])[]): (readonly string[])[] {
  const last = rows[0].length - 1;
  let taken = 0;
  for (let i = 0; i < last; i++) taken += Math.max(...rows.map((row) => row[i].length)) + 2;
  return rows.flatMap((row) =>
    wrapPlain(row[last], Math.max(16, 100 - taken)).map((part, line) =>
      line === 0 ? [...row.slice(0, last), part] : [...row.slice(0, last).fill(""), part],
    ),
  );
}

/** Cuts a text to `width` columns, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Breaks a text at spaces into lines of at most `width` columns; a longer word stays whole. */
export function wrapPlain(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
