/** `uniq`: neighbours that are the same become one. */
import type { LabCommand } from "../../environment.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, linesOf, withUsage } from "./tool.js";

export const uniq: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("uniq", context.args, { short: "cdui" });
  const found = yield* inputs(context, parsed.operands.slice(0, 1), (message) => context.stderr.write(`${message}\n`));
  const fold = (line: string): string => (has(parsed, "i") ? line.toLowerCase() : line);
  const groups: { line: string; count: number }[] = [];
  for (const line of found.flatMap(({ text }) => linesOf(text))) {
    const group = groups.at(-1);
    if (group !== undefined && fold(group.line) === fold(line)) group.count++;
    else groups.push({ line, count: 1 });
  }
  for (const { line, count } of groups) {
    if (has(parsed, "d") && count === 1) continue;
    if (has(parsed, "u") && count > 1) continue;
    context.stdout.write(`${has(parsed, "c") ? `${String(count).padStart(7)} ` : ""}${line}\n`);
  }
  return 0;
});
