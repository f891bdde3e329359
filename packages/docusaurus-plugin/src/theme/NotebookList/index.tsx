/** The list of all lessons, in their order. */
import Link from "@docusaurus/Link";
import { usePluginData } from "@docusaurus/useGlobalData";
import type { ReactNode } from "react";
import type { LessonData } from "../../lessons.js";

export default function NotebookList(): ReactNode {
  const { lessons } = usePluginData("netfilter-lab-lessons") as LessonData;
  if (lessons.length === 0) {
    return (
      <p className="nb-empty">
        There is no lesson yet: the folder <code>notebooks/</code> holds no <code>.ipynb</code>. Every notebook put
        there appears here.
      </p>
    );
  }
  return (
    <ol className="nb-list">
      {lessons.map((lesson) => (
        <li key={lesson.permalink}>
          <span className="nb-list-number" aria-hidden="true">
            {lesson.order ?? "·"}
          </span>
          <div>
            <Link to={lesson.permalink} className="nb-list-title">
              {lesson.title}
            </Link>
            {lesson.description !== "" && <p>{lesson.description}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
