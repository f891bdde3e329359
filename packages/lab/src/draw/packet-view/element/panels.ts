/** The packet view's panels of words and figures: the connection, the rule, and the function being executed. */
import type { TupleText } from "@netfilter-lab/engine";
import { dissect, headline } from "../../dissect.js";
import { tupleLine } from "../../passage.js";
import type { EntryState } from "../entry-state.js";
import type { Frame } from "../frames.js";
import { html } from "./dom.js";

type Fits = "ORIGINAL" | "REPLY" | null;

/** A packet's header as a tuple, as conntrack would read it. */
function tupleOf(bytes: Uint8Array): TupleText {
  const { src, dst, sport, dport, protocol } = headline(bytes);
  const ends = { src, dst, protocol, ...(sport === null || dport === null ? {} : { sport, dport }) };
  if (protocol !== "icmp" && protocol !== "icmpv6") return ends;
  const id = dissect(bytes)
    .find(({ name }) => name.startsWith("Internet Control Message Protocol"))
    ?.fields.find(({ name }) => name === "Identifier")?.value;
  return id === undefined ? ends : { ...ends, id: Number(id) };
}

/** Which of the entry's tuples a packet's header is, letter by letter. */
function fits(entry: EntryState, packet: TupleText): Fits {
  const same = (tuple: TupleText): boolean => tupleLine(tuple) === tupleLine(packet);
  if (same(entry.original)) return "ORIGINAL";
  return same(entry.reply) ? "REPLY" : null;
}

/** The connection's entry with both tuples, the packet's header beside them, and what hangs on the packet. */
export function connectionPanel(frame: Frame): Node[] {
  const { entry, nfct, found, kind } = frame;
  const packet = tupleOf(frame.bytes);
  const pointer = html(
    "p",
    { class: "nfct", "data-written": kind === "attach" },
    html("code", {}, "skb->_nfct"),
    nfct === null ? " nothing attached" : ` → entry ${nfct.entry}, ${nfct.ctinfo}`,
  );
  if (entry === null) {
    const now = html("p", { class: "none" }, "No entry is known for this packet.");
    return [html("h3", {}, "Connection"), now, tuples([row("packet", tupleLine(packet), "", null)]), pointer];
  }
  const where = entry.confirmed ? "in the hash" : "not in the hash";
  const facts = [`entry ${entry.entry}`, ...(entry.state === null ? [] : [entry.state]), where].join(" · ");
  const fit = fits(entry, packet);
  const lit = (direction: Fits): string | null => (kind === "lookup" && found === direction ? "lookup" : null);
  const altered = kind === "alter-reply";
  const was = entry.replyBefore === null ? null : `was ${tupleLine(entry.replyBefore)}`;
  return [
    html("h3", {}, "Connection ", html("span", { class: "facts" }, facts)),
    tuples([
      row("ORIGINAL", tupleLine(entry.original), fit === "ORIGINAL" ? "the header now" : "", lit("ORIGINAL")),
      row(
        "REPLY",
        tupleLine(entry.reply),
        fit === "REPLY" ? "the header now" : "",
        altered ? "change" : lit("REPLY"),
        was,
      ),
      row("packet", tupleLine(packet), fit === null ? "no tuple says this" : "", kind === "rewrite" ? "change" : null),
    ]),
    pointer,
  ];
}

function tuples(rows: readonly HTMLElement[]): HTMLElement {
  return html("dl", { class: "tuples" }, ...rows);
}

function row(name: string, value: string, remark: string, lit: string | null, was: string | null = null): HTMLElement {
  return html(
    "div",
    { "data-lit": lit },
    html("dt", {}, name),
    html(
      "dd",
      {},
      html("code", {}, value),
      was === null ? null : html("code", { class: "was" }, was),
      remark === "" ? null : html("span", { class: "remark" }, remark),
    ),
  );
}

/** The rule asked last in the hook function being executed, with its counters as `iptables-save -c` prints them. */
export function rulePanel({ rule, label }: Frame): Node[] {
  const title = html("h3", {}, "Rule");
  if (rule === null) {
    const why = label === null ? "No table is being asked." : `${label}: no rule has been asked.`;
    return [title, html("p", { class: "none" }, why)];
  }
  const outcome = rule.matched ? "matched" : "did not match";
  title.append(html("span", { class: "facts" }, ` ${rule.table} · ${rule.chain} · rule ${rule.number} · ${outcome}`));
  return [
    title,
    html(
      "p",
      { class: "rule", "data-matched": rule.matched },
      html("code", { class: "counter", title: "packets:bytes" }, `[${rule.packets}:${rule.bytes}]`),
      html("code", {}, ` ${rule.rule}`),
    ),
  ];
}

/** The functions from the outermost to the one being executed, under the kernel's names. */
export function functionPanel({ path }: Frame): Node[] {
  const lines = path.map(({ fn, module }, depth) =>
    html(
      "li",
      { style: `--depth:${depth}`, "aria-current": depth === path.length - 1 ? "step" : null },
      html("code", {}, fn),
      module === null ? null : html("span", { class: "module" }, module),
    ),
  );
  return [html("h3", {}, "Function"), html("ol", { class: "path" }, ...lines)];
}
