/** The tables of "How do you know it is right?": each shows what runs against Linux left behind. */
import CodeBlock from "@theme/CodeBlock";
import type { ReactNode } from "react";
import Table from "../table";
import { answeredBy, broken, coverage, figure, kinds, knownDifferences, packetLine, recordings, sum } from "./data";
import styles from "./styles.module.css";

const runs = kinds.flatMap((kind) => kind.runs);

/** The result in a sentence. */
export function Verdict(): ReactNode {
  const disagreeing = sum(runs, "disagreeing");
  return (
    <p className={styles["verdict"]}>
      <strong>{figure(sum(runs, "packets"))}</strong> packets in <strong>{figure(sum(runs, "scenarios"))}</strong>{" "}
      scenarios of <strong>{kinds.length}</strong> kinds were answered by both.{" "}
      {disagreeing === 0 ? (
        "None of them was answered differently."
      ) : (
        <>
          <strong>{figure(disagreeing)}</strong> of them {disagreeing === 1 ? "was" : "were"} answered differently.
        </>
      )}
    </p>
  );
}

function Figure({ children }: { readonly children: number }): ReactNode {
  return <td className={styles["figure"]}>{figure(children)}</td>;
}

/** Agreement by kind. */
export function Agreement(): ReactNode {
  return (
    <>
      <Table
        label="Agreement by kind"
        columns={["Kind", "What it tries", "Packets", "Scenarios", "Answered differently", "Not comparable"]}
      >
        {kinds.map((kind) => (
          <tr key={kind.kind}>
            <td>
              <code>{kind.kind}</code>
            </td>
            <td>{kind.about}</td>
            <Figure>{sum(kind.runs, "packets")}</Figure>
            <Figure>{sum(kind.runs, "scenarios")}</Figure>
            <Figure>{sum(kind.runs, "disagreeing")}</Figure>
            <Figure>{sum(kind.runs, "notComparable")}</Figure>
          </tr>
        ))}
      </Table>
      <p>Answered by {answeredBy(runs)}.</p>
    </>
  );
}

/** What is recorded, group by group. */
export function Recordings(): ReactNode {
  return (
    <>
      <Table label="Recordings" columns={["Recording", "What it covers", "Scenarios", "Packets"]}>
        {recordings.map(({ group, about, scenarios, packets }) => (
          <tr key={group}>
            <td>
              <code>{group}</code>
            </td>
            <td>{about}</td>
            <Figure>{scenarios}</Figure>
            <Figure>{packets}</Figure>
          </tr>
        ))}
      </Table>
      <p>Recorded from {answeredBy(recordings)}.</p>
    </>
  );
}

/** What the recordings pass through. */
export function Coverage(): ReactNode {
  const { read, reachable, missing, unreachable } = coverage.tcp;
  const branches = ["conntrack", "nat", "xtables", "ip"].flatMap((folder) => {
    const found = coverage.branches[folder];
    return found === undefined ? [] : [`${Math.round((100 * found.covered) / found.total)} % in ${folder}`];
  });
  const reasons = Object.entries(unreachable).map(([why, cells]) => `${cells} because ${why}`);
  return (
    <p>
      Linux’s TCP table has a cell for each direction, kind of segment and state: {reachable} can be reached, and the
      recordings read {read === reachable ? "all of them" : `${read} of them (not ${missing.join(", ")})`}. The others
      cannot: {reasons.join("; ")}. Of the engine’s branches, the recordings take {branches.join(", ")}.
    </p>
  );
}

/** Backquotes of a sentence as code. */
function sentence(markdown: string): ReactNode[] {
  return markdown.split("`").map((part, index) => (index % 2 === 0 ? part : <code key={part}>{part}</code>));
}

/** What the referee is known to meet. */
export function KnownDifferences(): ReactNode {
  if (knownDifferences.length === 0) return <p>At present there is none.</p>;
  return (
    <ul>
      {knownDifferences.map(({ name, about, reason }) => (
        <li key={name}>
          <strong>{name}</strong>: {sentence(about)} {sentence(reason)}
        </li>
      ))}
    </ul>
  );
}

/** What was changed in the engine. */
export function BrokenLine(): ReactNode {
  const { change } = broken;
  return <CodeBlock language="diff">{`- ${change.from}\n+ ${change.to}`}</CodeBlock>;
}

/** The engine's fault in words. */
export function BrokenAbout(): ReactNode {
  return <>{broken.about}</>;
}

/** The disagreement as the referee prints it, in lines that fit. */
export function BrokenFinding(): ReactNode {
  return <CodeBlock language="json">{JSON.stringify(broken.finding, null, 2)}</CodeBlock>;
}

/** The packets of the least scenario, each in a line. */
export function BrokenPackets(): ReactNode {
  return (
    <ol start={0}>
      {broken.finding.minimised.steps.map((step, index) => (
        <li key={String(index)}>
          {"hex" in step && "in" in step ? (
            <>
              by <code>{step.in}</code>: {packetLine(step.hex)}
            </>
          ) : (
            <code>{JSON.stringify(step)}</code>
          )}
        </li>
      ))}
    </ol>
  );
}
