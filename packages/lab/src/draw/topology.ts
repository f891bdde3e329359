/**
 * A lab's hosts and cables as they were configured: each host with its devices, addresses and routes, in columns by
 * distance from the first host. What commands change later is not in it.
 */
import { formatIPv4, formatIPv6 } from "@netfilter-lab/engine";
import type { HostTopology, Topology } from "../config.js";
import { Drawing } from "./drawing.js";
import { ellipsis } from "./measure.js";
import { mermaidText } from "./mermaid.js";
import { type Box, type Point, Scene } from "./scene.js";
import { columns } from "./terminal.js";
import { lineHeight, MARGIN, SIZE, WIDTH } from "./tokens.js";

/** A lab's hosts and cables. */
export function drawTopology(topology: Topology): Drawing {
  return new Drawing({
    text: () => text(topology),
    svg: () => topologyScene(topology).toString(),
    mermaid: () => mermaid(topology),
  });
}

/** Hosts by their distance, in cables, from the first; hosts that no cable leads to follow in a column of their own. */
function byDistance({ hosts, links }: Topology): HostTopology[][] {
  const placed = new Set<string>();
  const result: HostTopology[][] = [];
  let column = hosts.slice(0, 1);
  while (column.length > 0) {
    result.push(column);
    for (const { name } of column) placed.add(name);
    const near = new Set(
      links.flatMap(({ ends: [a, b] }) => [
        ...(placed.has(a.host) ? [b.host] : []),
        ...(placed.has(b.host) ? [a.host] : []),
      ]),
    );
    column = hosts.filter(({ name }) => near.has(name) && !placed.has(name));
  }
  const alone = hosts.filter(({ name }) => !placed.has(name));
  return alone.length === 0 ? result : [...result, alone];
}

const GAP = 58;
const PAD = 10;
const LINE = lineHeight(SIZE.small) + 2;
const HEAD = 28;

const addressesOf = (host: HostTopology): string[] =>
  host.devices.flatMap(({ name, addresses, addresses6 }) => {
    const texts = [
      ...addresses.map(({ address, prefixLength }) => `${formatIPv4(address)}/${prefixLength}`),
      ...addresses6.map(({ address, prefixLength }) => `${formatIPv6(address)}/${prefixLength}`),
    ];
    if (texts.length === 0) return [`${name} (no address)`];
    return texts.map((text, i) => `${i === 0 ? name : " ".repeat(name.length)} ${text}`);
  });
const notesOf = ({ forwarding, routes }: HostTopology): string[] => [
  ...(forwarding ? ["forwards packets"] : []),
  ...routes,
];

/** The drawing as a scene, for tests of the layout. */
export function topologyScene(topology: Topology): Scene {
  const sheet = new Scene("Hosts and cables", text(topology).replaceAll("\n", ". "));
  const top = sheet.heading("Hosts and cables", "As configured") + 6;
  const grid = byDistance(topology);
  const width = (WIDTH - 2 * MARGIN - GAP * (grid.length - 1)) / grid.length;
  const heightOf = (host: HostTopology): number => HEAD + (addressesOf(host).length + notesOf(host).length) * LINE + 6;
  const heights = grid.map((column) => column.reduce((sum, host) => sum + heightOf(host) + 24, -24));
  const tallest = Math.max(...heights);
  const boxes = new Map<string, Box>();
  for (const [i, column] of grid.entries()) {
    let y = top + (tallest - heights[i]) / 2;
    for (const host of column) {
      boxes.set(host.name, { x: MARGIN + i * (width + GAP), y, width, height: heightOf(host) });
      y += heightOf(host) + 24;
    }
  }
  const port = ({ host, device }: { host: string; device: string }): { box: Box; y: number } => {
    const box = boxes.get(host) as Box;
    const devices = topology.hosts.find(({ name }) => name === host)?.devices ?? [];
    const before = devices.slice(
      0,
      Math.max(
        0,
        devices.findIndex(({ name }) => name === device),
      ),
    );
    const lines = before.reduce(
      (sum, { addresses, addresses6 }) => sum + Math.max(1, addresses.length + addresses6.length),
      0,
    );
    return { box, y: box.y + HEAD + lines * LINE + LINE / 2 };
  };
  for (const { ends } of topology.links) {
    const [a, b] = ends.map(port).sort((one, other) => one.box.x - other.box.x);
    const from: Point = [a.box.x + a.box.width, a.y];
    const sameColumn = a.box.x === b.box.x;
    const to: Point = [sameColumn ? b.box.x + b.box.width : b.box.x, b.y];
    const bend = from[0] + (sameColumn ? GAP / 4 : GAP / 2);
    const points: Point[] = from[1] === to[1] ? [from, to] : [from, [bend, from[1]], [bend, to[1]], to];
    sheet.arrow(points, { stroke: "path", weight: 2, head: false });
  }
  for (const host of topology.hosts) {
    const box = boxes.get(host.name) as Box;
    sheet.rect(box, { fill: "panel", stroke: "line" });
    sheet.text(box.x + PAD, box.y + 19, ellipsis(host.name, width - 2 * PAD, SIZE.head, "sans", true), {
      size: SIZE.head,
      bold: true,
    });
    let y = box.y + HEAD + LINE - 5;
    for (const line of addressesOf(host)) {
      const shown = ellipsis(line, width - 2 * PAD, SIZE.small, "mono");
      sheet.text(box.x + PAD, y, shown, { size: SIZE.small, family: "mono" });
      y += LINE;
    }
    for (const line of notesOf(host)) {
      const shown = ellipsis(line, width - 2 * PAD, SIZE.small);
      sheet.text(box.x + PAD, y, shown, { size: SIZE.small, tone: "muted" });
      y += LINE;
    }
  }
  sheet.height = top + tallest + MARGIN;
  return sheet;
}

function text({ hosts, links }: Topology): string {
  const rows = hosts.flatMap((host) =>
    [...addressesOf(host), ...notesOf(host)].map((line, i) => [i === 0 ? host.name : "", line]),
  );
  const cables = links.map(({ ends: [a, b] }) => `${a.host}.${a.device} — ${b.host}.${b.device}`);
  return [...columns([["host", "as configured"], ...rows]), "", ...(cables.length === 0 ? ["no cables"] : cables)].join(
    "\n",
  );
}

function mermaid({ hosts, links }: Topology): string {
  const id = (name: string): string => `h${hosts.findIndex((host) => host.name === name)}`;
  const nodes = hosts.map((host) => {
    const lines = [host.name, ...addressesOf(host).map((line) => line.trim()), ...notesOf(host)];
    return `  ${id(host.name)}["${lines.map(mermaidText).join("<br/>")}"]`;
  });
  const edges = links.map(({ ends: [a, b] }) => `  ${id(a.host)} --- ${id(b.host)}`);
  return `${["flowchart LR", ...nodes, ...edges].join("\n")}\n`;
}
