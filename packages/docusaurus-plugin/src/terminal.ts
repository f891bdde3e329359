/**
 * A printed text as lines that know how to be laid out: columns keep their line and scroll, everything else wraps,
 * hanging under what its first line says. The two tuples of a conntrack line are told apart, because they are what such
 * a line is about and where it may best be broken. Needs no DOM.
 */
import { type AnsiRun, ansiRuns } from "./ansi.js";
import { escapeHtml } from "./html.js";

/** One line of a printed text; the runs, joined, are the line without its newline. */
export interface TerminalLine {
  /** A tuple is a run of its own, of class `nb-original` or `nb-reply`. */
  readonly runs: readonly AnsiRun[];
  /** True where breaking the line would put a column under another. */
  readonly columns: boolean;
  /** How many characters the line's continuation is indented by. */
  readonly hang: number;
}

/** Splits a printed text into its lines; a newline at the end begins no further one. */
export function terminalLines(text: string): TerminalLine[] {
  const lines: AnsiRun[][] = [[]];
  for (const run of ansiRuns(text.replace(/\n$/, ""))) {
    for (const [index, part] of run.text.split("\n").entries()) {
      if (index > 0) lines.push([]);
      if (part !== "") lines.at(-1)?.push({ ...run, text: part });
    }
  }
  return lines.map((runs) => {
    const plain = runs.map((run) => run.text).join("");
    const parts = runs.flatMap(tuples);
    return { runs: parts, columns: parts.length === runs.length && hasColumns(plain), hang: hang(plain) };
  });
}

/**
 * A printed text as HTML, its lines in elements of class `nb-line`. A string, not elements: of a long output a page
 * that becomes live has nothing to compare.
 */
export function terminalHtml(text: string): string {
  return terminalLines(text)
    .map(({ runs, columns, hang }) => {
      const content = runs.map(runHtml).join("");
      return `<span class="nb-line${columns ? " nb-line--columns" : ""}" style="--nb-hang:${hang}ch">${content}\n</span>`;
    })
    .join("");
}

function runHtml({ text, className, style }: AnsiRun): string {
  if (className === "" && style === undefined) return escapeHtml(text);
  const css = style === undefined ? "" : ` style="${escapeHtml(readable(style))}"`;
  return `<span class="${escapeHtml(className)}"${css}>${escapeHtml(text)}</span>`;
}

/** A colour the cell chose freely, drawn towards the text's own so that it can be read in both themes. */
function readable({ color, backgroundColor }: NonNullable<AnsiRun["style"]>): string {
  return [
    color === undefined ? "" : `color:color-mix(in srgb, ${color} 45%, currentcolor)`,
    backgroundColor === undefined ? "" : `background-color:color-mix(in srgb, ${backgroundColor} 18%, transparent)`,
  ]
    .filter((declaration) => declaration !== "")
    .join(";");
}

/** One direction of an entry, as conntrack and /proc/net/nf_conntrack print it. */
const tuple = /src=\S+ dst=\S+(?: (?:sport|dport|type|code|id|packets|bytes)=\S+)*/g;

function tuples(run: AnsiRun): AnsiRun[] {
  const found = [...run.text.matchAll(tuple)];
  if (found.length !== 2) return [run];
  const parts: AnsiRun[] = [];
  let from = 0;
  for (const [index, match] of found.entries()) {
    if (match.index > from) parts.push({ ...run, text: run.text.slice(from, match.index) });
    const direction = index === 0 ? "nb-original" : "nb-reply";
    parts.push({ ...run, text: match[0], className: `${run.className} ${direction}`.trim() });
    from = match.index + match[0].length;
  }
  if (from < run.text.length) parts.push({ ...run, text: run.text.slice(from) });
  return parts;
}

/** Two gaps between words, or one that is wide, are there to align something. */
function hasColumns(line: string): boolean {
  const gaps = line.trim().match(/[ \t]{2,}|\t/g) ?? [];
  return gaps.length > 1 || gaps.some((gap) => gap.length > 4);
}

/** No continuation begins further right, so that it has room. */
const furthest = 12;

/**
 * Under what follows the marks that `conntrack -E` begins with, else two to the right of the line's own indentation.
 */
function hang(line: string): number {
  const marks = /^(?:\s*\[[\w.]+\])+\s+/.exec(line)?.[0].length;
  return Math.min(marks ?? line.length - line.trimStart().length + 2, furthest);
}
