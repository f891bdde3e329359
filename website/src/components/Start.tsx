/** The way in: the first lesson there is. */
import Link from "@docusaurus/Link";
import type { ReactNode } from "react";
import { useLessons } from "./lessonData";
import styles from "./Start.module.css";

export default function Start(): ReactNode {
  const [first] = useLessons();
  return (
    <p className={styles["start"]}>
      <Link className={styles["primary"]} to={first?.permalink ?? "/lessons/"}>
        {first === undefined ? "See the lessons" : `Start lesson ${first.order ?? 1}: ${first.title}`}
      </Link>
      <Link className={styles["secondary"]} to="/extend/">
        Run it as a notebook
      </Link>
    </p>
  );
}
