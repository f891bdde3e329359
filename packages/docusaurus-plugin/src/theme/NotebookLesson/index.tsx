/**
 * The lines under a lesson's title: which lesson it is, the notebook to take away, and what is done with all its cells.
 */
import useBaseUrl from "@docusaurus/useBaseUrl";
import NotebookKeep from "@theme/NotebookKeep";
import { type ReactNode, useEffect } from "react";
import { savesData } from "../../connection.js";
import { isPublished, type PageCell } from "../../live/document.js";
import { useNotebook } from "../../live/react.js";
import type { LessonFacts } from "../../page.js";

export interface NotebookLessonProps {
  /** `LessonFacts` as JSON, without those that only links need. */
  readonly facts: string;
  /** The page's cells; absent where it has none. */
  readonly cells?: readonly PageCell[];
}

export default function NotebookLesson({ facts, cells }: NotebookLessonProps): ReactNode {
  const { file, download, order, codeCells } = JSON.parse(facts) as Omit<LessonFacts, "pages" | "assets" | "stamp">;
  const address = useBaseUrl(download);
  return (
    <div className="nb-lesson">
      <p>
        {order !== undefined && <span>Lesson {order}</span>}
        <span>{codeCells === 1 ? "1 cell to run" : `${codeCells} cells to run`}</span>
        <a className="nb-download" href={address} download={file}>
          Download notebook <span className="nb-download-type">.ipynb</span>
        </a>
      </p>
      {cells !== undefined && <LessonBar cells={cells} />}
      {cells !== undefined && <NotebookKeep cells={cells} download={address} file={file} />}
    </div>
  );
}

/** What is done with all cells, and what is said about them. */
function LessonBar({ cells }: { readonly cells: readonly PageCell[] }): ReactNode {
  const { notebook, state } = useNotebook(cells);
  useEffect(() => {
    // What running needs comes when nothing else is to do, so that it is also there offline; not where data is dear.
    const idle = (globalThis as { readonly requestIdleCallback?: (callback: () => void) => number })
      .requestIdleCallback;
    if (!savesData()) {
      idle?.(() => {
        notebook.prepare("worker", "program");
        const parts = [
          import("../../live/sanitize.js"),
          import("netfilter-lab/packet-view/element"),
          import("../../keep/notebook.js"),
        ];
        // A failure is told where the part is needed.
        for (const part of parts) part.catch(() => undefined);
      });
    }
    return () => notebook.leave();
  }, [notebook]);
  const hasRun = state.document.cells.some(({ run }) => run !== undefined);
  return (
    <div className="nb-lesson-bar">
      <div role="toolbar" aria-label="All cells">
        <button type="button" className="nb-button nb-run" onClick={() => void notebook.runFromTop()}>
          Run all
        </button>
        <button type="button" className="nb-button nb-stop" disabled={!state.isRunning} onClick={() => notebook.stop()}>
          Stop
        </button>
        <button
          type="button"
          className="nb-button"
          disabled={!hasRun && isPublished(state.document)}
          onClick={() => notebook.reset()}
        >
          Reset
        </button>
      </div>
      <details className="nb-keys">
        <summary>Keys</summary>
        <dl>
          {keys.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </details>
      <p className="nb-status" role="status">
        {state.status}
      </p>
    </div>
  );
}

const keys = [
  ["Shift Enter", "run, go to the next cell"],
  ["Ctrl Enter", "run"],
  ["Alt Enter", "run, add a cell below"],
  ["Enter", "edit the cell that has the focus"],
  ["Esc", "leave the editor"],
  ["↑ ↓", "go from cell to cell"],
  ["a, b", "add a cell above, below"],
  ["d d", "delete the cell"],
  ["z", "undo that"],
] as const;
