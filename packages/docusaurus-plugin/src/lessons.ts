/**
 * The folder of notebooks as the site sees it: which lessons there are, in what order, and the pages written from them.
 * The pages' folder belongs to this module alone; what it did not write there, it deletes.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import {
  compareLessons,
  type Lesson,
  lessonOf,
  type Notebook,
  NotebookError,
  parseNotebook,
} from "@netfilter-lab/notebook";
import { type KernelRecord, parseRecord } from "@netfilter-lab/notebook/kernel-record";
import { compileCell } from "@netfilter-lab/notebook/live/compile";
import type { LiveParts } from "./live/runner.js";
import { fence, lessonPage } from "./page.js";

/** A notebook and what it says about itself. */
export interface LessonSource {
  readonly notebook: Notebook;
  readonly lesson: Lesson;
  /** The notebook's file name. */
  readonly file: string;
  /** What Linux gave for its cells; null where nobody has recorded it. */
  readonly record: KernelRecord | null;
}

/** What every page of the site may know about a lesson (`usePluginData("netfilter-lab-lessons")`). */
export interface LessonEntry {
  /** The number the lesson is shown with, if its file name begins with one. */
  readonly order?: number;
  readonly title: string;
  readonly description: string;
  /** The page's address, from the site's root. */
  readonly permalink: string;
  /** The notebook's address, from the site's root. */
  readonly download: string;
}

/** The plugin's data, as other pages read it. */
export interface LessonData {
  /** In the lessons' order. */
  readonly lessons: readonly LessonEntry[];
  /** Where what runs cells is served. */
  readonly live: LiveParts;
}

/**
 * Reads every notebook of a folder, in the lessons' order, each with its record from the folder `records`. A missing
 * folder has no lessons.
 *
 * @throws NotebookError if one is malformed, has no title, or two would have one address
 * @throws KernelRecordError if a record is malformed
 */
export async function readLessons(folder: string, records: string | null = null): Promise<LessonSource[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith(".ipynb") && !name.startsWith(".")).sort();
  const lessons = await Promise.all(
    files.map(async (file): Promise<LessonSource> => {
      const notebook = parseNotebook(await readFile(join(folder, file), "utf8"), `${basename(folder)}/${file}`);
      return { notebook, lesson: lessonOf(notebook), file, record: await readRecord(records, file) };
    }),
  );
  const bySlug = new Map<string, LessonSource>();
  for (const source of lessons) {
    const other = bySlug.get(source.lesson.slug);
    if (other !== undefined) {
      const address = `its page would have the address of ${other.notebook.path}'s (\`${source.lesson.slug}\`)`;
      throw new NotebookError(source.notebook.path, undefined, address);
    }
    if (source.lesson.slug === "" || source.lesson.slug === "index") {
      throw new NotebookError(source.notebook.path, undefined, "its file name leaves no address for its page");
    }
    bySlug.set(source.lesson.slug, source);
  }
  return lessons.sort((a, b) => compareLessons(a.lesson, b.lesson));
}

/** Where things are. All paths are absolute. */
export interface Folders {
  readonly notebooks: string;
  readonly pages: string;
}

/** Words for the page that lists the lessons. */
export interface ListWords {
  readonly title: string;
  readonly description: string;
}

/** Writes a page for each lesson and one that lists them; touches only files whose content changes. */
export async function writePages(lessons: readonly LessonSource[], folders: Folders, words: ListWords): Promise<void> {
  const pages = Object.fromEntries(lessons.map(({ file, lesson }) => [file, `${lesson.slug}.md`]));
  const assets = relative(folders.pages, folders.notebooks).split(sep).join("/");
  const stamp = await readerStamp();
  const texts = new Map<string, string>([["index.md", listPage(words, stamp)]]);
  for (const [index, { notebook, lesson, file, record }] of lessons.entries()) {
    const facts = {
      file,
      download: downloadPath(file),
      ...(lesson.order === undefined ? {} : { order: lesson.order }),
      codeCells: notebook.cells.filter((cell) => cell.type === "code").length,
      pages,
      assets,
      stamp: `${stamp}-${compiledStamp(notebook)}`,
    };
    const page = lessonPage(notebook, lesson, facts, record);
    texts.set(`${lesson.slug}.md`, page.replace(/^---\n/, `---\nsidebar_position: ${index + 1}\n`));
  }
  await mkdir(folders.pages, { recursive: true });
  for (const name of await readdir(folders.pages)) {
    if (!texts.has(name)) await rm(join(folders.pages, name), { recursive: true });
  }
  for (const [name, text] of texts) {
    const path = join(folders.pages, name);
    if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFile(path, text);
  }
}

/** The record of a notebook, whose file has the notebook's name. */
async function readRecord(folder: string | null, file: string): Promise<KernelRecord | null> {
  if (folder === null) return null;
  const name = file.replace(/\.ipynb$/, ".json");
  const text = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  return text === null ? null : parseRecord(text, `${basename(folder)}/${name}`);
}

/** Where the site serves a notebook, from its base address. */
export function downloadPath(file: string): string {
  return `notebooks/${encodeURIComponent(file)}`;
}

function listPage(words: ListWords, stamp: string): string {
  const front = ["---", "slug: /", "sidebar_position: 0", "sidebar_label: Overview", "hide_table_of_contents: true"];
  const description = `description: ${JSON.stringify(words.description)}`;
  return [
    [...front, `title: ${JSON.stringify(words.title)}`, description, "---"].join("\n"),
    `# ${words.title}`,
    words.description,
    fence("notebook-list", stamp),
    "",
  ].join("\n\n");
}

/** A digest of what the cells are compiled to, for the same reason. */
function compiledStamp({ cells }: Notebook): string {
  const hash = createHash("sha256");
  for (const cell of cells) if (cell.type === "code") hash.update(JSON.stringify(compileCell(cell.source)));
  return hash.digest("hex").slice(0, 12);
}

/** A digest of the modules that turn pages into elements: a new version must not meet an old version's cache. */
async function readerStamp(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["page", "remark", "outputs", "sanitize", "sanitize-tree", "kernel-mark"]) {
    const path = fileURLToPath(new URL(`./${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    hash.update(await readFile(path));
  }
  return hash.digest("hex").slice(0, 12);
}
