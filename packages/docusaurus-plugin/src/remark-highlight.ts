/**
 * The remark plugin that highlights a page's blocks of code when the site is built: each gets its tokens as the
 * property `html`, which the site's `CodeBlock` shows. Languages that Docusaurus's highlighter has not by itself are
 * taken from Prism's own.
 */
/// <reference types="mdast-util-to-hast" />
import { createRequire } from "node:module";
import type { Code, Nodes, Parent, Root } from "mdast";
import { Prism } from "prism-react-renderer";
import { highlightedHtml } from "./highlight.js";

/** Puts the tokens of every block of code beside it; diagrams are none. */
export function remarkHighlight(): (tree: Root) => void {
  return (tree) => highlightIn(tree);
}

function highlightIn(node: Nodes): void {
  if (node.type === "code" && node.lang !== "mermaid") highlight(node);
  if ("children" in node) for (const child of (node as Parent).children) highlightIn(child);
}

function highlight(node: Code): void {
  const language = node.lang ?? "text";
  if (Prism.languages[language] === undefined) addLanguage(language);
  const html = highlightedHtml(node.value, language);
  node.data = { ...node.data, hProperties: { ...node.data?.hProperties, html } };
}

const require = createRequire(import.meta.url);

/** Prism's own definitions of languages add themselves to a global `Prism`. */
function addLanguage(language: string): void {
  const scope = globalThis as { Prism?: unknown };
  const before = scope.Prism;
  scope.Prism = Prism;
  try {
    require(`prismjs/components/prism-${language}.js`);
  } catch (error) {
    // A language that nobody knows is shown as text.
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
  } finally {
    scope.Prism = before;
  }
}
