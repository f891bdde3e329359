/** The packet view itself: the timeline with its controls, and under it what the present step shows. */
import { headline } from "../../dissect.js";
import type { ViewedWalk } from "../document.js";
import { framesOf, isLandmark, type Landmark } from "../frames.js";
import { html, setAttribute, svg } from "./dom.js";
import { Inspector } from "./inspector.js";
import { HookMap } from "./map.js";
import { connectionPanel, functionPanel, rulePanel } from "./panels.js";
import { type Stop, Timeline } from "./player.js";

/** Milliseconds that a step stays while playing. */
const PLAY_STEP = 1400;

const ICONS = {
  first: "M5 4V16M16 4L8 10L16 16Z",
  back: "M14 4L6 10L14 16Z",
  play: "M6 3.5L16 10L6 16.5Z",
  pause: "M6 4V16M14 4V16",
  forward: "M6 4L14 10L6 16Z",
  last: "M15 4V16M4 4L12 10L4 16Z",
} as const;

const LANDMARKS: readonly (readonly [landmark: Landmark, label: string, key: string])[] = [
  ["lookup", "Lookup", "l"],
  ["rewrite", "Rewrite", "r"],
  ["verdict", "Verdict", "v"],
];

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["← →", "one step back or on"],
  ["Home End", "first and last step"],
  ["Page ↑ Page ↓", "the packet before and after"],
  ["Space", "play and pause"],
  ["L R V", "on to the next lookup, rewrite, verdict"],
  ["↑ ↓", "inside headers and bytes: move; what is chosen on one side is lit on the other"],
];

function icon(name: keyof typeof ICONS): SVGSVGElement {
  return svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

function button(label: string, content: Node | string, onClick: () => void, attributes = {}): HTMLButtonElement {
  const made = html("button", { type: "button", "aria-label": label, title: label, ...attributes }, content);
  made.addEventListener("click", onClick);
  return made;
}

export class PacketView {
  readonly element: HTMLElement;
  readonly #timeline: Timeline;
  readonly #onStep: (stop: Stop, place: string) => void;
  readonly #map = new HookMap();
  readonly #inspector = new Inspector();
  readonly #packets: HTMLButtonElement[];
  readonly #range = html("input", { type: "range", min: 0, "aria-label": "Step" });
  readonly #track = html("div", { class: "marks", "aria-hidden": "true" });
  readonly #play: HTMLButtonElement;
  readonly #back: HTMLButtonElement[];
  readonly #on: HTMLButtonElement[];
  readonly #count = html("span", { class: "count" });
  readonly #link = html("a", { class: "link" }, "Link to this step");
  readonly #words = html("p", { class: "words", "aria-live": "polite", "aria-atomic": "true" });
  readonly #connection = html("section", { class: "panel connection", "aria-label": "Connection" });
  readonly #rule = html("section", { class: "panel", "aria-label": "Rule" });
  readonly #function = html("section", { class: "panel function", "aria-label": "Function" });
  readonly #every = html("input", { type: "checkbox" });
  #playing: ReturnType<typeof setTimeout> | null = null;

  /** Shows nothing before {@link goTo}; `onStep` is told of every step shown. Every packet has at least one step. */
  constructor(walk: ViewedWalk, onStep: (stop: Stop, place: string) => void) {
    this.#timeline = new Timeline(framesOf(walk));
    this.#onStep = onStep;
    this.#packets = this.#timeline.packets.map((_, i) => this.#packetButton(i));
    this.#back = [
      button("First step", icon("first"), () => this.#move(() => this.#timeline.goToPosition(0))),
      button("Step back", icon("back"), () => this.#move(() => this.#timeline.step(-1))),
    ];
    this.#play = button("Play", icon("play"), () => this.#toggle(), { class: "play" });
    this.#on = [
      button("Step on", icon("forward"), () => this.#move(() => this.#timeline.step(1))),
      button("Last step", icon("last"), () => this.#move(() => this.#timeline.goToPosition(Infinity))),
    ];
    this.#range.addEventListener("input", () =>
      this.#move(() => this.#timeline.goToPosition(this.#range.valueAsNumber)),
    );
    this.#every.addEventListener("change", () => this.#move(() => (this.#timeline.every = this.#every.checked)));
    const jumps = LANDMARKS.map(([landmark, label]) => {
      const target = this.#timeline.next(landmark);
      const jump = button(`Next ${landmark}`, label, () => this.#jump(landmark), { class: `jump ${landmark}` });
      jump.disabled = target === null;
      return jump;
    });
    const left = walk.omitted === 0 ? null : html("p", { class: "none" }, omittedInWords(walk));
    this.element = html(
      "section",
      { class: "view", tabindex: 0, "aria-label": titleOf(walk) },
      html("div", { class: "packets", role: "group", "aria-label": "Packets" }, ...this.#packets),
      left,
      html("div", { class: "scrub" }, this.#track, this.#range),
      html(
        "div",
        { class: "controls" },
        html("div", { class: "group", role: "group", "aria-label": "Steps" }, ...this.#back, this.#play, ...this.#on),
        html("div", { class: "group", role: "group", "aria-label": "Jump to" }, ...jumps),
        html("label", { class: "every" }, this.#every, "Every function"),
        html("span", { class: "where" }, this.#count, this.#link),
      ),
      this.#words,
      html(
        "div",
        { class: "columns" },
        html("div", { class: "column" }, this.#map.element, this.#connection, this.#rule, this.#function),
        html(
          "div",
          { class: "column" },
          html("section", { class: "panel", "aria-label": "Headers" }, html("h3", {}, "Headers"), this.#inspector.tree),
          html("section", { class: "panel", "aria-label": "Bytes" }, html("h3", {}, "Bytes"), this.#inspector.bytes),
          html(
            "p",
            { class: "legend" },
            html("span", { class: "swatch written" }, "written at this step"),
            html("span", { class: "swatch changed" }, "not as it came"),
          ),
        ),
      ),
      html(
        "details",
        { class: "keys" },
        html("summary", {}, "Keys"),
        html("dl", {}, ...KEYS.map(([keys, what]) => html("div", {}, html("dt", {}, keys), html("dd", {}, what)))),
      ),
    );
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Shows a step of a packet, both counted from 0; says whether there is such a step. */
  goTo(stop: Stop): boolean {
    const there = this.#timeline.goTo(stop);
    if (there) this.#move(() => {});
    return there;
  }

  /** The element is taken away: nothing goes on by itself. */
  stop(): void {
    if (this.#playing !== null) clearTimeout(this.#playing);
    this.#playing = null;
  }

  /** Says where the present step can be linked to. */
  setLink(href: string): void {
    this.#link.href = href;
  }

  #packetButton(index: number): HTMLButtonElement {
    const { packet } = this.#timeline.packets[index] as Timeline["packet"];
    const { src, dst, kind } = headline(packet.before);
    const label = `Packet ${index + 1}: ${kind}, ${src} to ${dst}, on ${packet.host}`;
    const made = html(
      "button",
      { type: "button", "aria-label": label, title: label },
      html("span", { class: "number" }, String(index + 1)),
      html("span", {}, kind.replace("SYN, ACK", "SYN-ACK").replace(", ACK", "")),
      html("span", { class: "way" }, `${packet.iif ?? "local"} → ${packet.oif ?? (packet.through ? "local" : "✗")}`),
    );
    made.addEventListener("click", () => this.#move(() => this.#timeline.goTo({ packet: index, frame: 0 })));
    return made;
  }

  /** A step that the reader asked for: playing ends. */
  #move(change: () => void): void {
    this.#pause();
    change();
    this.#show();
  }

  #jump(landmark: Landmark): void {
    const stop = this.#timeline.next(landmark);
    if (stop !== null) this.#move(() => this.#timeline.goTo(stop));
  }

  #toggle(): void {
    if (this.#playing !== null) {
      this.#pause();
      return;
    }
    const { stops, position } = this.#timeline;
    if (position === stops.length - 1) this.#timeline.goToPosition(0);
    setAttribute(this.#play, "aria-label", "Pause");
    setAttribute(this.#play, "title", "Pause");
    this.#play.replaceChildren(icon("pause"));
    // A listener follows at their own pace; each step said over the one before would be noise.
    setAttribute(this.#words, "aria-live", "off");
    this.#show();
    this.#wait();
  }

  #wait(): void {
    this.#playing = setTimeout(() => {
      const more = this.#timeline.step(1);
      this.#show();
      if (more) this.#wait();
      else this.#pause();
    }, PLAY_STEP);
  }

  #pause(): void {
    if (this.#playing === null) return;
    this.stop();
    setAttribute(this.#play, "aria-label", "Play");
    setAttribute(this.#play, "title", "Play");
    this.#play.replaceChildren(icon("play"));
    setAttribute(this.#words, "aria-live", "polite");
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { target } = event;
    const own = target instanceof HTMLInputElement || target instanceof HTMLButtonElement;
    const { packet } = this.#timeline.at;
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#timeline.step(-1),
      ArrowRight: () => this.#timeline.step(1),
      Home: () => this.#timeline.goToPosition(0),
      End: () => this.#timeline.goToPosition(Infinity),
      PageUp: () => this.#timeline.goTo({ packet: packet - 1, frame: 0 }),
      PageDown: () => this.#timeline.goTo({ packet: packet + 1, frame: 0 }),
    };
    const landmark = LANDMARKS.find(([, , key]) => key === event.key.toLowerCase());
    const move = keys[event.key];
    // A button has its own Space; links and the list of keys theirs.
    if (event.key === " " && !own && !(target instanceof HTMLElement && target.closest("a, summary"))) this.#toggle();
    else if (landmark !== undefined) this.#jump(landmark[0]);
    else if (move !== undefined) this.#move(move);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #show(): void {
    const { packet, frame, at, stops, position } = this.#timeline;
    const past = packet.frames.slice(0, frame.index + 1);
    this.#map.show(frame, past, packet.packet);
    this.#inspector.show(packet, frame);
    this.#connection.replaceChildren(...connectionPanel(frame));
    this.#rule.replaceChildren(...rulePanel(frame));
    this.#function.replaceChildren(...functionPanel(frame));
    this.#words.textContent = frame.words;
    setAttribute(this.#words, "data-kind", frame.kind);
    setAttribute(this.#words, "data-bad", frame.verdict !== null && frame.verdict !== "ACCEPT");
    for (const [i, tab] of this.#packets.entries()) setAttribute(tab, "aria-current", i === at.packet ? "true" : null);
    const tab = this.#packets[at.packet];
    const strip = tab?.parentElement;
    if (tab !== undefined && strip !== null && strip !== undefined)
      strip.scrollLeft = tab.offsetLeft - strip.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2;
    this.#range.max = String(stops.length - 1);
    this.#range.valueAsNumber = position;
    setAttribute(this.#range, "aria-valuetext", `Packet ${at.packet + 1}, step ${at.frame + 1}: ${frame.words}`);
    this.#marks(stops, position);
    for (const made of this.#back) made.disabled = position === 0;
    for (const made of this.#on) made.disabled = position === stops.length - 1;
    const { packets } = this.#timeline;
    this.#count.textContent = `packet ${at.packet + 1} of ${packets.length} · step ${at.frame + 1} of ${packet.frames.length}`;
    this.#onStep(at, frame.place);
  }

  /** Where on the timeline packets begin, are looked up, rewritten, dropped. */
  #marks(stops: readonly Stop[], position: number): void {
    const width = Math.max(1, stops.length - 1);
    const marks = stops.flatMap(({ packet, frame }, i) => {
      const at = this.#timeline.packets[packet]?.frames[frame];
      if (at === undefined) return [];
      const refused = at.verdict !== null && at.verdict !== "ACCEPT";
      const kind = isLandmark(at, "lookup")
        ? "lookup"
        : isLandmark(at, "rewrite")
          ? "rewrite"
          : refused
            ? "refused"
            : frame === 0
              ? "begin"
              : null;
      return kind === null ? [] : [html("span", { class: kind, style: `left:${(100 * i) / width}%` })];
    });
    const done = html("span", { class: "done", style: `width:${(100 * position) / width}%` });
    this.#track.replaceChildren(done, ...marks);
  }
}

/** What the view shows, in a line. */
function titleOf({ packets }: ViewedWalk): string {
  const hosts = [...new Set(packets.map(({ host }) => host))];
  const count = packets.length === 1 ? "one packet" : `${packets.length} packets`;
  return `Packet view: ${count} through ${hosts.join(", ")}`;
}

function omittedInWords({ packets, omitted }: ViewedWalk): string {
  return `The first ${packets.length} of ${packets.length + omitted} packets; the others would make the view too heavy.`;
}
