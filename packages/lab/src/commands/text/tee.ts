/** `tee`: standard input, as it comes, to standard output and to files. */
import type { LabCommand } from "../../environment.js";
import { FileError } from "../../files.js";
import { parseOptions } from "../getopt.js";
import { has, withUsage } from "./tool.js";

export const tee: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("tee", context.args, { short: "a" });
  for (const name of parsed.operands) {
    try {
      context.host.files.open(name, has(parsed, "a"));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      context.stderr.write(`tee: ${name}: ${error.message}\n`);
    }
  }
  for (;;) {
    const text = context.stdin.read();
    if (text === null) return 0;
    if (text === "") {
      yield context.stdin.readable;
      continue;
    }
    context.stdout.write(text);
    for (const name of parsed.operands) {
      try {
        context.host.files.write(name, text);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        context.stderr.write(`tee: ${name}: ${error.message}\n`);
      }
    }
  }
});
