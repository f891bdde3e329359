/**
 * The engine, broken on purpose in one place, to show that the referee finds it: a copy of the built packages with one
 * line of the engine changed. Nothing of the project's own build is touched; the copy goes when the run is over.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One change to a built file. */
export interface Break {
  readonly name: string;
  readonly about: string;
  /** A kind of scenarios that shows it. */
  readonly kind: string;
  /** Below packages/engine/dist. */
  readonly file: string;
  /** Occurs there exactly once. */
  readonly from: string;
  readonly to: string;
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
  const copy = mkdtempSync(join(tmpdir(), "netfilter-lab-broken-"));
  for (const part of ["engine/package.json", "engine/dist", "lab/package.json", "lab/dist", "lab/bin"])
    cpSync(join(root, "packages", part), join(copy, "packages", part), { recursive: true });
  mkdirSync(join(copy, "node_modules/@netfilter-lab"), { recursive: true });
  symlinkSync(join(copy, "packages/engine"), join(copy, "node_modules/@netfilter-lab/engine"));
  const path = join(copy, "packages/engine/dist", found.file);
  const text = readFileSync(path, "utf8");
  const parts = text.split(found.from);
  if (parts.length !== 2) throw new Error(`${found.file} has ${found.from} ${parts.length - 1} times, not once`);
  writeFileSync(path, parts.join(found.to));
  return {
    change: found,
    bin: join(copy, "packages/lab/bin/netfilter-lab.mjs"),
    remove: () => rmSync(copy, { recursive: true }),
  };
}
