/**
 * What a cell printed and displayed, as the page shows it: for each display the richest representation a page can draw,
 * already safe, with the plain text beside it. Plain JSON values, so that a page can carry them as they are.
 */
import type { Json, MimeBundle, Output } from "@netfilter-lab/notebook";

/** One output of a cell, ready to draw. */
export type PageOutput =
  | { readonly kind: "stream"; readonly name: "stdout" | "stderr"; readonly text: string }
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly traceback: string }
  | PageDisplay;

/** A displayed value. At least one of the representations is there. */
export interface PageDisplay {
  readonly kind: "display";
  /** Unique on the page; the element that holds `html` has this id, which its style sheets are confined to. */
  readonly scope: string;
  /** Safe HTML, from `text/html` or `image/svg+xml`. */
  readonly html?: string;
  /** A picture as a `data:` URL. */
  readonly image?: string;
  /** A Mermaid diagram's source. */
  readonly mermaid?: string;
  /** A walk for the packet view, unchecked: the view checks it, and runs nothing of it. */
  readonly walk?: Json;
  /** Plain text; may hold ANSI colours. */
  readonly text?: string;
}

/** Makes markup safe to show; the result is put into an element whose id is `scope`. */
export type Sanitize = (html: string, scope: string) => string;

/** The MIME type under which the lab's outputs carry a walk; `WALK_MIME_TYPE` of `netfilter-lab/packet-view`. */
const walkType = "application/vnd.netfilter-lab.walk+json";

/** The outputs of one cell, in order, neighbouring pieces of one stream joined. */
export function pageOutputs(cellId: string, outputs: readonly Output[], sanitize: Sanitize): PageOutput[] {
  const shown: PageOutput[] = [];
  for (const [index, output] of outputs.entries()) {
    const last = shown.at(-1);
    if (output.type === "stream") {
      if (last?.kind === "stream" && last.name === output.name) {
        shown[shown.length - 1] = { ...last, text: last.text + output.text };
      } else if (output.text !== "") {
        shown.push({ kind: "stream", name: output.name, text: output.text });
      }
    } else if (output.type === "error") {
      const { name, message, traceback } = output;
      shown.push({ kind: "error", name, message, traceback: traceback.join("\n") });
    } else {
      const display = displayOf(`out-${cellId}-${index}`, output.data, sanitize);
      if (display !== undefined) shown.push(display);
    }
  }
  return shown;
}

const pictures = ["image/png", "image/jpeg", "image/gif", "image/webp"];

function displayOf(scope: string, bundle: MimeBundle, sanitize: Sanitize): PageDisplay | undefined {
  const markup = textOf(bundle, "image/svg+xml") ?? textOf(bundle, "text/html");
  const picture = pictures.find((type) => textOf(bundle, type) !== undefined);
  const mermaid = textOf(bundle, "text/vnd.mermaid");
  const json = bundle["application/json"];
  const walk = bundle[walkType];
  const text =
    textOf(bundle, "text/plain") ??
    textOf(bundle, "text/markdown") ??
    (json === undefined ? undefined : JSON.stringify(json, null, 2));
  if ([markup, picture, mermaid, walk, text].every((form) => form === undefined)) return undefined;
  return {
    kind: "display",
    scope,
    ...(markup === undefined ? {} : { html: sanitize(markup, scope) }),
    ...(picture === undefined || markup !== undefined
      ? {}
      : { image: `data:${picture};base64,${textOf(bundle, picture)!.replace(/\s+/g, "")}` }),
    ...(mermaid === undefined ? {} : { mermaid }),
    ...(walk === undefined ? {} : { walk }),
    ...(text === undefined ? {} : { text }),
  };
}

function textOf(bundle: MimeBundle, type: string): string | undefined {
  const value = bundle[type];
  return typeof value === "string" && value !== "" ? value : undefined;
}
