/** One packet's headers, field by field, as it came and as it left, with what changed in between marked. */
import { dissect, oneLine } from "./dissect.js";
import { Drawing } from "./drawing.js";
import type { Layer } from "./fields.js";
import { type Cell, escapeHtml, htmlTable, mark, textCell } from "./html.js";
import { mermaidText } from "./mermaid.js";
import { wrapPlain } from "./terminal.js";

/** A packet at one or two points of its way. */
export interface PacketData {
  /** `Packet 1 on gateway`. */
  readonly title: string;
  /** The IP packet as it was seen first. */
  readonly before: Uint8Array;
  /** Where `before` was seen: `in by eth0`. */
  readonly beforeLabel: string;
  /** Null when the packet went no further. */
  readonly after: Uint8Array | null;
  /** Where `after` was seen: `out by eth1`. */
  readonly afterLabel: string;
}

/** A field before and after; null where a side does not have it. */
interface Pair {
  readonly layer: string;
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** The headers of a packet before and after. */
export function drawPacket(data: PacketData): Drawing {
  return new Drawing({
    text: () => text(data),
    html: () => html(data),
    mermaid: () => mermaid(data),
  });
}

function pairs(data: PacketData): Pair[] {
  const before = dissect(data.before);
  const after = data.after === null ? null : dissect(data.after);
  const value = (layers: readonly Layer[] | null, layer: string, field: string): string | null =>
    layers?.find(({ name }) => name === layer)?.fields.find(({ name }) => name === field)?.value ?? null;
  const names: (readonly [layer: string, field: string])[] = [];
  for (const layers of [before, after ?? []])
    for (const { name: layer, fields } of layers)
      for (const { name: field } of fields)
        if (!names.some(([a, b]) => a === layer && b === field)) names.push([layer, field]);
  return names.map(([layer, name]) => ({
    layer,
    name,
    before: value(before, layer, name),
    after: value(after, layer, name),
  }));
}

function differs(data: PacketData, pair: Pair): boolean {
  return data.after !== null && pair.before !== pair.after;
}

function text(data: PacketData): string {
  const lines = [data.title, `  ${data.beforeLabel}: ${oneLine(data.before)}`];
  lines.push(data.after === null ? `  ${data.afterLabel}` : `  ${data.afterLabel}: ${oneLine(data.after)}`);
  let layer = "";
  const all = pairs(data);
  const width = Math.min(30, Math.max(...all.map(({ before }) => before?.length ?? 1)));
  for (const pair of all) {
    if (pair.layer !== layer) lines.push("", pair.layer);
    layer = pair.layer;
    const changed = differs(data, pair);
    const head = `${changed ? "*" : " "} ${pair.name.padEnd(22)} `;
    if (changed) lines.push(`${head}${(pair.before ?? "–").padEnd(width)}  →  ${pair.after ?? "–"}`);
    else
      wrapPlain(pair.before ?? "–", 100 - head.length).forEach((part, i) =>
        lines.push(`${i === 0 ? head : " ".repeat(head.length)}${part}`),
      );
  }
  if (all.some((pair) => differs(data, pair))) lines.push("", "* changed on the way");
  return lines.join("\n");
}

function html(data: PacketData): string {
  let layer = "";
  const rows = pairs(data).flatMap((pair): Cell[][] => {
    const changed = differs(data, pair);
    const value = (field: string | null): Cell =>
      changed
        ? { html: mark(field ?? "–", "change"), mono: true }
        : { html: escapeHtml(field ?? "–"), mono: true, wrap: true };
    const row = [textCell(pair.name), value(pair.before), ...(data.after === null ? [] : [value(pair.after)])];
    if (pair.layer === layer) return [row];
    layer = pair.layer;
    const blank = Array.from({ length: row.length - 1 }, () => textCell(""));
    return [[{ html: `<strong>${escapeHtml(pair.layer)}</strong>` }, ...blank], row];
  });
  const headings = ["field", data.beforeLabel, ...(data.after === null ? [] : [data.afterLabel])];
  const ending = data.after === null ? ` (${data.afterLabel})` : "";
  return htmlTable(`${data.title}${ending}`, headings, rows);
}

function mermaid(data: PacketData): string {
  const changed = pairs(data).filter((pair) => differs(data, pair));
  const node = (id: string, label: string, packet: Uint8Array, side: "before" | "after"): string => {
    const fields = changed.map((pair) => `${pair.name}: ${pair[side] ?? "–"}`);
    return `  ${id}["${[label, oneLine(packet), ...fields].map(mermaidText).join("<br/>")}"]`;
  };
  const lines = ["flowchart LR", node("before", data.beforeLabel, data.before, "before")];
  if (data.after === null) lines.push(`  after["${mermaidText(data.afterLabel)}"]`);
  else lines.push(node("after", data.afterLabel, data.after, "after"));
  lines.push("  before --> after");
  return `${lines.join("\n")}\n`;
}
