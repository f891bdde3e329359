/**
 * A Mermaid diagram, drawn when it comes into view: Mermaid's code is fetched only by pages that have a diagram, and
 * only when the reader gets there. Until then, without JavaScript, and if drawing fails, its source stands in its
 * place.
 */
import { useColorMode } from "@docusaurus/theme-common";
import type { PacketStep } from "netfilter-lab/packet-view/element";
import { type CSSProperties, type ReactNode, useEffect, useId, useRef, useState } from "react";
import styles from "./styles.module.css";

const font = { fontFamily: "var(--ifm-font-family-base)", fontSize: "15px" };

/** Mermaid computes further colours from these, so that they cannot be CSS variables. */
const look = {
  light: {
    theme: "base",
    themeVariables: {
      ...font,
      background: "#fdfcfa",
      primaryColor: "#f5f3ee",
      primaryTextColor: "#1d2733",
      primaryBorderColor: "#8b94a0",
      secondaryColor: "#e7effb",
      tertiaryColor: "#fbece0",
      lineColor: "#4a5664",
      textColor: "#1d2733",
      edgeLabelBackground: "#fdfcfa",
      noteBkgColor: "#fbece0",
      noteTextColor: "#1d2733",
      noteBorderColor: "#a8430c",
    },
  },
  dark: {
    theme: "base",
    themeVariables: {
      ...font,
      darkMode: true,
      background: "#10151b",
      primaryColor: "#1d2530",
      primaryTextColor: "#e3e8ee",
      primaryBorderColor: "#6d7a89",
      secondaryColor: "#17283f",
      tertiaryColor: "#35240f",
      lineColor: "#a9b5c2",
      textColor: "#e3e8ee",
      edgeLabelBackground: "#10151b",
      noteBkgColor: "#35240f",
      noteTextColor: "#e3e8ee",
      noteBorderColor: "#f2a968",
    },
  },
};

export default function Mermaid({ value }: { readonly value: string }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const id = `mermaid${useId().replace(/\W/g, "")}`;
  const visible = useVisible(place);
  const { colorMode } = useColorMode();
  const [drawn, setDrawn] = useState<string>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    if (!visible) return undefined;
    let wanted = true;
    const show = async (): Promise<void> => {
      try {
        const svg = await draw(id, value, { ...look[colorMode], startOnLoad: false });
        if (wanted) setDrawn(svg);
      } catch (error) {
        if (wanted) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void show();
    return () => {
      wanted = false;
    };
  }, [visible, id, value, colorMode]);

  useFollowedPacket(place);

  return (
    <div className={styles["place"]} ref={place} data-mermaid={drawn === undefined ? "source" : "drawn"}>
      {drawn !== undefined && (
        <div
          className={styles["drawing"]}
          style={{ "--natural-width": `${widthOf(drawn)}px` } as CSSProperties}
          // Where it scrolls, it does so from the keyboard too.
          tabIndex={0}
          role="group"
          aria-label="Diagram"
          // biome-ignore lint/security/noDangerouslySetInnerHtml: Mermaid's own drawing, at its strict security level
          dangerouslySetInnerHTML={{ __html: drawn }}
        />
      )}
      {drawn === undefined && (
        <pre className={styles["source"]} tabIndex={0} role="group" aria-label="Diagram, as Mermaid source">
          {value}
        </pre>
      )}
      {problem !== undefined && (
        <p className={styles["problem"]} role="alert">
          The diagram cannot be drawn: {problem}
        </p>
      )}
    </div>
  );
}

/** How wide a drawing is when it is not made smaller, in pixels. */
function widthOf(svg: string): number {
  return Number(/viewBox="[-\d.]+ [-\d.]+ ([\d.]+)/.exec(svg)?.[1] ?? 0);
}

/** One drawing at a time: Mermaid keeps one configuration for all. */
let drawing: Promise<unknown> = Promise.resolve();

async function draw(id: string, source: string, config: object): Promise<string> {
  const previous = drawing;
  const next = (async () => {
    await previous.catch(() => undefined);
    const { default: mermaid } = await import("mermaid");
    // Labels are measured: with another font than the page's they would not fit.
    await document.fonts.ready;
    mermaid.initialize(config);
    try {
      return (await mermaid.render(id, source)).svg;
    } finally {
      document.querySelector(`#d${id}`)?.remove();
    }
  })();
  drawing = next;
  return next;
}

/** A diagram of the hooks follows the packet that a packet view on the page shows: the station it is at is marked. */
function useFollowedPacket(place: { readonly current: Element | null }): void {
  useEffect(() => {
    const follow = (event: Event): void => {
      const { detail } = event as CustomEvent<PacketStep>;
      for (const station of place.current?.querySelectorAll("g.node[data-here]") ?? [])
        station.removeAttribute("data-here");
      const node = `g.node[id*="flowchart-${CSS.escape(detail.place)}-"]`;
      place.current?.querySelector(node)?.setAttribute("data-here", "");
    };
    document.addEventListener("packetstep", follow);
    return () => document.removeEventListener("packetstep", follow);
  }, [place]);
}

/** True from the moment the element is, or is about to be, in view. */
function useVisible(place: { readonly current: Element | null }): boolean {
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setVisible(true);
      },
      { rootMargin: "300px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return visible;
}
