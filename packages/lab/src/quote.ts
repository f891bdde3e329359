/** Words for the shell: what a template's interpolations become. */

/** A value as one word that the shell reads back unchanged. */
export function quoteWord(value: unknown): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * The script of a tagged template: the text as typed, interpolations quoted as one word each (an array: one word for
 * each element). `\`` and `\${` stand for a backquote and a dollar brace.
 */
export function scriptOf(script: TemplateStringsArray | string, values: readonly unknown[]): string {
  if (typeof script === "string") return script;
  let text = "";
  script.raw.forEach((piece, index) => {
    text += piece.replaceAll("\\`", "`").replaceAll("\\${", "${");
    if (index >= values.length) return;
    const value = values[index];
    text += Array.isArray(value) ? value.map(quoteWord).join(" ") : quoteWord(value);
  });
  return text;
}
