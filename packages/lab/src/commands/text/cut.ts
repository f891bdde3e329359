/** `cut`: fields or characters by their positions. */
import type { LabCommand } from "../../environment.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, last, linesOf, withUsage } from "./tool.js";

/** The positions that `cut`'s list names, from 1. */
function inList(list: string): (position: number) => boolean {
  const ranges = list.split(",").map((item) => {
    const match = /^(\d+)?(-)?(\d+)?$/.exec(item);
    if (match === null || (match[1] === undefined && match[3] === undefined)) return null;
    const from = match[1] === undefined ? 1 : Number(match[1]);
    const to = match[2] === undefined ? from : match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]);
    return { from, to };
  });
  return (position) => ranges.some((range) => range !== null && position >= range.from && position <= range.to);
}

export const cut: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("cut", context.args, { short: "d:f:c:b:s" });
  const fields = last(parsed, "f");
  const characters = last(parsed, "c") ?? last(parsed, "b");
  if (fields === null && characters === null) {
    context.stderr.write(
      "cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\n",
    );
    return 1;
  }
  const delimiter = last(parsed, "d") ?? "\t";
  const selected = inList(fields ?? characters ?? "");
  const found = yield* inputs(context, parsed.operands, (message) => context.stderr.write(`${message}\n`));
  for (const line of found.flatMap(({ text }) => linesOf(text))) {
    if (fields === null) {
      context.stdout.write(
        `${line
          .split("")
          .filter((_, i) => selected(i + 1))
          .join("")}\n`,
      );
      continue;
    }
    if (!line.includes(delimiter)) {
      if (!has(parsed, "s")) context.stdout.write(`${line}\n`);
      continue;
    }
    context.stdout.write(
      `${line
        .split(delimiter)
        .filter((_, i) => selected(i + 1))
        .join(delimiter)}\n`,
    );
  }
  return 0;
});
