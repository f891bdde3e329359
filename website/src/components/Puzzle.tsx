/**
 * The question as a figure: one conntrack entry, and the hooks of the gateway that a request and its reply pass. The
 * addresses are those of the connection that was run when the site was built; the last note is left open, because it is
 * what the reader came for.
 */
import Link from "@docusaurus/Link";
import { usePluginData } from "@docusaurus/useGlobalData";
import type { ReactNode } from "react";
import type { PassedHook, QuestionFigure } from "../question";
import { useLessons } from "./lessonData";
import styles from "./Puzzle.module.css";

const requestNotes = [
  "Looked up: no entry. A new one, two tuples.",
  "Routed to eth1.",
  "SNAT. The reply tuple is altered.",
] as const;

const replyNotes = [
  "Looked up: found by the reply tuple.",
  "Already rewritten back.",
  "No tuple of the entry says this. So how is it tracked here?",
] as const;

export default function Puzzle(): ReactNode {
  const { entry, request, reply } = usePluginData("netfilter-lab-question") as QuestionFigure;
  const lesson = useLessons().find(({ permalink }) => permalink.endsWith("/the-way-back"));
  return (
    <figure className={styles["puzzle"]} aria-label="A request and its reply through the hooks of a NAT gateway">
      <div className={styles["entry"]}>
        <p className={styles["prompt"]}>gateway# conntrack -L</p>
        <p className={styles["line"]}>
          {entry.begin}
          <span className={styles["original"]}>{entry.original}</span>{" "}
          <span className={styles["reply"]}>{entry.reply}</span> {entry.end}
        </p>
      </div>
      <div className={styles["lanes"]}>
        <Lane title="Request" way="client → server" hooks={request} notes={requestNotes} direction="original" />
        <Lane title="Reply" way="server → client" hooks={reply} notes={replyNotes} direction="reply" open />
      </div>
      {lesson !== undefined && (
        <p className={styles["step"]}>
          <Link to={`${lesson.permalink}#step-through-it`}>Step through these packets, function by function</Link>
        </p>
      )}
    </figure>
  );
}

function Lane(props: {
  readonly title: string;
  readonly way: string;
  readonly hooks: readonly PassedHook[];
  readonly notes: readonly string[];
  readonly direction: "original" | "reply";
  /** Whether the last note asks. */
  readonly open?: boolean;
}): ReactNode {
  const last = props.hooks.length - 1;
  return (
    <div className={`${styles["lane"]} ${styles[props.direction]}`}>
      <p className={styles["title"]}>
        {props.title} <span>{props.way}</span>
      </p>
      <ol>
        {props.hooks.map(({ hook, source, destination, changed }, i) => (
          <li key={hook} className={props.open === true && i === last ? styles["open"] : ""}>
            <p className={styles["hook"]}>{hook}</p>
            <p className={styles["addresses"]}>
              <Address name="src" value={source} changed={changed === "source"} />
              <Address name="dst" value={destination} changed={changed === "destination"} />
            </p>
            <p className={styles["note"]}>{props.notes[i]}</p>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Address(props: { readonly name: string; readonly value: string; readonly changed: boolean }): ReactNode {
  return (
    <span>
      <span className={styles["field"]}>{props.name}</span> {props.changed ? <mark>{props.value}</mark> : props.value}
    </span>
  );
}
