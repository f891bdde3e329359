/**
 * The states of TCP conntrack that a connection went through, with the packet that caused each transition. States stand
 * in the order of the kernel's enumeration (include/uapi/linux/netfilter/nf_conntrack_tcp.h), which is about the order
 * of a connection's life; transitions come from the trace.
 */
import { isCall, type TraceCall } from "@netfilter-lab/engine";
import { endpoint, headline } from "./dissect.js";
import { Drawing } from "./drawing.js";
import { ellipsis } from "./measure.js";
import { mermaidText } from "./mermaid.js";
import type { PassageData } from "./passage.js";
import { Scene } from "./scene.js";
import { columns } from "./terminal.js";
import { MARGIN, SIZE, WIDTH } from "./tokens.js";

/** The states of a tracked TCP connection, as `conntrack -L` names them, in the order of a connection's life. */
const STATES: readonly string[] = [
  "NONE",
  "SYN_SENT",
  "SYN_SENT2",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
];

/** One move of the tracker. */
export interface Transition {
  readonly before: string;
  readonly after: string;
  /** The packet's serial. */
  readonly serial: number;
  /** `SYN`, `FIN, ACK`, ... */
  readonly kind: string;
  /** `192.168.2.55:50798 → 217.254.1.76:443`, as the packet came in. */
  readonly ends: string;
}

/** The history of one entry. */
export interface StateData {
  readonly host: string;
  readonly entry: number | null;
  readonly transitions: readonly Transition[];
}

/** The entries whose state changed, in the order in which they first did: `[host, entry]`. */
export function trackedEntries(passages: readonly PassageData[]): (readonly [host: string, entry: number])[] {
  const found = new Map<string, readonly [string, number]>();
  for (const passage of passages)
    for (const { entry } of moves(passage.calls)) found.set(`${passage.host} ${entry}`, [passage.host, entry]);
  return [...found.values()];
}

/** The history of one entry of one host. */
export function statesOf(passages: readonly PassageData[], host: string, entry: number): StateData {
  const transitions = passages
    .filter((passage) => passage.host === host)
    .flatMap((passage) =>
      moves(passage.calls)
        .filter((move) => move.entry === entry)
        .map(({ before, after }): Transition => {
          const head = headline(passage.before);
          const ends = `${endpoint(head.src, head.sport)} → ${endpoint(head.dst, head.dport)}`;
          return { before, after, serial: passage.serial, kind: head.kind, ends };
        }),
    );
  return { host, entry, transitions };
}

function moves(calls: readonly TraceCall[]): { entry: number; before: string; after: string }[] {
  return calls.flatMap((call) =>
    call.children.flatMap((item) => {
      if (isCall(item)) return moves([item]);
      return item.kind === "state" && item.before !== item.after ? [item] : [];
    }),
  );
}

/** The states of the first connection whose state changed; `host` and `entry` choose another. */
export function drawStates(passages: readonly PassageData[], host?: string, entry?: number): Drawing {
  const all = trackedEntries(passages);
  const chosen = all.find((pair) => (host ?? pair[0]) === pair[0] && (entry ?? pair[1]) === pair[1]);
  const data: StateData =
    chosen === undefined
      ? { host: host ?? passages[0]?.host ?? "", entry: entry ?? null, transitions: [] }
      : statesOf(passages, ...chosen);
  return new Drawing({
    text: () => text(data),
    svg: () => statesScene(data).toString(),
    mermaid: () => mermaid(data),
  });
}

function title(data: StateData): string {
  if (data.transitions.length === 0) return "No TCP connection changed its state";
  return `TCP states of entry ${data.entry} on ${data.host}`;
}

/** States not in the list (another protocol's) stand after it. */
function statesShown(data: StateData): string[] {
  const more = data.transitions
    .flatMap(({ before, after }) => [before, after])
    .filter((state) => !STATES.includes(state));
  return [...STATES, ...new Set(more)];
}

/** A transition's place: on the line of states itself, or on a lane beside it. */
interface Routed {
  readonly from: number;
  readonly to: number;
  /** 0: straight to the next; else the lane's number, downwards on the right, upwards on the left. */
  readonly lane: number;
  /** Numbers of the transitions that took this way. */
  readonly numbers: number[];
}

/** Gives every way a lane on which it meets no other. */
function route(data: StateData, states: readonly string[]): Routed[] {
  const ways: { from: number; to: number; numbers: number[] }[] = [];
  data.transitions.forEach(({ before, after }, i) => {
    const from = states.indexOf(before);
    const to = states.indexOf(after);
    const known = ways.find((way) => way.from === from && way.to === to);
    if (known === undefined) ways.push({ from, to, numbers: [i + 1] });
    else known.numbers.push(i + 1);
  });
  const taken: { down: boolean; lane: number; low: number; high: number }[] = [];
  return [...ways]
    .sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from) || a.from - b.from)
    .map((way) => {
      const down = way.to > way.from;
      if (way.to === way.from + 1) return { ...way, lane: 0 };
      const low = Math.min(way.from, way.to);
      const high = Math.max(way.from, way.to);
      let lane = 1;
      const meets = (): boolean =>
        taken.some((other) => other.down === down && other.lane === lane && low <= other.high && other.low <= high);
      while (meets()) lane++;
      taken.push({ down, lane, low, high });
      return { ...way, lane };
    });
}

/** The diagram as a scene, for tests of the layout. */
export function statesScene(data: StateData): Scene {
  const sheet = new Scene(title(data), data.transitions.map((move) => `${sentence(move)}.`).join(" "));
  const top =
    sheet.heading(
      title(data),
      data.transitions.length === 0 ? "" : "Numbers tell the order; beside them the packet that caused the transition",
    ) + 8;
  const states = statesShown(data);
  const visited = new Set(data.transitions.flatMap(({ before, after }) => [before, after]));
  const last = data.transitions.at(-1)?.after;
  const ways = route(data, states);
  const lanes = (down: boolean): number =>
    Math.max(0, ...ways.map((way) => (way.to > way.from === down ? way.lane : 0)));
  const laneWidth = 26;
  const nodeWidth = 124;
  const nodeHeight = 28;
  const pitch = 50;
  const x = MARGIN + 8 + lanes(false) * laneWidth;
  const middle = x + nodeWidth / 2;
  const y = (state: number): number => top + state * pitch;
  states.forEach((state, i) => {
    const on = visited.has(state);
    const box = { x, y: y(i), width: nodeWidth, height: nodeHeight };
    sheet.rect(box, {
      fill: on ? "pathSoft" : "paper",
      stroke: on ? "path" : "line",
      weight: state === last ? 2.5 : on ? 1.5 : 1,
      dashed: !on,
      radius: nodeHeight / 2,
    });
    sheet.text(middle, y(i) + 18, ellipsis(state, nodeWidth - 16, SIZE.body, "sans", on), {
      anchor: "middle",
      bold: on,
      tone: on ? "path" : "faint",
    });
  });
  const badge = (cx: number, cy: number, numbers: readonly number[]): void => {
    const label = numbers.length > 3 ? `${numbers[0]}–${numbers[numbers.length - 1]}` : numbers.join(",");
    const width = Math.max(18, label.length * 7 + 8);
    sheet.rect({ x: cx - width / 2, y: cy - 9, width, height: 18 }, { fill: "paper", stroke: "path", radius: 9 });
    sheet.text(cx, cy + 4, label, { size: SIZE.small, bold: true, tone: "path", anchor: "middle" });
  };
  const badges: (() => void)[] = [];
  for (const way of ways) {
    const style = { stroke: "path", weight: 1.75 } as const;
    if (way.lane === 0) {
      sheet.arrow(
        [
          [middle, y(way.from) + nodeHeight],
          [middle, y(way.to) - 1],
        ],
        style,
      );
      badges.push(() => badge(middle + 24, y(way.from) + nodeHeight + 11, way.numbers));
      continue;
    }
    const down = way.to > way.from;
    const edge = down ? x + nodeWidth : x;
    const lane = edge + (down ? 1 : -1) * (way.lane * laneWidth - 4);
    // Ways leave below and arrive above a state's middle line, so that one that ends and one that begins stay apart.
    const start = y(way.from) + nodeHeight / 2 + (down ? 5 : -5);
    const end = y(way.to) + nodeHeight / 2 + (down ? -5 : 5);
    sheet.arrow(
      [
        [edge, start],
        [lane, start],
        [lane, end],
        [edge + (down ? 1 : -1), end],
      ],
      style,
    );
    badges.push(() => badge(lane, (start + end) / 2, way.numbers));
  }
  for (const draw of badges) draw();
  const listX = x + nodeWidth + lanes(true) * laneWidth + 44;
  const room = WIDTH - MARGIN - listX;
  let line = top + 4;
  data.transitions.forEach((move, i) => {
    badge(listX - 16, line + 6, [i + 1]);
    sheet.text(listX + 2, line + 10, ellipsis(`${move.before} → ${move.after}`, room - 2, SIZE.body, "sans", true), {
      bold: true,
    });
    sheet.text(listX + 2, line + 26, ellipsis(`${move.kind}  ·  packet ${move.serial}`, room - 2, SIZE.small), {
      size: SIZE.small,
      tone: "muted",
    });
    sheet.text(listX + 2, line + 41, ellipsis(move.ends, room - 2, SIZE.small, "mono"), {
      size: SIZE.small,
      family: "mono",
      tone: "muted",
    });
    line += 58;
  });
  sheet.height = Math.max(y(states.length - 1) + nodeHeight, line - 8) + MARGIN;
  return sheet;
}

function sentence(move: Transition): string {
  return `${move.before} to ${move.after}: ${move.kind}, packet ${move.serial}, ${move.ends}`;
}

function text(data: StateData): string {
  if (data.transitions.length === 0) return title(data);
  const rows = data.transitions.map((move, i) => [
    String(i + 1),
    move.before,
    "→",
    move.after,
    `${move.kind}, packet ${move.serial}`,
    move.ends,
  ]);
  const visited = new Set(data.transitions.flatMap(({ before, after }) => [before, after]));
  const others = STATES.filter((state) => !visited.has(state));
  const table = columns([["", "state", "", "next", "caused by", "packet as it came in"], ...rows], [true]);
  return [title(data), "", ...table, "", `not visited: ${others.length === 0 ? "none" : others.join(", ")}`].join("\n");
}

function mermaid(data: StateData): string {
  const lines = ["stateDiagram-v2"];
  const first = data.transitions[0]?.before;
  if (first !== undefined) lines.push(`  [*] --> ${first}`);
  data.transitions.forEach((move, i) =>
    lines.push(`  ${move.before} --> ${move.after}: ${mermaidText(`${i + 1} ${move.kind} (packet ${move.serial})`)}`),
  );
  const visited = new Set(data.transitions.flatMap(({ before, after }) => [before, after]));
  for (const state of statesShown(data)) if (!visited.has(state)) lines.push(`  ${state}`);
  if (visited.size > 0) lines.push("  classDef visited stroke-width:3px", `  class ${[...visited].join(",")} visited`);
  return `${lines.join("\n")}\n`;
}
