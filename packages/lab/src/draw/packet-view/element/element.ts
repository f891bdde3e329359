/**
 * `<netfilter-packet-view>`: a walk to step through. It gets the walk as its property `walk` (a JSON document, see
 * `document.ts`) or from a `<script type="application/json">` inside it; what else is inside stays visible until then,
 * and where no script runs. Everything it draws is in its own shadow tree, and nothing of the walk is run or read as
 * markup. Each step has an address, `#<name>.p<packet>.s<step>`, both counted from 1.
 */
import type { Json } from "../document.js";
import { readWalkDocument, WalkDocumentError } from "../document.js";
import { html, setAttribute } from "./dom.js";
import { STYLE } from "./style.js";
import { PacketView } from "./view.js";

/** The element's name. */
export const PACKET_VIEW_TAG = "netfilter-packet-view";

/** Detail of the event `packetstep`, which bubbles when a step is shown. */
export interface PacketStep {
  readonly host: string;
  /** Counted from 1, as in a step's address. */
  readonly packet: number;
  readonly step: number;
  /** The station of the hook map the packet is at. */
  readonly place: string;
}

/** What a page says of its theme: our site and JupyterLab by an attribute, VS Code by a class. */
function pageTheme(): "light" | "dark" | null {
  const { body, documentElement: root } = document;
  const said = root.getAttribute("data-theme") ?? body.getAttribute("data-theme");
  if (said === "dark" || said === "light") return said;
  const jupyter = body.getAttribute("data-jp-theme-light");
  if (jupyter !== null) return jupyter === "false" ? "dark" : "light";
  if (body.classList.contains("vscode-dark")) return "dark";
  return body.classList.contains("vscode-light") || body.classList.contains("notebook_app") ? "light" : null;
}

export function definePacketView(): void {
  if (customElements.get(PACKET_VIEW_TAG) !== undefined) return;

  class PacketViewElement extends HTMLElement {
    readonly #root = this.attachShadow({ mode: "open" });
    #view: PacketView | null = null;
    #walk: Json | undefined;
    /** The walk as text: setting the same again, as a page's redrawing does, keeps the reader's place. */
    #text: string | undefined;
    #name = "";
    readonly #observer = new MutationObserver(() => this.#followTheme());
    readonly #onHash = (): void => this.#followAddress(true);

    constructor() {
      super();
      this.#root.append(html("slot"));
    }

    /** The walk's document; reading it back gives what was set. */
    get walk(): Json | undefined {
      return this.#walk;
    }

    set walk(walk: Json | undefined) {
      const text = JSON.stringify(walk);
      if (text !== undefined && text === this.#text) return;
      this.#walk = walk;
      this.#text = text;
      this.#draw();
    }

    connectedCallback(): void {
      this.#followTheme();
      for (const element of [document.documentElement, document.body])
        this.#observer.observe(element, {
          attributes: true,
          attributeFilter: ["data-theme", "data-jp-theme-light", "class"],
        });
      window.addEventListener("hashchange", this.#onHash);
      if (this.#walk === undefined) this.readInside();
    }

    disconnectedCallback(): void {
      this.#observer.disconnect();
      window.removeEventListener("hashchange", this.#onHash);
      this.#view?.stop();
    }

    /** Takes the walk from the script inside, if the parser has come so far. */
    readInside(): void {
      const source = this.querySelector('script[type="application/json"]')?.textContent;
      if (this.#view !== null || source === undefined || source === null) return;
      try {
        this.walk = JSON.parse(source) as Json;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        this.#refuse(`it is no JSON (${error.message})`);
      }
    }

    #draw(): void {
      this.#view?.stop();
      this.#view = null;
      try {
        const walk = readWalkDocument(this.#walk);
        if (!walk.packets.some(({ calls }) => calls.length > 0)) {
          this.#put(html("p", { class: "message" }, "No packet crossed meanwhile: there is nothing to step through."));
          return;
        }
        this.#name = this.getAttribute("name") ?? `walk-${fingerprint(this.#text ?? "")}`;
        const seen = { ...walk, packets: walk.packets.filter(({ calls }) => calls.length > 0) };
        const view = new PacketView(seen, (stop, place) => {
          const [packet, step] = [stop.packet + 1, stop.frame + 1];
          view.setLink(`#${this.#name}.p${packet}.s${step}`);
          const detail: PacketStep = { host: seen.packets[stop.packet]?.host ?? "", packet, step, place };
          this.dispatchEvent(new CustomEvent("packetstep", { bubbles: true, composed: true, detail }));
        });
        this.#view = view;
        this.#put(view.element);
        view.goTo({ packet: 0, frame: 0 });
        this.#followAddress(false);
      } catch (error) {
        if (!(error instanceof WalkDocumentError)) throw error;
        this.#refuse(error.message);
      }
    }

    /** Says why there is no view, above what the page shows without one. */
    #refuse(reason: string): void {
      this.#put(html("p", { class: "message", role: "alert" }, `This walk cannot be shown: ${reason}.`), html("slot"));
    }

    #put(...children: Node[]): void {
      this.#root.replaceChildren(html("style", {}, STYLE), ...children);
    }

    #followTheme(): void {
      setAttribute(this, "theme", pageTheme());
    }

    /** Goes to the step that the page's address names, if it is one of this view. */
    #followAddress(always: boolean): void {
      const [, name, packet, step] = /^#(.*)\.p(\d+)\.s(\d+)$/.exec(location.hash) ?? [];
      if (this.#view === null || name !== this.#name) return;
      if (this.#view.goTo({ packet: Number(packet) - 1, frame: Number(step) - 1 }) || always) this.scrollIntoView();
    }
  }
  customElements.define(PACKET_VIEW_TAG, PacketViewElement);
}

/** A short name for a text, the same wherever it is computed (FNV-1a, 32 bits). */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
