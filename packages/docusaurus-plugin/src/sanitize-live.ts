/**
 * Outputs of cells that the reader runs, made safe in the page. The browser's own parser reads them into a document that
 * is never shown, in which nothing runs and nothing is fetched. Loaded with the first such output.
 */
import { fromDom } from "hast-util-from-dom";
import { sanitizeTree } from "./sanitize.js";

/** {@link sanitizeTree} of a text. */
export function sanitizeHtml(html: string, scope: string): string {
  return sanitizeTree(fromDom(new DOMParser().parseFromString(html, "text/html").body), scope);
}
