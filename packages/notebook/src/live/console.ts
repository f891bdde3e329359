/**
 * Node's `console` for a cell: what it prints goes where the cell's output goes, formatted as Node formats it. Not
 * there: what measures real time (`time`), which no saved output could hold.
 */

/** What formatting needs; `node:util` has it, and `node-inspect-extracted` for browsers. */
export interface Formatting {
  readonly inspect: (value: unknown, options?: { readonly colors?: boolean; readonly depth?: number | null }) => string;
  readonly format: (...values: unknown[]) => string;
}

/** The methods a cell's console has. */
export interface CellConsole {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  error(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  trace(...values: unknown[]): void;
  dir(value: unknown, options?: object): void;
  assert(condition: unknown, ...values: unknown[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  group(...values: unknown[]): void;
  groupCollapsed(...values: unknown[]): void;
  groupEnd(): void;
  table(rows: unknown, columns?: readonly string[]): void;
}

/** Makes a cell's console. */
export function cellConsole(
  write: (name: "stdout" | "stderr", text: string) => void,
  { inspect, format }: Formatting,
): CellConsole {
  let indent = "";
  const counts = new Map<string, number>();
  const print = (name: "stdout" | "stderr", text: string): void => {
    const lines = indent === "" ? text : text.replace(/^/gm, indent);
    write(name, `${lines}\n`);
  };
  const out = (...values: unknown[]): void => print("stdout", format(...values));
  const err = (...values: unknown[]): void => print("stderr", format(...values));
  const group = (...values: unknown[]): void => {
    if (values.length > 0) out(...values);
    indent += "  ";
  };
  return {
    log: out,
    info: out,
    debug: out,
    error: err,
    warn: err,
    trace(...values) {
      const error = new Error(format(...values));
      error.name = "Trace";
      err(error.stack);
    },
    dir: (value, options) => print("stdout", inspect(value, { ...options })),
    assert(condition, ...values) {
      if (condition) return;
      const [first, ...rest] = values;
      if (values.length === 0) err("Assertion failed");
      else if (typeof first === "string") err(`Assertion failed: ${first}`, ...rest);
      else err("Assertion failed:", ...values);
    },
    count(label = "default") {
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      out(`${label}: ${count}`);
    },
    countReset(label = "default") {
      counts.delete(label);
    },
    group,
    groupCollapsed: group,
    groupEnd() {
      indent = indent.slice(2);
    },
    table(rows, columns) {
      if (typeof rows !== "object" || rows === null) out(rows);
      else out(tableOf(rows, columns, (value) => inspect(value, { depth: 0 })));
    },
  };
}

/** Node's table with lines: one row for each property of the value, one column for each property of those. */
function tableOf(rows: object, columns: readonly string[] | undefined, shown: (value: unknown) => string): string {
  const isMapOrSet = rows instanceof Map || rows instanceof Set;
  const entries: [string, unknown][] = isMapOrSet
    ? [...rows.entries()].map(([key, value], index) => [
        String(index),
        rows instanceof Map ? { Key: key as unknown, Values: value as unknown } : (value as unknown),
      ])
    : Object.entries(rows);
  const keys = new Set(columns ?? []);
  let hasPlain = false;
  for (const [, row] of entries) {
    if (typeof row !== "object" || row === null) hasPlain = true;
    else if (columns === undefined) for (const key of Object.keys(row)) keys.add(key);
  }
  const head = [isMapOrSet ? "(iteration index)" : "(index)", ...keys, ...(hasPlain ? ["Values"] : [])];
  const body = entries.map(([index, row]) => {
    const isPlain = typeof row !== "object" || row === null;
    const cells = [...keys].map((key) => (isPlain || !Object.hasOwn(row, key) ? "" : shown(Reflect.get(row, key))));
    return [index, ...cells, ...(hasPlain ? [isPlain ? shown(row) : ""] : [])];
  });
  const widths = head.map((title, at) => Math.max(title.length, ...body.map((row) => row[at]!.length)) + 2);
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => "─".repeat(width)).join(middle) + right;
  const line = (row: readonly string[]): string =>
    `│${row.map((text, at) => ` ${text}`.padEnd(widths[at]!)).join("│")}│`;
  return [rule("┌", "┬", "┐"), line(head), rule("├", "┼", "┤"), ...body.map(line), rule("└", "┴", "┘")].join("\n");
}
