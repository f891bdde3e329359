/**
 * Tables and trees as HTML. Styles stand on the elements, because front ends strip style sheets; colours are the page's
 * own text colour and washes that show on light and dark alike, so nothing depends on knowing the theme.
 */
import { FONTS } from "./tokens.js";

/** Escapes text for HTML content and attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** What a wash behind a text means. */
export type Wash = "change" | "good" | "bad" | "lookup";

/** Legible under black and under white text. */
const WASHES: Readonly<Record<Wash, string>> = {
  change: "rgba(230,130,20,.28)",
  good: "rgba(40,160,80,.22)",
  bad: "rgba(220,50,60,.24)",
  lookup: "rgba(130,90,220,.26)",
};

const LINE = "rgba(128,138,150,.45)";

/** A piece of text with a wash behind it. */
export function mark(text: string, wash: Wash): string {
  return `<span style="background:${WASHES[wash]};border-radius:3px;padding:1px 3px;font-weight:600">${escapeHtml(text)}</span>`;
}

/** One cell: ready HTML, or text that is escaped. */
export interface Cell {
  readonly html: string;
  readonly mono?: boolean;
  readonly right?: boolean;
  /** Long values may break at spaces. */
  readonly wrap?: boolean;
}

/** A cell of text. */
export function textCell(text: string, options: { readonly mono?: boolean; readonly right?: boolean } = {}): Cell {
  return { html: escapeHtml(text), ...options };
}

/** A table with a caption and one row of headings. */
export function htmlTable(caption: string, headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const base = `padding:4px 12px 4px 0;text-align:left;line-height:20px;vertical-align:top;border:0;border-bottom:1px solid ${LINE};white-space:nowrap;background:transparent`;
  const head = headings
    .map((heading) => `<th scope="col" style="${base};font-weight:600">${escapeHtml(heading)}</th>`)
    .join("");
  const body = rows.map((row) => {
    const cells = row.map((cell) => {
      const font = cell.mono === true ? `;font-family:${FONTS.mono};font-size:.92em` : "";
      const align = cell.right === true ? ";text-align:right" : "";
      const breaks = cell.wrap === true ? ";white-space:normal;min-width:12em" : "";
      return `<td style="${base}${font}${align}${breaks}">${cell.html}</td>`;
    });
    return `<tr style="background:transparent">${cells.join("")}</tr>`;
  });
  return [
    `<div style="overflow-x:auto;max-width:100%" tabindex="0" role="region" aria-label="${escapeHtml(caption)}">`,
    `<table style="border-collapse:collapse;color:inherit;font-size:13px;display:table;margin:4px 0">`,
    `<caption style="caption-side:top;text-align:left;font-weight:600;padding:4px 0;color:inherit">${escapeHtml(caption)}</caption>`,
    `<thead><tr style="background:transparent">${head}</tr></thead>`,
    `<tbody>`,
    ...body,
    `</tbody></table></div>`,
  ].join("\n");
}

/** Preformatted lines of ready HTML. */
export function htmlPre(caption: string, lines: readonly string[]): string {
  return [
    `<div style="overflow-x:auto;max-width:100%" tabindex="0" role="region" aria-label="${escapeHtml(caption)}">`,
    `<pre style="background:transparent;color:inherit;font-family:${FONTS.mono};font-size:12px;line-height:1.5;margin:4px 0;padding:0;border:0">${lines.join("\n")}</pre>`,
    "</div>",
  ].join("\n");
}
