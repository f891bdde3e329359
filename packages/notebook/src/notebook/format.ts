/**
 * From a {@link Notebook} to the one canonical text of its file: what Python's nbformat 4.5 would write (1-space
 * indent, sorted keys, lines split), less what changes without meaning: execution counts, the kernel's version, and
 * what front ends leave behind (timestamps, scroll positions, trust).
 */
import type { Cell, Json, JsonObject, MimeBundle, Notebook, Output } from "./model.js";

/** The kernel's name: the folder of its spec under `jupyter/kernels`, and what notebooks ask for. */
export const kernelName = "netfilter-lab";

const kernelMetadata: JsonObject = {
  kernelspec: { display_name: "TypeScript (netfilter-lab)", language: "typescript", name: kernelName },
  language_info: {
    codemirror_mode: { mode: "typescript", name: "javascript", typescript: true },
    file_extension: ".ts",
    mimetype: "text/typescript",
    name: "typescript",
  },
};

/** Cell metadata that front ends write as a by-product of looking at or running a notebook. */
const frontEndCellKeys = new Set(["ExecuteTime", "collapsed", "execution", "scrolled", "trusted", "pycharm", "vscode"]);

/** Notebook metadata of the same kind. */
const frontEndNotebookKeys = new Set(["signature", "toc", "varInspector", "vscode", "widgets"]);

/**
 * The canonical text of a notebook, ending in a newline. Parsing it and formatting again gives the same text; the
 * notebook's path does not appear in it. Solutions get `jupyter.source_hidden`, so that Jupyter folds them too.
 */
export function formatNotebook(notebook: Notebook): string {
  const file: JsonObject = {
    cells: notebook.cells.map(cellJson),
    metadata: { ...dropKeys(notebook.metadata, frontEndNotebookKeys), ...kernelMetadata },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(sortKeys(file), null, 1)}\n`;
}

function cellJson(cell: Cell): JsonObject {
  const kept = dropKeys(cell.metadata, frontEndCellKeys);
  const shared: JsonObject = {
    cell_type: cell.type,
    id: cell.id,
    metadata: {
      ...kept,
      ...(cell.tags.includes("solution") && cell.type === "code" ? { jupyter: hideSource(kept["jupyter"]) } : {}),
      ...(cell.tags.length > 0 ? { tags: cell.tags } : {}),
    },
    source: splitLines(cell.source),
  };
  if (cell.type === "code") return { ...shared, execution_count: null, outputs: cell.outputs.map(outputJson) };
  if (cell.attachments === undefined) return shared;
  const attachments = Object.entries(cell.attachments);
  return { ...shared, attachments: Object.fromEntries(attachments.map(([name, data]) => [name, bundleJson(data)])) };
}

function hideSource(jupyter: Json | undefined): JsonObject {
  const others =
    typeof jupyter === "object" && jupyter !== null && !Array.isArray(jupyter) ? (jupyter as JsonObject) : {};
  return { ...others, source_hidden: true };
}

function outputJson(output: Output): JsonObject {
  switch (output.type) {
    case "stream":
      return { output_type: "stream", name: output.name, text: splitLines(output.text) };
    case "display_data":
      return { output_type: "display_data", data: bundleJson(output.data), metadata: output.metadata };
    case "execute_result":
      return {
        output_type: "execute_result",
        data: bundleJson(output.data),
        execution_count: null,
        metadata: output.metadata,
      };
    case "error":
      return { output_type: "error", ename: output.name, evalue: output.message, traceback: output.traceback };
  }
}

/** nbformat splits the lines of text types, SVG and JavaScript; everything else stays whole. */
function bundleJson(bundle: MimeBundle): JsonObject {
  return Object.fromEntries(
    Object.entries(bundle).map(([mimeType, data]) => {
      const split =
        mimeType.startsWith("text/") || mimeType === "image/svg+xml" || mimeType === "application/javascript";
      return [mimeType, split && typeof data === "string" ? splitLines(data) : data];
    }),
  );
}

/** As Python's `str.splitlines(keepends=True)`. */
function splitLines(text: string): readonly string[] {
  // biome-ignore format: one line shows the whole set
  return text.match(/[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])|[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+$/g) ?? [];
}

function dropKeys(object: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.has(key)));
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
