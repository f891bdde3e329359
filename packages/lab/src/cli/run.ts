/// <reference types="node" />
/** `netfilter-lab run`: executes notebooks in the kernel that Jupyter uses, and prints what their cells print. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { output } from "./streams.js";

/** The parts of `@netfilter-lab/notebook` that are used here. */
interface NotebookOutput {
  readonly type: string;
  readonly name?: "stdout" | "stderr";
  readonly text?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly ename?: string;
  readonly evalue?: string;
  readonly traceback?: readonly string[];
}

interface NotebookCell {
  readonly type: string;
  readonly source: string;
}

interface NotebookModel {
  readonly cells: readonly NotebookCell[];
}

interface CellResult {
  readonly index: number;
  readonly outputs: readonly NotebookOutput[];
  readonly failure: string | undefined;
}

interface NotebookPackage {
  readonly parseNotebook: (text: string, file: string) => NotebookModel;
}

interface RunnerPackage {
  readonly executeNotebook: (
    notebook: NotebookModel,
    options: { readonly directory: string; readonly onCell: (result: CellResult) => void },
  ) => Promise<{ readonly ok: boolean; readonly cells: readonly CellResult[] }>;
}

/** Loads a package by a name that the compiler does not follow: it depends on this one, not the other way about. */
async function load<T>(name: string): Promise<T | null> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/** Runs each notebook in turn. Resolves to the exit status. */
export async function runNotebooks(args: readonly string[]): Promise<number> {
  const files = args.filter((argument) => !argument.startsWith("-"));
  const wrong = args.find((argument) => argument.startsWith("-") && argument !== "--outputs");
  if (wrong !== undefined) {
    output.error(`netfilter-lab run: there is no option ${wrong} (--outputs)\n`);
    return 2;
  }
  if (files.length === 0) {
    output.error("netfilter-lab run: name at least one notebook, such as notebooks/01-the-puzzle.ipynb\n");
    return 2;
  }
  const notebookPackage = await load<NotebookPackage>("@netfilter-lab/notebook");
  const runner = await load<RunnerPackage>("@netfilter-lab/notebook/runner");
  if (notebookPackage === null || runner === null) {
    output.error("netfilter-lab run: needs the package @netfilter-lab/notebook, built (npm ci && npm run build)\n");
    return 2;
  }
  let status = 0;
  for (const file of files) {
    const outcome = await runOne(file, notebookPackage, runner, args.includes("--outputs"));
    status = Math.max(status, outcome);
  }
  return status;
}

async function runOne(
  file: string,
  { parseNotebook }: NotebookPackage,
  { executeNotebook }: RunnerPackage,
  outputsOnly: boolean,
): Promise<number> {
  let notebook: NotebookModel;
  try {
    notebook = parseNotebook(await readFile(file, "utf8"), file);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const reason = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : message;
    output.error(`netfilter-lab run: ${reason.includes(file) ? reason : `${file}: ${reason}`}\n`);
    return 2;
  }
  if (!outputsOnly) output.print(`== ${file}\n`);
  const result = await executeNotebook(notebook, {
    directory: path.dirname(path.resolve(file)),
    onCell: ({ index, outputs, failure }) => {
      if (!outputsOnly) output.print(`\n${quoted(notebook.cells[index].source)}\n`);
      for (const each of outputs) print(each);
      if (failure !== undefined && !outputs.some(({ type }) => type === "error"))
        output.error(`${file}: cell ${index + 1}: ${failure}\n`);
    },
  });
  return result.ok ? 0 : 1;
}

/** A cell's source as a terminal session shows it. */
function quoted(source: string): string {
  return source
    .replace(/\n+$/, "")
    .split("\n")
    .map((line, index) => `${index === 0 ? ">" : "."} ${line}`)
    .join("\n");
}

function print(each: NotebookOutput): void {
  if (each.type === "error") {
    const trace = each.traceback?.join("\n");
    output.error(`${trace !== undefined && trace !== "" ? trace : `${each.ename}: ${each.evalue}`}\n`);
    return;
  }
  if (each.text !== undefined) {
    if (each.name === "stderr") output.error(each.text);
    else output.print(each.text);
    return;
  }
  const plain = each.data?.["text/plain"];
  const text = Array.isArray(plain) ? plain.join("") : typeof plain === "string" ? plain : null;
  if (text !== null) output.print(text.endsWith("\n") || text === "" ? text : `${text}\n`);
}
