/** Saved outputs made safe when the site is built. */
import { fromHtml } from "hast-util-from-html";
import { sanitizeTree } from "./sanitize.js";

/** {@link sanitizeTree} of a text. */
export function sanitizeHtml(html: string, scope: string): string {
  return sanitizeTree(fromHtml(html, { fragment: true }), scope);
}
