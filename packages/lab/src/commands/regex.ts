/** POSIX regular expressions in terms of JavaScript's. Matches are leftmost-first, not leftmost-longest. */

/** An expression that cannot be read; the message is grep's. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

const CLASSES: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "A-Za-z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: "\\s",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  xdigit: "A-Fa-f0-9",
};

/** In a basic expression `\(`, `\|`, `\{`, `\+`, `\?` are the operators; in an extended one the plain characters. */
export function basicToExtended(pattern: string): string {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\" && i + 1 < pattern.length) {
      const next = pattern[++i];
      out += "(){}|+?".includes(next) ? next : `\\${next}`;
    } else if (c === "[") {
      const bracket = bracketAt(pattern, i);
      out += bracket;
      i += bracket.length - 1;
    } else if ("(){}|+?".includes(c)) out += `\\${c}`;
    else if (c === "*" && (out === "" || out === "^")) out += "\\*";
    else if (c === "^" && i > 0 && !/[(|]$/.test(out)) out += "\\^";
    else if (c === "$" && i < pattern.length - 1 && !/^\\[)|]/.test(pattern.slice(i + 1))) out += "\\$";
    else out += c;
  }
  return out;
}

/** A bracket expression beginning at `at`, whole. */
function bracketAt(pattern: string, at: number): string {
  let i = at + 1;
  if (pattern[i] === "^") i++;
  if (pattern[i] === "]") i++;
  while (i < pattern.length && pattern[i] !== "]") {
    if (pattern[i] === "[" && pattern[i + 1] === ":") i = pattern.indexOf(":]", i) + 1;
    if (i <= 0) break;
    i++;
  }
  if (i <= 0 || i >= pattern.length) throw new RegexError("Unmatched [, [^, [:, [., or [=");
  return pattern.slice(at, i + 1);
}

/** A POSIX extended expression as JavaScript source. */
export function translateExtended(pattern: string): string {
  let out = "";
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "[") {
      const bracket = bracketAt(pattern, i);
      i += bracket.length - 1;
      const negated = bracket[1] === "^";
      const body = bracket
        .slice(negated ? 2 : 1, -1)
        .replace(/\[:(\w+):\]|[\\\][]/g, (whole, name: string | undefined) =>
          name === undefined ? `\\${whole}` : (CLASSES[name] ?? whole),
        );
      out += `[${negated ? "^" : ""}${body}]`;
    } else if (c === "\\") {
      const next = pattern[++i];
      if (next === undefined) throw new RegexError("Trailing backslash");
      if (next === "<") out += "\\b(?=\\w)";
      else if (next === ">") out += "\\b(?<=\\w)";
      else if (/[wWsSbB1-9]/.test(next)) out += `\\${next}`;
      else out += /[A-Za-z0-9]/.test(next) ? next : `\\${next}`;
    } else {
      if (c === "(") depth++;
      if (c === ")" && --depth < 0) throw new RegexError("Unmatched ) or \\)");
      out += c === "{" && !/^\{\d+(,\d*)?\}|^\{,\d+\}/.test(pattern.slice(i)) ? "\\{" : c;
    }
  }
  if (depth > 0) throw new RegexError("Unmatched ( or \\(");
  return out;
}
