/**
 * The place of one of a lesson's code cells: the cell itself, what the reader has added beside it or moved here, and how
 * to undo a deletion. In the page's HTML it is the cell as published, with its saved outputs, readable without
 * JavaScript; the same element becomes live.
 */

import type { CompiledCell } from "@netfilter-lab/notebook/live";
import LiveCell from "@theme/NotebookCell/LiveCell";
import { type ReactNode, useEffect, useMemo } from "react";
import { freshnessOf, type PublishedCell, publishedCell } from "../../live/document.js";
import { useNotebook } from "../../live/react.js";
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
  /** The cell as a `CompiledCell`, in JSON. */
  readonly compiled: string;
  /** Which of the page's cells it is, counted from 0. */
  readonly place: string;
  /** A `KernelMark` as JSON, where Linux gave these outputs, too. It is about the saved outputs only. */
  readonly linux?: string;
}

export default function NotebookCell({
  id,
  language,
  tags,
  source,
  outputs,
  compiled,
  place,
  linux,
}: NotebookCellProps): ReactNode {
  const { notebook, state } = useNotebook();
  const published = useMemo(
    (): PublishedCell => ({
      id,
      source,
      tags: tags === "" ? [] : tags.split(" "),
      outputs: JSON.parse(outputs) as PageOutput[],
      ...(linux === undefined ? {} : { linux }),
    }),
    [id, source, tags, outputs, linux],
  );
  useEffect(() => {
    notebook.publish(Number(place), published, JSON.parse(compiled) as CompiledCell);
  }, [notebook, place, published, compiled]);
  const { cells, lesson, deleted } = state.document;
  if (!lesson.some((cell) => cell.id === id)) {
    const cell = publishedCell(published);
    return (
      <LiveCell cell={cell} number={Number(place) + 1} freshness="published" language={language} notebook={notebook} />
    );
  }
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
      {deleted?.cell.anchor === id && (
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
