/**
 * The sequence of packets between hosts: one lifeline a host, one arrow a link crossed, with the addresses as they are
 * on that link, so that a rewrite shows as a change from one arrow to the next. TCP sequence numbers are relative to
 * the first seen on the link, as analysers print them.
 */
import { endpoint, type Headline, headline } from "./dissect.js";
import { Drawing } from "./drawing.js";
import { ellipsis, textWidth } from "./measure.js";
import { mermaidText } from "./mermaid.js";
import { type PassageData, readJourney } from "./passage.js";
import { Scene } from "./scene.js";
import { columns, cut } from "./terminal.js";
import { MARGIN, SIZE, type Tone, WIDTH } from "./tokens.js";

/** A passage that knows the other ends of its links. */
export interface LinkedPassage extends PassageData {
  /** The device it came from at the other end of the link; null when that is not known. */
  readonly from: { readonly host: string; readonly device: string } | null;
  /** The device it goes to at the other end of the link; null when it ended here. */
  readonly to: { readonly host: string; readonly device: string } | null;
}

/** One packet on one link, or the end of a packet on a host. */
export interface Message {
  readonly atMicros: number;
  /** The sending host; null when it is not known who sent (an open device). */
  readonly from: string | null;
  /** The receiving host; null when nobody is at the other end. */
  readonly to: string | null;
  readonly head: Headline;
  /** `seq=0 ack=1 len=6`, relative. */
  readonly numbers: string;
  /** Whether source or destination differ from what they were before the sending host. */
  readonly changed: { readonly src: boolean; readonly dst: boolean };
  /** Why the packet ended on `to`; null when it travels on or was delivered. */
  readonly dropped: string | null;
}

/** Turns passages into the messages between hosts, each link crossed once. */
export function messagesOf(passages: readonly LinkedPassage[]): Message[] {
  const numbers = relativeNumbers();
  const messages: Message[] = [];
  const unchanged = { src: false, dst: false };
  passages.forEach((passage, i) => {
    const before = headline(passage.before);
    if (passage.iif !== null && !departureSeen(passages, i)) {
      const from = passage.from?.host ?? null;
      const { atMicros, host } = passage;
      const text = numbers(passage.before, before);
      messages.push({ atMicros, from, to: host, head: before, numbers: text, changed: unchanged, dropped: null });
    }
    if (passage.oif !== null && passage.after !== null) {
      const head = headline(passage.after);
      const made = passage.iif === null;
      messages.push({
        atMicros: passage.atMicros,
        from: passage.host,
        to: passage.to?.host ?? null,
        head,
        numbers: numbers(passage.after, head),
        changed: {
          src: !made && endpoint(head.src, head.sport) !== endpoint(before.src, before.sport),
          dst: !made && endpoint(head.dst, head.dport) !== endpoint(before.dst, before.dport),
        },
        dropped: null,
      });
    }
    if (passage.after === null) {
      const reason = readJourney(passage.calls).end ?? dropReason(passage);
      const arrival = messages.map(({ to, head }) => to === passage.host && same(head, before)).lastIndexOf(true);
      // A packet dropped where it was made has no arrow of its own; else the arrow that brought it ends in a cross.
      if (arrival >= 0 && passage.iif !== null) messages[arrival] = { ...messages[arrival], dropped: reason };
      else {
        const text = numbers(passage.before, before);
        const { atMicros, host } = passage;
        messages.push({
          atMicros,
          from: host,
          to: host,
          head: before,
          numbers: text,
          changed: unchanged,
          dropped: reason,
        });
      }
    }
  });
  return messages;
}

function same(a: Headline, b: Headline): boolean {
  return a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport && a.numbers === b.numbers;
}

function dropReason(passage: PassageData): string {
  const hook = readJourney(passage.calls).traversals.at(-1)?.hook ?? passage.droppedIn ?? null;
  return hook === null ? "dropped" : `dropped in ${hook}`;
}

/** Whether the walk also holds the passage on the neighbour by which this packet came. */
function departureSeen(passages: readonly LinkedPassage[], i: number): boolean {
  const passage = passages[i];
  return passages.some(
    (other) =>
      other.serial === passage.serial &&
      other.to?.host === passage.host &&
      other.to.device === passage.iif &&
      other.after !== null,
  );
}

/** Rewrites `seq=` and `ack=` relative to the first sequence number seen from each end of each flow. */
function relativeNumbers(): (packet: Uint8Array, head: Headline) => string {
  const first = new Map<string, number>();
  return (_packet, head) => {
    if (head.protocol !== "tcp") return head.numbers;
    const there = `${endpoint(head.src, head.sport)} ${endpoint(head.dst, head.dport)}`;
    const back = `${endpoint(head.dst, head.dport)} ${endpoint(head.src, head.sport)}`;
    return head.numbers.replace(/(seq|ack)=(\d+)/g, (_all, name: string, digits: string) => {
      const key = name === "seq" ? there : back;
      const value = Number(digits);
      if (!first.has(key)) first.set(key, name === "seq" ? value : (value - 1) >>> 0);
      return `${name}=${(value - (first.get(key) as number)) >>> 0}`;
    });
  };
}

/** Hosts from left to right: in the order of the links they stand on, the first sender first. */
function hostsOf(messages: readonly Message[]): string[] {
  const hosts: string[] = [];
  for (const { from, to } of messages) {
    const [left, right] = [from, to];
    if (left !== null && !hosts.includes(left)) {
      const at = right === null ? -1 : hosts.indexOf(right);
      // A newcomer that talks to the first lifeline stands before it, else after the last.
      if (at === 0 && hosts.length > 1) hosts.unshift(left);
      else hosts.push(left);
    }
    if (right !== null && !hosts.includes(right)) {
      if (left !== null && hosts.indexOf(left) === 0 && hosts.length > 1) hosts.unshift(right);
      else hosts.push(right);
    }
  }
  return hosts;
}

/** The sequence diagram of a walk. */
export function drawSequence(passages: readonly LinkedPassage[]): Drawing {
  const messages = messagesOf(passages);
  return new Drawing({
    text: () => text(messages),
    svg: () => sequenceScene(messages).toString(),
    mermaid: () => mermaid(messages),
  });
}

/** Time since the first message: `0`, `1.04 ms`, `2.5 s`. */
function elapsed(micros: number): string {
  if (micros === 0) return "0";
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1_000_000) return `${Number((micros / 1000).toFixed(2))} ms`;
  return `${Number((micros / 1_000_000).toFixed(2))} s`;
}

/** `SYN, ACK seq=0 ack=1 len=0`. */
function label(message: Message): string {
  return message.numbers === "" ? message.head.kind : `${message.head.kind} ${message.numbers}`;
}

/** Messages in a picture; a longer walk shows its beginning and says so. The text has them all. */
const PICTURE_LIMIT = 60;

/** The diagram as a scene, for tests of the layout. */
export function sequenceScene(all: readonly Message[]): Scene {
  const messages = all.slice(0, PICTURE_LIMIT);
  const rest = all.length - messages.length;
  const hosts = hostsOf(messages);
  const sheet = new Scene("Sequence of packets", messages.map(sentence).join(" "));
  let y = sheet.heading(
    "Sequence of packets",
    messages.length === 0
      ? "No packet crossed a link"
      : rest === 0
        ? "Addresses as they are on each link; what a host rewrote is marked"
        : `The first ${messages.length} of ${all.length} packets on links; the text form has them all`,
  );
  if (hosts.length === 0) {
    sheet.height = y + MARGIN;
    return sheet;
  }
  const timeWidth = 64;
  const left = MARGIN + timeWidth + 62;
  const right = WIDTH - MARGIN - 62;
  const spacing = hosts.length === 1 ? 0 : (right - left) / (hosts.length - 1);
  const x = (host: string): number => (hosts.length === 1 ? (left + right) / 2 : left + hosts.indexOf(host) * spacing);
  const boxWidth = Math.min(124, hosts.length === 1 ? 124 : spacing - 10);
  y += 10;
  const headTop = y;
  for (const host of hosts) {
    sheet.rect(
      { x: x(host) - boxWidth / 2, y: headTop, width: boxWidth, height: 30 },
      { fill: "panel", stroke: "line" },
    );
    sheet.text(x(host), headTop + 20, ellipsis(host, boxWidth - 12, SIZE.head, "sans", true), {
      size: SIZE.head,
      bold: true,
      anchor: "middle",
    });
  }
  y = headTop + 30 + 12;
  const rows: (() => void)[] = [];
  const start = messages[0].atMicros;
  for (const message of messages) {
    const stub = hosts.length === 1 ? 120 : Math.min(spacing * 0.45, 120);
    const from = message.from === null ? x(message.to as string) - stub : x(message.from);
    const to =
      message.to === null
        ? x(message.from as string) + stub
        : message.to === message.from
          ? x(message.to)
          : x(message.to);
    const room = Math.max(Math.abs(to - from), spacing === 0 ? 240 : Math.min(spacing, 240)) - 18;
    const middle = from === to ? x(message.to as string) : (from + to) / 2;
    const parts: readonly (readonly [string, Tone, boolean])[] = [
      [endpoint(message.head.src, message.head.sport), message.changed.src ? "change" : "muted", message.changed.src],
      [
        `→ ${endpoint(message.head.dst, message.head.dport)}`,
        message.changed.dst ? "change" : "muted",
        message.changed.dst,
      ],
    ];
    const whole = parts.map(([part]) => part).join(" ");
    const oneRow = textWidth(whole, SIZE.small, "mono") <= room;
    const labelLines =
      textWidth(label(message), SIZE.body, "sans", true) <= room || message.numbers === ""
        ? [label(message)]
        : [message.head.kind, message.numbers];
    const top = y;
    let line = top + 14;
    const baselines = labelLines.map(() => {
      const at = line;
      line += 16;
      return at;
    });
    const addressTop = line;
    line += oneRow ? 0 : 15;
    const arrowY = line + 9;
    const time = elapsed(message.atMicros - start);
    rows.push(() => {
      sheet.text(MARGIN + timeWidth - 8, arrowY + 4, time, { size: SIZE.small, tone: "muted", anchor: "end" });
      const tone: Tone = message.dropped === null ? "path" : "bad";
      labelLines.forEach((part, i) => {
        const fitted = ellipsis(part, room, SIZE.body, "sans", i === 0);
        backdrop(sheet, middle, baselines[i], textWidth(fitted, SIZE.body, "sans", i === 0), 15, hosts.map(x));
        sheet.text(middle, baselines[i], fitted, { size: SIZE.body, bold: i === 0, anchor: "middle" });
      });
      let at = oneRow ? middle - textWidth(whole, SIZE.small, "mono") / 2 : middle;
      parts.forEach(([part, partTone, marked], i) => {
        const width = textWidth(part, SIZE.small, "mono");
        const baseline = addressTop + (oneRow ? 0 : i * 15);
        const startX = oneRow ? at : middle - width / 2;
        backdrop(sheet, startX + width / 2, baseline, width, 15, hosts.map(x));
        // The arrow between the addresses is nobody's change.
        const skip = i === 0 ? 0 : textWidth("→ ", SIZE.small, "mono");
        if (marked)
          sheet.rect(
            { x: startX + skip - 3, y: baseline - 11, width: width - skip + 6, height: 15 },
            { fill: "changeSoft", radius: 3 },
          );
        const font = { size: SIZE.small, family: "mono" } as const;
        if (i > 0) sheet.text(startX, baseline, "→", { ...font, tone: "muted" });
        sheet.text(startX + skip, baseline, i > 0 ? part.slice(2) : part, { ...font, tone: partTone, bold: marked });
        at += width + textWidth(" ", SIZE.small, "mono");
      });
      if (from === to) {
        sheet.cross(to, arrowY, 6);
      } else {
        const sign = Math.sign(to - from);
        const tip = message.dropped === null ? to - sign * 2 : to - sign * 12;
        sheet.arrow(
          [
            [from + sign * 2, arrowY],
            [tip, arrowY],
          ],
          { stroke: tone, weight: 1.75 },
        );
        if (message.dropped !== null) sheet.cross(to, arrowY, 6);
      }
      if (message.dropped !== null) {
        const reasonRoom = 220;
        const fitted = ellipsis(message.dropped, reasonRoom, SIZE.small);
        const width = textWidth(fitted, SIZE.small);
        const center = Math.min(Math.max(to, MARGIN + timeWidth + width / 2), WIDTH - MARGIN - width / 2);
        backdrop(sheet, center, arrowY + 22, width, 15, hosts.map(x));
        sheet.text(center, arrowY + 22, fitted, { size: SIZE.small, tone: "bad", anchor: "middle" });
      }
    });
    y = arrowY + (message.dropped === null ? 12 : 32);
  }
  for (const host of hosts)
    sheet.line(
      [
        [x(host), headTop + 30],
        [x(host), y + 4],
      ],
      { stroke: "line", weight: 1.25 },
    );
  for (const row of rows) row();
  sheet.height = y + 4 + MARGIN;
  return sheet;
}

/** Paper behind a text that stands on a lifeline. */
function backdrop(
  sheet: Scene,
  middle: number,
  baseline: number,
  width: number,
  height: number,
  lifelines: readonly number[],
): void {
  if (!lifelines.some((line) => Math.abs(line - middle) < width / 2 + 2)) return;
  sheet.rect(
    { x: middle - width / 2 - 3, y: baseline - 12, width: width + 6, height: height + 1 },
    { fill: "paper", radius: 2 },
  );
}

function sentence(message: Message): string {
  const ends = `${endpoint(message.head.src, message.head.sport)} to ${endpoint(message.head.dst, message.head.dport)}`;
  const way = `${message.from ?? "outside"} to ${message.to ?? "outside"}`;
  return `${way}: ${message.head.protocol} ${label(message)}, ${ends}${message.dropped === null ? "" : `, ${message.dropped}`}.`;
}

function text(messages: readonly Message[]): string {
  if (messages.length === 0) return "No packet crossed a link.";
  const start = messages[0].atMicros;
  const star = (value: string, marked: boolean): string => (marked ? `${value}*` : value);
  const rows = messages.flatMap((message) => {
    const whole = label(message);
    // Long ones go on below, so that a line stays within a terminal's width.
    const packet = whole.length <= 30 ? [whole] : [message.head.kind, `  ${message.numbers}`];
    if (message.dropped !== null) packet.push(`  ✗ ${message.dropped}`);
    const [first, ...more] = packet;
    return [
      [
        elapsed(message.atMicros - start),
        cut(`${message.from ?? "?"} → ${message.to ?? "?"}`, 24),
        star(endpoint(message.head.src, message.head.sport), message.changed.src),
        star(endpoint(message.head.dst, message.head.dport), message.changed.dst),
        first,
      ],
      ...more.map((line) => ["", "", "", "", line]),
    ];
  });
  const lines = columns([["time", "link", "source", "destination", "packet"], ...rows], [true]);
  if (messages.some(({ changed }) => changed.src || changed.dst)) lines.push("", "* rewritten by the sending host");
  return lines.join("\n");
}

function mermaid(all: readonly Message[]): string {
  const messages = all.slice(0, PICTURE_LIMIT);
  const hosts = hostsOf(messages);
  const outside = messages.some(({ from, to }) => from === null || to === null);
  const names = [
    ...hosts.map((host) => [participant(hosts, host), host] as const),
    ...(outside ? [["outside", "outside"] as const] : []),
  ];
  const lines = ["sequenceDiagram", ...names.map(([id, name]) => `  participant ${id} as ${mermaidText(name)}`)];
  for (const message of messages) {
    const from = message.from === null ? "outside" : participant(hosts, message.from);
    const to = message.to === null ? "outside" : participant(hosts, message.to);
    const ends = `${endpoint(message.head.src, message.head.sport)} → ${endpoint(message.head.dst, message.head.dport)}`;
    lines.push(
      `  ${from}${message.dropped === null ? "->>" : "-x"}${to}: ${mermaidText(label(message))}<br/>${mermaidText(ends)}`,
    );
    if (message.dropped !== null) lines.push(`  Note over ${to}: ${mermaidText(message.dropped)}`);
  }
  if (all.length > messages.length) lines.push(`  Note over h1: ${all.length - messages.length} more packets`);
  // A diagram without a participant is none.
  if (names.length === 0) lines.push("  participant nobody as no packet");
  return `${lines.join("\n")}\n`;
}

function participant(hosts: readonly string[], host: string): string {
  return `h${hosts.indexOf(host) + 1}`;
}
