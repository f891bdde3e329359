/** The map as a picture. */

import { oneLine } from "../dissect.js";
import { ellipsis, textWidth, wrap } from "../measure.js";
import { priorityText } from "../packet-view/words.js";
import type { Effect } from "../passage.js";
import { type Box, type Point, Scene } from "../scene.js";
import { lineHeight, MARGIN, SIZE, type Tone, WIDTH } from "../tokens.js";
import { HOOKS, type HookName, type Leg, type MapData, order, type Station, titleOf, wayOf } from "./map.js";

const COLUMN = 194;
const GAP = 69;
const PAD = 8;
const HEAD = 30;
const COLUMNS: readonly number[] = [MARGIN, MARGIN + COLUMN + GAP, MARGIN + 2 * (COLUMN + GAP)];
const PILL = 24;

/** The colour of each kind of effect. */
const EFFECT_TONE: Readonly<Record<Effect["kind"], Tone>> = {
  lookup: "lookup",
  entry: "good",
  attach: "lookup",
  state: "ink",
  rule: "ink",
  policy: "muted",
  alter: "change",
  rewrite: "change",
  confirm: "good",
  event: "muted",
  invalid: "bad",
  idle: "muted",
  verdict: "bad",
};

interface Line {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly style: { size: number; tone: Tone; bold?: boolean; family?: "mono" | "sans"; anchor?: "end" };
}

interface Placed {
  readonly lines: readonly Line[];
  readonly dots: readonly { readonly x: number; readonly y: number; readonly tone: Tone }[];
  readonly rules: readonly number[];
  readonly height: number;
}

/** Lays a station out in a column of its own; coordinates are relative to its corner. */
function placeStation(map: MapData, station: Station): Placed {
  const followed = map.packet !== null;
  const visited = station.traversal !== null;
  const lines: Line[] = [];
  const dots: { x: number; y: number; tone: Tone }[] = [];
  const rules: number[] = [];
  const headTone: Tone = followed ? (visited ? "path" : "faint") : "ink";
  lines.push({ text: station.hook, x: PAD, y: 20, style: { size: SIZE.head, tone: headTone, bold: true } });
  let y = HEAD;
  if (station.rows.length === 0) {
    lines.push({ text: "nobody", x: PAD, y: y + 14, style: { size: SIZE.small, tone: "faint" } });
    return { lines, dots, rules, height: y + 24 };
  }
  station.rows.forEach(({ user, run }, i) => {
    if (i > 0) rules.push(y);
    const lively = !followed || run !== null;
    const small = lineHeight(SIZE.small);
    const priority = priorityText(user.priority);
    y += 17;
    const room = COLUMN - 2 * PAD - textWidth(priority, SIZE.small, "mono") - 8;
    const size = textWidth(user.label, SIZE.body, "sans", lively) <= room ? SIZE.body : SIZE.small;
    lines.push(
      {
        text: ellipsis(user.label, room, size, "sans", lively),
        x: PAD,
        y,
        style: { size, tone: lively ? "ink" : "faint", bold: lively },
      },
      {
        text: priority,
        x: COLUMN - PAD,
        y,
        style: { size: SIZE.small, tone: lively ? "muted" : "faint", family: "mono", anchor: "end" },
      },
    );
    if (lively) {
      y += small;
      lines.push({
        text: ellipsis(user.fn, COLUMN - 2 * PAD, SIZE.small, "mono"),
        x: PAD,
        y,
        style: { size: SIZE.small, tone: "muted", family: "mono" },
      });
    } else if (visited) {
      y += small;
      lines.push({ text: "not reached", x: PAD, y, style: { size: SIZE.small, tone: "faint" } });
    }
    for (const effect of run?.effects ?? []) {
      const tone = EFFECT_TONE[effect.kind];
      wrap(effect.text, COLUMN - 2 * PAD - 12, SIZE.small).forEach((part, index) => {
        y += small;
        if (index === 0) dots.push({ x: PAD + 3, y: y - 4, tone });
        lines.push({ text: part, x: PAD + 12, y, style: { size: SIZE.small, tone } });
      });
    }
    y += 8;
  });
  return { lines, dots, rules, height: y + 2 };
}

export function scene(map: MapData): Scene {
  const sheet = new Scene(titleOf(map), describe(map));
  const followed = map.packet !== null;
  let top = sheet.heading(
    titleOf(map),
    map.packet === null
      ? `Who hangs on each hook of ${map.family === "ipv6" ? "IPv6" : "IPv4"}, in the order in which they run`
      : ellipsis(`${wayOf(map.packet)}  ·  ${oneLine(map.packet.before)}`, WIDTH - 2 * MARGIN, SIZE.body),
  );
  top += 8;
  const placed = Object.fromEntries(HOOKS.map((hook) => [hook, placeStation(map, map.stations[hook])])) as Record<
    HookName,
    Placed
  >;
  const upper = Math.max(placed.INPUT.height, placed.OUTPUT.height, 64);
  const aisle = 46;
  const lowerTop = top + upper + aisle;
  const lower = Math.max(placed.PREROUTING.height, placed.FORWARD.height, placed.POSTROUTING.height);
  // The upper stations stand on the aisle, so that the legs to them are short.
  const boxes: Record<HookName, Box> = {
    INPUT: { x: COLUMNS[0], y: top + upper - placed.INPUT.height, width: COLUMN, height: placed.INPUT.height },
    OUTPUT: { x: COLUMNS[2], y: top + upper - placed.OUTPUT.height, width: COLUMN, height: placed.OUTPUT.height },
    PREROUTING: { x: COLUMNS[0], y: lowerTop, width: COLUMN, height: placed.PREROUTING.height },
    FORWARD: { x: COLUMNS[1], y: lowerTop, width: COLUMN, height: placed.FORWARD.height },
    POSTROUTING: { x: COLUMNS[2], y: lowerTop, width: COLUMN, height: placed.POSTROUTING.height },
  };
  const wireTop = lowerTop + lower + 30;

  const leg = (name: Leg, points: readonly Point[], head = true): void => {
    const on = map.taken.has(name);
    sheet.arrow(points, {
      stroke: on ? "path" : followed ? "line" : "muted",
      weight: on ? 2.5 : 1.25,
      head,
    });
  };
  const middle = (hook: HookName): number => boxes[hook].x + COLUMN / 2;
  const bottom = (hook: HookName): number => boxes[hook].y + boxes[hook].height;
  const gapMiddle = COLUMNS[0] + COLUMN + GAP / 2;
  const aisleY = top + upper + aisle / 2;
  const localBox: Box = { x: COLUMNS[1], y: top + upper - 44, width: COLUMN, height: 36 };
  const localY = localBox.y + localBox.height / 2;
  const row = lowerTop + HEAD / 2;

  // Legs not taken first, so that the way taken lies on top of them.
  const legs: [Leg, Point[], boolean?][] = [
    [
      "in",
      [
        [middle("PREROUTING"), wireTop],
        [middle("PREROUTING"), bottom("PREROUTING") + 2],
      ],
    ],
    [
      "route",
      [
        [COLUMNS[0] + COLUMN, row],
        [gapMiddle - 25, row],
      ],
      false,
    ],
    [
      "toInput",
      [
        [gapMiddle, row - PILL / 2],
        [gapMiddle, aisleY],
        [middle("INPUT"), aisleY],
        [middle("INPUT"), bottom("INPUT") + 2],
      ],
    ],
    [
      "toForward",
      [
        [gapMiddle + 25, row],
        [COLUMNS[1] - 2, row],
      ],
    ],
    [
      "toLocal",
      [
        [COLUMNS[0] + COLUMN, localY],
        [COLUMNS[1] - 2, localY],
      ],
    ],
    [
      "fromLocal",
      [
        [COLUMNS[1] + COLUMN, localY],
        [COLUMNS[2] - 2, localY],
      ],
    ],
    [
      "forwardToPost",
      [
        [COLUMNS[1] + COLUMN, row],
        [COLUMNS[2] - 2, row],
      ],
    ],
    [
      "outputToPost",
      [
        [middle("OUTPUT"), bottom("OUTPUT")],
        [middle("OUTPUT"), lowerTop - 2],
      ],
    ],
    [
      "out",
      [
        [middle("POSTROUTING"), bottom("POSTROUTING")],
        [middle("POSTROUTING"), wireTop - 2],
      ],
    ],
  ];
  for (const [name, points, head] of [...legs].sort(([a], [b]) => Number(map.taken.has(a)) - Number(map.taken.has(b))))
    leg(name, points, head ?? true);

  const routed = map.taken.has("route") || map.taken.has("toForward") || map.taken.has("toInput");
  pill(sheet, { x: gapMiddle - 25, y: row - PILL / 2, width: 50, height: PILL }, "routing", followed ? routed : null);
  terminal(sheet, localBox, "local process", followed ? map.taken.has("toLocal") || map.taken.has("fromLocal") : null);
  const receive = map.packet?.iif ?? null;
  const transmit = map.packet?.oif ?? null;
  terminal(
    sheet,
    { x: COLUMNS[0], y: wireTop, width: COLUMN, height: 32 },
    receive === null ? "receive" : `receive · ${receive}`,
    followed ? map.taken.has("in") : null,
  );
  terminal(
    sheet,
    { x: COLUMNS[2], y: wireTop, width: COLUMN, height: 32 },
    transmit === null ? "transmit" : `transmit · ${transmit}`,
    followed ? map.taken.has("out") : null,
  );
  for (const hook of HOOKS) station(sheet, map, map.stations[hook], boxes[hook], placed[hook]);
  sheet.height = wireTop + 32 + MARGIN;
  if (followed) footer(sheet, map, wireTop + 20);
  return sheet;
}

function station(sheet: Scene, map: MapData, data: Station, box: Box, placed: Placed): void {
  const followed = map.packet !== null;
  const visited = data.traversal !== null;
  const dropped = visited && data.traversal?.verdict !== "ACCEPT";
  const border: Tone = dropped ? "bad" : visited ? "path" : "line";
  sheet.rect(box, { fill: !followed || visited ? "panel" : "paper", stroke: border, weight: visited ? 2 : 1 });
  if (visited) {
    const inset = { x: box.x + 1, y: box.y + 1, width: box.width - 2, height: HEAD - 3 };
    sheet.rect(inset, { fill: dropped ? "badSoft" : "pathSoft", radius: 5 });
  }
  for (const y of placed.rules) {
    sheet.line(
      [
        [box.x + PAD, box.y + y],
        [box.x + box.width - PAD, box.y + y],
      ],
      { stroke: "line", weight: 1 },
    );
  }
  for (const dot of placed.dots) sheet.circle(box.x + dot.x, box.y + dot.y, 2.5, { fill: dot.tone });
  for (const line of placed.lines) sheet.text(box.x + line.x, box.y + line.y, line.text, line.style);
  if (dropped) {
    sheet.text(box.x + box.width - PAD - 16, box.y + 20, data.traversal?.verdict ?? "", {
      size: SIZE.small,
      bold: true,
      tone: "bad",
      anchor: "end",
    });
    sheet.cross(box.x + box.width - PAD - 5, box.y + 15.5, 4.5);
  }
}

/** A small rounded label on a leg; `on` is null when no packet is followed. */
function pill(sheet: Scene, box: Box, label: string, on: boolean | null): void {
  sheet.rect(box, {
    fill: on === true ? "pathSoft" : "paper",
    stroke: on === true ? "path" : "line",
    radius: PILL / 2,
    weight: on === true ? 2 : 1,
  });
  sheet.text(box.x + box.width / 2, box.y + box.height / 2 + 4, label, {
    size: SIZE.small,
    tone: on === true ? "path" : on === null ? "ink" : "faint",
    anchor: "middle",
  });
}

/** Where packets come from and go to. */
function terminal(sheet: Scene, box: Box, label: string, on: boolean | null): void {
  sheet.rect(box, {
    fill: on === true ? "pathSoft" : "paper",
    stroke: on === true ? "path" : "line",
    weight: on === true ? 2 : 1,
    radius: box.height / 2,
    dashed: on !== true,
  });
  sheet.text(box.x + box.width / 2, box.y + box.height / 2 + 4, label, {
    size: SIZE.body,
    tone: on === true ? "path" : on === null ? "ink" : "faint",
    bold: on === true,
    anchor: "middle",
  });
}

/** The outcome between the two ends of the wire. */
function footer(sheet: Scene, map: MapData, y: number): void {
  if (map.end === null) return;
  const tone: Tone = map.packet?.after === null ? "bad" : "muted";
  sheet.text(WIDTH / 2, y, ellipsis(map.end, COLUMN, SIZE.small), { size: SIZE.small, tone, anchor: "middle" });
}

/** The drawing in one sentence, for those who cannot see it. */
function describe(map: MapData): string {
  if (map.packet === null)
    return HOOKS.map((hook) => {
      const names = map.stations[hook].rows.map(({ user }) => `${user.label} (${priorityText(user.priority)})`);
      return `${hook}: ${names.length === 0 ? "nobody" : names.join(", ")}.`;
    }).join(" ");
  const way = order(map).map((data) => {
    const deeds = data.rows.flatMap(({ user, run }) =>
      (run?.effects ?? []).map(({ text }) => `${user.label}: ${text}`),
    );
    return `${data.hook}${deeds.length === 0 ? "" : ` (${deeds.join("; ")})`}`;
  });
  return `${wayOf(map.packet)}. Hooks traversed: ${way.length === 0 ? "none" : way.join(", ")}.${map.end === null ? "" : ` ${map.end}.`}`;
}
