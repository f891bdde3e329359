/**
 * From a value to what a front end shows. A value with a `Symbol.for("Jupyter.display")` method draws itself (the
 * convention of Deno's kernel): the method returns a MIME bundle, or a promise of one.
 */
import { inspect } from "node:util";
import type { Json, MimeBundle } from "../notebook/model.js";
import { isJsonMimeType } from "../notebook/parse.js";

const displaySymbol = Symbol.for("Jupyter.display");

/**
 * Draws a value and passes the MIME bundle on, at once if the value draws itself at once; the bundle always holds
 * `text/plain`. Bytes under a binary MIME type become base64.
 *
 * @returns a promise if the value's display method returned one
 * @throws TypeError if the display method returns something that is not a MIME bundle, and whatever the method throws
 */
export function drawn(value: unknown, show: (bundle: MimeBundle) => void): Promise<void> | undefined {
  const result: unknown = displayMethod(value)?.call(value);
  if (result instanceof Promise) return result.then((later: unknown) => show(bundleOf(value, later)));
  show(bundleOf(value, result));
  return undefined;
}

function bundleOf(value: unknown, result: unknown): MimeBundle {
  if (result === undefined || result === null) return { "text/plain": textOf(value) };
  if (typeof result !== "object" || Array.isArray(result)) {
    throw new TypeError(`the value's Jupyter.display method returned ${inspect(result)}, which is not a MIME bundle`);
  }
  const bundle: Record<string, Json> = {};
  for (const [mimeType, data] of Object.entries(result)) {
    if (typeof data === "string") bundle[mimeType] = data;
    else if (data instanceof Uint8Array) bundle[mimeType] = Buffer.from(data).toString("base64");
    else if (isJsonMimeType(mimeType)) bundle[mimeType] = JSON.parse(JSON.stringify(data)) as Json;
    else
      throw new TypeError(
        `the value's Jupyter.display method returned a ${mimeType} that is not a string: ${inspect(data)}`,
      );
  }
  bundle["text/plain"] ??= textOf(value);
  return bundle;
}

function displayMethod(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  const method: unknown = Reflect.get(value, displaySymbol);
  return typeof method === "function" ? (method as () => unknown) : undefined;
}

/** What `console.log` would print. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { colors: false });
}

/**
 * Keeps the marks that Node 20 leaves on promises, so as to follow a cell's work, out of printed promises.
 */
export function hideAsyncIds(): void {
  const prototype: object = Promise.prototype;
  Object.defineProperty(prototype, inspect.custom, {
    configurable: true,
    writable: true,
    value: function (this: object): object {
      for (const symbol of Object.getOwnPropertySymbols(this)) {
        if (!/^(async_id_symbol|trigger_async_id_symbol|kResourceStore)$/.test(symbol.description ?? "")) continue;
        Object.defineProperty(this, symbol, { enumerable: false });
      }
      return this;
    },
  });
}
