/**
 * `npm run lesson:new -- "Title"`: a notebook with the next number and a start that already runs, so that an author
 * changes something that works.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatNotebook } from "../notebook/format.js";
import { lessonOf, slugOf } from "../notebook/lesson.js";
import type { Cell, Notebook } from "../notebook/model.js";
import { parseNotebook } from "../notebook/parse.js";

/** Where the command writes. */
export interface NewLessonEnvironment {
  readonly directory: string;
  readonly write: (text: string) => void;
}

/**
 * Makes the notebook.
 *
 * @returns the exit status: 0, or 2 for a title that cannot be one
 */
export function newLesson(argv: readonly string[], { directory, write }: NewLessonEnvironment): number {
  const title = argv.join(" ").replace(/\s+/g, " ").trim();
  if (title === "" || argv.some((argument) => /^--?\w/.test(argument))) {
    write('Usage: npm run lesson:new -- "The title of the lesson"\n');
    return argv.includes("--help") ? 0 : 2;
  }
  const slug = slugOf(title);
  if (slug === "") {
    write(`lesson:new: "${title}" has no letter or digit to name a file by\n`);
    return 2;
  }
  const folder = join(directory, "notebooks");
  mkdirSync(folder, { recursive: true });
  let last = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".ipynb"))) {
    last = Math.max(last, Number(/^(\d+)/.exec(name)?.[1] ?? 0));
    const other = titleAndSlug(join(folder, name));
    if (other?.slug === slug || other?.title.toLowerCase() === title.toLowerCase()) {
      write(`lesson:new: there is a lesson of that name already: notebooks/${name}\n`);
      return 2;
    }
  }
  const name = `${String(last + 1).padStart(2, "0")}-${slug}.ipynb`;
  const file = join(folder, name);
  if (existsSync(file)) {
    write(`lesson:new: notebooks/${name} exists already\n`);
    return 2;
  }
  const notebook: Notebook = { path: file, metadata: {}, cells: startingCells(title) };
  writeFileSync(file, formatNotebook(notebook));
  write(`notebooks/${name} made.

1. Open it:            npm start, then notebooks/${name} in Jupyter (or in any editor that knows notebooks)
2. Write the lesson:   every cell is TypeScript; the last expression of a cell is shown
3. Run and save it:    npm run lessons -- --update notebooks/${name}

The site lists it by its number; nothing else has to be registered.
`);
  return 0;
}

function titleAndSlug(file: string): { title: string; slug: string } | undefined {
  try {
    return lessonOf(parseNotebook(readFileSync(file, "utf8"), file));
  } catch {
    // A notebook that cannot be read is `npm run lessons`' business; its name still counts for the number.
    return undefined;
  }
}

function startingCells(title: string): Cell[] {
  const markdown = (id: string, source: string, tags: string[] = []): Cell => ({
    type: "markdown",
    id,
    source,
    tags,
    metadata: {},
  });
  const code = (id: string, source: string, tags: string[] = []): Cell => ({
    type: "code",
    id,
    source,
    tags,
    metadata: {},
    outputs: [],
  });
  return [
    markdown("title", `# ${title}\n\nOne sentence that says what the reader will have seen at the end.`),
    markdown("idea", "## One idea\n\nSay it, and let the reader predict what the next cell prints before running it."),
    code("lab", labSource),
    code("run", "await client.sh`ping -c 1 192.168.1.1`;"),
    markdown(
      "exercise",
      "## Exercise\n\nWhich address does the gateway have on the client's side? Set `answer` in a cell below, run it, then run the check.",
      ["exercise"],
    ),
    code("solution", 'const answer = "192.168.1.1";', ["solution"]),
    code("check", 'console.log(answer === "192.168.1.1" ? "Right." : "Not yet: look at the hosts of the lab.");', [
      "check",
    ]),
  ];
}

const labSource = `import { Lab } from "netfilter-lab";

const lab = await Lab.create({
  hosts: {
    client: { eth0: "192.168.1.2/24", routes: ["default via 192.168.1.1"] },
    gateway: { eth0: "192.168.1.1/24", forwarding: true },
  },
  links: [["client.eth0", "gateway.eth0"]],
});
const { client, gateway } = lab.hosts;`;
