/** `wc`: lines, words, bytes. */
import type { LabCommand } from "../../environment.js";
import { encodeText } from "../../text-encoding.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, withUsage } from "./tool.js";

export const wc: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("wc", context.args, {
    short: "lwcm",
    long: {
      lines: { key: "l", value: "none" },
      words: { key: "w", value: "none" },
      bytes: { key: "c", value: "none" },
    },
  });
  let status = 0;
  const found = yield* inputs(context, parsed.operands, (message) => {
    context.stderr.write(`${message}\n`);
    status = 1;
  });
  const keys = ["l", "w", "c"].filter((key) => parsed.options.length === 0 || has(parsed, key));
  if (has(parsed, "m") && !keys.includes("c")) keys.push("c");
  const rows = found.map(({ name, text }) => ({
    name: name === "-" ? "" : ` ${name}`,
    counts: keys.map((key) =>
      key === "l"
        ? text.split("\n").length - 1
        : key === "w"
          ? text.split(/\s+/).filter((word) => word !== "").length
          : encodeText(text).length,
    ),
  }));
  if (rows.length > 1)
    rows.push({ name: " total", counts: keys.map((_, i) => rows.reduce((sum, row) => sum + row.counts[i], 0)) });
  const fromStdin = parsed.operands.length === 0;
  const width =
    rows.length === 1 && keys.length === 1
      ? 1
      : Math.max(fromStdin ? 7 : 1, ...rows.flatMap((row) => row.counts.map((count) => String(count).length)));
  for (const { counts, name } of rows)
    context.stdout.write(`${counts.map((count) => String(count).padStart(width)).join(" ")}${name}\n`);
  return status;
});
