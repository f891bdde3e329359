/**
 * Reads the shell's language into a tree: lists, pipelines, redirections, here-documents, quotes, expansions, `for`,
 * `while`, `if`, groups and subshells, as POSIX and bash have them. Functions, `case`, `[[`, arrays, arithmetic and
 * aliases are not supported, and are refused by name.
 */

export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: "parameter";
      readonly name: string;
      /** The word after `:-`, or null. */
      readonly fallback: Word | null;
      readonly length: boolean;
      readonly quoted: boolean;
    }
  | { readonly kind: "substitution"; readonly script: List; readonly quoted: boolean }
  | { readonly kind: "braces"; readonly alternatives: readonly string[] };

export interface Word {
  readonly parts: readonly WordPart[];
  /** The word as it was written. */
  readonly source: string;
}

export interface Redirection {
  readonly fd: number;
  readonly kind: "<" | ">" | ">>" | "<<<" | "here" | "dup";
  /** File, here-string, here-document or the number of the descriptor to copy. */
  readonly target: Word;
}

export type ShellCommand =
  | {
      readonly kind: "simple";
      readonly assignments: readonly { readonly name: string; readonly value: Word }[];
      readonly words: readonly Word[];
      readonly redirections: readonly Redirection[];
    }
  | { readonly kind: "subshell"; readonly body: List; readonly redirections: readonly Redirection[] }
  | { readonly kind: "group"; readonly body: List; readonly redirections: readonly Redirection[] }
  | {
      readonly kind: "for";
      readonly name: string;
      readonly words: readonly Word[];
      readonly body: List;
      readonly redirections: readonly Redirection[];
    }
  | {
      readonly kind: "while";
      readonly until: boolean;
      readonly condition: List;
      readonly body: List;
      readonly redirections: readonly Redirection[];
    }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly condition: List; readonly body: List }[];
      readonly otherwise: List | null;
      readonly redirections: readonly Redirection[];
    };

export interface Pipeline {
  readonly negated: boolean;
  readonly commands: readonly ShellCommand[];
}

export interface AndOr {
  readonly first: Pipeline;
  readonly rest: readonly { readonly operator: "&&" | "||"; readonly pipeline: Pipeline }[];
  readonly background: boolean;
}

export interface List {
  readonly items: readonly AndOr[];
}

/** A script that cannot be read; the message is bash's, without the leading `bash: `. */
export class ShellSyntaxError extends Error {
  override readonly name = "ShellSyntaxError";
}

/** Reads a script. Throws {@link ShellSyntaxError}. */
export function parseShell(source: string): List {
  const parser = new Parser(source, 0);
  const list = parser.list([]);
  parser.expectEnd();
  return list;
}

type Token =
  | { readonly kind: "word"; readonly word: Word; readonly literal: string | null }
  | { readonly kind: "operator"; readonly text: string; readonly fd: number | null }
  | { readonly kind: "newline" }
  | { readonly kind: "end" };

interface PendingHereDocument {
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
const UNSUPPORTED_WORDS: ReadonlyMap<string, string> = new Map([
  ["case", "case"],
  ["select", "select"],
  ["function", "functions"],
  ["[[", "[[ (use [ ... ])"],
  ["time", "time"],
  ["coproc", "coproc"],
]);
const RESERVED = new Set(["then", "do", "done", "fi", "else", "elif", "}", "in"]);

class Parser {
  readonly #source: string;
  #at: number;
  #peeked: Token | null = null;
  #hereDocuments: PendingHereDocument[] = [];

  constructor(source: string, at: number) {
    this.#source = source;
    this.#at = at;
  }

  /** Where reading stands; a peeked token counts as read. */
  get position(): number {
    return this.#at;
  }

  /** Reads up to the end, an unmatched `)`, or one of the reserved words in `stops`. */
  list(stops: readonly string[]): List {
    const items: AndOr[] = [];
    for (;;) {
      while (this.#peek().kind === "newline") this.#next();
      const token = this.#peek();
      if (token.kind === "end" || this.#isOperator(token, ")")) break;
      if (token.kind === "word" && token.literal !== null && stops.includes(token.literal)) break;
      const item = this.#andOr();
      const after = this.#peek();
      if (this.#isOperator(after, "&")) {
        this.#next();
        items.push({ ...item, background: true });
        continue;
      }
      items.push(item);
      if (this.#isOperator(after, ";")) {
        this.#next();
        continue;
      }
      if (after.kind === "newline") continue;
      break;
    }
    return { items };
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== "end") throw this.#unexpected(token);
  }

  /** After a `$(`: reads the list and its `)`. */
  substitution(): { list: List; end: number } {
    const list = this.list([]);
    const token = this.#next();
    if (!this.#isOperator(token, ")"))
      throw token.kind === "end"
        ? new ShellSyntaxError("unexpected EOF while looking for matching `)'")
        : this.#unexpected(token);
    return { list, end: this.#at };
  }

  #isOperator(token: Token, text: string): boolean {
    return token.kind === "operator" && token.text === text;
  }

  #unexpected(token: Token): ShellSyntaxError {
    if (token.kind === "end") return new ShellSyntaxError("syntax error: unexpected end of file");
    const text = token.kind === "newline" ? "newline" : token.kind === "operator" ? token.text : token.word.source;
    return new ShellSyntaxError(`syntax error near unexpected token \`${text}'`);
  }

  #peek(): Token {
    this.#peeked ??= this.#lex();
    return this.#peeked;
  }

  #next(): Token {
    const token = this.#peek();
    this.#peeked = null;
    return token;
  }

  #skipNewlines(): void {
    while (this.#peek().kind === "newline") this.#next();
  }

  #andOr(): AndOr {
    const first = this.#pipeline();
    const rest: { operator: "&&" | "||"; pipeline: Pipeline }[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind !== "operator" || (token.text !== "&&" && token.text !== "||")) break;
      this.#next();
      this.#skipNewlines();
      rest.push({ operator: token.text, pipeline: this.#pipeline() });
    }
    return { first, rest, background: false };
  }

  #pipeline(): Pipeline {
    let negated = false;
    let token = this.#peek();
    while (token.kind === "word" && token.literal === "!") {
      negated = !negated;
      this.#next();
      token = this.#peek();
    }
    const commands = [this.#command()];
    while (this.#isOperator(this.#peek(), "|")) {
      this.#next();
      this.#skipNewlines();
      commands.push(this.#command());
    }
    return { negated, commands };
  }

  #command(): ShellCommand {
    const token = this.#peek();
    if (token.kind === "end" || token.kind === "newline") throw this.#unexpected(token);
    if (token.kind === "operator") {
      if (token.text === "(") {
        this.#next();
        const body = this.list([]);
        if (body.items.length === 0) throw this.#unexpected(this.#peek());
        const close = this.#next();
        if (!this.#isOperator(close, ")")) throw this.#unexpected(close);
        return { kind: "subshell", body, redirections: this.#redirections() };
      }
      if (!/^\d?[<>]|^&>/.test(token.text)) throw this.#unexpected(token);
    } else {
      const unsupported = token.literal === null ? undefined : UNSUPPORTED_WORDS.get(token.literal);
      if (unsupported !== undefined) throw new ShellSyntaxError(`${unsupported}: not supported by the lab's shell`);
      switch (token.literal) {
        case "{": {
          this.#next();
          const body = this.#body(["}"]);
          this.#word("}");
          return { kind: "group", body, redirections: this.#redirections() };
        }
        case "for":
          return this.#for();
        case "while":
        case "until": {
          this.#next();
          const condition = this.#body(["do"]);
          this.#word("do");
          const body = this.#body(["done"]);
          this.#word("done");
          return {
            kind: "while",
            until: token.literal === "until",
            condition,
            body,
            redirections: this.#redirections(),
          };
        }
        case "if":
          return this.#if();
        default:
          if (token.literal !== null && RESERVED.has(token.literal) && token.literal !== "in")
            throw this.#unexpected(token);
      }
    }
    return this.#simple();
  }

  #body(stops: readonly string[]): List {
    const body = this.list(stops);
    if (body.items.length === 0) throw this.#unexpected(this.#peek());
    return body;
  }

  #word(literal: string): void {
    const token = this.#next();
    if (token.kind !== "word" || token.literal !== literal) throw this.#unexpected(token);
  }

  #for(): ShellCommand {
    this.#next();
    const name = this.#next();
    if (name.kind !== "word") throw this.#unexpected(name);
    if (name.literal === null || !/^[A-Za-z_]\w*$/.test(name.literal))
      throw new ShellSyntaxError(`\`${name.word.source}': not a valid identifier`);
    this.#skipNewlines();
    this.#word("in");
    const words: Word[] = [];
    for (;;) {
      const token = this.#next();
      if (token.kind === "word") words.push(token.word);
      else if (token.kind === "newline" || this.#isOperator(token, ";")) break;
      else throw this.#unexpected(token);
    }
    this.#skipNewlines();
    this.#word("do");
    const body = this.#body(["done"]);
    this.#word("done");
    return { kind: "for", name: name.literal, words, body, redirections: this.#redirections() };
  }

  #if(): ShellCommand {
    this.#next();
    const branches: { condition: List; body: List }[] = [];
    let otherwise: List | null = null;
    for (;;) {
      const condition = this.#body(["then"]);
      this.#word("then");
      branches.push({ condition, body: this.#body(["elif", "else", "fi"]) });
      const token = this.#next();
      if (token.kind !== "word") throw this.#unexpected(token);
      if (token.literal === "elif") continue;
      if (token.literal === "else") {
        otherwise = this.#body(["fi"]);
        this.#word("fi");
      }
      return { kind: "if", branches, otherwise, redirections: this.#redirections() };
    }
  }

  #redirections(): Redirection[] {
    const all: Redirection[] = [];
    while (this.#redirection(all));
    return all;
  }

  #redirection(into: Redirection[]): boolean {
    const token = this.#peek();
    if (token.kind !== "operator" || !/^(<|>|&>)/.test(token.text)) return false;
    this.#next();
    const { text } = token;
    const target = this.#next();
    if (target.kind !== "word") throw this.#unexpected(target);
    const fd = token.fd ?? (text.startsWith("<") ? 0 : 1);
    if (fd > 2) throw new ShellSyntaxError(`${fd}: file descriptors above 2 are not supported by the lab's shell`);
    const both = (kind: ">" | ">>"): void => {
      into.push({ fd: 1, kind, target: target.word });
      into.push({ fd: 2, kind: "dup", target: { parts: [{ kind: "text", text: "1", quoted: false }], source: "1" } });
    };
    switch (text) {
      case "<":
      case ">>":
      case "<<<":
        into.push({ fd, kind: text, target: target.word });
        return true;
      case ">":
      case ">|":
        into.push({ fd, kind: ">", target: target.word });
        return true;
      case "&>":
        both(">");
        return true;
      case "&>>":
        both(">>");
        return true;
      case ">&":
      case "<&":
        into.push({ fd, kind: "dup", target: target.word });
        return true;
      case "<<":
      case "<<-": {
        const index = into.length;
        into.push({ fd, kind: "here", target: target.word });
        const literal = target.word.parts.some((part) => part.kind === "text" && part.quoted);
        const delimiter = target.word.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
        this.#hereDocuments.push({
          delimiter,
          literal,
          stripTabs: text === "<<-",
          fill: (word) => {
            into[index] = { fd, kind: "here", target: word };
          },
        });
        return true;
      }
      default:
        throw new ShellSyntaxError(`${text}: not supported by the lab's shell`);
    }
  }

  #simple(): ShellCommand {
    const assignments: { name: string; value: Word }[] = [];
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      if (this.#redirection(redirections)) continue;
      const token = this.#peek();
      if (token.kind !== "word") {
        if (this.#isOperator(token, "(") && words.length === 1)
          throw new ShellSyntaxError("functions: not supported by the lab's shell");
        if (this.#isOperator(token, "(")) throw this.#unexpected(token);
        break;
      }
      this.#next();
      const assignment = words.length === 0 ? splitAssignment(token.word) : null;
      if (assignment === null) words.push(token.word);
      else assignments.push(assignment);
    }
    return { kind: "simple", assignments, words, redirections };
  }

  #lex(): Token {
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
          : { parts: new Parser(text, 0).#parts(() => false, true, true), source: text },
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
      const { list, end } = new Parser(source, this.#at + 2).substitution();
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

function splitAssignment(word: Word): { name: string; value: Word } | null {
  const first = word.parts[0];
  if (first?.kind !== "text" || first.quoted) return null;
  const match = /^([A-Za-z_]\w*)=/.exec(first.text);
  if (match === null) return null;
  const parts: WordPart[] = [{ ...first, text: first.text.slice(match[0].length) }, ...word.parts.slice(1)];
  return { name: match[1], value: { parts, source: word.source.slice(match[0].length) } };
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
