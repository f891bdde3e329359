/** Every command that a host knows, by name. */
import type { LabCommand } from "../environment.js";
import { conntrack } from "./conntrack/conntrack.js";
import { ip } from "./ip/ip.js";
import { ipset } from "./ipset.js";
import { iptablesTools } from "./iptables-commands.js";
import { nc } from "./nc.js";
import { ping } from "./ping.js";
import { ss } from "./ss.js";
import { systemTools } from "./system-tools.js";
import { tcpdump } from "./tcpdump/tcpdump.js";
import { textTools } from "./text-tools.js";

export const commands: ReadonlyMap<string, LabCommand> = new Map<string, LabCommand>(
  Object.entries({
    ...textTools,
    ...systemTools,
    ...iptablesTools,
    conntrack,
    ip,
    ipset,
    nc,
    netcat: nc,
    ping,
    ss,
    tcpdump,
  }),
);
