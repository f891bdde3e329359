/** What Node's own way of printing needs, so that a cell's values read the same whatever runs them. */
import { inspect } from "node:util";

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
