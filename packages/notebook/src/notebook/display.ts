/**
 * From a value to what a front end shows. A value with a `Symbol.for("Jupyter.display")` method draws itself (the
 * convention of Deno's kernel): the method returns a MIME bundle, or a promise of one. Node's `inspect` is given by
 * whoever runs cells, since a browser has none.
 */
import { isJsonMimeType, type Json, type MimeBundle } from "./model.js";
import type { CellSink, ErrorReport } from "./sink.js";

/** Node's `util.inspect`, or what stands in for it. */
export type Inspect = (value: unknown, options?: { readonly colors?: boolean }) => string;

const displaySymbol = Symbol.for("Jupyter.display");

/**
 * Draws a value and passes the MIME bundle on, at once if the value draws itself at once; the bundle always holds
 * `text/plain`. Bytes under a binary MIME type become base64.
 *
 * @returns a promise if the value's display method returned one
 * @throws TypeError if the display method returns something that is not a MIME bundle, and whatever the method throws
 */
export function drawn(value: unknown, show: (bundle: MimeBundle) => void, inspect: Inspect): Promise<void> | undefined {
  const result: unknown = displayMethod(value)?.call(value);
  if (result instanceof Promise) return result.then((later: unknown) => show(bundleOf(value, later, inspect)));
  show(bundleOf(value, result, inspect));
  return undefined;
}

/** One run of one cell. */
export interface CellRun {
  readonly sink: CellSink;
  /** Drawings `display` was asked for and that are not finished. */
  readonly drawing: Set<Promise<void>>;
  /** Set when anything the cell started threw and nobody caught it. */
  failed: boolean;
}

/** A cell's `display(value)`: draws the value into the cell's outputs; a drawing that fails later fails the cell. */
export function displayIn(
  run: CellRun,
  value: unknown,
  inspect: Inspect,
  report: (error: unknown) => ErrorReport,
): void {
  const drawing = drawn(value, (data) => run.sink.display({ data, displayId: undefined, replaces: false }), inspect);
  if (drawing === undefined) return;
  const noted = drawing.catch((error: unknown) => {
    run.failed = true;
    run.sink.error(report(error));
  });
  run.drawing.add(noted);
  void noted.finally(() => run.drawing.delete(noted));
}

function bundleOf(value: unknown, result: unknown, inspect: Inspect): MimeBundle {
  if (result === undefined || result === null) return { "text/plain": textOf(value, inspect) };
  if (typeof result !== "object" || Array.isArray(result)) {
    throw new TypeError(`the value's Jupyter.display method returned ${inspect(result)}, which is not a MIME bundle`);
  }
  const bundle: Record<string, Json> = {};
  for (const [mimeType, data] of Object.entries(result)) {
    if (typeof data === "string") bundle[mimeType] = data;
    else if (data instanceof Uint8Array) bundle[mimeType] = base64(data);
    else if (isJsonMimeType(mimeType)) bundle[mimeType] = JSON.parse(JSON.stringify(data)) as Json;
    else
      throw new TypeError(
        `the value's Jupyter.display method returned a ${mimeType} that is not a string: ${inspect(data)}`,
      );
  }
  bundle["text/plain"] ??= textOf(value, inspect);
  return bundle;
}

function displayMethod(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const method: unknown = Reflect.get(value, displaySymbol);
  return typeof method === "function" ? (method as () => unknown) : undefined;
}

/** What `console.log` would print. */
function textOf(value: unknown, inspect: Inspect): string {
  return typeof value === "string" ? value : inspect(value, { colors: false });
}

/** Bytes as base64. */
export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
