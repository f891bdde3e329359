/**
 * The place of one of a lesson's code cells: the cell itself, what the reader has added beside it or moved here, and
 * how to undo a deletion. In the page's HTML it is the cell as published, with its saved outputs, readable without
 * JavaScript; the same element becomes live.
 */
import LiveCell from "@theme/NotebookCell/LiveCell";
import type { ReactNode } from "react";
import { freshnessOf, type PageCell } from "../../live/document.js";
import { useNotebook } from "../../live/react.js";

/** What the page knows about a cell. */
export interface NotebookCellProps {
  /** All of the page's cells: one array, the same for each of them. */
  readonly cells: readonly PageCell[];
  /** Which of them it is, counted from 0. */
  readonly place: string;
  /** The language of the source, as the highlighter names it. */
  readonly language: string;
}

export default function NotebookCell({ cells: published, place, language }: NotebookCellProps): ReactNode {
  const { notebook, state } = useNotebook(published);
  const id = published[Number(place)]?.id;
  const { cells, deleted } = state.document;
  return (
    <>
      {cells.map((cell, at) =>
        cell.anchor === id ? (
          <LiveCell
            key={cell.id}
            cell={cell}
            number={at + 1}
            freshness={freshnessOf(state.document, at)}
            language={language}
            notebook={notebook}
            {...(state.focus?.id === cell.id ? { focus: state.focus } : {})}
          />
        ) : undefined,
      )}
      {id !== undefined && deleted?.cell.anchor === id && (
        <p className="nb-gone">
          Cell deleted.{" "}
          <button type="button" className="nb-button" onClick={() => notebook.dispatch({ type: "undelete" })}>
            Undo
          </button>
        </p>
      )}
    </>
  );
}
