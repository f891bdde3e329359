/** What a wrong address shows: what happened, and three ways on. */
import Link from "@docusaurus/Link";
import type { ReactNode } from "react";
import styles from "./styles.module.css";

export default function NotFoundContent(): ReactNode {
  return (
    <main className={styles["content"]}>
      <p className={styles["line"]}>From 127.0.0.1 icmp_seq=1 Destination Host Unreachable</p>
      <h1>No page at this address</h1>
      <p>
        The link may be old, or the lesson renamed. Start from <Link to="/">the question</Link>, pick one of{" "}
        <Link to="/lessons/">the lessons</Link>, or look the word up in <Link to="/glossary/">the glossary</Link>.
      </p>
    </main>
  );
}
