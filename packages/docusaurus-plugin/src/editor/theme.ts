/**
 * The page's code colours in the editor: from the same Prism theme that colours the code blocks, so that a cell looks
 * the same before and while it is edited, in light and in dark.
 */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { type Tag, tags } from "@lezer/highlight";

/** A Prism theme, as far as it is used. */
export interface CodeTheme {
  readonly plain: { readonly color?: string; readonly backgroundColor?: string };
  readonly styles: readonly {
    readonly types: readonly string[];
    readonly style: { readonly color?: string; readonly fontStyle?: string; readonly fontWeight?: string };
  }[];
}

/** Which of the editor's tags are what Prism calls a token of that name. */
const tokens: readonly (readonly [prism: string, tags: readonly Tag[]])[] = [
  ["variable", [tags.variableName, tags.definition(tags.variableName), tags.labelName]],
  ["property", [tags.propertyName, tags.definition(tags.propertyName)]],
  ["comment", [tags.comment]],
  ["keyword", [tags.keyword, tags.modifier, tags.self, tags.null, tags.operatorKeyword]],
  ["builtin", [tags.standard(tags.typeName)]],
  ["string", [tags.string]],
  ["template-string", [tags.special(tags.string)]],
  ["regex", [tags.regexp]],
  ["number", [tags.number]],
  ["boolean", [tags.bool]],
  [
    "function",
    [
      tags.function(tags.variableName),
      tags.function(tags.definition(tags.variableName)),
      tags.function(tags.propertyName),
      tags.function(tags.definition(tags.propertyName)),
    ],
  ],
  ["class-name", [tags.typeName, tags.className, tags.definition(tags.className), tags.namespace]],
  ["punctuation", [tags.punctuation, tags.bracket, tags.separator, tags.derefOperator]],
  ["operator", [tags.operator, tags.definitionOperator, tags.typeOperator]],
];

/** The editor's colours. */
export function editorTheme(theme: CodeTheme, dark: boolean): Extension {
  const styleOf = (token: string): CodeTheme["styles"][number]["style"] =>
    Object.assign({}, ...theme.styles.filter(({ types }) => types.includes(token)).map(({ style }) => style));
  const highlight = HighlightStyle.define(
    tokens.map(([token, tag]) => ({ tag, color: theme.plain.color ?? "inherit", ...styleOf(token) })),
  );
  const view = EditorView.theme(
    {
      "&": { color: theme.plain.color ?? "inherit", backgroundColor: theme.plain.backgroundColor ?? "transparent" },
      ".cm-content": { caretColor: theme.plain.color ?? "currentcolor" },
      ".cm-cursor": { borderLeftColor: theme.plain.color ?? "currentcolor" },
    },
    { dark },
  );
  return [view, syntaxHighlighting(highlight)];
}

/** What does not depend on the colours. */
export const editorLayout: Extension = EditorView.theme({
  "&": { borderRadius: "var(--ifm-pre-border-radius, 8px)" },
  "&.cm-focused": { outline: "2px solid var(--ifm-color-primary)", outlineOffset: "1px" },
  ".cm-scroller": {
    fontFamily: "var(--ifm-font-family-monospace)",
    lineHeight: "var(--ifm-pre-line-height, 1.55)",
    overflowX: "auto",
  },
  ".cm-content": { padding: "var(--ifm-pre-padding, 1rem) 0" },
  ".cm-line": { padding: "0 var(--ifm-pre-padding, 1rem)" },
  ".cm-tooltip": {
    maxWidth: "min(40rem, calc(100vw - 2rem))",
    border: "1px solid var(--ifm-toc-border-color)",
    borderRadius: "6px",
    backgroundColor: "var(--ifm-background-surface-color)",
    color: "var(--ifm-font-color-base)",
    boxShadow: "0 6px 20px rgb(0 0 0 / 18%)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "var(--ifm-font-family-monospace)",
    fontSize: "0.82rem",
    maxHeight: "14em",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.15rem 0.5rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--ifm-color-primary)",
    color: "var(--ifm-background-color)",
  },
  ".cm-diagnostic": { whiteSpace: "pre-wrap", fontSize: "0.85rem" },
  ".nb-explanation": { padding: "0.5rem 0.75rem", maxHeight: "18rem", overflow: "auto", fontSize: "0.85rem" },
  ".nb-explanation pre": {
    margin: "0",
    padding: "0",
    background: "none",
    color: "inherit",
    fontSize: "0.8rem",
    whiteSpace: "pre-wrap",
  },
  ".nb-explanation p": { margin: "0.5rem 0 0" },
});
