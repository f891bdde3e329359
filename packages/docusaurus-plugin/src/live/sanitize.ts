/**
 * The sanitiser that the site's build uses, with the browser's own parser. Loaded with the first drawing a cell makes.
 */
import type { Root } from "hast";
import { fromDom } from "hast-util-from-dom";
import { sanitizeTree } from "../sanitize-tree.js";

/** The same HTML with nothing in it that could run, fetch or reach outside itself; see `sanitizeTree`. */
export function sanitizeInPage(html: string, scope: string): string {
  // A document of its own, in which nothing is fetched or run.
  const { body, head } = new DOMParser().parseFromString(html, "text/html");
  const children = [...head.childNodes, ...body.childNodes].map((node) => fromDom(node));
  return sanitizeTree({ type: "root", children } as Root, scope);
}
