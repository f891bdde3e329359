/**
 * The question as a figure: one conntrack entry, and the hooks of the gateway that a request and its reply pass. What the
 * addresses are at each hook is the kernel's doing (`conntrack -E` and the call graph of a real gateway are recorded;
 * lesson 1 runs it); the last step is left open, because it is what the reader came for.
 */
import type { ReactNode } from "react";
import styles from "./Puzzle.module.css";

interface Station {
  readonly hook: string;
  readonly source: string;
  readonly destination: string;
  readonly changed?: "source" | "destination";
  readonly note: string;
  readonly open?: boolean;
}

const client = "192.168.2.55:50798";
const gateway = "193.157.56.3:50798";
const server = "217.254.1.76:443";

const request: readonly Station[] = [
  { hook: "PREROUTING", source: client, destination: server, note: "Looked up: no entry. A new one, two tuples." },
  { hook: "FORWARD", source: client, destination: server, note: "Routed to eth1." },
  {
    hook: "POSTROUTING",
    source: gateway,
    destination: server,
    changed: "source",
    note: "SNAT. The reply tuple is altered.",
  },
];

const reply: readonly Station[] = [
  { hook: "PREROUTING", source: server, destination: gateway, note: "Looked up: found by the reply tuple." },
  { hook: "FORWARD", source: server, destination: client, changed: "destination", note: "Already rewritten back." },
  {
    hook: "POSTROUTING",
    source: server,
    destination: client,
    note: "No tuple of the entry says this. So how is it tracked here?",
    open: true,
  },
];

export default function Puzzle(): ReactNode {
  return (
    <figure className={styles["puzzle"]} aria-label="A request and its reply through the hooks of a NAT gateway">
      <div className={styles["entry"]}>
        <p className={styles["prompt"]}>gateway# conntrack -L</p>
        <p className={styles["line"]}>
          tcp{"      "}6 431999 ESTABLISHED{" "}
          <span className={styles["original"]}>src=192.168.2.55 dst=217.254.1.76 sport=50798 dport=443</span>{" "}
          <span className={styles["reply"]}>src=217.254.1.76 dst=193.157.56.3 sport=443 dport=50798</span> [ASSURED]
        </p>
      </div>
      <div className={styles["lanes"]}>
        <Lane title="Request" from="client" to="server" stations={request} direction="original" />
        <Lane title="Reply" from="server" to="client" stations={reply} direction="reply" />
      </div>
    </figure>
  );
}

function Lane(props: {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly stations: readonly Station[];
  readonly direction: "original" | "reply";
}): ReactNode {
  return (
    <div className={`${styles["lane"]} ${styles[props.direction]}`}>
      <p className={styles["title"]}>
        {props.title}{" "}
        <span>
          {props.from} → {props.to}
        </span>
      </p>
      <ol>
        {props.stations.map((station) => (
          <li key={station.hook} className={station.open === true ? styles["open"] : ""}>
            <p className={styles["hook"]}>{station.hook}</p>
            <p className={styles["addresses"]}>
              <Address name="src" value={station.source} changed={station.changed === "source"} />
              <Address name="dst" value={station.destination} changed={station.changed === "destination"} />
            </p>
            <p className={styles["note"]}>{station.note}</p>
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
