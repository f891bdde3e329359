/**
 * The text tools that lessons pipe into: `grep`, `head`, `tail`, `wc`, `sort`, `uniq`, `cut`, `tr`, `sed`'s
 * substitutions, and those that make text: `echo`, `printf`, `cat`, `seq`, `tee`. GNU's behaviour for the options that
 * are there; an option that is not says so by name.
 */
import type { CommandProcess, Wait } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { FileError } from "../files.js";
import { pauseFor } from "../scheduler.js";
import { LineReader, MAX_TEXT, OutputLimitError, readAll } from "../streams.js";
import { encodeText } from "../text-encoding.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "./getopt.js";
import { basicToExtended, RegexError, translateExtended } from "./regex.js";

type Body = (context: LabContext) => number | CommandProcess;

/** Prints getopt's message and the tool's hint for a wrong option. */
function withUsage(status: number, body: Body): LabCommand {
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
function* inputs(
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

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const joinLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

function has(parsed: ParsedOptions, key: string): boolean {
  return parsed.options.some((option) => option.key === key);
}

function last(parsed: ParsedOptions, key: string): string | null {
  return lastOption(parsed.options, (option) => option.key === key)?.value ?? null;
}

const echo: LabCommand = ({ args, stdout }) => {
  let newline = true;
  let escapes = false;
  let at = 0;
  while (at < args.length && /^-[neE]+$/.test(args[at])) {
    for (const letter of args[at].slice(1)) {
      if (letter === "n") newline = false;
      else escapes = letter === "e";
    }
    at++;
  }
  const text = args.slice(at).join(" ");
  stdout.write((escapes ? unescape(text) : text) + (newline ? "\n" : ""));
  return 0;
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

function unescape(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|0?([0-7]{1,3})|(.))/gs, (whole, hex, octal, letter) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return ESCAPES[letter as string] ?? whole;
  });
}

const printf: LabCommand = ({ args: given, stdout, stderr }) => {
  const args = given[0] === "--" ? given.slice(1) : given;
  if (args.length === 0) {
    stderr.write("bash: printf: usage: printf [-v var] format [arguments]\n");
    return 2;
  }
  const [format, ...values] = args;
  let status = 0;
  let at = 0;
  do {
    const begin = at;
    const text = unescape(format).replace(
      /%(?:%|([-0 +#]*)(\d*)(?:\.(\d+))?([sdiuxXocbq]))/g,
      (whole, flags, width, precision, kind) => {
        if (whole === "%%") return "%";
        const value = values[at++] ?? "";
        let shown: string;
        if (kind === "s") shown = precision === undefined ? value : value.slice(0, Number(precision));
        else if (kind === "b") shown = unescape(value);
        else if (kind === "c") shown = value.slice(0, 1);
        else if (kind === "q") shown = /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
        else {
          const number = value === "" ? 0 : Number(value);
          if (!Number.isInteger(number)) {
            stderr.write(`bash: printf: ${value}: invalid number\n`);
            status = 1;
          }
          const integer = Number.isInteger(number) ? number : 0;
          const radix = kind === "x" || kind === "X" ? 16 : kind === "o" ? 8 : 10;
          shown = integer.toString(radix);
          if (kind === "X") shown = shown.toUpperCase();
        }
        const columns = Number(width || 0);
        if (columns > MAX_TEXT) throw new OutputLimitError();
        if ((flags as string).includes("-")) return shown.padEnd(columns);
        return shown.padStart(columns, (flags as string).includes("0") && kind !== "s" ? "0" : " ");
      },
    );
    stdout.write(text);
    if (at === begin) break;
  } while (at < values.length);
  return status;
};

const cat = withUsage(1, function* (context) {
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

function refuse(context: LabContext, what: string): number {
  context.stderr.write(`${context.argv0}: ${what}: not supported by the lab\n`);
  return 2;
}

const grep = withUsage(2, function* (context) {
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

function countOption(context: LabContext, text: string, what: string): number | null {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  context.stderr.write(`${context.argv0}: invalid number of ${what}: ‘${text}’\n`);
  return null;
}

/** `head -5` is `head -n 5`. */
function obsoleteCount(args: readonly string[]): string[] {
  return args.flatMap((word, index) => (index === 0 && /^-\d+$/.test(word) ? ["-n", word.slice(1)] : [word]));
}

const head = withUsage(1, function* (context) {
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

const tail = withUsage(1, function* (context) {
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

const wc = withUsage(1, function* (context) {
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

const sort = withUsage(2, function* (context) {
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

const uniq = withUsage(1, function* (context) {
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

const cut = withUsage(1, function* (context) {
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

const TR_CLASSES: Readonly<Record<string, string>> = {
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  alpha: "A-Za-z",
  alnum: "A-Za-z0-9",
  space: " \t\n\v\f\r",
  blank: " \t",
  punct: "!-/:-@[-`{-~",
};

function trSet(text: string): string[] {
  const plain = unescape(text.replace(/\[:(\w+):\]/g, (whole, name: string) => TR_CLASSES[name] ?? whole));
  const set: string[] = [];
  for (let i = 0; i < plain.length; i++) {
    if (plain[i + 1] === "-" && i + 2 < plain.length) {
      for (let code = plain.charCodeAt(i); code <= plain.charCodeAt(i + 2); code++) set.push(String.fromCharCode(code));
      i += 2;
    } else set.push(plain[i]);
  }
  return set;
}

const tr = withUsage(1, function* (context) {
  const parsed = parseOptions("tr", context.args, { short: "dscCt", posix: true });
  const [first, second] = parsed.operands;
  if (first === undefined) {
    context.stderr.write("tr: missing operand\nTry 'tr --help' for more information.\n");
    return 1;
  }
  if (second === undefined && !has(parsed, "d") && !has(parsed, "s")) {
    context.stderr.write(
      `tr: missing operand after ‘${first}’\nTwo strings must be given when translating.\nTry 'tr --help' for more information.\n`,
    );
    return 1;
  }
  const complement = has(parsed, "c") || has(parsed, "C");
  const from = trSet(first);
  const to = second === undefined ? [] : trSet(second);
  const inFrom = (c: string): boolean => from.includes(c) !== complement;
  const text = yield* readAll(context.stdin);
  let out = "";
  for (const c of text) {
    let mapped = c;
    if (inFrom(c)) {
      if (has(parsed, "d")) continue;
      if (to.length > 0) mapped = complement ? to[to.length - 1] : to[Math.min(from.indexOf(c), to.length - 1)];
    }
    const squeezed = to.length > 0 ? to.includes(mapped) : inFrom(mapped);
    if (has(parsed, "s") && squeezed && out.endsWith(mapped)) continue;
    out += mapped;
  }
  context.stdout.write(out);
  return 0;
});

interface SedCommand {
  readonly address: { readonly line: number | "$" } | { readonly regex: RegExp } | null;
  readonly action:
    | {
        readonly kind: "s";
        readonly regex: RegExp;
        readonly replacement: string;
        readonly global: boolean;
        readonly print: boolean;
      }
    | { readonly kind: "d" }
    | { readonly kind: "p" };
}

class SedError extends Error {}

function parseSed(script: string, extended: boolean): SedCommand[] {
  const commands: SedCommand[] = [];
  let rest = script.trim();
  const compile = (pattern: string, flags: string): RegExp => {
    try {
      return new RegExp(translateExtended(extended ? pattern : basicToExtended(pattern)), flags);
    } catch {
      throw new SedError("invalid regular expression");
    }
  };
  while (rest !== "") {
    let address: SedCommand["address"] = null;
    const addressMatch = /^(?:(\d+)|(\$)|\/((?:[^/\\]|\\.)*)\/)\s*/.exec(rest);
    if (addressMatch !== null) {
      rest = rest.slice(addressMatch[0].length);
      if (addressMatch[1] !== undefined) address = { line: Number(addressMatch[1]) };
      else if (addressMatch[2] !== undefined) address = { line: "$" };
      else address = { regex: compile(addressMatch[3].replaceAll("\\/", "/"), "") };
    }
    const letter = rest[0];
    if (letter === "d" || letter === "p") {
      commands.push({ address, action: { kind: letter } });
      rest = rest.slice(1);
    } else if (letter === "s") {
      const delimiter = rest[1] ?? "/";
      const parts: string[] = [];
      let at = 2;
      let part = "";
      while (at < rest.length && parts.length < 2) {
        if (rest[at] === "\\" && at + 1 < rest.length) {
          part += rest[at + 1] === delimiter ? delimiter : rest.slice(at, at + 2);
          at += 2;
        } else if (rest[at] === delimiter) {
          parts.push(part);
          part = "";
          at++;
        } else part += rest[at++];
      }
      if (parts.length < 2) throw new SedError("unterminated `s' command");
      const flags = /^[gpiI]*/.exec(rest.slice(at))?.[0] ?? "";
      rest = rest.slice(at + flags.length);
      const regex = compile(parts[0], `${flags.includes("g") ? "g" : ""}${/i/i.test(flags) ? "i" : ""}`);
      commands.push({
        address,
        action: { kind: "s", regex, replacement: parts[1], global: flags.includes("g"), print: flags.includes("p") },
      });
    } else if (letter === undefined) throw new SedError("missing command");
    else throw new SedError(`\`${letter}': only s, d and p are supported by the lab`);
    const separator = /^\s*(?:[;\n]\s*)?/.exec(rest)?.[0] ?? "";
    if (separator === "" && rest !== "") throw new SedError("extra characters after command");
    rest = rest.slice(separator.length);
  }
  return commands;
}

const sed = withUsage(1, function* (context) {
  const parsed = parseOptions("sed", context.args, {
    short: "nrEe:",
    long: { quiet: { key: "n", value: "none" }, "regexp-extended": { key: "E", value: "none" } },
  });
  const operands = [...parsed.operands];
  const scripts = parsed.options.filter((option) => option.key === "e").map((option) => option.value ?? "");
  if (scripts.length === 0) {
    const first = operands.shift();
    if (first === undefined) {
      context.stderr.write("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
      return 1;
    }
    scripts.push(first);
  }
  let program: SedCommand[];
  try {
    program = scripts.flatMap((script) => parseSed(script, has(parsed, "E") || has(parsed, "r")));
  } catch (error) {
    if (!(error instanceof SedError)) throw error;
    context.stderr.write(`sed: -e expression #1, char ${scripts[0].length}: ${error.message}\n`);
    return 1;
  }
  let status = 0;
  const found = yield* inputs(context, operands, (message) => {
    context.stderr.write(`${message.replace(/: ([^:]+): (.*)$/, ": can't read $1: $2")}\n`);
    status = 2;
  });
  const lines = found.flatMap(({ text }) => linesOf(text));
  lines.forEach((original, index) => {
    let line = original;
    for (const { address, action } of program) {
      if (address !== null) {
        if (
          "regex" in address
            ? !address.regex.test(line)
            : address.line !== (address.line === "$" ? (index === lines.length - 1 ? "$" : "") : index + 1)
        )
          continue;
      }
      if (action.kind === "d") return;
      if (action.kind === "p") context.stdout.write(`${line}\n`);
      else {
        const before = line;
        line = line.replace(action.regex, (...match: unknown[]) => {
          const groups = match.slice(
            0,
            match.findIndex((item) => typeof item === "number"),
          ) as (string | undefined)[];
          return action.replacement.replace(/\\(\d)|\\(.)|&/g, (token, group, letter) => {
            if (token === "&") return groups[0] ?? "";
            if (group !== undefined) return groups[Number(group)] ?? "";
            return letter === "n" ? "\n" : letter === "t" ? "\t" : letter;
          });
        });
        if (action.print && before !== line) context.stdout.write(`${line}\n`);
      }
    }
    if (!has(parsed, "n")) context.stdout.write(`${line}\n`);
  });
  return status;
});

/** How many numbers `seq` prints at once, and how long it rests after so many: `seq 1e20 >/dev/null` is endless. */
const SEQ_AT_ONCE = 200_000;
const SEQ_PAUSE_MICROS = 60_000_000;

const seq: LabCommand = function* (context) {
  const numbers = context.args.map(Number);
  if (numbers.length === 0 || numbers.length > 3 || numbers.some(Number.isNaN)) {
    const wrong = context.args.find((argument) => Number.isNaN(Number(argument)));
    context.stderr.write(
      `seq: ${wrong === undefined ? (numbers.length === 0 ? "missing operand" : `extra operand ‘${context.args[3]}’`) : `invalid floating point argument: ‘${wrong}’`}\nTry 'seq --help' for more information.\n`,
    );
    return 1;
  }
  const from = numbers.length > 1 ? numbers[0] : 1;
  const step = numbers.length > 2 ? numbers[1] : 1;
  const to = numbers[numbers.length - 1];
  if (step === 0) {
    context.stderr.write("seq: invalid Zero increment value: ‘0’\nTry 'seq --help' for more information.\n");
    return 1;
  }
  let printed = 0;
  for (let value = from; step > 0 ? value <= to : value >= to; value += step) {
    if (!context.stdout.write(`${value}\n`)) return 0;
    if (++printed % SEQ_AT_ONCE === 0) yield pauseFor(context.host.clock, SEQ_PAUSE_MICROS);
  }
  return 0;
};

const tee = withUsage(1, function* (context) {
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

/** How long `yes` rests between what it writes: it must not fill the memory before the lab calls it endless. */
const YES_PAUSE_MICROS = 1_000_000;

const yes: LabCommand = function* ({ args, stdout, host }) {
  const line = `${args.length > 0 ? args.join(" ") : "y"}\n`;
  while (stdout.write(line.repeat(64))) yield pauseFor(host.clock, YES_PAUSE_MICROS);
  return 0;
};

const rm: LabCommand = ({ args, host, stderr }) => {
  let status = 0;
  const force = args.includes("-f");
  for (const name of args.filter((argument) => !argument.startsWith("-"))) {
    try {
      host.files.remove(name);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (force) continue;
      stderr.write(`rm: cannot remove '${name}': ${error.message}\n`);
      status = 1;
    }
  }
  return status;
};

export const textTools: Readonly<Record<string, LabCommand>> = {
  cat,
  cut,
  echo,
  egrep: grep,
  fgrep: grep,
  grep,
  head,
  printf,
  rm,
  sed,
  seq,
  sort,
  tail,
  tee,
  tr,
  uniq,
  wc,
  yes,
};
