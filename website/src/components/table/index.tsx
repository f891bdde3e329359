/** A table with a head, which scrolls by itself, also from the keyboard, where it has no room. */
import type { ReactNode } from "react";
import styles from "./styles.module.css";

export interface TableProps {
  /** What the table is, for those who do not see it. */
  readonly label: string;
  /** The columns' heads. */
  readonly columns: readonly string[];
  /** The rows. */
  readonly children: ReactNode;
}

export default function Table({ label, columns, children }: TableProps): ReactNode {
  return (
    <section className={styles["scrolling"]} aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
