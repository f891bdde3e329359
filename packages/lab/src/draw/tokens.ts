/**
 * The drawings' design system: every colour, size and font they use, in one place. A drawing is a card with its own
 * opaque paper, so ink and paper always belong together: it is legible on any page, and follows the page's theme where
 * it can learn it (an `<img>` by `prefers-color-scheme`, an inlined `<svg>` by the page's own switch).
 */

/** What a colour is for, not what it looks like. */
export type Tone =
  /** The card's background. */
  | "paper"
  /** A panel on the card. */
  | "panel"
  /** Text that matters. */
  | "ink"
  /** Text that explains; still of full contrast. */
  | "muted"
  /** What the packet did not touch. */
  | "faint"
  /** Hairlines and connectors not taken. */
  | "line"
  /** The way taken. */
  | "path"
  | "pathSoft"
  /** A lookup in the conntrack hash. */
  | "lookup"
  | "lookupSoft"
  /** What NAT altered. */
  | "change"
  | "changeSoft"
  /** Confirmed, accepted, equal. */
  | "good"
  | "goodSoft"
  /** Dropped, invalid, different. */
  | "bad"
  | "badSoft";

/** The two themes. Text tones reach a contrast of 4.5 on paper, panel and the soft fills (a test computes it). */
export const PALETTE: Readonly<Record<"light" | "dark", Readonly<Record<Tone, string>>>> = {
  light: {
    paper: "#ffffff",
    panel: "#f6f7f9",
    ink: "#18202b",
    muted: "#515c6b",
    faint: "#667080",
    line: "#c3cad4",
    path: "#1a5fb4",
    pathSoft: "#e7f0fb",
    lookup: "#6a3fb5",
    lookupSoft: "#f1ebfb",
    change: "#9a4600",
    changeSoft: "#fdefdf",
    good: "#1b6e36",
    goodSoft: "#e5f5ea",
    bad: "#b3202c",
    badSoft: "#fdebec",
  },
  dark: {
    paper: "#15181e",
    panel: "#1c2027",
    ink: "#e7eaf0",
    muted: "#a9b2c0",
    faint: "#8d97a6",
    line: "#434b58",
    path: "#77b1ff",
    pathSoft: "#1a2b44",
    lookup: "#c5a8ff",
    lookupSoft: "#2b2343",
    change: "#ffb061",
    changeSoft: "#3a2a16",
    good: "#63d68a",
    goodSoft: "#16321f",
    bad: "#ff8f88",
    badSoft: "#42201f",
  },
};

export const TONES: readonly Tone[] = Object.keys(PALETTE.light) as Tone[];

/** Font stacks of the reader's own system; nothing is fetched. */
export const FONTS: Readonly<Record<"sans" | "mono", string>> = {
  sans: "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif",
  mono: "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace",
};

/** Text sizes in pixels. */
export const SIZE: { readonly title: 15; readonly head: 13; readonly body: 12; readonly small: 11 } = {
  title: 15,
  head: 13,
  body: 12,
  small: 11,
};

/** Distance of baselines for each text size. */
export function lineHeight(size: number): number {
  return Math.round(size * 1.4);
}

/** The widest a drawing is, in pixels: what a notebook's output column and a page's text column have room for. */
export const WIDTH = 760;
/** Distance of the content from the card's edge. */
export const MARGIN = 20;

function variables(theme: "light" | "dark"): string {
  return TONES.map((tone) => `--nfl-${tone}:${PALETTE[theme][tone]}`).join(";");
}

/**
 * The style sheet every drawing carries: class names of its own only, so that drawings inlined into one page do not
 * disturb it or one another. A renderer that knows no style sheets uses the light colours of the attributes.
 */
export const STYLE: string = [
  `.nfl{${variables("light")}}`,
  `@media (prefers-color-scheme:dark){.nfl{${variables("dark")}}}`,
  `[data-theme="light"] .nfl,[data-jp-theme-light="true"] .nfl,.vscode-light .nfl{${variables("light")}}`,
  `[data-theme="dark"] .nfl,[data-jp-theme-light="false"] .nfl,.vscode-dark .nfl{${variables("dark")}}`,
  ...TONES.map((tone) => `.nfl .f-${tone}{fill:var(--nfl-${tone})}.nfl .s-${tone}{stroke:var(--nfl-${tone})}`),
  `.nfl text{white-space:pre}`,
].join("");
