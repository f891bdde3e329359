/**
 * The hook map of the packet view: IPv4's five hooks, where the packet is, the way it came, and where what happened.
 */
import type { Frame, Place } from "../frames.js";
import { setAttribute, svg } from "./dom.js";

/** Left edge, upper edge, width; all stations are as high as one line. */
const BOXES: Readonly<Record<Place, readonly [x: number, y: number, width: number]>> = {
  INPUT: [105, 6, 68],
  local: [184, 6, 72],
  OUTPUT: [288, 6, 74],
  PREROUTING: [4, 66, 96],
  routing: [112, 66, 58],
  FORWARD: [182, 66, 76],
  POSTROUTING: [270, 66, 106],
  receive: [4, 126, 96],
  transmit: [270, 126, 106],
};
const HEIGHT = 30;

type Leg = readonly [from: Place, to: Place, path: string];

const LEGS: readonly Leg[] = [
  ["receive", "PREROUTING", "M52 126V97M48 102L52 97L56 102"],
  ["PREROUTING", "routing", "M100 81H111M106 77L111 81L106 85"],
  ["routing", "INPUT", "M139 66V38M135 43L139 38L143 43"],
  ["routing", "FORWARD", "M170 81H181M176 77L181 81L176 85"],
  ["INPUT", "local", "M173 21H183M178 17L183 21L178 25"],
  ["local", "OUTPUT", "M256 21H287M282 17L287 21L282 25"],
  ["FORWARD", "POSTROUTING", "M258 81H269M264 77L269 81L264 85"],
  ["OUTPUT", "POSTROUTING", "M324 36V65M320 60L324 65L328 60"],
  ["POSTROUTING", "transmit", "M324 96V125M320 120L324 125L328 120"],
];

/** Whether a packet that has been at these places in this order took a leg. */
function took(way: readonly Place[], [from, to]: Leg): boolean {
  return way.some((place, i) => {
    const next = way[i + 1];
    if (place === from && next === to) return true;
    // A packet of a known socket has its route from there: it passes the decision without a call.
    const silent = place === "PREROUTING" && next !== undefined && next !== "routing";
    return silent && ((from === place && to === "routing") || (from === "routing" && to === next));
  });
}

export class HookMap {
  readonly element: SVGSVGElement;
  readonly #stations = new Map<Place, { readonly group: SVGGElement; readonly label: SVGTextElement }>();
  readonly #marks: SVGGElement;
  readonly #legs: readonly (readonly [Leg, SVGPathElement])[];
  readonly #packet: SVGGElement;

  constructor() {
    this.#legs = LEGS.map((leg) => [leg, svg("path", { d: leg[2], class: "leg" })] as const);
    for (const [place, [x, y, width]] of Object.entries(BOXES) as [Place, (typeof BOXES)[Place]][]) {
      const label = svg("text", { x: x + width / 2, y: y + 19.5 });
      const terminal = place === "receive" || place === "transmit" || place === "local";
      const radius = terminal || place === "routing" ? HEIGHT / 2 : 5;
      const box = svg("rect", { x, y, width, height: HEIGHT, rx: radius });
      const hook = place === place.toUpperCase();
      this.#stations.set(place, { group: svg("g", { class: hook ? "station hook" : "station" }, box, label), label });
    }
    this.#marks = svg("g", { class: "marks" });
    this.#packet = svg(
      "g",
      { class: "packet" },
      svg("rect", { x: -9, y: -6.5, width: 18, height: 13, rx: 2 }),
      svg("path", { d: "M-8 -5L0 1.5L8 -5" }),
    );
    this.element = svg(
      "svg",
      { viewBox: "0 0 380 162", role: "img", class: "map" },
      ...this.#legs.map(([, path]) => path),
      ...[...this.#stations.values()].map(({ group }) => group),
      this.#marks,
      this.#packet,
    );
  }

  /** `past`: the packet's frames up to and with this one. */
  show(
    frame: Frame,
    past: readonly Frame[],
    devices: { readonly iif: string | null; readonly oif: string | null },
  ): void {
    const stopped = past.some(({ verdict, main }) => main && verdict !== null && verdict !== "ACCEPT");
    for (const [place, { group, label }] of this.#stations) {
      const here = place === frame.place;
      const state = here ? (stopped ? "stopped" : "here") : frame.way.includes(place) ? "been" : null;
      setAttribute(group, "data-state", state);
      label.textContent =
        place === "receive" ? (devices.iif ?? "receive") : place === "transmit" ? (devices.oif ?? "transmit") : place;
      if (place === "local") label.textContent = "process";
    }
    for (const [leg, path] of this.#legs) setAttribute(path, "data-state", took(frame.way, leg) ? "been" : null);
    this.#mark(past);
    const [x, y, width] = BOXES[frame.place];
    this.#packet.style.transform = `translate(${x + width / 2}px, ${y + HEIGHT + 1}px)`;
    const way = frame.way.map((place) => (place === "local" ? "local process" : place)).join(", ");
    setAttribute(this.element, "aria-label", `Hook map. The packet is at ${frame.place}. Its way so far: ${way}.`);
  }

  /** Where the packet was looked up and where it was rewritten. */
  #mark(past: readonly Frame[]): void {
    const counts = new Map<Place, number>();
    const marks = past.flatMap(({ kind, place }) => {
      if (kind !== "lookup" && kind !== "rewrite") return [];
      const [x, y] = BOXES[place];
      const nth = counts.get(place) ?? 0;
      counts.set(place, nth + 1);
      const at = { transform: `translate(${x + 9 + nth * 17} ${y})`, class: `mark ${kind}` };
      return [svg("g", at, svg("circle", { r: 7.5 }), svg("text", { y: 3.4 }, kind === "lookup" ? "L" : "R"))];
    });
    this.#marks.replaceChildren(...marks);
  }
}
