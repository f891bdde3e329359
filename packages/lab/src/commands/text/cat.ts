/** `cat`, which passes standard input on as it comes; of its options `-n` numbers lines. */
import type { LabCommand } from "../../environment.js";
import { parseOptions } from "../getopt.js";
import { has, inputs, linesOf, refuse, withUsage } from "./tool.js";

export const cat: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("cat", context.args, { short: "nAEsTuv" });
  const unsupported = parsed.options.find((option) => option.key !== "n" && option.key !== "u");
  if (unsupported !== undefined) return refuse(context, `-${unsupported.key}`);
  let status = 0;
  let number = 0;
  for (const name of parsed.operands.length > 0 ? parsed.operands : ["-"]) {
    if (name === "-" && !has(parsed, "n")) {
      // As it comes: what stands before `cat` may run for long.
      for (;;) {
        const text = context.stdin.read();
        if (text === null) break;
        if (text === "") yield context.stdin.readable;
        else if (!context.stdout.write(text)) return 0;
      }
      continue;
    }
    const found = yield* inputs(context, [name], (message) => {
      context.stderr.write(`${message}\n`);
      status = 1;
    });
    for (const { text } of found)
      context.stdout.write(
        has(parsed, "n")
          ? linesOf(text)
              .map((line) => `${String(++number).padStart(6)}\t${line}\n`)
              .join("")
          : text,
      );
  }
  return status;
});
