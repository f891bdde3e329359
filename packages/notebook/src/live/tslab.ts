/** The module `tslab` as cells import it: displays by MIME type, and displays that replace themselves. */
import { base64 } from "../notebook/display.js";
import type { MimeBundle } from "../notebook/model.js";
import type { Displayed } from "../notebook/sink.js";

/** What `import { display, newDisplay } from "tslab"` gives. */
export interface TslabModule {
  readonly display: TslabDisplay;
  readonly newDisplay: () => TslabDisplay;
}

/** Shows raw data; the second and later uses of one from `newDisplay()` replace what it has shown. */
export class TslabDisplay {
  readonly #show: (displayed: Displayed) => void;
  readonly #id: string | undefined;
  #isShown = false;

  constructor(show: (displayed: Displayed) => void, id: string | undefined) {
    this.#show = show;
    this.#id = id;
  }

  javascript(text: string): void {
    this.raw("text/javascript", text);
  }
  html(text: string): void {
    this.raw("text/html", text);
  }
  markdown(text: string): void {
    this.raw("text/markdown", text);
  }
  latex(text: string): void {
    this.raw("text/latex", text);
  }
  svg(text: string): void {
    this.raw("image/svg+xml", text);
  }
  png(bytes: string | Uint8Array): void {
    this.raw("image/png", bytes);
  }
  jpeg(bytes: string | Uint8Array): void {
    this.raw("image/jpeg", bytes);
  }
  gif(bytes: string | Uint8Array): void {
    this.raw("image/gif", bytes);
  }
  pdf(bytes: string | Uint8Array): void {
    this.raw("application/pdf", bytes);
  }
  text(text: string): void {
    this.raw("text/plain", text);
  }
  raw(contentType: string, content: string | Uint8Array): void {
    const data: MimeBundle = { [contentType]: typeof content === "string" ? content : base64(content) };
    this.#show({ data, displayId: this.#id, replaces: this.#id !== undefined && this.#isShown });
    this.#isShown = true;
  }
}

/** Makes the module for one session; ids are counted, so that a rerun gives the same. */
export function tslabModule(show: (displayed: Displayed) => void): TslabModule {
  let made = 0;
  return {
    display: new TslabDisplay(show, undefined),
    newDisplay: () => new TslabDisplay(show, `display-${++made}`),
  };
}
