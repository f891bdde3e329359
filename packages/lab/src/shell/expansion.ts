/** What words become before a command sees them: parameters, command substitution, braces, splitting at white space. */
import type { ShellProcess } from "./control.js";
import type { List, Word } from "./script.js";

/** Where words get their values. */
export interface Values {
  /** Of a variable or of `$?`, `$$`, ...; empty where there is none. */
  parameter(name: string): string;
  /** What a script writes, without the newlines at its end. */
  output(script: List): ShellProcess<string>;
}

/** The words that words expand to. */
export function* expandAll(words: readonly Word[], values: Values): ShellProcess<string[]> {
  const all: string[] = [];
  for (const word of words) all.push(...(yield* expand(word, values)));
  return all;
}

/** Expands without splitting: assignments, redirections, here-strings. */
export function* expandToText(word: Word, values: Values): ShellProcess<string> {
  let text = "";
  for (const part of word.parts) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "parameter") text += yield* parameter(part, values);
    else if (part.kind === "substitution") text += yield* values.output(part.script);
    else text += `{${part.alternatives.join(",")}}`;
  }
  return text;
}

function* expand(word: Word, values: Values): ShellProcess<string[]> {
  // Each alternative of a brace expansion makes a word of its own; unquoted expansions split at white space.
  let fields: (string | null)[] = [null];
  const append = (text: string): void => {
    fields = fields.map((field) => (field ?? "") + text);
  };
  const done: string[] = [];
  for (const part of word.parts) {
    if (part.kind === "text") append(part.text);
    else if (part.kind === "braces")
      fields = fields.flatMap((field) => part.alternatives.map((alternative) => (field ?? "") + alternative));
    else {
      const text = part.kind === "parameter" ? yield* parameter(part, values) : yield* values.output(part.script);
      if (part.quoted) {
        append(text);
        continue;
      }
      if (text === "") continue;
      const pieces = text.split(/[ \t\n]+/);
      pieces.forEach((piece, index) => {
        if (index > 0) {
          done.push(...fields.filter((field) => field !== null));
          fields = [null];
        }
        if (piece !== "") append(piece);
      });
    }
  }
  done.push(...fields.filter((field) => field !== null));
  return done;
}

function* parameter(
  part: { readonly name: string; readonly fallback: Word | null; readonly length: boolean },
  values: Values,
): ShellProcess<string> {
  let value = values.parameter(part.name);
  if (value === "" && part.fallback !== null) value = yield* expandToText(part.fallback, values);
  return part.length ? String(value.length) : value;
}
