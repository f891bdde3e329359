/*
 * What a cell finds in the page besides the ECMAScript library and `display`: the names that Node and a browser's worker
 * have in common and that a lesson may rely on in both. There is no network, no storage and no document.
 */

interface Console {
  /** Prints to the cell's output, as Node does. */
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  /** Prints to the cell's error output. */
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
  trace(...values: unknown[]): void;
  /** Prints one value, as deep as `depth` says. */
  dir(value: unknown, options?: { depth?: number | null; colors?: boolean; showHidden?: boolean }): void;
  table(rows: unknown, columns?: readonly string[]): void;
  assert(condition?: boolean, ...values: unknown[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  group(...values: unknown[]): void;
  groupEnd(): void;
}
declare const console: Console;

/** Calls the function once, after at least so many milliseconds of real time; the lab's own time is virtual. */
declare function setTimeout<A extends unknown[]>(
  call: (...values: A) => void,
  milliseconds?: number,
  ...values: A
): unknown;
declare function clearTimeout(timer: unknown): void;
/** Calls the function again and again, every so many milliseconds of real time. */
declare function setInterval<A extends unknown[]>(
  call: (...values: A) => void,
  milliseconds?: number,
  ...values: A
): unknown;
declare function clearInterval(timer: unknown): void;
declare function queueMicrotask(call: () => void): void;
/** A deep copy. */
declare function structuredClone<T>(value: T): T;
declare function atob(base64: string): string;
declare function btoa(bytes: string): string;

declare const performance: {
  /** Milliseconds of real time since the worker began. */
  now(): number;
};

declare class TextEncoder {
  /** The text's UTF-8 bytes. */
  encode(text?: string): Uint8Array;
}
declare class TextDecoder {
  constructor(encoding?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
