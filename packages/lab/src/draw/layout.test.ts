import { Window } from "happy-dom";
import { describe, expect, it } from "vitest";
import { DRAWINGS, SCENES } from "../../test/drawings.js";
import { textWidth, wrap } from "./measure.js";
import type { Point, TextBox } from "./scene.js";
import { PALETTE, type Tone, WIDTH } from "./tokens.js";

/** Pairs of texts whose boxes share more than a hair. */
function overlaps(texts: readonly TextBox[]): string[] {
  const found: string[] = [];
  texts.forEach((a, i) => {
    for (const b of texts.slice(i + 1)) {
      const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
      const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
      if (across > 0.5 && down > 0.5) found.push(`${a.text} / ${b.text}`);
    }
  });
  return found;
}

/** Whether a horizontal or vertical segment runs through a box. */
function crosses([ax, ay]: Point, [bx, by]: Point, box: TextBox): boolean {
  return (
    Math.min(ax, bx) < box.x + box.width - 0.5 &&
    Math.max(ax, bx) > box.x + 0.5 &&
    Math.min(ay, by) < box.y + box.height - 0.5 &&
    Math.max(ay, by) > box.y + 0.5
  );
}

describe.each(SCENES)("layout: %s", (_name, scene) => {
  it("keeps every text inside the card", () => {
    expect(scene.width).toBeLessThanOrEqual(WIDTH);
    const outside = scene.texts.filter(
      ({ x, y, width, height }) => x < 8 || y < 4 || x + width > scene.width - 8 || y + height > scene.height - 4,
    );
    expect(outside).toEqual([]);
  });

  it("lets no text touch another", () => {
    expect(overlaps(scene.texts)).toEqual([]);
  });
});

// A state's number sits on its way, on paper of its own; everywhere else arrows keep clear of text.
describe.each(SCENES.filter(([name]) => !name.startsWith("states")))("arrows: %s", (_name, scene) => {
  it("leads no arrow through a text", () => {
    const struck = scene.connectors.flatMap((points) =>
      points.slice(1).flatMap((point, i) => scene.texts.filter((box) => crosses(points[i], point, box))),
    );
    expect(struck.map(({ text }) => text)).toEqual([]);
  });
});

describe.each(DRAWINGS)("forms: %s", (_name, drawing) => {
  it("has text of at most 100 columns", () => {
    expect(drawing.text.trim()).not.toBe("");
    expect(drawing.text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  it("is drawn by our own code unless text is all there is", () => {
    expect(drawing.svg !== null || drawing.html !== null).toBe(true);
  });

  it("is one SVG element that names itself, refers to nothing and runs nothing", () => {
    const { svg } = drawing;
    if (svg === null) return;
    const { DOMParser } = new Window();
    const parsed = new DOMParser().parseFromString(svg, "application/xml");
    expect(parsed.querySelector("parsererror")).toBeNull();
    expect(parsed.documentElement.tagName.toLowerCase()).toBe("svg");
    expect(parsed.documentElement.getAttribute("role")).toBe("img");
    expect(parsed.querySelector("title")?.textContent).not.toBe("");
    expect(parsed.querySelector("desc")?.textContent).not.toBeUndefined();
    expect(svg).not.toMatch(/<script|\son\w+=|\sid=|href|url\(|@import|NaN|undefined/);
  });

  it("is HTML whose text is escaped and that runs nothing", () => {
    expect(drawing.html ?? "").not.toMatch(/<script|\son\w+=|\sid=|href|url\(|undefined|<nat>|<b>/);
  });

  it("comes out the same each time", () => {
    expect(drawing.svg).toBe(drawing.svg);
    expect([drawing.text, drawing.svg, drawing.html, drawing.mermaid]).toEqual([
      drawing.text,
      drawing.svg,
      drawing.html,
      drawing.mermaid,
    ]);
  });
});

describe("colours", () => {
  const channel = (value: number): number => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => channel(Number.parseInt(hex.slice(at, at + 2), 16) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string): number => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  // Every ink with every ground it is used on.
  const pairs: [Tone, Tone][] = [
    ...(["ink", "muted", "faint", "path", "lookup", "change", "good", "bad"] as const).flatMap(
      (ink): [Tone, Tone][] => [
        [ink, "paper"],
        [ink, "panel"],
      ],
    ),
    ["path", "pathSoft"],
    ["path", "badSoft"],
    ["bad", "badSoft"],
    ["change", "changeSoft"],
  ];
  it.each((["light", "dark"] as const).flatMap((theme) => pairs.map(([ink, ground]) => [theme, ink, ground] as const)))(
    "%s: %s on %s is legible",
    (theme, ink, ground) => {
      expect(contrast(PALETTE[theme][ink], PALETTE[theme][ground])).toBeGreaterThanOrEqual(4.5);
    },
  );
});

describe("measuring", () => {
  it.each([
    ["", 12, 0],
    ["iii", 10, 8.34],
    ["WWW", 10, 29.67],
    ["→", 10, 10],
  ] as const)("%j at %d px", (text, size, width) => {
    expect(textWidth(text, size)).toBeCloseTo(width, 5);
  });

  it("wraps at spaces, and inside a word that is too long", () => {
    expect(wrap("one two three", 60, 10, "mono")).toEqual(["one two", "three"]);
    expect(wrap("abcdefghijkl", 30, 10, "mono")).toEqual(["abcd", "efgh", "ijkl"]);
  });
});
