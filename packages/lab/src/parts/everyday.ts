/** The part of nearly every lab: its commands, and the extensions that nearly every ruleset uses. */
import { conntrack } from "../commands/conntrack/conntrack.js";
import { iptablesTools } from "../commands/iptables-commands.js";
import { nc } from "../commands/nc.js";
import { ping } from "../commands/ping.js";
import { ss } from "../commands/ss.js";
import { textTools } from "../commands/text-tools.js";
import type { LabCommand } from "../environment.js";

export { everydayExtensions as extensions } from "@netfilter-lab/engine";

export const commands: Readonly<Record<string, LabCommand>> = {
  ...textTools,
  ...iptablesTools,
  conntrack,
  nc,
  netcat: nc,
  ping,
  ss,
};
