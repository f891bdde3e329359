/**
 * A sheet on which a drawing places shapes and texts; it writes the SVG and keeps each text's bounding box, so that a
 * test can prove that nothing overlaps. Bytes depend on the content only: no ids, no clock, no chance. No script and no
 * reference to anything outside the drawing.
 */
import { type Family, textWidth } from "./measure.js";
import { FONTS, MARGIN, PALETTE, SIZE, STYLE, type Tone, WIDTH } from "./tokens.js";

/** A rectangle in the drawing's pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a text stands. */
export interface TextBox extends Box {
  readonly text: string;
}

export interface TextStyle {
  readonly size?: number;
  readonly family?: Family;
  readonly bold?: boolean;
  readonly tone?: Tone;
  readonly anchor?: "start" | "middle" | "end";
  /** A line through the text: what is no longer so. */
  readonly struck?: boolean;
}

export interface ShapeStyle {
  readonly fill?: Tone;
  readonly stroke?: Tone;
  /** Stroke width in pixels. */
  readonly weight?: number;
  readonly dashed?: boolean;
  /** Corner radius in pixels. */
  readonly radius?: number;
}

/** A point in pixels. */
export type Point = readonly [x: number, y: number];

/** Escapes text for XML content and attributes; characters XML cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}

/** A number as SVG wants it: at most two decimals, no trailing zeros. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export class Scene {
  readonly #title: string;
  readonly #description: string;
  readonly #shapes: string[] = [];
  readonly #texts: TextBox[] = [];
  readonly #connectors: Point[][] = [];
  readonly width: number;
  height = 0;

  /** `title` names the drawing to those who cannot see it; `description` says in words what it shows. */
  constructor(title: string, description: string, width: number = WIDTH) {
    this.#title = title;
    this.#description = description;
    this.width = width;
  }

  /** The boxes of all texts. */
  get texts(): readonly TextBox[] {
    return this.#texts;
  }

  /** The polylines of all connectors. */
  get connectors(): readonly (readonly Point[])[] {
    return this.#connectors;
  }

  /** The drawing's heading; returns the y below it. */
  heading(text: string, subtitle = ""): number {
    this.text(MARGIN, MARGIN + 13, text, { size: SIZE.title, bold: true });
    if (subtitle === "") return MARGIN + 30;
    this.text(MARGIN, MARGIN + 32, subtitle, { size: SIZE.body, tone: "muted" });
    return MARGIN + 48;
  }

  /** One line of text with its baseline at y. */
  text(x: number, y: number, text: string, style: TextStyle = {}): void {
    if (text === "") return;
    const { size = SIZE.body, family = "sans", bold = false, tone = "ink", anchor = "start", struck = false } = style;
    const width = textWidth(text, size, family, bold);
    const left = anchor === "start" ? x : anchor === "middle" ? x - width / 2 : x - width;
    this.#texts.push({ text, x: left, y: y - size * 0.8, width, height: size });
    const attributes = [
      `x="${n(x)}"`,
      `y="${n(y)}"`,
      `class="f-${tone}"`,
      `fill="${PALETTE.light[tone]}"`,
      `font-size="${n(size)}"`,
    ];
    if (family === "mono") attributes.push(`font-family="${FONTS.mono}"`);
    if (bold) attributes.push(`font-weight="600"`);
    if (anchor !== "start") attributes.push(`text-anchor="${anchor}"`);
    if (struck) attributes.push(`text-decoration="line-through"`);
    this.#shapes.push(`<text ${attributes.join(" ")}>${escapeXml(text)}</text>`);
  }

  rect(box: Box, style: ShapeStyle = {}): void {
    const radius = style.radius ?? 6;
    this.#shapes.push(
      `<rect x="${n(box.x)}" y="${n(box.y)}" width="${n(box.width)}" height="${n(box.height)}" rx="${n(radius)}" ${paint(style)}/>`,
    );
  }

  circle(x: number, y: number, radius: number, style: ShapeStyle): void {
    this.#shapes.push(`<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" ${paint(style)}/>`);
  }

  /** A line through the points that is no connector: a rule, a lifeline. */
  line(points: readonly Point[], style: ShapeStyle): void {
    this.#shapes.push(`<path d="${polyline(points)}" ${paint({ ...style })}/>`);
  }

  /** A connector through the points with rounded corners; ends in an arrow head unless told otherwise. */
  arrow(points: readonly Point[], style: ShapeStyle & { readonly head?: boolean } = {}): void {
    const { stroke = "line", weight = 1.5, head = true } = style;
    this.#connectors.push([...points]);
    const tip = points[points.length - 1];
    const before = points[points.length - 2];
    const length = Math.hypot(tip[0] - before[0], tip[1] - before[1]);
    const unit: Point = [(tip[0] - before[0]) / length, (tip[1] - before[1]) / length];
    const size = 4 + weight * 2;
    const neck: Point = head ? [tip[0] - unit[0] * size * 0.8, tip[1] - unit[1] * size * 0.8] : tip;
    const shaft = [...points.slice(0, -1), neck];
    this.#shapes.push(`<path d="${rounded(shaft, 7)}" ${paint({ ...style, stroke, weight })}/>`);
    if (!head) return;
    const base: Point = [tip[0] - unit[0] * size, tip[1] - unit[1] * size];
    const half = size * 0.5;
    const wings = [
      tip,
      [base[0] - unit[1] * half, base[1] + unit[0] * half],
      [base[0] + unit[1] * half, base[1] - unit[0] * half],
    ] as const;
    this.#shapes.push(`<path d="${polyline(wings)}Z" ${paint({ fill: stroke })}/>`);
  }

  /** A cross: the packet ends here. */
  cross(x: number, y: number, radius: number, tone: Tone = "bad"): void {
    const r = radius;
    this.#shapes.push(
      `<path d="M${n(x - r)} ${n(y - r)}L${n(x + r)} ${n(y + r)}M${n(x + r)} ${n(y - r)}L${n(x - r)} ${n(y + r)}" ${paint({ stroke: tone, weight: 2.5 })} stroke-linecap="round"/>`,
    );
  }

  /** The whole drawing. */
  toString(): string {
    const size = `width="${n(this.width)}" height="${n(this.height)}"`;
    const card: Box = { x: 0.5, y: 0.5, width: this.width - 1, height: this.height - 1 };
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" class="nfl" role="img" ${size} viewBox="0 0 ${n(this.width)} ${n(this.height)}" font-family="${FONTS.sans}" style="max-width:100%;height:auto">`,
      `<title>${escapeXml(this.#title)}</title>`,
      `<desc>${escapeXml(this.#description)}</desc>`,
      `<style>${STYLE}</style>`,
      `<rect x="${card.x}" y="${card.y}" width="${n(card.width)}" height="${n(card.height)}" rx="8" ${paint({ fill: "paper", stroke: "line", weight: 1 })}/>`,
      ...this.#shapes,
      "</svg>",
    ].join("\n");
  }
}

function paint(style: ShapeStyle): string {
  const classes: string[] = [];
  const attributes: string[] = [];
  if (style.fill === undefined) attributes.push(`fill="none"`);
  else {
    classes.push(`f-${style.fill}`);
    attributes.push(`fill="${PALETTE.light[style.fill]}"`);
  }
  if (style.stroke !== undefined) {
    classes.push(`s-${style.stroke}`);
    attributes.push(`stroke="${PALETTE.light[style.stroke]}"`, `stroke-width="${n(style.weight ?? 1)}"`);
    if (style.dashed === true) attributes.push(`stroke-dasharray="4 3"`);
  }
  return (classes.length === 0 ? attributes : [`class="${classes.join(" ")}"`, ...attributes]).join(" ");
}

function polyline(points: readonly Point[]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${n(x)} ${n(y)}`).join("");
}

/** A polyline whose corners are quarter curves of `radius` pixels. */
function rounded(points: readonly Point[], radius: number): string {
  let d = `M${n(points[0][0])} ${n(points[0][1])}`;
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i];
    const next = points[i + 1];
    if (next === undefined) {
      d += `L${n(x)} ${n(y)}`;
      continue;
    }
    const [px, py] = points[i - 1];
    const into = Math.hypot(x - px, y - py);
    const out = Math.hypot(next[0] - x, next[1] - y);
    const r = Math.min(radius, into / 2, out / 2);
    const start: Point = [x - ((x - px) / into) * r, y - ((y - py) / into) * r];
    const end: Point = [x + ((next[0] - x) / out) * r, y + ((next[1] - y) / out) * r];
    d += `L${n(start[0])} ${n(start[1])}Q${n(x)} ${n(y)} ${n(end[0])} ${n(end[1])}`;
  }
  return d;
}
