/**
 * A block of code in the place of Docusaurus's: its tokens come as HTML from the site's build (`remark-highlight.ts`,
 * `remark.ts`), so that a page needs no highlighter to come to life. Where there is none, for code that a reader has
 * changed, the highlighter is fetched and the text stands plain for that moment. A button copies the code and, where a
 * line is too long, another one wraps the lines. Titles, line numbers and marked lines are not supported.
 */
import IconCopy from "@theme/Icon/Copy";
import IconSuccess from "@theme/Icon/Success";
import IconWordWrap from "@theme/Icon/WordWrap";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { escapeHtml } from "../../html.js";

export interface CodeBlockProps {
  /** The code. */
  readonly children: string;
  /** The highlighter's name of the language; else it is taken from the class name `language-…`. */
  readonly language?: string;
  readonly className?: string;
  /** The code as `highlightedHtml`, where the site's build has made it. */
  readonly html?: string;
}

export default function CodeBlock({ children, language, className, html }: CodeBlockProps): ReactNode {
  const source = children.replace(/\n$/, "");
  const tokens = useTokens(source, language ?? /\blanguage-(\S+)/.exec(className ?? "")?.[1] ?? "text", html);
  const pre = useRef<HTMLPreElement>(null);
  const [isWrapped, setWrapped] = useState(false);
  const [isWide, setWide] = useState(false);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  // Asked when somebody comes near, not of every block when the page opens.
  const measure = (): void => {
    if (pre.current !== null) setWide(isWrapped || pre.current.scrollWidth > pre.current.clientWidth);
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <div className="nb-tokens" onPointerEnter={measure} onFocus={measure}>
      <pre
        ref={pre}
        className={isWrapped ? "nb-wrapped" : undefined}
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

/** The code's tokens as HTML; the plain text until they are there. */
function useTokens(source: string, language: string, html: string | undefined): string {
  const [made, setMade] = useState<{ readonly source: string; readonly html: string }>();
  useEffect(() => {
    if (html !== undefined) return undefined;
    let isWanted = true;
    import("../../highlight.js").then(
      ({ highlightedHtml }) => {
        if (isWanted) setMade({ source, html: highlightedHtml(source, language) });
      },
      // Without a network it may not be there: the text stays plain.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [source, language, html]);
  return html ?? (made?.source === source ? made.html : escapeHtml(source));
}
