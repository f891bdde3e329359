/**
 * SNAT and DNAT: rewrite the source or the destination to a range of the rule's choosing. The rule is asked once for
 * each connection; NAT keeps the answer. Models net/netfilter/xt_nat.c and libxt_NAT.
 */
import {
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  type NfProto,
  type Verdict,
} from "../../hooks.js";
import { type ManipType, type NatRange, NF_NAT_MANIP_DST, NF_NAT_MANIP_SRC } from "../../nat/nat.js";
import type { NetNamespace } from "../../netns.js";
import type { Target, TargetExtension, XtActionParam } from "../extension.js";
import { EMPTY_RANGE, flagsText, parseTo, rangeText, withFlags } from "./nat-range.js";

class NatTarget implements Target {
  readonly name: string;
  readonly #option: string;
  readonly #range: NatRange;
  readonly #manip: ManipType;

  constructor(name: string, option: string, range: NatRange, manip: ManipType) {
    this.name = name;
    this.#option = option;
    this.#range = range;
    this.#manip = manip;
  }

  target(par: XtActionParam): Verdict {
    return par.net.nat.setupInfo(par.skb.nfct, this.#range, this.#manip);
  }

  save(): string {
    return ` --${this.#option} ${rangeText(this.#range)}${flagsText(this.#range, " --")}`;
  }

  print(): string {
    return ` to:${rangeText(this.#range)}${flagsText(this.#range, " ")}`;
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

export const snatTarget: TargetExtension = {
  kind: "target",
  name: "SNAT",
  tables: ["nat"],
  hooks: (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_IN),
  help: `
SNAT target options:
 --to-source [<ipaddr>[-<ipaddr>]][:port[-port]]
				Address to map source to.
[--random] [--random-fully] [--persistent]
`,
  options: [
    { name: "to-source", mandatory: true, parse: (text, call) => parseTo(text, call, false) },
    { name: "random" },
    { name: "random-fully" },
    { name: "persistent" },
  ],
  build(values) {
    const range = withFlags(values.get<NatRange>("to-source") ?? EMPTY_RANGE, values);
    return new NatTarget("SNAT", "to-source", range, NF_NAT_MANIP_SRC);
  },
};

export const dnatTarget: TargetExtension = {
  kind: "target",
  name: "DNAT",
  tables: ["nat"],
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_OUT),
  help: `
DNAT target options:
 --to-destination [<ipaddr>[-<ipaddr>]][:port[-port]]
				Address to map destination to.
[--random] [--persistent]
`,
  options: [
    { name: "to-destination", mandatory: true, parse: (text, call) => parseTo(text, call, true) },
    { name: "random" },
    { name: "persistent" },
  ],
  build(values) {
    const range = withFlags(values.get<NatRange>("to-destination") ?? EMPTY_RANGE, values);
    return new NatTarget("DNAT", "to-destination", range, NF_NAT_MANIP_DST);
  },
};
