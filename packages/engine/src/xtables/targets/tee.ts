/**
 * TEE: a copy of the packet goes to a gateway of this host's links. Models tee_tg4(), net/netfilter/xt_TEE.c, and
 * nf_dup_ipv4(), net/ipv4/netfilter/nf_dup_ipv4.c.
 */
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_UNTRACKED, NO_CT } from "../../skb.js";
import { AddressError, formatIPv4, parseIPv4 } from "../../wire/address.js";
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem, RulesetError } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { stringOption } from "../options.js";
import { putIpByte } from "../packet-edit.js";

/** Namespaces in which a copy is under way: a copy is not copied again. */
const copying = new WeakSet<NetNamespace>();

class TeeTarget implements Target {
  readonly name: string = "TEE";
  readonly #gateway: number;
  readonly #oif: string;

  constructor(gateway: number, oif: string) {
    this.#gateway = gateway;
    this.#oif = oif;
  }

  target({ net, skb, hook }: XtActionParam): number {
    if (copying.has(net)) return XT_CONTINUE;
    const oif = this.#oif === "" ? null : (net.devices.get(this.#oif) ?? null);
    if (this.#oif !== "" && oif === null) return XT_CONTINUE;
    const dst = net.ip.routeOutput(this.#gateway, 0, 0, oif);
    if (dst === null) return XT_CONTINUE;
    const copy = skb.copy();
    // The copy belongs to no connection and leaves as it is.
    copy.nfct = NO_CT;
    copy.ctinfo = IP_CT_UNTRACKED;
    copy.dst = dst;
    copy.dev = dst.dev;
    forbidFragments(copy.data);
    // It does not count as forwarded: at the first hooks its time to live is taken here, so that copies do not go round.
    if (hook === NF_INET_PRE_ROUTING || hook === NF_INET_LOCAL_IN) putIpByte(copy.data, 8, copy.data[8] - 1);
    copying.add(net);
    try {
      net.ip.localOut(copy);
    } finally {
      copying.delete(net);
    }
    return XT_CONTINUE;
  }

  check(): void {
    if (this.#gateway === 0) throw new RulesetError("EINVAL", "", "no gateway");
  }

  save(): string {
    return ` --gateway ${formatIPv4(this.#gateway)}${this.#oif === "" ? "" : ` --oif ${this.#oif}`}`;
  }

  print(): string {
    return ` TEE gw:${formatIPv4(this.#gateway)}${this.#oif === "" ? "" : ` oif=${this.#oif}`}`;
  }
}

/** Sets the flag that forbids fragments. */
function forbidFragments(data: Uint8Array): void {
  if ((get16(data, 6) & 0x4000) === 0) putIpByte(data, 6, data[6] | 0x40);
}

function parseGateway(text: string): number {
  try {
    return parseIPv4(text);
  } catch (error) {
    if (error instanceof AddressError)
      throw new ParameterProblem("getaddrinfo: Temporary failure in name resolution\n");
    throw error;
  }
}

export const teeTarget: TargetExtension = {
  kind: "target",
  name: "TEE",
  families: ["ipv4"],
  help: `
TEE target options:
  --gateway IPADDR    Route packet via the gateway given by address
  --oif NAME          Include oif in route calculation

`,
  options: [
    { name: "gateway", mandatory: true, parse: parseGateway },
    { name: "oif", parse: stringOption(0, 15) },
  ],
  build: (values) => new TeeTarget(values.get<number>("gateway") as number, values.get<string>("oif") ?? ""),
};
