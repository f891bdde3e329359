/** A cell's code, highlighted, with a button that copies it and, where a line is too long, one that wraps its lines. */
import IconCopy from "@theme/Icon/Copy";
import IconSuccess from "@theme/Icon/Success";
import IconWordWrap from "@theme/Icon/WordWrap";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { highlightedHtml } from "../../highlight.js";

export interface NotebookCodeProps {
  readonly source: string;
  /** The highlighter's name of the language. */
  readonly language: string;
  /** The source as {@link highlightedHtml}, where the site's build has made it. */
  readonly html?: string;
}

export default function NotebookCode({ source, language, html }: NotebookCodeProps): ReactNode {
  const pre = useRef<HTMLPreElement>(null);
  const tokens = useMemo(() => html ?? highlightedHtml(source, language), [html, source, language]);
  const [isWrapped, setWrapped] = useState(false);
  const [isWide, setWide] = useState(false);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  // Asked when somebody comes near, not for every cell of the page when it opens.
  const measure = (): void => {
    if (pre.current !== null) setWide(isWrapped || pre.current.scrollWidth > pre.current.clientWidth);
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <div className="nb-tokens" onPointerEnter={measure} onFocus={measure}>
      <pre
        ref={pre}
        className={isWrapped ? "nb-wrapped" : ""}
        // It scrolls, and the keyboard must reach it to do so.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label="Code"
        role="group"
      >
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the highlighter escapes the code */}
        <code dangerouslySetInnerHTML={{ __html: tokens }} />
      </pre>
      <div className="nb-code-buttons">
        {isWide && (
          <button
            type="button"
            aria-label="Wrap lines"
            title="Wrap lines"
            aria-pressed={isWrapped}
            onClick={() => setWrapped(!isWrapped)}
          >
            <IconWordWrap aria-hidden="true" />
          </button>
        )}
        <button
          type="button"
          aria-label={isCopied ? "Copied" : "Copy code to clipboard"}
          title="Copy"
          onClick={() => {
            // Where a page is not let, the text can still be selected.
            navigator.clipboard?.writeText(source).then(
              () => setCopied(true),
              () => undefined,
            );
          }}
        >
          {isCopied ? <IconSuccess aria-hidden="true" /> : <IconCopy aria-hidden="true" />}
        </button>
      </div>
    </div>
  );
}
