/**
 * The two tuples of a packet's conntrack entry before and after NAT altered them, with the packet's header as it came
 * and as it left: what was looked up, what was altered, what was rewritten.
 */
import { isCall, type TraceCall, type TraceNote, type TupleText } from "@netfilter-lab/engine";
import { endpoint, headline } from "./dissect.js";
import { Drawing } from "./drawing.js";

import { ellipsis, textWidth } from "./measure.js";
import { mermaidText } from "./mermaid.js";
import type { PassageData } from "./passage.js";
import { Scene } from "./scene.js";
import { columns } from "./terminal.js";
import { MARGIN, SIZE, type Tone, WIDTH } from "./tokens.js";

/** One line of the drawing: a tuple or a header. */
export interface TupleRow {
  readonly section: "entry" | "packet";
  readonly label: string;
  readonly src: string;
  readonly dst: string;
  /** What differs from the line above of the same thing. */
  readonly changed: { readonly src: boolean; readonly dst: boolean };
  /** No longer so. */
  readonly past: boolean;
  /** What happened with it: `found by the lookup`, `altered by NAT`, ... */
  readonly remark: string;
}

/** The rows of a packet's drawing and the number of its entry. */
export interface TupleData {
  readonly title: string;
  readonly entry: number | null;
  readonly rows: readonly TupleRow[];
}

function notesOf(calls: readonly TraceCall[]): TraceNote[] {
  return calls.flatMap((call) => call.children.flatMap((item) => (isCall(item) ? notesOf([item]) : [item])));
}

/** The tuple that packets in the other direction have when nobody rewrites. Models `nf_ct_invert_tuple()`. */
function invert(tuple: TupleText): TupleText {
  const { src, dst, sport, dport } = tuple;
  return sport === undefined || dport === undefined
    ? { ...tuple, src: dst, dst: src }
    : { ...tuple, src: dst, dst: src, sport: dport, dport: sport };
}

const sourceOf = (tuple: TupleText): string => endpoint(tuple.src, tuple.sport);
const destinationOf = (tuple: TupleText): string =>
  tuple.id === undefined ? endpoint(tuple.dst, tuple.dport) : `${tuple.dst} id ${tuple.id}`;

/** Reads a passage's tuples from its trace. */
export function tuplesOf(passage: PassageData): TupleData {
  const notes = notesOf(passage.calls);
  const find = <Kind extends TraceNote["kind"]>(kind: Kind): (TraceNote & { kind: Kind })[] =>
    notes.filter((note): note is TraceNote & { kind: Kind } => note.kind === kind);
  const [alloc] = find("alloc");
  const lookup = find("lookup").at(0);
  const attach = find("attach").at(-1);
  const alter = find("alter-reply");
  const confirmed = find("confirm").length > 0;
  const rewrites = find("rewrite");
  const rows: TupleRow[] = [];
  const row = (label: string, tuple: TupleText, more: Partial<TupleRow> = {}): void => {
    rows.push({
      section: "entry",
      label,
      src: sourceOf(tuple),
      dst: destinationOf(tuple),
      changed: { src: false, dst: false },
      past: false,
      remark: "",
      ...more,
    });
  };
  if (alloc !== undefined) {
    const where = confirmed ? "into the hash" : "never confirmed: not in the hash";
    row("ORIGINAL", alloc.original, { remark: where });
    let current = alloc.reply;
    const steps = [alloc.reply, ...alter.map((note) => note.after)];
    steps.forEach((tuple, i) => {
      const past = i < steps.length - 1;
      const changed = {
        src: sourceOf(tuple) !== sourceOf(current),
        dst: destinationOf(tuple) !== destinationOf(current),
      };
      const remark = past ? "as made: the ORIGINAL inverted" : where;
      row("REPLY", tuple, { past, changed, remark: i > 0 && !past ? `altered by NAT, ${where}` : remark });
      current = tuple;
    });
  } else if (lookup !== undefined && lookup.found !== null) {
    const other = otherTuple(lookup.tuple, rewrites.at(-1)?.after ?? null, passage.after !== null);
    const original = lookup.found === "ORIGINAL" ? lookup.tuple : other;
    const reply = lookup.found === "REPLY" ? lookup.tuple : other;
    const found = "found by the one lookup";
    const plain = original === null ? null : invert(original);
    if (original !== null) row("ORIGINAL", original, { remark: lookup.found === "ORIGINAL" ? found : "" });
    if (reply !== null) {
      const changed = {
        src: plain !== null && sourceOf(plain) !== sourceOf(reply),
        dst: plain !== null && destinationOf(plain) !== destinationOf(reply),
      };
      row("REPLY", reply, { changed, remark: lookup.found === "REPLY" ? found : "" });
    }
  }
  const before = headline(passage.before);
  rows.push({
    section: "packet",
    label: passage.iif === null ? "made here" : `in by ${passage.iif}`,
    src: endpoint(before.src, before.sport),
    dst: endpoint(before.dst, before.dport),
    changed: { src: false, dst: false },
    past: false,
    remark: before.protocol.startsWith("icmp") ? `${before.kind} ${before.numbers}`.trim() : before.kind,
  });
  if (passage.after !== null) {
    const after = headline(passage.after);
    const src = endpoint(after.src, after.sport);
    const dst = endpoint(after.dst, after.dport);
    const [first] = rows.slice(-1);
    const changed = { src: src !== first.src, dst: dst !== first.dst };
    const remark = changed.src || changed.dst ? "rewritten by NAT" : "unchanged";
    const name = passage.oif === null ? "delivered" : `out by ${passage.oif}`;
    rows.push({ section: "packet", label: name, src, dst, changed, past: false, remark });
  }
  const entry = alloc?.entry ?? lookup?.entry ?? attach?.entry ?? null;
  return { title: `Packet ${passage.serial} on ${passage.host}: tuples and header`, entry, rows };
}

/**
 * The tuple that was not looked up. NAT makes a packet look like the inverse of it, so the last rewrite tells it; a
 * packet that got through without a rewrite has its own inverse. One that was dropped on the way may have missed its
 * rewrite, and tells nothing.
 */
function otherTuple(looked: TupleText, rewritten: TupleText | null, through: boolean): TupleText | null {
  if (!through) return null;
  return invert(rewritten ?? looked);
}

/** A packet's tuples and header. */
export function drawTuples(passage: PassageData): Drawing {
  const data = tuplesOf(passage);
  return new Drawing({
    text: () => text(data),
    svg: () => tuplesScene(data).toString(),
    mermaid: () => mermaid(data),
  });
}

const SECTIONS = ["entry", "packet"] as const;

function sectionTitle(data: TupleData, section: TupleRow["section"]): string {
  if (section === "packet") return "The packet's header";
  return data.entry === null ? "No conntrack entry" : `Tuples of entry ${data.entry}`;
}

/** The drawing as a scene, for tests of the layout. */
export function tuplesScene(data: TupleData): Scene {
  const sheet = new Scene(data.title, data.rows.map((row) => `${sentence(row)}.`).join(" "));
  let y = sheet.heading(data.title);
  const labelX = MARGIN + 12;
  const sourceX = 150;
  const arrowX = 330;
  const destinationX = 356;
  const remarkX = 548;
  for (const section of SECTIONS) {
    y += 14;
    const rows = data.rows.filter((row) => row.section === section);
    sheet.text(MARGIN, y + 6, sectionTitle(data, section), { size: SIZE.head, bold: true });
    if (section === "entry" && rows.length > 0) {
      sheet.text(sourceX, y + 6, "source", { size: SIZE.small, tone: "muted" });
      sheet.text(destinationX, y + 6, "destination", { size: SIZE.small, tone: "muted" });
    }
    y += 16;
    if (rows.length === 0) continue;
    const height = rows.reduce((sum, row) => sum + rowHeight(row), 0);
    sheet.rect({ x: MARGIN, y, width: WIDTH - 2 * MARGIN, height }, { fill: "panel", stroke: "line" });
    rows.forEach((row, i) => {
      if (i > 0)
        sheet.line(
          [
            [MARGIN + 10, y],
            [WIDTH - MARGIN - 10, y],
          ],
          { stroke: "line" },
        );
      const baseline = y + 20;
      const tone: Tone = row.past ? "faint" : "ink";
      sheet.text(labelX, baseline, ellipsis(row.label, sourceX - labelX - 12, SIZE.body, "sans", !row.past), {
        size: SIZE.body,
        bold: !row.past,
        tone,
      });
      cell(sheet, sourceX, baseline, row.src, row.changed.src, row.past);
      sheet.arrow(
        [
          [arrowX, baseline - 4],
          [arrowX + 16, baseline - 4],
        ],
        { stroke: "muted", weight: 1.25 },
      );
      cell(sheet, destinationX, baseline, row.dst, row.changed.dst, row.past);
      const remarkTone: Tone =
        row.changed.src || row.changed.dst ? "change" : row.remark.startsWith("found") ? "lookup" : "muted";
      remarkLines(row).forEach((part, line) =>
        sheet.text(remarkX, baseline + line * 15, part, { size: SIZE.small, tone: remarkTone }),
      );
      y += rowHeight(row);
    });
    y += 8;
  }
  sheet.height = y + MARGIN - 8;
  return sheet;
}

/** A remark breaks at its comma or colon when it does not fit beside the tuple. */
function remarkLines(row: TupleRow): string[] {
  const room = WIDTH - MARGIN - 548 - 8;
  if (textWidth(row.remark, SIZE.small) <= room) return [row.remark];
  const at = row.remark.search(/[,:] /);
  return at < 0 ? [row.remark] : [row.remark.slice(0, at + 1), row.remark.slice(at + 2)];
}

function rowHeight(row: TupleRow): number {
  return 30 + (remarkLines(row).length - 1) * 15;
}

function cell(sheet: Scene, x: number, baseline: number, value: string, changed: boolean, past: boolean): void {
  const width = textWidth(value, SIZE.body, "mono");
  if (changed)
    sheet.rect(
      { x: x - 5, y: baseline - 14, width: width + 10, height: 20 },
      { fill: "changeSoft", stroke: "change", radius: 4 },
    );
  const tone: Tone = changed ? "change" : past ? "faint" : "ink";
  sheet.text(x, baseline, value, { family: "mono", tone, bold: changed, struck: past });
}

function sentence(row: TupleRow): string {
  const remark = row.remark === "" ? "" : ` (${row.remark})`;
  return `${row.label}${row.past ? ", before" : ""}: ${row.src} to ${row.dst}${remark}`;
}

function text(data: TupleData): string {
  const lines = [data.title];
  const star = (value: string, marked: boolean): string => (marked ? `${value}*` : value);
  const cells = data.rows.map((row) => [
    row.label,
    star(row.src, row.changed.src),
    "→",
    star(row.dst, row.changed.dst),
    row.remark,
  ]);
  // Both sections are as wide as the wider one, so that header and tuples stand one above the other.
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column].length)));
  const aligned = cells.map((row) => row.map((value, column) => value.padEnd(widths[column] ?? 0)));
  for (const section of SECTIONS) {
    const own = aligned.filter((_row, i) => data.rows[i].section === section);
    lines.push("", sectionTitle(data, section));
    if (own.length > 0) lines.push(...columns([["", "source", "", "destination", ""], ...own]));
  }
  if (data.rows.some(({ changed }) => changed.src || changed.dst)) lines.push("", "* altered or rewritten by NAT");
  return lines.join("\n");
}

function mermaid(data: TupleData): string {
  const node = (row: TupleRow, i: number): string => {
    const value = `${row.src} → ${row.dst}`;
    const parts = [row.label, value, row.remark].filter((part) => part !== "").map(mermaidText);
    return `    r${i}["${parts.join("<br/>")}"]`;
  };
  const lines = ["flowchart TB"];
  for (const section of SECTIONS) {
    const rows = data.rows.map((row, i) => ({ row, i })).filter(({ row }) => row.section === section);
    if (rows.length === 0) continue;
    lines.push(
      `  subgraph ${section}["${mermaidText(sectionTitle(data, section))}"]`,
      ...rows.map(({ row, i }) => node(row, i)),
    );
    rows.forEach(({ row, i }, position) => {
      const next = rows[position + 1];
      if (next !== undefined && (section === "packet" || row.past)) lines.push(`    r${i} --> r${next.i}`);
    });
    lines.push("  end");
  }
  const changed = data.rows.flatMap((row, i) => (row.changed.src || row.changed.dst ? [`r${i}`] : []));
  if (changed.length > 0) lines.push("  classDef changed stroke-width:3px", `  class ${changed.join(",")} changed`);
  return `${lines.join("\n")}\n`;
}
