/**
 * Cuts a script into tokens: operators, newlines, and words with their quotes, parameters and braces. Here-documents
 * are read when the line that announced them ends.
 */
import { type List, ShellSyntaxError, type Word, type WordPart } from "./script.js";

/** A part of a script: `literal` is the text of a word without quotes and expansions. */
export type Token =
  | { readonly kind: "word"; readonly word: Word; readonly literal: string | null }
  | { readonly kind: "operator"; readonly text: string; readonly fd: number | null }
  | { readonly kind: "newline" }
  | { readonly kind: "end" };

/** A here-document that was announced and begins behind the line. */
export interface PendingHereDocument {
  readonly delimiter: string;
  readonly literal: boolean;
  readonly stripTabs: boolean;
  readonly fill: (target: Word) => void;
}

const OPERATORS = [
  "<<<",
  "<<-",
  "&>>",
  "&&",
  "||",
  ";;",
  "<<",
  ">>",
  "<&",
  ">&",
  "&>",
  "<>",
  ">|",
  ";",
  "&",
  "|",
  "(",
  ")",
  "<",
  ">",
];

/** Reads the list of a `$(...)` from behind its parenthesis; `end` is behind the closing one. */
export type ReadSubstitution = (source: string, at: number) => { readonly list: List; readonly end: number };

export class Lexer {
  readonly #source: string;
  readonly #substitution: ReadSubstitution;
  #at: number;
  #hereDocuments: PendingHereDocument[] = [];

  constructor(source: string, at: number, substitution: ReadSubstitution) {
    this.#source = source;
    this.#at = at;
    this.#substitution = substitution;
  }

  /** Where reading stands. */
  get position(): number {
    return this.#at;
  }

  /** A here-document follows the line. */
  await(document: PendingHereDocument): void {
    this.#hereDocuments.push(document);
  }

  /** The next token. */
  next(): Token {
    const source = this.#source;
    for (;;) {
      const c = source[this.#at];
      if (c === " " || c === "\t" || c === "\r") this.#at++;
      else if (c === "\\" && source[this.#at + 1] === "\n") this.#at += 2;
      else if (c === "#") while (this.#at < source.length && source[this.#at] !== "\n") this.#at++;
      else break;
    }
    if (this.#at >= source.length) {
      if (this.#hereDocuments.length > 0) this.#readHereDocuments();
      return { kind: "end" };
    }
    if (source[this.#at] === "\n") {
      this.#at++;
      this.#readHereDocuments();
      return { kind: "newline" };
    }
    const numbered = /^(\d+)(?=[<>])/.exec(source.slice(this.#at, this.#at + 8));
    const start = this.#at + (numbered?.[1].length ?? 0);
    const operator = OPERATORS.find((text) => source.startsWith(text, start));
    if (operator !== undefined) {
      this.#at = start + operator.length;
      return { kind: "operator", text: operator, fd: numbered === null ? null : Number(numbered[1]) };
    }
    const begin = this.#at;
    const parts = this.#parts((c) => " \t\r\n;&|()<>".includes(c), false);
    const word = { parts: braces(parts), source: source.slice(begin, this.#at) };
    const literal = parts.length === 1 && parts[0].kind === "text" && !parts[0].quoted ? parts[0].text : null;
    return { kind: "word", word, literal };
  }

  #readHereDocuments(): void {
    const pending = this.#hereDocuments;
    this.#hereDocuments = [];
    for (const document of pending) {
      let text = "";
      for (;;) {
        if (this.#at >= this.#source.length) break;
        let end = this.#source.indexOf("\n", this.#at);
        if (end < 0) end = this.#source.length;
        let line = this.#source.slice(this.#at, end);
        this.#at = Math.min(end + 1, this.#source.length);
        if (document.stripTabs) line = line.replace(/^\t+/, "");
        if (line === document.delimiter) break;
        text += `${line}\n`;
      }
      document.fill(
        document.literal
          ? { parts: [{ kind: "text", text, quoted: true }], source: text }
          : { parts: new Lexer(text, 0, this.#substitution).#parts(() => false, true, true), source: text },
      );
    }
  }

  /** Reads word parts until `stop` holds for an unquoted character. */
  #parts(stop: (c: string) => boolean, quoted: boolean, hereDocument = false): WordPart[] {
    const source = this.#source;
    const parts: WordPart[] = [];
    let text = "";
    const flush = (): void => {
      if (text !== "") parts.push({ kind: "text", text, quoted });
      text = "";
    };
    while (this.#at < source.length) {
      const c = source[this.#at];
      if (stop(c)) break;
      if (c === "\\") {
        const following = source[this.#at + 1];
        this.#at += 2;
        if (following === undefined) text += "\\";
        else if (following === "\n") continue;
        else if (!quoted) {
          flush();
          parts.push({ kind: "text", text: following, quoted: true });
        } else if ("$`\\".includes(following) || (following === '"' && !hereDocument)) text += following;
        else text += `\\${following}`;
      } else if (c === "'" && !quoted) {
        flush();
        const end = source.indexOf("'", this.#at + 1);
        if (end < 0) throw new ShellSyntaxError("unexpected EOF while looking for matching `''");
        parts.push({ kind: "text", text: source.slice(this.#at + 1, end), quoted: true });
        this.#at = end + 1;
      } else if (c === '"' && !quoted) {
        flush();
        this.#at++;
        const inner = this.#parts((d) => d === '"', true);
        if (source[this.#at] !== '"') throw new ShellSyntaxError("unexpected EOF while looking for matching `\"'");
        this.#at++;
        if (inner.length === 0) parts.push({ kind: "text", text: "", quoted: true });
        parts.push(...inner);
      } else if (c === "$") {
        const part = this.#dollar(quoted);
        if (part === null) {
          text += "$";
          this.#at++;
        } else {
          flush();
          parts.push(part);
        }
      } else if (c === "`") {
        throw new ShellSyntaxError("`...`: not supported by the lab's shell; use $(...)");
      } else {
        text += c;
        this.#at++;
      }
    }
    flush();
    return parts;
  }

  #dollar(quoted: boolean): WordPart | null {
    const source = this.#source;
    const rest = source.slice(this.#at + 1);
    if (rest.startsWith("((")) throw new ShellSyntaxError("$((...)): arithmetic is not supported by the lab's shell");
    if (rest.startsWith("(")) {
      const { list, end } = this.#substitution(source, this.#at + 2);
      this.#at = end;
      return { kind: "substitution", script: list, quoted };
    }
    if (rest.startsWith("'") && !quoted) {
      const match = /^'((?:[^'\\]|\\.)*)'/s.exec(rest);
      if (match === null) throw new ShellSyntaxError("unexpected EOF while looking for matching `''");
      this.#at += 1 + match[0].length;
      const text = match[1].replace(/\\(.)/gs, (_, c: string) => ({ n: "\n", t: "\t", r: "\r" })[c] ?? c);
      return { kind: "text", text, quoted: true };
    }
    const simple = /^(?:[A-Za-z_]\w*|[?!$#@*0-9])/.exec(rest);
    if (simple !== null) {
      this.#at += 1 + simple[0].length;
      return { kind: "parameter", name: simple[0], fallback: null, length: false, quoted };
    }
    if (!rest.startsWith("{")) return null;
    const braced = /^\{(#?)([A-Za-z_]\w*|[?!$#@*0-9])(:-|\})/.exec(rest);
    if (braced === null) {
      const whole = /^\{[^}]*\}?/.exec(rest)?.[0] ?? "{";
      throw new ShellSyntaxError(`$${whole}: this expansion is not supported by the lab's shell`);
    }
    this.#at += 1 + braced[0].length;
    let fallback: Word | null = null;
    if (braced[3] === ":-") {
      const begin = this.#at;
      const parts = this.#parts((c) => c === "}", quoted);
      if (source[this.#at] !== "}") throw new ShellSyntaxError("unexpected EOF while looking for matching `}'");
      fallback = { parts, source: source.slice(begin, this.#at) };
      this.#at++;
    }
    return { kind: "parameter", name: braced[2], fallback, length: braced[1] === "#", quoted };
  }
}

/** Finds `{a,b}` and `{1..5}` in unquoted text. */
function braces(parts: readonly WordPart[]): WordPart[] {
  return parts.flatMap((part): WordPart[] => {
    if (part.kind !== "text" || part.quoted) return [part];
    const found: WordPart[] = [];
    let rest = part.text;
    for (;;) {
      const match = /\{(?:(-?\d+)\.\.(-?\d+)|([^{}]*,[^{}]*))\}/.exec(rest);
      if (match === null) break;
      if (match.index > 0) found.push({ kind: "text", text: rest.slice(0, match.index), quoted: false });
      found.push({ kind: "braces", alternatives: match[3]?.split(",") ?? range(Number(match[1]), Number(match[2])) });
      rest = rest.slice(match.index + match[0].length);
    }
    if (rest !== "" || found.length === 0) found.push({ kind: "text", text: rest, quoted: false });
    return found;
  });
}

function range(from: number, to: number): string[] {
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => String(from + i * step));
}
