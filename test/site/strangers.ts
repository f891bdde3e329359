/** Links that carry a stranger's cells, made by hand, as somebody would who does not use the page's own Share. */
import { deflateRawSync } from "node:zlib";

/** The fragment of a link that carries a value; anything but a link's own form is one of its mistakes. */
export function fragmentWith(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `#cells=1.${deflateRawSync(text).toString("base64url")}`;
}

/** The fragment of a link with one code cell, in the last place of any lesson. */
export function linkWithCell(source: string): string {
  return fragmentWith({ version: "0", cells: [{ id: "stranger", anchor: "gone", source }] });
}
