/** The engine, broken on purpose in one place, to show that the referee finds it. */
import { join } from "node:path";
import { alterEngine, type Change } from "./altered-engine.js";

/** One change to a built file, and what is wrong then. */
export interface Break extends Change {
  readonly name: string;
  readonly about: string;
  /** A kind of scenarios that shows it. */
  readonly kind: string;
}

export const BREAKS: readonly Break[] = [
  {
    name: "transition",
    about: "an ACK after a FIN leaves the connection in FIN_WAIT",
    kind: "tcp-legal",
    file: "conntrack/proto-tcp.js",
    from: '"E-EEWWTTC-"',
    to: '"E-EEFWTTC-"',
  },
  {
    name: "checksum",
    about: "a checksum takes the old word for its complement",
    kind: "udp",
    file: "wire/checksum.js",
    from: "(~before & 0xffff) + after;",
    to: "(before & 0xffff) + after;",
  },
  {
    name: "timeout",
    about: "an established connection is remembered for half a day instead of five",
    kind: "tcp-legal",
    file: "conntrack/proto-tcp.js",
    from: "432_000 * HZ",
    to: "43_200 * HZ",
  },
];

/** A broken copy of the packages under `root`; its front door is `bin`. The caller removes it. */
export function breakEngine(
  root: string,
  name: string,
): { readonly change: Break; readonly bin: string; remove(): void } {
  const found = BREAKS.find((each) => each.name === name);
  if (found === undefined)
    throw new Error(`there is no break "${name}"; there are ${BREAKS.map((each) => each.name).join(", ")}`);
  const { packages, remove } = alterEngine(root, [found]);
  return { change: found, bin: join(packages, "lab/bin/netfilter-lab.mjs"), remove };
}
