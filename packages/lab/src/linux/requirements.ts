/// <reference types="node" />
/** What the machine must have for the backend `linux`; what is missing is said in one message that names packages. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Where the administrator's tools are, also when the caller's PATH lacks them. */
export const TOOL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Each tool that the backend itself or a lesson calls, with Debian's package for it. */
export const REQUIRED_TOOLS: readonly (readonly [tool: string, debianPackage: string])[] = [
  ["ip", "iproute2"],
  ["iptables", "iptables"],
  ["iptables-legacy", "iptables"],
  ["xtables-monitor", "iptables"],
  ["nft", "nftables"],
  ["conntrack", "conntrack"],
  ["sysctl", "procps"],
  ["nc", "netcat-openbsd"],
  ["ping", "iputils-ping"],
  ["tcpdump", "tcpdump"],
  ["bash", "bash"],
  ["perl", "perl-base"],
  ["stdbuf", "coreutils"],
  ["unshare", "util-linux"],
];

/** What there is to be asked about the machine. */
export interface Machine {
  readonly platform: string;
  /** The effective user. */
  readonly uid: number;
  has(tool: string): boolean;
}

/** The machine this process runs on. */
export const thisMachine: Machine = {
  platform: process.platform,
  uid: process.geteuid?.() ?? -1,
  has: (tool) =>
    TOOL_PATH.split(":").some((folder) => {
      try {
        accessSync(join(folder, tool), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
};

/** The backend cannot run here; the message says everything that is missing. */
export class LinuxUnavailableError extends Error {
  override readonly name = "LinuxUnavailableError";
}

/** Everything that is missing, in one sentence; null when nothing is. */
export function whatIsMissing(machine: Machine = thisMachine): string | null {
  if (machine.platform !== "linux") return `backend "linux" needs Linux; this is ${machine.platform}`;
  const tools = REQUIRED_TOOLS.filter(([tool]) => !machine.has(tool));
  const problems: string[] = [];
  if (machine.uid !== 0) problems.push("root (this process has no right to make network namespaces)");
  if (tools.length > 0) {
    const packages = [...new Set(tools.map(([, name]) => name))].join(" ");
    problems.push(`the tools ${tools.map(([tool]) => tool).join(", ")} (Debian: apt install ${packages})`);
  }
  return problems.length === 0 ? null : `backend "linux" needs ${problems.join(" and ")}`;
}
