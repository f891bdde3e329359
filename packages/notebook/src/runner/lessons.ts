/**
 * `npm run lessons`: checks the types of every notebook's cells, runs each notebook in a fresh kernel and compares what
 * comes out with what is saved; `--update` saves what came out. This is the lessons' test and their build in one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { checkNotebooks } from "../checker/check.js";
import { formatNotebook } from "../notebook/format.js";
import { lessonOf } from "../notebook/lesson.js";
import { type Notebook, NotebookError } from "../notebook/model.js";
import { parseNotebook } from "../notebook/parse.js";
import { VerifiedNotebooks } from "./cache.js";
import { compareOutputs, keepVolatile } from "./compare.js";
import { executeNotebook } from "./execute.js";
import { type CellVerdict, countVerdicts, recordOf, runOnKernel, surroundingsOf } from "./kernel-lessons.js";
import { formatRecord, type KernelRecord, mergeRecords, parseRecord, recordOfCell } from "./kernel-record.js";

/** Where the command runs and writes; the process itself, but for tests. */
export interface LessonsEnvironment {
  readonly directory: string;
  readonly write: (text: string) => void;
  readonly colour: boolean;
  readonly ci: boolean;
  /** Where hashes of right notebooks are kept; in the repository's `.cache` by default. */
  readonly cacheFile?: string;
}

/** What became of one notebook. */
export interface LessonReport {
  readonly path: string;
  readonly status: "same" | "unchanged" | "updated" | "checked" | "different" | "failed" | "wrong types" | "malformed";
  /** With `--backend linux`, what became of each cell that ran; absent otherwise. */
  readonly cells?: readonly CellVerdict[];
  /** Where the trouble is: the cell's place among all cells, counted from 1. */
  readonly problems: readonly { readonly cell?: number; readonly message: string }[];
  readonly milliseconds: number;
}

const usage = `Usage: npm run lessons -- [options] [notebook or folder or glob ...]

Checks the types of the notebooks' cells, runs them in fresh kernels, and compares
every output with the one saved. Without arguments: all of notebooks/.

  --update      save the outputs, canonically, instead of comparing them
  --check-only  only check types and forms; run nothing
  --all         run also what has not changed since it was last found right
  --backend B   engine (the default), or linux: run on this machine's kernel (needs root
                and Debian's packages) and compare under the rules of runner/rules.ts;
                cells that ask for what no kernel shows are named and counted; with
                --update, keep what the kernel printed in test/recordings/lessons/
  --json        print one JSON summary instead of text
  --help        print this
`;

interface Arguments {
  readonly update: boolean;
  readonly checkOnly: boolean;
  readonly all: boolean;
  readonly json: boolean;
  readonly backend: "engine" | "linux";
  readonly paths: readonly string[];
}

/**
 * Runs the command.
 *
 * @returns the exit status: 0 if every notebook is right, 1 if one is not, 2 for a wrong command line
 */
export async function runLessons(argv: readonly string[], environment: LessonsEnvironment): Promise<number> {
  const { write } = environment;
  if (argv.includes("--help") || argv.includes("-h")) {
    write(usage);
    return 0;
  }
  const [rest, backend] = takeBackend(argv);
  if (backend !== "engine" && backend !== "linux") {
    write(`lessons: --backend is engine or linux, not ${JSON.stringify(backend)}\n\n${usage}`);
    return 2;
  }
  if (backend === "linux" && argv.includes("--check-only")) {
    write(`lessons: --backend linux runs the cells: no --check-only\n\n${usage}`);
    return 2;
  }
  const unknown = rest.find((argument) => argument.startsWith("-") && !knownOptions.has(argument));
  if (unknown !== undefined) {
    write(`lessons: unknown option ${unknown}\n\n${usage}`);
    return 2;
  }
  const options: Arguments = {
    update: argv.includes("--update"),
    checkOnly: argv.includes("--check-only"),
    all: argv.includes("--all"),
    json: argv.includes("--json"),
    backend,
    paths: rest.filter((argument) => !argument.startsWith("-")),
  };
  const found = findNotebooks(options.paths, environment.directory);
  if (typeof found === "string") {
    write(`lessons: ${found}\n`);
    return 2;
  }
  const run = new LessonsRun(options, environment);
  const reports = await run.run(found);
  const wrong = reports.filter((report) => wrongStatuses.has(report.status)).length;
  if (options.json) {
    write(`${JSON.stringify({ version: 1, ok: wrong === 0, notebooks: reports }, null, 1)}\n`);
  } else {
    const differs = backend === "engine" && reports.some((report) => report.status === "different");
    if (backend === "linux") write(`on the kernel: ${countVerdicts(reports.flatMap(({ cells }) => cells ?? []))}\n`);
    const how = differs ? " (if the new outputs are right, save them: npm run lessons -- --update)" : "";
    write(
      wrong === 0
        ? `${reports.length} ${reports.length === 1 ? "notebook" : "notebooks"}, all right\n`
        : `${wrong} of ${reports.length} notebooks wrong${how}\n`,
    );
    // The line that `npm test` adds up.
    write(`${reports.length - wrong} passed, ${wrong} failed\n`);
  }
  return wrong === 0 ? 0 : 1;
}

/** The other arguments, and the value of `--backend`. */
function takeBackend(argv: readonly string[]): [rest: string[], backend: string] {
  const rest = [...argv];
  let backend = "engine";
  for (let at = 0; at < rest.length; ) {
    const match = /^--backend(?:=(.*))?$/.exec(rest[at]!);
    if (match === null) {
      at++;
      continue;
    }
    const taken = rest.splice(at, match[1] === undefined ? 2 : 1);
    backend = match[1] ?? taken[1] ?? "";
  }
  return [rest, backend];
}

const knownOptions = new Set(["--update", "--check-only", "--all", "--json"]);
const wrongStatuses: ReadonlySet<LessonReport["status"]> = new Set(["different", "failed", "wrong types", "malformed"]);

/** The notebooks meant, in the order of lessons, relative to the directory; or what is wrong with an argument. */
export function findNotebooks(paths: readonly string[], directory: string): string[] | string {
  if (paths.length === 0 && !existsSync(join(directory, "notebooks"))) return "there is no folder notebooks/";
  const found = new Set<string>();
  for (const path of paths.length > 0 ? paths : ["notebooks"]) {
    const absolute = resolve(directory, path);
    const matches = existsSync(absolute) ? [absolute] : expandGlob(absolute);
    if (matches.length === 0) return `no such notebook: ${path}`;
    for (const match of matches) {
      const files = statSync(match).isDirectory()
        ? readdirSync(match)
            .filter((name) => name.endsWith(".ipynb"))
            .map((name) => join(match, name))
        : [match];
      for (const file of files) {
        if (!file.endsWith(".ipynb")) return `not a notebook: ${relative(directory, file)}`;
        found.add(relative(directory, file));
      }
    }
  }
  const numberOf = (path: string): number =>
    Number(/(?:^|[\\/])(\d+)[^\\/]*$/.exec(path)?.[1] ?? Number.POSITIVE_INFINITY);
  return [...found].sort((a, b) => (numberOf(a) === numberOf(b) ? (a < b ? -1 : 1) : numberOf(a) - numberOf(b)));
}

/** Shells that do not expand `notebooks/03*` themselves leave it to us; `*` and `?` in the last part of the path. */
function expandGlob(path: string): string[] {
  const folder = dirname(path);
  if (!existsSync(folder)) return [];
  const pattern = basename(path)
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const matching = readdirSync(folder).filter(
    (name) => name.endsWith(".ipynb") && new RegExp(`^${pattern}$`).test(name),
  );
  return matching.map((name) => join(folder, name));
}

function kernelDiff(path: string, cell: CellVerdict & { readonly verdict: "disagrees" }): string {
  const at = `${path}, cell ${cell.index + 1}`;
  return [`--- ${at}, saved`, `+++ ${at}, on the kernel`, ...cell.diff].join("\n");
}

/** In real time, lessons sleep most of the time. */
const LESSONS_AT_ONCE_ON_KERNEL = 4;

/** How often a lesson is run that disagrees on a machine too busy to keep time. */
const TRIES_ON_KERNEL = 3;

/** Where records of what the kernel printed are kept, one a notebook. */
const RECORDS = "test/recordings/lessons";

/** The record of a notebook; null where there is none. Throws for a file that is no record. */
function readRecord(file: string, path: string): KernelRecord | null {
  return existsSync(file) ? parseRecord(readFileSync(file, "utf8"), path) : null;
}

type Problems = LessonReport["problems"];

interface Candidate {
  readonly path: string;
  readonly file: string;
  readonly text: string;
  readonly notebook: Notebook;
}

class LessonsRun {
  readonly #options: Arguments;
  readonly #environment: LessonsEnvironment;
  readonly #verified: VerifiedNotebooks;
  #lastAlone: Promise<unknown> = Promise.resolve();

  constructor(options: Arguments, environment: LessonsEnvironment) {
    this.#options = options;
    this.#environment = environment;
    // What agreed with one kernel may disagree with the next.
    const remember = !environment.ci && !options.checkOnly && options.backend === "engine";
    this.#verified = new VerifiedNotebooks(environment.cacheFile, remember);
  }

  async run(paths: readonly string[]): Promise<LessonReport[]> {
    const reports = new Map<string, LessonReport>();
    const candidates: Candidate[] = [];
    for (const path of paths) {
      const file = join(this.#environment.directory, path);
      const text = readFileSync(file, "utf8");
      try {
        const notebook = { ...parseNotebook(text, path), path: file };
        lessonOf({ ...notebook, path });
        if (!this.#options.all && this.#verified.has(file, text))
          reports.set(path, { path, status: "unchanged", problems: [], milliseconds: 0 });
        else candidates.push({ path, file, text, notebook });
      } catch (error) {
        if (!(error instanceof NotebookError)) throw error;
        const problem = { ...(error.cell === undefined ? {} : { cell: error.cell }), message: error.reason };
        reports.set(path, { path, status: "malformed", problems: [problem], milliseconds: 0 });
      }
    }

    const wrongTypes = new Map<string, Problems>();
    for (const problem of checkNotebooks(candidates.map((candidate) => candidate.notebook))) {
      const code = problem.code === undefined ? "" : ` (TS${problem.code})`;
      const message = `line ${problem.line}, column ${problem.column}: ${problem.message}${code}`;
      wrongTypes.set(problem.path, [...(wrongTypes.get(problem.path) ?? []), { cell: problem.index + 1, message }]);
    }

    const waiting = [...candidates];
    let printed = 0;
    const printReady = (): void => {
      for (; printed < paths.length; printed++) {
        const report = reports.get(paths[printed]!);
        if (report === undefined) return;
        this.#print(report, candidates.find((candidate) => candidate.path === report.path)?.notebook);
      }
    };
    printReady();
    const work = async (): Promise<void> => {
      for (let candidate = waiting.shift(); candidate !== undefined; candidate = waiting.shift()) {
        const problems = wrongTypes.get(candidate.file);
        const report: LessonReport =
          problems !== undefined
            ? { path: candidate.path, status: "wrong types", problems, milliseconds: 0 }
            : this.#options.checkOnly
              ? { path: candidate.path, status: "checked", problems: [], milliseconds: 0 }
              : await this.#runOne(candidate);
        reports.set(candidate.path, report);
        printReady();
      }
    };
    const atOnce = this.#options.backend === "linux" ? LESSONS_AT_ONCE_ON_KERNEL : Math.min(2, availableParallelism());
    await Promise.all(Array.from({ length: atOnce }, work));
    return paths.map((path) => reports.get(path)!);
  }

  async #runOne({ path, file, text, notebook }: Candidate): Promise<LessonReport> {
    const started = performance.now();
    if (this.#options.backend === "linux") return await this.#runOnKernel(path, notebook);
    const result = await executeNotebook(notebook);
    const milliseconds = Math.round(performance.now() - started);
    const differences = compareOutputs(notebook, result.notebook);
    const failures = result.cells.filter((cell) => cell.failure !== undefined);
    if (failures.length > 0) {
      // The first says why; the cells after it did not run.
      const problems = failures.slice(0, 1).map((cell) => {
        const error = cell.outputs.find((output) => output.type === "error");
        return { cell: cell.index + 1, message: error?.traceback.join("\n") ?? `this cell ${cell.failure}` };
      });
      return { path, status: "failed", problems, milliseconds };
    }
    const canonical = formatNotebook(keepVolatile(notebook, result.notebook));
    if (canonical === text) {
      this.#verified.add(file, text);
      return { path, status: "same", problems: [], milliseconds };
    }
    if (this.#options.update) {
      writeFileSync(file, canonical);
      this.#verified.add(file, canonical);
      return { path, status: "updated", problems: [], milliseconds };
    }
    const problems = differences.map(({ index, diff }) => {
      const head = [`--- ${path}, cell ${index + 1}, saved`, `+++ ${path}, cell ${index + 1}, now`];
      return { cell: index + 1, message: [...head, ...diff].join("\n") };
    });
    const message = "the file is not in the form --update writes (Jupyter saved it); the outputs are right";
    return { path, status: "different", problems: problems.length > 0 ? problems : [{ message }], milliseconds };
  }

  async #runOnKernel(path: string, notebook: Notebook): Promise<LessonReport> {
    const started = performance.now();
    let run = await runOnKernel(notebook);
    for (let tries = 1; run.again && tries < TRIES_ON_KERNEL; tries++) {
      this.#tell(`${path}: the machine was too busy (${run.lostSeconds.toFixed(1)} s lost); once more, alone\n`);
      run = await this.#alone(() => runOnKernel(notebook));
    }
    const cells = run.verdicts;
    const milliseconds = Math.round(performance.now() - started);
    const problems = cells.flatMap((cell) =>
      cell.verdict === "disagrees" ? [{ cell: cell.index + 1, message: kernelDiff(path, cell) }] : [],
    );
    if (problems.length > 0) return { path, status: "different", problems, cells, milliseconds };
    const name = `${RECORDS}/${basename(path, ".ipynb")}.json`;
    const file = join(this.#environment.directory, name);
    const old = readRecord(file, name);
    if (this.#options.update) {
      const text = formatRecord(mergeRecords(old, recordOf(cells), surroundingsOf(notebook)));
      if (old !== null && readFileSync(file, "utf8") === text)
        return { path, status: "same", problems, cells, milliseconds };
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return { path, status: "updated", problems, cells, milliseconds };
    }
    const unrecorded = cells.filter(
      (cell) =>
        cell.verdict === "agrees" &&
        cell.record !== undefined &&
        (old === null || recordOfCell(old, notebook, cell.index) === undefined),
    );
    if (unrecorded.length === 0) return { path, status: "same", problems, cells, milliseconds };
    const places = unrecorded.map((cell) => cell.index + 1).join(", ");
    const message = `${name} lacks cells that agree with the kernel (${places}): npm run lessons -- --backend linux --update ${path}`;
    return { path, status: "different", problems: [{ message }], cells, milliseconds };
  }

  /** After the others that wait for this. */
  async #alone<Value>(action: () => Promise<Value>): Promise<Value> {
    const turn = this.#lastAlone.then(action);
    this.#lastAlone = turn.catch(() => {});
    return await turn;
  }

  #tell(text: string): void {
    if (!this.#options.json) this.#environment.write(text);
  }

  #print(report: LessonReport, notebook: Notebook | undefined): void {
    if (this.#options.json) return;
    const paint = (code: number, text: string): string =>
      this.#environment.colour ? `\u001b[${code}m${text}\u001b[0m` : text;
    const wrong = wrongStatuses.has(report.status);
    const seconds = report.milliseconds > 0 ? `, ${(report.milliseconds / 1000).toFixed(1)} s` : "";
    this.#environment.write(
      `${paint(wrong ? 31 : 32, wrong ? "✗" : "✓")} ${report.path}: ${report.status}${seconds}\n`,
    );
    if (report.cells !== undefined) {
      this.#environment.write(`  ${countVerdicts(report.cells)}\n`);
      for (const cell of report.cells)
        if (cell.verdict === "engine only")
          this.#environment.write(`  cell ${cell.index + 1}: engine only (${cell.names.join(", ")})\n`);
    }
    let named: number | undefined;
    for (const { cell, message } of report.problems) {
      if (cell !== undefined && cell !== named) {
        const source = notebook?.cells[cell - 1]?.source.split("\n").find((line) => line.trim() !== "");
        this.#environment.write(`  cell ${cell}${source === undefined ? "" : `: ${paint(2, source)}`}\n`);
        named = cell;
      }
      for (const line of message.split("\n")) {
        const colour = /^(\+\+\+|---)/.test(line)
          ? 1
          : line.startsWith("+")
            ? 32
            : line.startsWith("-")
              ? 31
              : line.startsWith("@@")
                ? 36
                : 0;
        this.#environment.write(`    ${colour === 0 ? line : paint(colour, line)}\n`);
      }
    }
  }
}
