/** One output of a cell: printed text, an error, or a displayed value with its plain text behind a disclosure. */
import { useMDXComponents } from "@mdx-js/react";
import NotebookWalk from "@theme/NotebookWalk";
import type { ReactNode } from "react";
import type { PageDisplay, PageOutput } from "../../outputs.js";
import { terminalHtml } from "../../terminal.js";

export default function NotebookOutput({ output }: { readonly output: PageOutput }): ReactNode {
  if (output.kind === "stream") {
    const isError = output.name === "stderr";
    return (
      <Terminal text={output.text} label={isError ? "Error output" : "Output"} className={isError ? "nb-stderr" : ""} />
    );
  }
  if (output.kind === "error") {
    const text = output.traceback === "" ? `${output.name}: ${output.message}` : output.traceback;
    return <Terminal text={text} label={`Error: ${output.name}`} className="nb-error" />;
  }
  return <Display display={output} />;
}

function Display({ display }: { readonly display: PageDisplay }): ReactNode {
  const Mermaid = useMDXComponents()["mermaid"];
  const { scope, html, image, mermaid, walk, text } = display;
  const picture =
    walk !== undefined ? (
      <NotebookWalk walk={walk} scope={scope} fallback={html ?? ""} />
    ) : html !== undefined ? (
      // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised when the page was written
      <div
        className="nb-html"
        id={scope}
        role="group"
        aria-label="Output"
        tabIndex={0}
        dangerouslySetInnerHTML={{ __html: html }}
      />
    ) : image !== undefined ? (
      <img className="nb-image" src={image} alt={text === undefined ? "Output of the cell" : ""} />
    ) : mermaid !== undefined && Mermaid !== undefined ? (
      <Mermaid value={mermaid} />
    ) : undefined;
  if (picture === undefined) return <Terminal text={text ?? mermaid ?? ""} label="Output" className="" />;
  return (
    <figure className="nb-figure">
      {picture}
      {(text !== undefined || mermaid !== undefined) && (
        <details className="nb-source">
          <summary>As text</summary>
          {text !== undefined && <Terminal text={text} label="Output as text" className="" />}
          {mermaid !== undefined && <Terminal text={mermaid} label="Output as Mermaid" className="" />}
        </details>
      )}
    </figure>
  );
}

function Terminal(props: { readonly text: string; readonly label: string; readonly className: string }): ReactNode {
  return (
    // A wide output scrolls; the keyboard must reach it to do so.
    <pre
      className={`nb-text ${props.className}`.trim()}
      role="group"
      aria-label={props.label}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      // biome-ignore lint/security/noDangerouslySetInnerHtml: all text in it is escaped
      dangerouslySetInnerHTML={{ __html: terminalHtml(props.text) }}
    />
  );
}
