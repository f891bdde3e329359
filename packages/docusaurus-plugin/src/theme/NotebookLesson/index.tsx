/** The line under a lesson's title: which lesson it is, and the notebook to take away. */
import useBaseUrl from "@docusaurus/useBaseUrl";
import type { ReactNode } from "react";
import type { LessonFacts } from "../../page.js";

export default function NotebookLesson({ facts }: { readonly facts: string }): ReactNode {
  const { file, download, order, codeCells } = JSON.parse(facts) as Omit<LessonFacts, "pages" | "assets" | "stamp">;
  return (
    <p className="nb-lesson">
      {order !== undefined && <span>Lesson {order}</span>}
      <span>{codeCells === 1 ? "1 cell to run" : `${codeCells} cells to run`}</span>
      <a className="nb-download" href={useBaseUrl(download)} download={file}>
        Download notebook <span className="nb-download-type">.ipynb</span>
      </a>
    </p>
  );
}
