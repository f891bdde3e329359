/** Code colours. Every one has a contrast of at least 4.5 to 1 on its background, in both themes (axe checks). */
import type { PrismTheme } from "prism-react-renderer";

interface Palette {
  readonly text: string;
  readonly background: string;
  readonly comment: string;
  readonly keyword: string;
  readonly string: string;
  readonly number: string;
  readonly function: string;
  readonly type: string;
  readonly punctuation: string;
}

function theme(palette: Palette): PrismTheme {
  return {
    plain: { color: palette.text, backgroundColor: palette.background },
    styles: [
      { types: ["comment", "prolog", "doctype", "cdata"], style: { color: palette.comment, fontStyle: "italic" } },
      { types: ["keyword", "atrule", "important", "builtin", "module"], style: { color: palette.keyword } },
      {
        types: ["string", "char", "attr-value", "template-string", "regex", "inserted"],
        style: { color: palette.string },
      },
      { types: ["number", "boolean", "constant", "deleted"], style: { color: palette.number } },
      { types: ["function", "attr-name"], style: { color: palette.function } },
      { types: ["class-name", "maybe-class-name", "tag", "symbol"], style: { color: palette.type } },
      { types: ["punctuation", "operator", "interpolation-punctuation"], style: { color: palette.punctuation } },
      { types: ["variable", "property", "parameter", "property-access"], style: { color: palette.text } },
    ],
  };
}

export const lightCode: PrismTheme = theme({
  text: "#1d2733",
  background: "#f5f3ee",
  comment: "#5f6b77",
  keyword: "#8a2f6b",
  string: "#1a6640",
  number: "#9a4a00",
  function: "#1c4f9c",
  type: "#0d6168",
  punctuation: "#4c5866",
});

export const darkCode: PrismTheme = theme({
  text: "#dfe5ec",
  background: "#161c24",
  comment: "#93a0ae",
  keyword: "#e69ac8",
  string: "#8fd0a0",
  number: "#f0b37e",
  function: "#8fbcf5",
  type: "#7ccfd4",
  punctuation: "#a9b5c2",
});
