/** REDIRECT: DNAT to this host itself. Models net/netfilter/xt_REDIRECT.c. */
import { NF_INET_LOCAL_OUT, NF_INET_PRE_ROUTING, type NfProto, type Verdict } from "../../hooks.js";
import { type NatRange, NF_NAT_RANGE_PROTO_OFFSET, NF_NAT_RANGE_PROTO_SPECIFIED } from "../../nat/nat.js";
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem } from "../error.js";
import type { Target, TargetExtension, XtActionParam } from "../extension.js";
import { EMPTY_RANGE, flagsText, parsePorts, portsText, withFlags } from "./nat-range.js";

class RedirectTarget implements Target {
  readonly name: string = "REDIRECT";
  readonly #range: NatRange;

  constructor(range: NatRange) {
    this.#range = range;
  }

  target(par: XtActionParam): Verdict {
    return par.net.nat.redirect(par.skb, par.state, this.#range);
  }

  save(): string {
    const ports = this.#range.flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ` --to-ports ${portsText(this.#range)}` : "";
    return ports + flagsText(this.#range, " --");
  }

  print(): string {
    const ports = this.#range.flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ` redir ports ${portsText(this.#range)}` : "";
    return ports + flagsText(this.#range, " ");
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

/** The one target that refuses a base. */
function portsOf(text: string, proto: number): NatRange {
  const range = parsePorts(text, proto, false);
  if (range.flags & NF_NAT_RANGE_PROTO_OFFSET)
    throw new ParameterProblem("Shifted portmap ranges not supported with this kernel");
  return range;
}

export const redirectTarget: TargetExtension = {
  kind: "target",
  name: "REDIRECT",
  tables: ["nat"],
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_OUT),
  help: `
REDIRECT target options:
 --to-ports <port>[-<port>]
				Port (range) to map to.
 [--random]
`,
  options: [{ name: "to-ports", parse: (text, call) => portsOf(text, call.proto) }, { name: "random" }],
  build: (values) => new RedirectTarget(withFlags(values.get<NatRange>("to-ports") ?? EMPTY_RANGE, values)),
};
