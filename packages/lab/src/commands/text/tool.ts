/**
 * What the text tools have in common: how they refuse an option, read their files or standard input, and see text as
 * lines.
 */
import type { CommandProcess, Wait } from "../../command.js";
import type { LabCommand, LabContext } from "../../environment.js";
import { FileError } from "../../files.js";
import { readAll } from "../../streams.js";
import { lastOption, OptionError, type ParsedOptions } from "../getopt.js";

type Body = (context: LabContext) => number | CommandProcess;

/** Prints getopt's message and the tool's hint for a wrong option. */
export function withUsage(status: number, body: Body): LabCommand {
  const complain = (context: LabContext, error: unknown): number => {
    if (!(error instanceof OptionError)) throw error;
    context.stderr.write(`${error.message}\nTry '${context.argv0} --help' for more information.\n`);
    return status;
  };
  return (context) => {
    let result: number | CommandProcess;
    try {
      result = body(context);
    } catch (error) {
      return complain(context, error);
    }
    if (typeof result === "number") return result;
    return (function* () {
      try {
        return yield* result;
      } catch (error) {
        return complain(context, error);
      }
    })();
  };
}

/** The inputs of a tool: its files, or standard input. A file that cannot be read is reported and skipped. */
export function* inputs(
  context: LabContext,
  files: readonly string[],
  onError: (message: string) => void,
): Generator<Wait, { name: string; text: string }[], void> {
  const all: { name: string; text: string }[] = [];
  for (const name of files.length > 0 ? files : ["-"]) {
    if (name === "-") all.push({ name: "-", text: yield* readAll(context.stdin) });
    else {
      try {
        all.push({ name, text: context.host.files.read(name) });
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        onError(`${context.argv0}: ${name}: ${error.message}`);
      }
    }
  }
  return all;
}

export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

export const joinLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

export function has(parsed: ParsedOptions, key: string): boolean {
  return parsed.options.some((option) => option.key === key);
}

export function last(parsed: ParsedOptions, key: string): string | null {
  return lastOption(parsed.options, (option) => option.key === key)?.value ?? null;
}

export function refuse(context: LabContext, what: string): number {
  context.stderr.write(`${context.argv0}: ${what}: not supported by the lab\n`);
  return 2;
}
