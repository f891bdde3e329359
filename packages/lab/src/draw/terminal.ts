/** Plain text for terminals: frames, aligned columns, wrapping. A character is a column wide. */

/** Lines in a frame with a title, `width` columns wide over all; longer lines are cut with an ellipsis. */
export function boxed(title: string, lines: readonly string[], width: number): string[] {
  const inner = width - 4;
  const cut = (line: string): string => (line.length <= inner ? line.padEnd(inner) : `${line.slice(0, inner - 1)}…`);
  return [
    `┌─ ${title} ${"─".repeat(Math.max(0, width - 5 - title.length))}┐`,
    ...lines.map((line) => `│ ${cut(line)} │`),
    `└${"─".repeat(width - 2)}┘`,
  ];
}

/** Rows as aligned columns two spaces apart; `right[i]` aligns column i to the right. The first row is the heading. */
export function columns(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right[i] === true ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const [heading, ...rest] = rows;
  return [line(heading), widths.map((width) => "─".repeat(width)).join("  "), ...rest.map(line)];
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
