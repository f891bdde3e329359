/**
 * What a notebook says about itself as a lesson: its title, its place among the others, its address on the site and one
 * sentence for listings. All of it comes from the file's name and first Markdown cell, so nothing is registered by
 * hand.
 */
import { type Notebook, NotebookError } from "./model.js";

/** A lesson's place and name. */
export interface Lesson {
  /** The number the file's name begins with, e.g. 1 for `01-the-puzzle.ipynb`; `undefined` if it begins with none. */
  readonly order: number | undefined;
  /** The file's name without number and extension, fit for a URL, e.g. `the-puzzle`. */
  readonly slug: string;
  /** The text of the first top-level heading, without its Markdown. */
  readonly title: string;
  /** The metadata's `description`, else the first paragraph under the title, without its Markdown; may be empty. */
  readonly description: string;
}

/**
 * Reads what a notebook says about itself.
 *
 * @throws NotebookError if no Markdown cell holds a top-level heading (`# Title`)
 */
export function lessonOf(notebook: Notebook): Lesson {
  const fileName = notebook.path.split(/[\\/]/).at(-1) ?? notebook.path;
  const [, digits, rest] = /^(?:(\d+)(?:[-_. ]+|$))?(.*?)$/.exec(fileName.replace(/\.ipynb$/, "")) ?? [];
  for (const cell of notebook.cells) {
    if (cell.type !== "markdown") continue;
    const lines = proseLines(cell.source);
    const at = lines.findIndex((line) => /^#\s+\S/.test(line));
    if (at < 0) continue;
    const title = plainText(lines[at]!.replace(/^#\s+/, "").replace(/\s+#*\s*$/, ""));
    const given = notebook.metadata["description"];
    return {
      order: digits === undefined ? undefined : Number(digits),
      slug: slugOf(rest !== undefined && rest !== "" ? rest : title),
      title,
      description: typeof given === "string" ? given : firstParagraph(lines.slice(at + 1)),
    };
  }
  throw new NotebookError(notebook.path, undefined, "no Markdown cell has a top-level heading (`# Title`)");
}

/** A title or file name as part of a URL: lower case letters and digits joined by single hyphens. */
export function slugOf(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/[\u0300-\u036f'’]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** Orders lessons: by number, those without one last, then by slug. */
export function compareLessons(a: Lesson, b: Lesson): number {
  const [x, y] = [a.order ?? Number.POSITIVE_INFINITY, b.order ?? Number.POSITIVE_INFINITY];
  if (x !== y) return x - y;
  return a.slug < b.slug ? -1 : a.slug > b.slug ? 1 : 0;
}

/** The lines outside fenced code. */
function proseLines(markdown: string): string[] {
  let fence: string | undefined;
  return markdown.split("\n").filter((line) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true) fence = undefined;
      return false;
    }
    fence = mark;
    return mark === undefined;
  });
}

function firstParagraph(lines: readonly string[]): string {
  const start = lines.findIndex((line) => line.trim() !== "");
  if (start < 0 || /^(#|>|[-*+] |\d+\. |\||<)/.test(lines[start]!.trim())) return "";
  const end = lines.findIndex((line, index) => index > start && line.trim() === "");
  return plainText(lines.slice(start, end < 0 ? lines.length : end).join(" "));
}

function plainText(markdown: string): string {
  return markdown
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/(\*\*|__|\*|`)(.*?)\1/g, "$2")
    .replace(/\b_([^_]+)_\b/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}
