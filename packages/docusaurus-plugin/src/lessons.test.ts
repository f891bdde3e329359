import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readLessons, writePages } from "./lessons.js";

let notebooks: string;
let pages: string;
const words = { title: "Lessons", description: "One idea a step." };

beforeEach(async () => {
  notebooks = await mkdtemp(join(tmpdir(), "notebooks-"));
  pages = await mkdtemp(join(tmpdir(), "pages-"));
});
afterEach(async () => {
  await rm(notebooks, { recursive: true });
  await rm(pages, { recursive: true });
});

async function put(name: string, title: string): Promise<void> {
  const cells = [{ cell_type: "markdown", id: "a", metadata: {}, source: `# ${title}` }];
  await writeFile(join(notebooks, name), JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
}

test("lessons come in the order of their numbers, then those without", async () => {
  await put("10-ten.ipynb", "Ten");
  await put("02-two.ipynb", "Two");
  await put("aside.ipynb", "Aside");
  await put(".hidden.ipynb", "Hidden");
  await writeFile(join(notebooks, "notes.txt"), "");
  expect((await readLessons(notebooks)).map(({ file, lesson }) => [file, lesson.slug])).toEqual([
    ["02-two.ipynb", "two"],
    ["10-ten.ipynb", "ten"],
    ["aside.ipynb", "aside"],
  ]);
});

test("a folder that is not there has no lessons, and still a page that lists them", async () => {
  const lessons = await readLessons(join(notebooks, "none"));
  expect(lessons).toEqual([]);
  await writePages(lessons, { notebooks, pages }, words);
  expect(await readdir(pages)).toEqual(["index.md"]);
});

test("pages appear, change and go with their notebooks; an unchanged page is not touched", async () => {
  const build = async (): Promise<void> => writePages(await readLessons(notebooks), { notebooks, pages }, words);
  await put("01-a.ipynb", "A");
  await put("02-b.ipynb", "B");
  await build();
  expect(await readdir(pages)).toEqual(["a.md", "b.md", "index.md"]);
  const before = (await stat(join(pages, "a.md"))).mtimeMs;
  await rm(join(notebooks, "02-b.ipynb"));
  await put("03-c.ipynb", "C");
  await build();
  expect(await readdir(pages)).toEqual(["a.md", "c.md", "index.md"]);
  expect(await readFile(join(pages, "c.md"), "utf8")).toMatch(/^---\nsidebar_position: 2\nid: "c"\n/);
  // `a.md` links to the others and so was written again; the list was not.
  expect((await stat(join(pages, "a.md"))).mtimeMs).toBeGreaterThanOrEqual(before);
  const list = (await stat(join(pages, "index.md"))).mtimeMs;
  await build();
  expect((await stat(join(pages, "index.md"))).mtimeMs).toBe(list);
});

test("two notebooks with one address are refused", async () => {
  await put("01-a.ipynb", "A");
  await put("02-a.ipynb", "A again");
  await expect(readLessons(notebooks)).rejects.toThrow(
    /02-a\.ipynb: its page would have the address of .*01-a\.ipynb's \(`a`\)/,
  );
});

test("a malformed notebook is refused with its name, cell and the reason", async () => {
  await writeFile(
    join(notebooks, "04-x.ipynb"),
    JSON.stringify({ nbformat: 4, cells: [{ cell_type: "code", id: "a", source: "" }] }),
  );
  await expect(readLessons(notebooks)).rejects.toThrow(/04-x\.ipynb, cell 1: `outputs` is missing/);
});
