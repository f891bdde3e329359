/**
 * Reads the shell's language into a tree: lists, pipelines, redirections, here-documents, quotes, expansions, `for`,
 * `while`, `if`, groups and subshells, as POSIX and bash have them. Functions, `case`, `[[`, arrays, arithmetic and
 * aliases are not supported, and are refused by name.
 */

import { Lexer, type Token } from "./lexer.js";
import {
  type AndOr,
  type List,
  type Pipeline,
  type Redirection,
  type ShellCommand,
  ShellSyntaxError,
  type Word,
  type WordPart,
} from "./script.js";

/** Reads a script. Throws {@link ShellSyntaxError}. */
export function parseShell(source: string): List {
  const parser = new Parser(source, 0);
  const list = parser.list([]);
  parser.expectEnd();
  return list;
}

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
  readonly #lexer: Lexer;
  #peeked: Token | null = null;

  constructor(source: string, at: number) {
    this.#lexer = new Lexer(source, at, (text, from) => new Parser(text, from).substitution());
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
    return { list, end: this.#lexer.position };
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
    this.#peeked ??= this.#lexer.next();
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
        this.#lexer.await({
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
}

function splitAssignment(word: Word): { name: string; value: Word } | null {
  const first = word.parts[0];
  if (first?.kind !== "text" || first.quoted) return null;
  const match = /^([A-Za-z_]\w*)=/.exec(first.text);
  if (match === null) return null;
  const parts: WordPart[] = [{ ...first, text: first.text.slice(match[0].length) }, ...word.parts.slice(1)];
  return { name: match[1], value: { parts, source: word.source.slice(match[0].length) } };
}
