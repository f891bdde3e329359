/** Which kernel and which tools answered: what every kept result and recording says of itself. */
import { spawnSync } from "node:child_process";
import { release } from "node:os";

/** A kernel and the tools that were used on it. */
export interface Machine {
  /** As `uname -r` prints it. */
  readonly kernel: string;
  /** Versions by the tools' names. */
  readonly tools: Readonly<Record<string, string>>;
}

/** How each tool is asked for its version, and where it stands in the answer. */
const TOOLS: Readonly<Record<string, readonly [command: string, argument: string, version: RegExp]>> = {
  iptables: ["iptables", "--version", /v(\S+)/],
  conntrack: ["conntrack", "--version", /v(\S+)/],
  iproute2: ["ip", "-V", /iproute2-([^\s,]+)/],
  nftables: ["nft", "--version", /v(\S+)/],
};

/** The machine that this program runs on; tools that are not there are not named. */
export function thisMachine(): Machine {
  const tools: Record<string, string> = {};
  for (const [name, [command, argument, version]] of Object.entries(TOOLS)) {
    const found = version.exec(spawnSync(command, [argument], { encoding: "utf8" }).stdout ?? "");
    if (found !== null) tools[name] = found[1];
  }
  return { kernel: release(), tools };
}
