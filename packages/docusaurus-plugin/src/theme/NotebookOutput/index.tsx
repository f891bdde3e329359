/** One output of a cell: printed text, an error, or a displayed value with its plain text behind a disclosure. */
import { useMDXComponents } from "@mdx-js/react";
import NotebookWalk from "@theme/NotebookWalk";
import type { CSSProperties, ReactNode } from "react";
import type { AnsiRun } from "../../ansi.js";
import type { PageDisplay, PageOutput } from "../../outputs.js";
import { type TerminalLine, terminalLines } from "../../terminal.js";

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
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className={`nb-text ${props.className}`.trim()} role="group" aria-label={props.label} tabIndex={0}>
      {terminalLines(props.text).map((line, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <Line key={index} line={line} />
      ))}
    </pre>
  );
}

function Line({ line }: { readonly line: TerminalLine }): ReactNode {
  return (
    <span
      className={line.columns ? "nb-line nb-line--columns" : "nb-line"}
      style={{ "--nb-hang": `${line.hang}ch` } as CSSProperties}
    >
      {line.runs.map((run, index) =>
        run.className === "" && run.style === undefined ? (
          run.text
        ) : (
          // oxlint-disable-next-line react/no-array-index-key
          <span
            key={index}
            className={run.className}
            {...(run.style === undefined ? {} : { style: readable(run.style) })}
          >
            {run.text}
          </span>
        ),
      )}
      {"\n"}
    </span>
  );
}

/** A colour the cell chose freely, drawn towards the text's own so that it can be read in both themes. */
function readable(style: NonNullable<AnsiRun["style"]>): NonNullable<AnsiRun["style"]> {
  const { color, backgroundColor } = style;
  return {
    ...(color === undefined ? {} : { color: `color-mix(in srgb, ${color} 45%, currentcolor)` }),
    ...(backgroundColor === undefined
      ? {}
      : { backgroundColor: `color-mix(in srgb, ${backgroundColor} 18%, transparent)` }),
  };
}
