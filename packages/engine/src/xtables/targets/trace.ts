/**
 * TRACE: marks the packet, so that every rule it meets from here on is reported. The legacy flavour reports to the
 * kernel log; nf_tables to who listens (nft-trace.ts). Models net/netfilter/xt_TRACE.c.
 */
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";

const target: Target = {
  name: "TRACE",
  target(par: XtActionParam): number {
    par.skb.nfTrace = true;
    return XT_CONTINUE;
  },
  save: () => "",
  print: () => "",
};

export const traceTarget: TargetExtension = {
  kind: "target",
  name: "TRACE",
  tables: ["raw"],
  everywhereInNft: true,
  help: "TRACE does not take any options\n",
  options: [],
  build: () => target,
};
