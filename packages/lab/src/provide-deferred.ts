/** Parts of the program are loaded when they are asked for: a page's way; see `browser` in package.json. */
import { type ExtensionList, registerExtensions } from "@netfilter-lab/engine";
import { drawingsPart, everydayPart, rarePart } from "./parts.js";

/** Says where the parts are. */
export function provideParts(): void {
  everydayPart.provide(() => import("./parts/everyday.js").then(withExtensions));
  drawingsPart.provide(() => import("./parts/drawings.js"));
  rarePart.provide(() => import("./parts/rare.js").then(withExtensions));
}

function withExtensions<Content extends { readonly extensions: ExtensionList }>(content: Content): Content {
  registerExtensions(content.extensions);
  return content;
}
