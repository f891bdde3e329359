/** What Mermaid sources need to say any text safely. */

/**
 * Text for a quoted Mermaid label or a message: characters that end or change the statement become entities
 * (`#quot;`), which Mermaid turns back.
 */
export function mermaidText(text: string): string {
  return text.replace(/[#;"<>{}[\]()`|&]/g, (character) => `#${character.codePointAt(0)};`).replace(/[\r\n]+/g, " ");
}
