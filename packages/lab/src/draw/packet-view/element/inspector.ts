/**
 * The packet's headers as a tree and its bytes, linked: what is pointed at, focused or selected on one side is lit on
 * the other. Each side is one stop of the Tab key, with the arrow keys inside.
 */
import { type Frame, type FramedPacket, headersOf, type ViewedLayer } from "../frames.js";
import { html, setAttribute } from "./dom.js";

/** A piece of the packet. */
interface Range {
  readonly at: number;
  readonly length: number;
}

const COLUMNS = 8;

export class Inspector {
  readonly tree: HTMLElement;
  readonly bytes: HTMLElement;
  #items: { readonly element: HTMLElement; readonly range: Range; readonly layer: number }[] = [];
  #cells: HTMLElement[] = [];
  readonly #closed = new Set<string>();
  /** Keys of the item and the cell that Tab leads to. */
  #item = 0;
  #cell = 0;
  #selected: Range | null = null;
  #shown: { readonly packet: FramedPacket; readonly frame: Frame } | null = null;

  constructor() {
    this.tree = html("div", { role: "tree", "aria-label": "Headers", class: "tree" });
    this.bytes = html("div", { role: "grid", "aria-label": "Bytes", class: "bytes" });
    this.tree.addEventListener("keydown", (event) => this.#onTreeKey(event));
    this.bytes.addEventListener("keydown", (event) => this.#onByteKey(event));
    for (const side of [this.tree, this.bytes]) {
      side.addEventListener("pointerover", (event) => this.#light(this.#rangeOf(event.target) ?? this.#selected));
      side.addEventListener("pointerleave", () => this.#light(this.#selected));
      side.addEventListener("focusin", (event) => this.#select(event.target));
      side.addEventListener("click", (event) => {
        const element = event.target instanceof Element ? event.target.closest<HTMLElement>("[tabindex]") : null;
        element?.focus();
      });
    }
  }

  show(packet: FramedPacket, frame: Frame): void {
    const root = this.tree.getRootNode();
    const focused = root instanceof ShadowRoot ? root.activeElement : null;
    const side =
      focused === null ? null : this.tree.contains(focused) ? "tree" : this.bytes.contains(focused) ? "bytes" : null;
    if (this.#shown?.packet !== packet) this.#selected = null;
    this.#shown = { packet, frame };
    this.#drawTree(headersOf(packet, frame));
    this.#drawBytes(frame);
    this.#light(this.#selected);
    if (side === "tree") this.#items[this.#item]?.element.focus({ preventScroll: true });
    if (side === "bytes") this.#cells[this.#cell]?.focus({ preventScroll: true });
  }

  #drawTree(layers: readonly ViewedLayer[]): void {
    this.#items = [];
    const item = (element: HTMLElement, range: Range, layer: number): void => {
      this.#items.push({ element, range, layer });
    };
    const drawn = layers.map((layer) => {
      const closed = this.#closed.has(layer.name);
      const head = html("div", { role: "treeitem", class: "layer", "aria-expanded": closed ? "false" : "true" });
      head.append(html("span", { class: "twist", "aria-hidden": "true" }), layer.name);
      head.addEventListener("click", () => this.#toggle(layer.name));
      item(head, layer, this.#items.length);
      const own = this.#items.length - 1;
      const fields = closed
        ? []
        : layer.fields.map((field) => {
            const value = html("span", { class: "value" }, field.value);
            const was = field.before === null ? null : html("span", { class: "was" }, `was ${field.before}`);
            const row = html(
              "div",
              {
                role: "treeitem",
                class: "field",
                "data-changed": field.before !== null,
                "data-written": field.written,
              },
              html("span", { class: "name" }, field.name),
              html("span", { class: "values" }, value, was),
            );
            item(row, field, own);
            return row;
          });
      return html("div", { role: "none" }, head, html("div", { role: "group" }, ...fields));
    });
    this.#item = Math.min(this.#item, Math.max(0, this.#items.length - 1));
    for (const [i, { element }] of this.#items.entries()) element.tabIndex = i === this.#item ? 0 : -1;
    this.tree.replaceChildren(...drawn);
  }

  #drawBytes({ bytes, written, changed }: Frame): void {
    this.#cells = [];
    const rows: HTMLElement[] = [];
    for (let start = 0; start < bytes.length; start += COLUMNS) {
      const cells: HTMLElement[] = [];
      let readable = "";
      for (let at = start; at < Math.min(bytes.length, start + COLUMNS); at++) {
        const byte = bytes[at] as number;
        const marks = { "data-changed": changed.has(at), "data-written": written.has(at) };
        const cell = html("span", { role: "gridcell", tabindex: -1, ...marks }, byte.toString(16).padStart(2, "0"));
        cells.push(cell);
        this.#cells.push(cell);
        readable += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
      }
      rows.push(
        html(
          "div",
          { role: "row", class: "row" },
          html("span", { role: "rowheader", class: "offset" }, start.toString(16).padStart(4, "0")),
          html("span", { role: "none", class: "cells" }, ...cells),
          html("span", { class: "readable", "aria-hidden": "true" }, readable),
        ),
      );
    }
    this.#cell = Math.min(this.#cell, Math.max(0, this.#cells.length - 1));
    this.#cells[this.#cell]?.setAttribute("tabindex", "0");
    this.bytes.replaceChildren(...rows);
  }

  #rangeOf(target: EventTarget | null): Range | null {
    if (!(target instanceof Element)) return null;
    const item = this.#items.find(({ element }) => element.contains(target));
    if (item !== undefined) return item.range;
    const at = this.#cells.findIndex((cell) => cell === target);
    return at < 0 ? null : this.#fieldAt(at);
  }

  /** The smallest piece with a name that holds a byte. */
  #fieldAt(at: number): Range {
    const holding = this.#items.filter(({ range }) => range.at <= at && at < range.at + range.length);
    const [smallest] = holding.sort((a, b) => a.range.length - b.range.length);
    return smallest?.range ?? { at, length: 1 };
  }

  #select(target: EventTarget | null): void {
    const range = this.#rangeOf(target);
    if (range === null) return;
    this.#selected = range;
    const item = this.#items.findIndex(({ element }) => element === target);
    if (item >= 0) this.#rove(item, null);
    const cell = this.#cells.findIndex((element) => element === target);
    if (cell >= 0) this.#rove(null, cell);
    this.#light(range);
  }

  /** Moves the stop of the Tab key. */
  #rove(item: number | null, cell: number | null): void {
    if (item !== null) {
      this.#items[this.#item]?.element.setAttribute("tabindex", "-1");
      this.#items[item]?.element.setAttribute("tabindex", "0");
      this.#item = item;
    }
    if (cell !== null) {
      this.#cells[this.#cell]?.setAttribute("tabindex", "-1");
      this.#cells[cell]?.setAttribute("tabindex", "0");
      this.#cell = cell;
    }
  }

  #light(range: Range | null): void {
    const end = range === null ? 0 : range.at + range.length;
    for (const { element, range: own } of this.#items) {
      const lit = range !== null && own.at === range.at && own.length === range.length;
      setAttribute(element, "data-lit", lit);
      setAttribute(element, "aria-selected", lit && this.#selected === range ? "true" : "false");
    }
    for (const [at, cell] of this.#cells.entries())
      setAttribute(cell, "data-lit", range !== null && at >= range.at && at < end);
    const [first] = this.#cells.slice(range?.at ?? 0, end);
    if (range !== null && first !== undefined) reveal(this.bytes, first);
    const item = this.#items.find(({ element }) => element.hasAttribute("data-lit"));
    if (item !== undefined) reveal(this.tree, item.element);
  }

  #toggle(layer: string): void {
    if (!this.#closed.delete(layer)) this.#closed.add(layer);
    if (this.#shown !== null) this.show(this.#shown.packet, this.#shown.frame);
  }

  #onTreeKey(event: KeyboardEvent): void {
    const current = this.#items[this.#item];
    if (current === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const expanded = current.element.getAttribute("aria-expanded");
    const name = current.element.textContent ?? "";
    const last = this.#items.length - 1;
    let to: number | null = null;
    if (event.key === "ArrowDown") to = Math.min(last, this.#item + 1);
    else if (event.key === "ArrowUp") to = Math.max(0, this.#item - 1);
    else if (event.key === "Home") to = 0;
    else if (event.key === "End") to = last;
    else if (event.key === "ArrowLeft" && expanded === null) to = current.layer;
    else if (event.key === "ArrowRight" && expanded === "true") to = Math.min(last, this.#item + 1);
    else if (event.key === "Enter" && expanded !== null) this.#toggle(name);
    else if (event.key === "ArrowLeft" && expanded === "true") this.#toggle(name);
    else if (event.key === "ArrowRight" && expanded === "false") this.#toggle(name);
    else if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    if (to !== null) this.#items[to]?.element.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  #onByteKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -COLUMNS,
      ArrowDown: COLUMNS,
      Home: -this.#cell,
      End: this.#cells.length - 1 - this.#cell,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    const to = this.#cell + move;
    if (this.#cells[to] !== undefined) this.#cells[to].focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Scrolls a box, not the page, so that something in it can be seen. */
function reveal(box: HTMLElement, element: HTMLElement): void {
  if (box.scrollHeight <= box.clientHeight) return;
  const [outer, inner] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
}
