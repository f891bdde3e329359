/** `tr`: translates, deletes and squeezes characters. */
import type { LabCommand } from "../../environment.js";
import { readAll } from "../../streams.js";
import { parseOptions } from "../getopt.js";
import { unescape } from "./escapes.js";
import { has, withUsage } from "./tool.js";

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

export const tr: LabCommand = withUsage(1, function* (context) {
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
