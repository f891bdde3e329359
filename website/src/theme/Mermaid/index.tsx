/**
 * A Mermaid diagram, drawn when it comes into view: Mermaid's code is fetched only by pages that have a diagram, and only
 * when the reader gets there. Until then, without JavaScript, and if drawing fails, its source stands in its place.
 */
import { useColorMode, useThemeConfig } from "@docusaurus/theme-common";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import styles from "./styles.module.css";

export default function Mermaid({ value }: { readonly value: string }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const id = `mermaid${useId().replace(/\W/g, "")}`;
  const visible = useVisible(place);
  const { colorMode } = useColorMode();
  const { theme, options } = useThemeConfig().mermaid;
  const [drawn, setDrawn] = useState<string>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    if (!visible) return undefined;
    let wanted = true;
    draw(id, value, { ...options, startOnLoad: false, theme: theme[colorMode] }).then(
      (svg) => {
        if (wanted) setDrawn(svg);
      },
      (error: unknown) => {
        if (wanted) setProblem(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      wanted = false;
    };
  }, [visible, id, value, colorMode, theme, options]);

  return (
    <div className={styles["place"]} ref={place} data-mermaid={drawn === undefined ? "source" : "drawn"}>
      {drawn !== undefined && (
        // biome-ignore lint/security/noDangerouslySetInnerHtml: Mermaid's own drawing, at its strict security level
        <div className={styles["drawing"]} dangerouslySetInnerHTML={{ __html: drawn }} />
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

/** One drawing at a time: Mermaid keeps one configuration for all. */
let drawing: Promise<unknown> = Promise.resolve();

async function draw(id: string, source: string, config: object): Promise<string> {
  const previous = drawing;
  const next = (async () => {
    await previous.catch(() => undefined);
    const { default: mermaid } = await import("mermaid");
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
