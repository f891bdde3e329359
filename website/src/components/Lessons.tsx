/** The course at a glance, under the home page's first screen; nothing while there is no lesson. */
import Link from "@docusaurus/Link";
import type { ReactNode } from "react";
import styles from "./Lessons.module.css";
import { useLessons } from "./lessonData";

export default function Lessons(): ReactNode {
  const lessons = useLessons();
  if (lessons.length === 0) return null;
  return (
    <section className={styles["lessons"]}>
      <h2>The answer, step by step</h2>
      <ol>
        {lessons.map((lesson) => (
          <li key={lesson.permalink} data-order={lesson.order ?? "–"}>
            <Link to={lesson.permalink}>{lesson.title}</Link>
            {lesson.description !== "" && <p>{lesson.description}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}
