/** The part that few labs need. A new command goes here, unless nearly every lesson uses it. */
import { absentTools } from "../commands/absent-tools.js";
import { brctl, bridge, ebtables } from "../commands/bridge.js";
import { nfct } from "../commands/conntrack/nfct.js";
import { ipset } from "../commands/ipset/command.js";
import { iptablesXml } from "../commands/iptables-xml.js";
import { nfacct } from "../commands/nfacct.js";
import { nfnlOsf } from "../commands/nfnl-osf.js";
import { socat } from "../commands/socat.js";
import { tcpdump } from "../commands/tcpdump/tcpdump.js";
import { xtablesMonitor } from "../commands/xtables-monitor.js";
import type { LabCommand } from "../environment.js";

export { sendRaw, sendRaw6 } from "@netfilter-lab/engine";
export { rareExtensions as extensions } from "@netfilter-lab/engine/parts";

export const commands: Readonly<Record<string, LabCommand>> = {
  ...absentTools,
  brctl,
  bridge,
  ebtables,
  ipset,
  "iptables-xml": iptablesXml,
  nfacct,
  nfct,
  nfnl_osf: nfnlOsf,
  socat,
  tcpdump,
  "xtables-monitor": xtablesMonitor,
};
