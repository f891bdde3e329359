/** `sort`: by whole lines or one key, as text in the order of its codes (the C locale) or as numbers. */
import type { LabCommand } from "../../environment.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, joinLines, last, linesOf, refuse, withUsage } from "./tool.js";

export const sort: LabCommand = withUsage(2, function* (context) {
  const parsed = parseOptions("sort", context.args, { short: "nrufk:t:V" });
  if (has(parsed, "V")) return refuse(context, "-V");
  const separator = last(parsed, "t");
  const key = last(parsed, "k");
  const column = key === null ? null : Number(/^(\d+)/.exec(key)?.[1] ?? 0);
  const until = key === null ? null : (/^\d+[a-z]*,(\d+)/.exec(key)?.[1] ?? null);
  const numeric = has(parsed, "n") || (key !== null && key.includes("n"));
  const reversed = has(parsed, "r") || (key !== null && key.includes("r"));
  const found = yield* inputs(context, parsed.operands, (message) =>
    context.stderr.write(`${message.replace(/: ([^:]+): (.*)$/, ": cannot read: $1: $2")}\n`),
  );
  const keyOf = (line: string): string => {
    if (column === null) return line;
    const fields = separator === null ? (line.match(/\s*\S+/g) ?? []) : line.split(separator);
    return fields.slice(column - 1, until === null ? undefined : Number(until)).join(separator ?? "");
  };
  const leading = (text: string): number => Number(/^\s*(-?\d+(?:\.\d+)?)/.exec(text)?.[1] ?? 0);
  const fold = has(parsed, "f");
  const compareText = (a: string, b: string): number => {
    const [x, y] = fold ? [a.toUpperCase(), b.toUpperCase()] : [a, b];
    return x < y ? -1 : x > y ? 1 : 0;
  };
  const byKey = (a: string, b: string): number =>
    numeric ? leading(keyOf(a)) - leading(keyOf(b)) : compareText(keyOf(a), keyOf(b));
  const sign = reversed ? -1 : 1;
  const lines = found.flatMap(({ text }) => linesOf(text));
  lines.sort((a, b) => sign * (byKey(a, b) || compareText(a, b)));
  const kept = has(parsed, "u") ? lines.filter((line, i) => i === 0 || byKey(line, lines[i - 1]) !== 0) : lines;
  context.stdout.write(joinLines(kept));
  return 0;
});
