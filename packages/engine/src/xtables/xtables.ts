/**
 * The tables of one flavour of iptables in one network namespace. `iptables-nft` and `iptables-legacy` keep separate
 * rulesets in Linux, both of which packets traverse; so there are two of these.
 */
import type { NetNamespace } from "../netns.js";

export type XtFlavour = "nft" | "legacy";

export class Xtables {
  readonly net: NetNamespace;
  readonly flavour: XtFlavour;

  constructor(net: NetNamespace, flavour: XtFlavour) {
    this.net = net;
    this.flavour = flavour;
  }
}
