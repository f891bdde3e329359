/**
 * `grep`, `egrep` and `fgrep`: GNU's, line by line as they come, with context and counts; what is not there says so.
 */
import type { Wait } from "../../command.js";
import type { LabCommand } from "../../environment.js";
import { LineReader } from "../../streams.js";
import { lastOption, type ParsedOptions, parseOptions } from "../getopt.js";
import { basicToExtended, RegexError, translateExtended } from "../regex.js";
import { has, inputs, last, refuse, withUsage } from "./tool.js";

export const grep: LabCommand = withUsage(2, function* (context) {
  const { stdout, stderr } = context;
  const parsed = parseOptions(context.argv0, context.args, {
    short: "EFGPivwxcnoqslLhHA:B:C:e:m:",
    long: {
      "extended-regexp": { key: "E", value: "none" },
      "fixed-strings": { key: "F", value: "none" },
      "ignore-case": { key: "i", value: "none" },
      "invert-match": { key: "v", value: "none" },
      "word-regexp": { key: "w", value: "none" },
      "line-regexp": { key: "x", value: "none" },
      count: { key: "c", value: "none" },
      "line-number": { key: "n", value: "none" },
      "only-matching": { key: "o", value: "none" },
      quiet: { key: "q", value: "none" },
      "no-messages": { key: "s", value: "none" },
      regexp: { key: "e", value: "required" },
      "max-count": { key: "m", value: "required" },
      "after-context": { key: "A", value: "required" },
      "before-context": { key: "B", value: "required" },
      context: { key: "C", value: "required" },
      "line-buffered": { key: "line-buffered", value: "none" },
      color: { key: "color", value: "optional" },
    },
  });
  for (const key of ["P", "l", "L"]) if (has(parsed, key)) return refuse(context, `-${key}`);
  const patterns = parsed.options.filter((option) => option.key === "e").map((option) => option.value ?? "");
  const files = [...parsed.operands];
  if (patterns.length === 0) {
    const first = files.shift();
    if (first === undefined) {
      stderr.write("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
      return 2;
    }
    patterns.push(...first.split("\n"));
  }
  let regex: RegExp;
  try {
    regex = patternRegex(patterns, parsed, context.argv0);
  } catch (error) {
    if (!(error instanceof RegexError)) throw error;
    stderr.write(`grep: ${error.message}\n`);
    return 2;
  }
  const number = (key: string): number => Number(last(parsed, key) ?? last(parsed, "C") ?? 0);
  const after = number("A");
  const before = number("B");
  const limit = last(parsed, "m") === null ? Number.POSITIVE_INFINITY : Number(last(parsed, "m"));
  const showNames = has(parsed, "H") || (files.length > 1 && !has(parsed, "h"));
  let status = 1;
  let failed = false;
  for (const name of files.length > 0 ? files : ["-"]) {
    let reader: LineReader;
    if (name === "-") reader = new LineReader(context.stdin);
    else {
      const found = yield* inputs(context, [name], (message) => {
        if (!has(parsed, "s")) stderr.write(`${message}\n`);
        failed = true;
      });
      if (found.length === 0) continue;
      reader = new LineReader(textReader(found[0].text));
    }
    const label = name === "-" ? "(standard input)" : name;
    const prefix = (separator: string, lineNumber: number): string =>
      (showNames ? `${label}${separator}` : "") + (has(parsed, "n") ? `${lineNumber}${separator}` : "");
    let count = 0;
    let lineNumber = 0;
    let pendingAfter = 0;
    let lastPrinted = 0;
    const held: { text: string; number: number }[] = [];
    const context2 = after > 0 || before > 0;
    for (;;) {
      const line = yield* reader.next();
      if (line === null) break;
      lineNumber++;
      regex.lastIndex = 0;
      const matched = regex.test(line) !== has(parsed, "v");
      if (matched && count < limit) {
        count++;
        status = 0;
        if (has(parsed, "q")) return 0;
        if (has(parsed, "c")) continue;
        const quiet = context2 && lastPrinted > 0 && lineNumber - held.length > lastPrinted + 1;
        if (quiet) stdout.write("--\n");
        for (const line2 of held) stdout.write(`${prefix("-", line2.number)}${line2.text}\n`);
        held.length = 0;
        if (has(parsed, "o")) {
          // The test above has moved the expression on.
          regex.lastIndex = 0;
          if (!has(parsed, "v"))
            for (const match of line.matchAll(regex))
              if (match[0] !== "") stdout.write(`${prefix(":", lineNumber)}${match[0]}\n`);
        } else if (!stdout.write(`${prefix(":", lineNumber)}${line}\n`)) return 0;
        lastPrinted = lineNumber;
        pendingAfter = after;
        if (count >= limit && pendingAfter === 0) break;
      } else if (pendingAfter > 0) {
        stdout.write(`${prefix("-", lineNumber)}${line}\n`);
        lastPrinted = lineNumber;
        pendingAfter--;
        if (count >= limit && pendingAfter === 0) break;
      } else if (before > 0) {
        held.push({ text: line, number: lineNumber });
        if (held.length > before) held.shift();
      }
    }
    if (has(parsed, "c")) stdout.write(`${showNames ? `${label}:` : ""}${count}\n`);
  }
  return failed ? 2 : status;
});

function textReader(text: string): { read(): string | null; readable: Wait } {
  let rest: string | null = text === "" ? null : text;
  return {
    read: () => {
      const now = rest;
      rest = null;
      return now;
    },
    readable: {
      arm: (wake) => {
        wake();
        return () => {};
      },
    },
  };
}

function patternRegex(patterns: readonly string[], parsed: ParsedOptions, argv0: string): RegExp {
  const kind =
    lastOption(parsed.options, (option) => ["E", "F", "G"].includes(option.key))?.key ??
    { egrep: "E", fgrep: "F" }[argv0] ??
    "G";
  const translated = patterns.map((pattern) => {
    if (kind === "F") return pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return translateExtended(kind === "E" ? pattern : basicToExtended(pattern));
  });
  let source = translated.map((pattern) => `(?:${pattern})`).join("|");
  if (has(parsed, "w")) source = `(?<!\\w)(?:${source})(?!\\w)`;
  if (has(parsed, "x")) source = `^(?:${source})$`;
  try {
    return new RegExp(source, has(parsed, "i") ? "gi" : "g");
  } catch {
    throw new RegexError("Invalid regular expression");
  }
}
