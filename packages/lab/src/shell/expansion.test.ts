import { describe, expect, it } from "vitest";
import type { ShellProcess } from "./control.js";
import { expandAll, expandToText, type Values } from "./expansion.js";
import { ShellSyntaxError, type Word } from "./script.js";
import { parseShell } from "./syntax.js";

const VALUES: Values = {
  parameter: (name) => ({ a: "one", sp: " x  y ", "?": "7" })[name] ?? "",
  // biome-ignore lint/correctness/useYield: nothing is waited for
  *output(script): ShellProcess<string> {
    return script.items.length === 0 ? "" : "p q";
  },
};

/** The words of a script that is one command. */
function wordsOf(script: string): readonly Word[] {
  const [command] = parseShell(script).items[0].first.commands;
  if (command.kind !== "simple") throw new Error("not a simple command");
  return command.words;
}

function value<T>(process: ShellProcess<T>): T {
  const result = process.next();
  if (result.done !== true) throw new Error("waits");
  return result.value;
}

describe("what words become", () => {
  it.each<[string, string[]]>([
    ["echo $a", ["echo", "one"]],
    [`'$a' "$a" \\$a`, ["$a", "one", "$a"]],
    ["$sp", ["x", "y"]],
    ['"$sp"', [" x  y "]],
    ["v${sp}w", ["v", "x", "y", "w"]],
    ['$none "" "$none"', ["", ""]],
    ["${none:-$a} ${#a} $?", ["one", "3", "7"]],
    ["$(cmd)z", ["p", "qz"]],
    ["{1..3} x{a,b}y {3..1}", ["1", "2", "3", "xay", "xby", "3", "2", "1"]],
    ["$'a\\tb'", ["a\tb"]],
  ])("%s", (script, expected) => {
    expect(value(expandAll(wordsOf(script), VALUES))).toEqual(expected);
  });

  it("an assignment's value is not split, and keeps its braces", () => {
    expect(value(expandToText(wordsOf("$sp{a,b}")[0], VALUES))).toBe(" x  y {a,b}");
  });
});

describe("what bash cannot read either", () => {
  it.each([
    ["if true; then", "syntax error: unexpected end of file"],
    ["echo )", "syntax error near unexpected token `)'"],
    ["echo 'a", "unexpected EOF while looking for matching `''"],
    ["echo $(cat", "unexpected EOF while looking for matching `)'"],
    ["a && || b", "syntax error near unexpected token `||'"],
    ["for 1 in a; do :; done", "`1': not a valid identifier"],
  ])("%s", (script, message) => {
    expect(() => parseShell(script)).toThrow(new ShellSyntaxError(message));
  });
});
