/**
 * From the text of an `.ipynb` file to a {@link Notebook}. Accepts nbformat 4.0 to 4.5; anything that does not have the
 * format's shape is refused with the file, the cell and the reason, never patched up silently.
 */
import {
  type Cell,
  isJsonMimeType,
  type Json,
  type JsonObject,
  type MimeBundle,
  type Notebook,
  NotebookError,
  type Output,
} from "./model.js";

/**
 * Reads a notebook.
 *
 * @param text the file's content
 * @param path where it came from, for messages and for the lesson's order
 * @throws NotebookError if the text is not JSON, not nbformat 4, or a cell or output is malformed
 */
export function parseNotebook(text: string, path: string): Notebook {
  const root = parseJson(text, path);
  const reader = new Reader(path, undefined);
  const file = reader.object(root, "the file");
  const major = file["nbformat"];
  if (major !== 4) {
    throw reader.error(
      major === undefined
        ? "not a notebook: `nbformat` is missing"
        : `nbformat ${JSON.stringify(major)} is not supported (only 4 is)`,
    );
  }
  const metadata = reader.object(file["metadata"] ?? {}, "`metadata`");
  const cells = reader.array(file["cells"], "`cells`");
  const taken = new Map<string, number>();
  return {
    path,
    metadata: without(metadata, ["kernelspec", "language_info", "orig_nbformat"]),
    cells: cells.map((cell, index) => readCell(new Reader(path, index + 1), cell, taken)),
  };
}

function parseJson(text: string, path: string): Json {
  try {
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text) as Json;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(message)?.[1];
    if (position === undefined) {
      throw new NotebookError(path, undefined, text.trim() === "" ? "the file is empty" : `not JSON: ${message}`);
    }
    const before = text.slice(0, Number(position)).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw new NotebookError(path, undefined, `not JSON (${place}): ${message.replace(/ \(line .*\)$/, "")}`);
  }
}

function readCell(reader: Reader, value: Json, taken: Map<string, number>): Cell {
  const cell = reader.object(value, "the cell");
  const type = cell["cell_type"];
  const source = reader.text(cell["source"], "`source`");
  const metadata = reader.object(cell["metadata"] ?? {}, "`metadata`");
  const shared = {
    id: readId(reader, cell["id"], `${JSON.stringify(type)}\n${source}`, taken),
    source,
    tags: readTags(reader, metadata["tags"]),
    metadata: without(metadata, ["tags"]),
  };
  switch (type) {
    case "markdown":
    case "raw": {
      const attachments = cell["attachments"];
      if (attachments === undefined) return { type, ...shared };
      const files = Object.entries(reader.object(attachments, "`attachments`"));
      return {
        type,
        ...shared,
        attachments: Object.fromEntries(
          files.map(([name, data]) => [name, readBundle(reader, data, `attachment ${name}`)]),
        ),
      };
    }
    case "code": {
      const outputs = reader.array(cell["outputs"], "`outputs`");
      return { type, ...shared, outputs: outputs.map((output, index) => readOutput(reader, output, index + 1)) };
    }
    default:
      throw reader.error(
        type === undefined
          ? "`cell_type` is missing"
          : `\`cell_type\` is ${JSON.stringify(type)}; it must be "markdown", "code" or "raw"`,
      );
  }
}

/**
 * A cell without an id (nbformat before 4.5) gets one made from its content, so that it is the same at every reading.
 */
function readId(reader: Reader, id: Json | undefined, content: string, taken: Map<string, number>): string {
  if (id === undefined) {
    for (let attempt = 0; ; attempt++) {
      const made = shortHash(`${attempt}\n${content}`);
      if (taken.has(made)) continue;
      taken.set(made, reader.cell ?? 0);
      return made;
    }
  }
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(id)) {
    throw reader.error(`\`id\` is ${JSON.stringify(id)}; it must be 1 to 64 letters, digits, \`-\` or \`_\``);
  }
  const first = taken.get(id);
  if (first !== undefined) throw reader.error(`\`id\` "${id}" is already the id of cell ${first}`);
  taken.set(id, reader.cell ?? 0);
  return id;
}

/** FNV-1a as eight hexadecimal digits; the same in Node and in a page. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function readTags(reader: Reader, value: Json | undefined): string[] {
  if (value === undefined) return [];
  const tags = reader.array(value, "`metadata.tags`").map((tag) => {
    if (typeof tag !== "string") throw reader.error(`a tag is ${kindOf(tag)}; it must be a string`);
    return tag === "hide-solution" ? "solution" : tag;
  });
  return [...new Set(tags)];
}

function readOutput(reader: Reader, value: Json, number: number): Output {
  const what = `output ${number}`;
  const output = reader.object(value, what);
  const type = output["output_type"];
  switch (type) {
    case "stream": {
      const name = output["name"];
      if (name !== "stdout" && name !== "stderr") {
        throw reader.error(
          `${what}: \`name\` is ${JSON.stringify(name) ?? "missing"}; it must be "stdout" or "stderr"`,
        );
      }
      return { type, name, text: reader.text(output["text"], `${what}: \`text\``) };
    }
    case "display_data":
    case "execute_result":
      return {
        type,
        data: readBundle(reader, output["data"], `${what}: \`data\``),
        metadata: reader.object(output["metadata"] ?? {}, `${what}: \`metadata\``),
      };
    case "error": {
      const lines = reader.array(output["traceback"] ?? [], `${what}: \`traceback\``);
      return {
        type,
        name: reader.text(output["ename"], `${what}: \`ename\``),
        message: reader.text(output["evalue"], `${what}: \`evalue\``),
        traceback: lines.map((line) => reader.text(line, `${what}: a line of \`traceback\``)),
      };
    }
    default:
      throw reader.error(
        `${what}: \`output_type\` is ${JSON.stringify(type) ?? "missing"}; ` +
          'it must be "stream", "display_data", "execute_result" or "error"',
      );
  }
}

function readBundle(reader: Reader, value: Json | undefined, what: string): MimeBundle {
  const entries = Object.entries(reader.object(value, what));
  return Object.fromEntries(
    entries.map(([mimeType, data]) => [
      mimeType,
      isJsonMimeType(mimeType) ? data : reader.text(data, `${what}["${mimeType}"]`),
    ]),
  );
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function kindOf(value: Json | undefined): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Checks shapes, and knows which cell to blame. */
class Reader {
  readonly #path: string;
  readonly cell: number | undefined;

  constructor(path: string, cell: number | undefined) {
    this.#path = path;
    this.cell = cell;
  }

  error(reason: string): NotebookError {
    return new NotebookError(this.#path, this.cell, reason);
  }

  object(value: Json | undefined, what: string): JsonObject {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.error(`${what} is ${kindOf(value)}; it must be an object`);
    }
    return value as JsonObject;
  }

  array(value: Json | undefined, what: string): readonly Json[] {
    if (!Array.isArray(value)) throw this.error(`${what} is ${kindOf(value)}; it must be an array`);
    return value as readonly Json[];
  }

  /** A "multi-line string": one string, or an array of strings to be joined. */
  text(value: Json | undefined, what: string): string {
    if (typeof value === "string") return value;
    if (!Array.isArray(value))
      throw this.error(`${what} is ${kindOf(value)}; it must be a string or an array of strings`);
    for (const line of value as readonly Json[]) {
      if (typeof line !== "string") throw this.error(`${what} holds ${kindOf(line)}; every line must be a string`);
    }
    return value.join("");
  }
}
