/**
 * A notebook as one page of CommonMark: prose as it is, each code cell as a fence followed, if it left any, by a fence
 * with its outputs as JSON. `remark.ts` reads these fences back. CommonMark, not MDX, so that `{` and `<` in prose mean
 * themselves; a person can read the page's file.
 */
import { type Cell, type Lesson, type Notebook, NotebookError } from "@netfilter-lab/notebook";
import type { KernelRecord } from "@netfilter-lab/notebook/kernel-record";
import { kernelMark } from "./kernel-mark.js";
import { pageOutputs } from "./outputs.js";
import { sanitizeHtml } from "./sanitize.js";

/** What a page says about the whole lesson; the content of its `notebook-lesson` fence. */
export interface LessonFacts {
  /** The notebook's file name, e.g. `01-the-puzzle.ipynb`. */
  readonly file: string;
  /** Where the page offers the notebook for download, from the site's root. */
  readonly download: string;
  /** The lesson's number, if its file name begins with one. */
  readonly order?: number;
  /** How many code cells it has. */
  readonly codeCells: number;
  /** From the name of each notebook to the name of its page, for links between lessons. */
  readonly pages: { readonly [notebook: string]: string };
  /** From the folder of the pages to the folder of the notebooks, for pictures beside them. */
  readonly assets: string;
  /** Changes when the code that reads pages changes, so that no cache outlives it. */
  readonly stamp: string;
}

/** What a code cell's fence says after its language; everything a live cell needs besides its source. */
export interface CellFacts {
  readonly id: string;
  readonly tags: readonly string[];
}

/** The facts as a fence's info string holds them. */
export function cellInfo(facts: CellFacts): string {
  return `notebook-cell id=${facts.id} tags=${facts.tags.map(encodeURIComponent).join(",")}`;
}

/** The facts in a fence's info string; `undefined` if the fence is not a cell. */
export function readCellInfo(info: string | null | undefined): CellFacts | undefined {
  const [, id, tags] = /^notebook-cell id=(\S+) tags=(\S*)$/.exec(info ?? "") ?? [];
  if (id === undefined || tags === undefined) return undefined;
  return { id, tags: tags === "" ? [] : tags.split(",").map(decodeURIComponent) };
}

/** The page of one lesson, with marks on outputs that `record` holds for. */
export function lessonPage(
  notebook: Notebook,
  lesson: Lesson,
  facts: LessonFacts,
  record: KernelRecord | null = null,
): string {
  const { heading, cells } = takeTitle(notebook);
  const label = lesson.order === undefined ? lesson.title : `${lesson.order}. ${lesson.title}`;
  const blocks = [
    frontMatter({
      id: lesson.slug,
      slug: `/${lesson.slug}`,
      title: lesson.title,
      sidebar_label: label,
      ...(lesson.description === "" ? {} : { description: lesson.description }),
    }),
    `# ${heading}`,
    fence("notebook-lesson", JSON.stringify(facts)),
  ];
  let open: "exercise" | "solution" | undefined;
  for (const [index, cell] of cells.entries()) {
    const group = asideOf(cell);
    const mark = kernelMark(record, notebook, index);
    if (open !== undefined && group !== open) blocks.push(`<!-- /notebook:${open} -->`);
    if (group !== undefined && group !== open) blocks.push(`<!-- notebook:${group} -->`);
    open = group;
    blocks.push(...cellBlocks(notebook, cell, index));
    if (mark !== undefined) blocks.push(fence("json notebook-linux", JSON.stringify(mark, null, 1)));
    if (open === "exercise") {
      blocks.push("<!-- /notebook:exercise -->");
      open = undefined;
    }
  }
  if (open !== undefined) blocks.push(`<!-- /notebook:${open} -->`);
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

/** What a cell is put into. A code cell to be filled in by the reader says so itself. */
function asideOf(cell: Cell): "exercise" | "solution" | undefined {
  if (cell.tags.includes("solution")) return "solution";
  return cell.tags.includes("exercise") && cell.type === "markdown" ? "exercise" : undefined;
}

function cellBlocks(notebook: Notebook, cell: Cell, index: number): string[] {
  if (cell.type === "raw") return [];
  if (cell.type === "markdown") {
    const source = embedAttachments(cell.source, cell.attachments ?? {});
    const unclosed = openFence(source);
    if (unclosed !== undefined) {
      throw new NotebookError(
        notebook.path,
        index + 1,
        `the code fence on line ${unclosed} is never closed; the rest of the lesson would become code`,
      );
    }
    return [source.trim()];
  }
  if (cell.source.trim() === "" && cell.outputs.length === 0) return [];
  const outputs = pageOutputs(cell.id, cell.outputs, sanitizeHtml);
  return [
    fence(`ts ${cellInfo({ id: cell.id, tags: cell.tags })}`, cell.source.replace(/\s+$/, "")),
    outputs.length === 0 ? "" : fence("json notebook-outputs", JSON.stringify(outputs, null, 1)),
  ];
}

/** A page's first line must be its title, wherever the notebook has it. */
function takeTitle(notebook: Notebook): { heading: string; cells: Cell[] } {
  for (const cell of notebook.cells) {
    if (cell.type !== "markdown") continue;
    const lines = cell.source.split("\n");
    const at = lines.findIndex(
      (line, row) => /^#\s+\S/.test(line) && openFence(lines.slice(0, row).join("\n")) === undefined,
    );
    if (at < 0) continue;
    const heading = lines[at].replace(/^#\s+/, "").replace(/\s+#*\s*$/, "");
    const source = [...lines.slice(0, at), ...lines.slice(at + 1)].join("\n");
    return { heading, cells: notebook.cells.map((other) => (other === cell ? { ...cell, source } : other)) };
  }
  throw new NotebookError(notebook.path, undefined, "no Markdown cell has a top-level heading (`# Title`)");
}

function frontMatter(fields: { readonly [name: string]: string }): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return ["---", ...lines, "---"].join("\n");
}

/** A fence longer than any run of backticks inside it. */
export function fence(info: string, content: string): string {
  const longest = Math.max(2, ...[...content.matchAll(/`+/g)].map((run) => run[0].length));
  const ticks = "`".repeat(longest + 1);
  return `${ticks}${info}\n${content}\n${ticks}`;
}

/** The line, counted from 1, of a code fence that nothing closes; `undefined` if all are closed. */
function openFence(markdown: string): number | undefined {
  let open: { mark: string; line: number } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const [, mark, info] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (mark === undefined) continue;
    if (open === undefined) {
      if (!(mark.startsWith("`") && info.includes("`"))) open = { mark, line: index + 1 };
    } else if (mark.startsWith(open.mark) && info.trim() === "") open = undefined;
  }
  return open?.line;
}

/** `attachment:name` becomes the file itself, as a `data:` URL. */
function embedAttachments(
  source: string,
  attachments: NonNullable<Extract<Cell, { type: "markdown" }>["attachments"]>,
): string {
  return source.replace(/\]\(attachment:([^)\s]+)/g, (whole, encoded: string) => {
    const bundle = attachments[decodeURIComponent(encoded)];
    const entry = Object.entries(bundle ?? {}).find(([, data]) => typeof data === "string");
    if (entry === undefined) return whole;
    const [type, data] = entry as [string, string];
    if (type === "image/svg+xml") return `](data:${type},${encodeURIComponent(data)}`;
    return `](data:${type};base64,${data.replace(/\s+/g, "")}`;
  });
}
