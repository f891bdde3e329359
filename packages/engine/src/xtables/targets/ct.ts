/**
 * CT and NOTRACK: exempt packets from connection tracking before it sees them. Zones, helpers and event masks of CT
 * are not supported yet and say so. Models xt_ct_target() and notrack_tg(), net/netfilter/xt_CT.c.
 */
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";

class NotrackTarget implements Target {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  target(par: XtActionParam): number {
    par.net.ct.setUntracked(par.skb);
    return XT_CONTINUE;
  }

  save(): string {
    return this.name === "CT" ? " --notrack" : "";
  }

  print(): string {
    return this.name === "CT" ? " CT notrack" : " NOTRACK";
  }
}

/** CT with nothing to assign: it only makes the namespace track connections. */
class PlainCtTarget implements Target {
  readonly name: string = "CT";

  target(): number {
    return XT_CONTINUE;
  }

  save(): string {
    return "";
  }

  print(): string {
    return " CT";
  }

  attach(net: NetNamespace): void {
    net.ct.netnsGet();
  }

  detach(net: NetNamespace): void {
    net.ct.netnsPut();
  }
}

function unsupported(option: string): never {
  throw new ParameterProblem(`netfilter-lab does not support CT's \`--${option}' yet\n`);
}

const UNSUPPORTED: readonly string[] = [
  "helper",
  "timeout",
  "ctevents",
  "expevents",
  "zone",
  "zone-orig",
  "zone-reply",
];

export const ctTarget: TargetExtension = {
  kind: "target",
  name: "CT",
  tables: ["raw"],
  help: `
CT target options:
 --notrack			Don't track connection
 --helper name			Use conntrack helper 'name' for connection
 --timeout name 		Use timeout policy 'name' for connection
 --ctevents event[,event...]	Generate specified conntrack events for connection
 --expevents event[,event...]	Generate specified expectation events for connection
 --zone {ID|mark}		Assign/Lookup connection in zone ID/packet nfmark
 --zone-orig {ID|mark}		Same as 'zone' option, but only applies to ORIGINAL direction
 --zone-reply {ID|mark} 	Same as 'zone' option, but only applies to REPLY direction
`,
  options: [{ name: "notrack" }, ...UNSUPPORTED.map((name) => ({ name, parse: (): never => unsupported(name) }))],
  build: (values) => (values.has("notrack") ? new NotrackTarget("CT") : new PlainCtTarget()),
};

export const notrackTarget: TargetExtension = {
  kind: "target",
  name: "NOTRACK",
  tables: ["raw"],
  help: "NOTRACK does not take any options\n",
  options: [],
  build: () => new NotrackTarget("NOTRACK"),
};
