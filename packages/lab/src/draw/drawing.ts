/**
 * A value that draws itself: what a notebook's cell and the site show when such a value is a cell's last line. There is
 * always plain text; a picture or HTML where it helps; Mermaid source beside them, never alone, because half of the
 * front ends show nothing for it.
 */

import type { Json, WALK_MIME_TYPE } from "./packet-view/document.js";

/** Outputs by MIME type, as a Jupyter `display_data` message carries them. */
export interface MimeBundle {
  /** For front ends that show nothing else. */
  readonly "text/plain": string;
  /** A picture. */
  readonly "image/svg+xml"?: string;
  /** A table or a tree. */
  readonly "text/html"?: string;
  /** Mermaid source. */
  readonly "text/vnd.mermaid"?: string;
  /** A walk for the packet view; what shows it checks it, and runs nothing of it. */
  readonly [WALK_MIME_TYPE]?: Json;
}

/** The method by which a value says how a notebook shows it (Deno's convention, which our tslab kernel honours). */
export const JUPYTER_DISPLAY: unique symbol = Symbol.for("Jupyter.display");
/** The method by which a value says how Node's `console.log` shows it. */
export const NODE_INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** Anything that draws itself in a cell. */
export interface Displayable {
  /** What a notebook shows of the value. */
  [JUPYTER_DISPLAY](): MimeBundle;
}

/** How the forms of a drawing are made; each is made when first asked for. */
export interface DrawingSource {
  /** For a terminal. */
  readonly text: () => string;
  /** The picture; absent for a text or a table. */
  readonly svg?: () => string;
  /** Absent for what is neither a table nor a tree. */
  readonly html?: () => string;
  /** Mermaid source. */
  readonly mermaid: () => string;
}

/** A drawing of something that happened or that is: text, perhaps a picture, and Mermaid source. */
export class Drawing implements Displayable {
  readonly #source: DrawingSource;

  constructor(source: DrawingSource) {
    this.#source = source;
  }

  /** For a terminal: at most 100 columns. */
  get text(): string {
    return this.#source.text();
  }

  /** The picture as an SVG document; null when this drawing is text or a table. */
  get svg(): string | null {
    return this.#source.svg?.() ?? null;
  }

  /** HTML for drawings that are tables or trees; null otherwise. */
  get html(): string | null {
    return this.#source.html?.() ?? null;
  }

  /** Mermaid source of the same. */
  get mermaid(): string {
    return this.#source.mermaid();
  }

  /** The same as a Mermaid diagram, where the front end draws Mermaid (the site does); elsewhere its source. */
  get mermaidDiagram(): Displayable {
    const { mermaid } = this;
    return { [JUPYTER_DISPLAY]: () => ({ "text/plain": mermaid, "text/vnd.mermaid": mermaid }) };
  }

  /** All its forms. */
  [JUPYTER_DISPLAY](): MimeBundle {
    const { svg, html } = this;
    return {
      "text/plain": this.text,
      ...(svg === null ? {} : { "image/svg+xml": svg }),
      ...(html === null ? {} : { "text/html": html }),
      "text/vnd.mermaid": this.mermaid,
    };
  }

  /** Its text. */
  [NODE_INSPECT](): string {
    return this.text;
  }

  toString(): string {
    return this.text;
  }
}
