/** The part of nearly every lab: its commands, and the extensions that nearly every ruleset uses. */
import { conntrack } from "../commands/conntrack/conntrack.js";
import { procExpectationLine } from "../commands/conntrack/expect.js";
import { procConntrackLine } from "../commands/conntrack/print.js";
import { iptablesTools } from "../commands/iptables-commands.js";
import { nc } from "../commands/nc.js";
import { ping } from "../commands/ping.js";
import { ss } from "../commands/ss.js";
import { systemTools } from "../commands/system-tools.js";
import { textTools } from "../commands/text/tools.js";
import type { LabCommand } from "../environment.js";

export { everydayExtensions as extensions } from "@netfilter-lab/engine";
export { TcpSock } from "@netfilter-lab/engine/parts";
export { ipObjects } from "../commands/ip/objects.js";
export { ipUsages } from "../commands/ip/usage.js";
export * as sysctlFiles from "../commands/sysctl-files.js";
export { sysctlUsage } from "../commands/sysctl-usage.js";
export { procConntrackLine, procExpectationLine };

export const commands: Readonly<Record<string, LabCommand>> = {
  ...textTools,
  ...systemTools,
  ...iptablesTools,
  conntrack,
  nc,
  netcat: nc,
  ping,
  ss,
};
