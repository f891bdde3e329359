/**
 * Terminal text as styled runs. Models the part of ECMA-48 that command-line tools use to colour their output (SGR) and
 * the carriage return of a progress line; every other escape sequence is dropped. Needs no DOM, so that a page can be
 * rendered on the server and a live cell can use it in the browser.
 */

/** A run of text in one style. */
export interface AnsiRun {
  readonly text: string;
  /** Class names such as `ansi-red`, `ansi-bg-blue`, `ansi-bold`, separated by spaces; empty for plain text. */
  readonly className: string;
  /** Colours beyond the sixteen named ones, as CSS; `undefined` for most text. */
  readonly style: { readonly color?: string; readonly backgroundColor?: string } | undefined;
}

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

interface Pen {
  foreground: string | undefined;
  background: string | undefined;
  readonly attributes: Set<string>;
}

/** Splits terminal text into runs of one style. Adjacent runs differ; joined, they are the text without its escapes. */
export function ansiRuns(text: string): AnsiRun[] {
  const runs: AnsiRun[] = [];
  const pen: Pen = { foreground: undefined, background: undefined, attributes: new Set() };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character
  const escape = /\x1b(?:\[([0-9;:]*)m|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
  const flat = overwrite(text);
  let from = 0;
  for (const match of flat.matchAll(escape)) {
    push(runs, flat.slice(from, match.index), pen);
    if (match[1] !== undefined) applySgr(match[1], pen);
    from = match.index + match[0].length;
  }
  push(runs, flat.slice(from), pen);
  return runs;
}

/** The text without any escape sequence. */
export function stripAnsi(text: string): string {
  return ansiRuns(text)
    .map((run) => run.text)
    .join("");
}

/** A carriage return that no newline follows starts the line again: only what was written last stays. */
function overwrite(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .replace(/\r+\n/g, "\n")
    .split("\n")
    .map((line) => line.slice(line.lastIndexOf("\r", line.length - 2) + 1).replace(/\r$/, ""))
    .join("\n");
}

function push(runs: AnsiRun[], text: string, pen: Pen): void {
  if (text === "") return;
  const classes = [...pen.attributes].map((attribute) => `ansi-${attribute}`);
  const style: { color?: string; backgroundColor?: string } = {};
  if (pen.foreground?.startsWith("rgb") === true) style.color = pen.foreground;
  else if (pen.foreground !== undefined) classes.push(`ansi-${pen.foreground}`);
  if (pen.background?.startsWith("rgb") === true) style.backgroundColor = pen.background;
  else if (pen.background !== undefined) classes.push(`ansi-bg-${pen.background}`);
  const className = classes.sort().join(" ");
  const styled = style.color === undefined && style.backgroundColor === undefined ? undefined : style;
  const last = runs.at(-1);
  if (last !== undefined && last.className === className && JSON.stringify(last.style) === JSON.stringify(styled)) {
    runs[runs.length - 1] = { text: last.text + text, className, style: styled };
  } else {
    runs.push({ text, className, style: styled });
  }
}

const set: Readonly<Record<number, string>> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  9: "strike",
};
const clear: Readonly<Record<number, readonly string[]>> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
};

function applySgr(parameters: string, pen: Pen): void {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index];
    if (code === 0) {
      pen.foreground = undefined;
      pen.background = undefined;
      pen.attributes.clear();
    } else if (set[code] !== undefined) pen.attributes.add(set[code]);
    else if (clear[code] !== undefined) for (const attribute of clear[code]) pen.attributes.delete(attribute);
    else if (code >= 30 && code <= 37) pen.foreground = names[code - 30];
    else if (code >= 90 && code <= 97) pen.foreground = `bright-${names[code - 90]}`;
    else if (code >= 40 && code <= 47) pen.background = names[code - 40];
    else if (code >= 100 && code <= 107) pen.background = `bright-${names[code - 100]}`;
    else if (code === 39) pen.foreground = undefined;
    else if (code === 49) pen.background = undefined;
    else if (code === 38 || code === 48) {
      const colour = extendedColour(codes, index + 1);
      if (code === 38) pen.foreground = colour.name;
      else pen.background = colour.name;
      index += colour.used;
    }
  }
}

/** `5;n` (the 256-colour palette) or `2;r;g;b`. */
function extendedColour(codes: readonly number[], at: number): { name: string | undefined; used: number } {
  if (codes[at] === 2) {
    const [red = 0, green = 0, blue = 0] = codes.slice(at + 1, at + 4);
    return { name: `rgb(${red}, ${green}, ${blue})`, used: 4 };
  }
  if (codes[at] !== 5) return { name: undefined, used: 0 };
  const index = codes[at + 1] ?? 0;
  if (index < 8) return { name: names[index], used: 2 };
  if (index < 16) return { name: `bright-${names[index - 8]}`, used: 2 };
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return { name: `rgb(${grey}, ${grey}, ${grey})`, used: 2 };
  }
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  const [red, green, blue] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level);
  return { name: `rgb(${red}, ${green}, ${blue})`, used: 2 };
}
