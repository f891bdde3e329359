/** `head` and `tail`: the first lines of what may never end, or the last; by lines or by characters. */
import type { LabCommand, LabContext } from "../../environment.js";
import { LineReader } from "../../streams.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, joinLines, last, linesOf, refuse, withUsage } from "./tool.js";

function countOption(context: LabContext, text: string, what: string): number | null {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  context.stderr.write(`${context.argv0}: invalid number of ${what}: ‘${text}’\n`);
  return null;
}

/** `head -5` is `head -n 5`. */
function obsoleteCount(args: readonly string[]): string[] {
  return args.flatMap((word, index) => (index === 0 && /^-\d+$/.test(word) ? ["-n", word.slice(1)] : [word]));
}

export const head: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("head", obsoleteCount(context.args), {
    short: "n:c:qv",
    long: { lines: { key: "n", value: "required" }, bytes: { key: "c", value: "required" } },
  });
  if (has(parsed, "c")) {
    const bytes = countOption(context, last(parsed, "c") ?? "", "bytes");
    if (bytes === null) return 1;
    const found = yield* inputs(context, parsed.operands, (message) => context.stderr.write(`${message}\n`));
    for (const { text } of found) context.stdout.write(text.slice(0, bytes));
    return 0;
  }
  const count = countOption(context, last(parsed, "n") ?? "10", "lines");
  if (count === null) return 1;
  if (parsed.operands.length === 0 && count >= 0) {
    const reader = new LineReader(context.stdin);
    for (let i = 0; i < count; i++) {
      const line = yield* reader.next();
      if (line === null) return 0;
      context.stdout.write(`${line}\n`);
    }
    return 0;
  }
  let status = 0;
  const found = yield* inputs(context, parsed.operands, (message) => {
    context.stderr.write(`${message.replace(/: ([^:]+): (.*)$/, ": cannot open '$1' for reading: $2")}\n`);
    status = 1;
  });
  for (const { text } of found) context.stdout.write(joinLines(linesOf(text).slice(0, count)));
  return status;
});

export const tail: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("tail", obsoleteCount(context.args), {
    short: "n:c:fFq",
    long: { lines: { key: "n", value: "required" }, follow: { key: "f", value: "optional" } },
  });
  for (const key of ["f", "F", "c"]) if (has(parsed, key)) return refuse(context, `-${key}`);
  const text = last(parsed, "n") ?? "10";
  const count = countOption(context, text, "lines");
  if (count === null) return 1;
  let status = 0;
  const found = yield* inputs(context, parsed.operands, (message) => {
    context.stderr.write(`${message.replace(/: ([^:]+): (.*)$/, ": cannot open '$1' for reading: $2")}\n`);
    status = 1;
  });
  for (const { text: input } of found) {
    const lines = linesOf(input);
    const from = text.startsWith("+") ? count - 1 : Math.max(0, lines.length - Math.abs(count));
    context.stdout.write(joinLines(lines.slice(Math.max(0, from))));
  }
  return status;
});
