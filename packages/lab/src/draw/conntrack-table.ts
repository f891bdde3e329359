/**
 * The conntrack table of a host as a table for people: one entry a row, its two tuples aligned one above the other, and
 * what NAT altered marked. `conntrack -L` prints the same facts a line each.
 */
import {
  type ConntrackSnapshot,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_SEEN_REPLY,
  type TupleText,
} from "@netfilter-lab/engine";
import { endpoint } from "./dissect.js";
import { Drawing } from "./drawing.js";
import { type Cell, escapeHtml, htmlTable, mark, textCell } from "./html.js";
import { mermaidText } from "./mermaid.js";
import { columns } from "./terminal.js";

/** A host's conntrack table at one moment: a list that draws itself. */
export class ConntrackTable extends Drawing {
  /** The host. */
  readonly host: string;
  /** The confirmed entries, in the hash's order. */
  readonly entries: readonly ConntrackSnapshot[];

  constructor(host: string, entries: readonly ConntrackSnapshot[]) {
    super({
      text: () => text(host, entries),
      html: () => html(host, entries),
      mermaid: () => mermaid(host, entries),
    });
    this.host = host;
    this.entries = entries;
  }
}

function caption(host: string, entries: readonly ConntrackSnapshot[]): string {
  const count = entries.length === 0 ? "no entry" : entries.length === 1 ? "1 entry" : `${entries.length} entries`;
  return `Conntrack table of ${host}: ${count}`;
}

/** The flags as conntrack-tools names them, with CONFIRMED's absence said. */
function flags(entry: ConntrackSnapshot): string {
  const names = [
    entry.status & IPS_SEEN_REPLY ? "" : "UNREPLIED",
    entry.status & IPS_ASSURED ? "ASSURED" : "",
    entry.status & IPS_CONFIRMED ? "" : "UNCONFIRMED",
  ];
  return names.filter((flag) => flag !== "").join(" ");
}

const sourceOf = (tuple: TupleText): string => endpoint(tuple.src, tuple.sport);
function destinationOf(tuple: TupleText): string {
  return tuple.id === undefined ? endpoint(tuple.dst, tuple.dport) : `${tuple.dst} id ${tuple.id}`;
}

/** What of the reply tuple is not the original's inverse. */
function altered(entry: ConntrackSnapshot): { readonly src: boolean; readonly dst: boolean } {
  const [original, reply] = entry.tuple;
  return {
    src: endpoint(reply.src, reply.sport) !== endpoint(original.dst, original.dport),
    dst: endpoint(reply.dst, reply.dport) !== endpoint(original.src, original.sport),
  };
}

/** Mark and zone, where they are set. */
function extras(entry: ConntrackSnapshot): string {
  return [entry.mark === 0 ? "" : `mark=${entry.mark}`, entry.zone === 0 ? "" : `zone=${entry.zone}`]
    .filter((extra) => extra !== "")
    .join(" ");
}

const DIRECTIONS = ["ORIGINAL", "REPLY"] as const;

function text(host: string, entries: readonly ConntrackSnapshot[]): string {
  if (entries.length === 0) return caption(host, entries);
  const star = (value: string, marked: boolean): string => (marked ? `${value}*` : value);
  const rows = entries.flatMap((entry) => {
    const { src, dst } = altered(entry);
    const [original, reply] = entry.tuple;
    const state = entry.tcpState ?? "";
    return [
      [
        original.protocol,
        state,
        `${entry.timeoutSeconds}s`,
        DIRECTIONS[0],
        sourceOf(original),
        destinationOf(original),
      ],
      [extras(entry), flags(entry), "", DIRECTIONS[1], star(sourceOf(reply), src), star(destinationOf(reply), dst)],
    ];
  });
  const lines = columns([["", "state", "timeout", "tuple", "source", "destination"], ...rows], [false, false, true]);
  const marked = entries.some((entry) => altered(entry).src || altered(entry).dst);
  return [caption(host, entries), "", ...lines, ...(marked ? ["", "* altered by NAT"] : [])].join("\n");
}

function html(host: string, entries: readonly ConntrackSnapshot[]): string {
  const cell = (value: string, marked: boolean): string => (marked ? mark(value, "change") : escapeHtml(value));
  const rows = entries.map((entry): Cell[] => {
    const { src, dst } = altered(entry);
    const [original, reply] = entry.tuple;
    return [
      textCell(original.protocol),
      { html: `${escapeHtml(entry.tcpState ?? "")}<br/>${escapeHtml(flags(entry))}` },
      textCell(`${entry.timeoutSeconds} s`, { right: true }),
      { html: DIRECTIONS.join("<br/>") },
      { html: `${cell(sourceOf(original), false)}<br/>${cell(sourceOf(reply), src)}`, mono: true },
      { html: `${cell(destinationOf(original), false)}<br/>${cell(destinationOf(reply), dst)}`, mono: true },
      textCell(extras(entry)),
    ];
  });
  return htmlTable(caption(host, entries), ["", "state", "timeout", "tuple", "source", "destination", ""], rows);
}

function mermaid(host: string, entries: readonly ConntrackSnapshot[]): string {
  const lines = ["flowchart LR", `  table["${mermaidText(caption(host, entries))}"]`];
  entries.forEach((entry, i) => {
    const [original, reply] = entry.tuple;
    const head = [original.protocol, entry.tcpState ?? "", flags(entry), `${entry.timeoutSeconds} s`];
    const parts = [
      head.filter((part) => part !== "").join(" "),
      `ORIGINAL ${sourceOf(original)} → ${destinationOf(original)}`,
      `REPLY ${sourceOf(reply)} → ${destinationOf(reply)}`,
    ];
    lines.push(`  e${i + 1}["${parts.map(mermaidText).join("<br/>")}"]`, `  table --- e${i + 1}`);
  });
  return `${lines.join("\n")}\n`;
}
