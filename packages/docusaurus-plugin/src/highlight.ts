/**
 * Code as HTML in which each token has Prism's classes, by the highlighter and grammars that Docusaurus has; and the
 * style sheet that colours them as the site's Prism themes say. A string, not elements: the site's build makes it once,
 * and a page that becomes live has nothing to compare it with.
 */
import { Prism, type PrismTheme } from "prism-react-renderer";
import { escapeHtml } from "./html.js";

/** The source's tokens as HTML; the plain text of a language that the highlighter does not know. */
export function highlightedHtml(source: string, language: string): string {
  const grammar = Prism.languages[language];
  return grammar === undefined ? escapeHtml(source) : Prism.highlight(source, grammar, language);
}

/** The rules for tokens inside `.nb-tokens`, from the themes in a site's configuration. */
export function tokenStyles(light: PrismTheme, dark: PrismTheme = light): string {
  // Where no script runs, a page does not say its theme: it is the light one.
  return [...rules(light, ".nb-tokens"), ...rules(dark, '[data-theme="dark"] .nb-tokens')]
    .map((rule) => `${rule}\n`)
    .join("");
}

function rules({ plain, styles }: PrismTheme, block: string): string[] {
  const tokens = styles.map(({ types, style }) => {
    const selectors = types.map((type) => `${block} .token.${type}`).join(", ");
    return `${selectors} { ${declarations(style)} }`;
  });
  return [`${block} { ${declarations(plain)} }`, ...tokens];
}

function declarations(style: PrismTheme["plain"]): string {
  return Object.entries(style)
    .map(([property, value]) => `${property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value};`)
    .join(" ");
}
