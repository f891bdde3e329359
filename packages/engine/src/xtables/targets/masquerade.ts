/**
 * MASQUERADE: SNAT to whatever address the outgoing device has at that moment. Models net/netfilter/xt_MASQUERADE.c.
 */
import { NF_INET_POST_ROUTING, type NfProto, type Verdict } from "../../hooks.js";
import { type NatRange, NF_NAT_RANGE_PROTO_SPECIFIED } from "../../nat/nat.js";
import type { NetNamespace } from "../../netns.js";
import type { Target, TargetExtension, XtActionParam } from "../extension.js";
import { EMPTY_RANGE, flagsText, parsePorts, portsText, withFlags } from "./nat-range.js";

class MasqueradeTarget implements Target {
  readonly name: string = "MASQUERADE";
  readonly #range: NatRange;

  constructor(range: NatRange) {
    this.#range = range;
  }

  target(par: XtActionParam): Verdict {
    return par.net.nat.masquerade(par.skb, par.state, this.#range);
  }

  save(): string {
    const ports = this.#range.flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ` --to-ports ${portsText(this.#range)}` : "";
    return ports + flagsText(this.#range, " --");
  }

  print(): string {
    const ports = this.#range.flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ` masq ports: ${portsText(this.#range)}` : "";
    return ports + flagsText(this.#range, " ");
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

export const masqueradeTarget: TargetExtension = {
  kind: "target",
  name: "MASQUERADE",
  tables: ["nat"],
  hooks: 1 << NF_INET_POST_ROUTING,
  help: `
MASQUERADE target options:
 --to-ports <port>[-<port>]
				Port (range) to map to.
 --random
				Randomize source port.
 --random-fully
				Fully randomize source port.
`,
  options: [
    { name: "to-ports", parse: (text, call) => parsePorts(text, call.proto, false) },
    { name: "random" },
    { name: "random-fully" },
  ],
  build: (values) => new MasqueradeTarget(withFlags(values.get<NatRange>("to-ports") ?? EMPTY_RANGE, values)),
};
