/**
 * A code cell of a notebook: its source, highlighted, and what running it gave. Everything is in the page's HTML. This
 * is the boundary behind which cells become editable and runnable: a live cell replaces this component and gets all it
 * needs, the source as text included, through the same properties and the same `data-` attributes.
 */
import CodeBlock from "@theme/CodeBlock";
import NotebookKernelMark from "@theme/NotebookKernelMark";
import NotebookOutput from "@theme/NotebookOutput";
import type { ReactNode } from "react";
import type { PageOutput } from "../../outputs.js";

/** What the page knows about a cell. */
export interface NotebookCellProps {
  /** The cell's id in its notebook. */
  readonly id: string;
  /** The language of the source, as the highlighter names it. */
  readonly language: string;
  /** The cell's tags, separated by spaces. */
  readonly tags: string;
  /** The code. */
  readonly source: string;
  /** A JSON array of {@link PageOutput}. */
  readonly outputs: string;
  /** A {@link KernelMark} as JSON, where Linux gave these outputs, too. It is about the saved outputs only. */
  readonly linux?: string;
}

/** What a reader is to do with a cell, where that is not just to read it. */
const labels = [
  { tag: "exercise", text: "Your turn" },
  { tag: "check", text: "Check your answer" },
];

export default function NotebookCell({ id, language, tags, source, outputs, linux }: NotebookCellProps): ReactNode {
  const shown = JSON.parse(outputs) as PageOutput[];
  const label = labels.find(({ tag }) => tags.split(" ").includes(tag));
  return (
    <div
      className={`nb-cell${label === undefined ? "" : ` nb-cell--${label.tag}`}`}
      data-cell-id={id}
      data-cell-tags={tags}
    >
      {label !== undefined && <p className="nb-label">{label.text}</p>}
      {source !== "" &&
        (label?.tag === "check" ? (
          // How an answer is judged often gives it away.
          <details className="nb-details">
            <summary>How it is checked</summary>
            <CodeBlock language={language}>{source}</CodeBlock>
          </details>
        ) : (
          <CodeBlock language={language}>{source}</CodeBlock>
        ))}
      {shown.length > 0 && (
        <div className="nb-outputs">
          {shown.map((output, index) => (
            // Outputs are never reordered: their place is their identity.
            // oxlint-disable-next-line react/no-array-index-key
            <NotebookOutput key={index} output={output} />
          ))}
          {linux !== undefined && <NotebookKernelMark mark={linux} />}
        </div>
      )}
    </div>
  );
}
