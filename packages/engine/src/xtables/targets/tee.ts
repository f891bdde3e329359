/**
 * TEE: a copy of the packet goes to a gateway of this host's links. Models tee_tg4() and tee_tg6(),
 * net/netfilter/xt_TEE.c, with nf_dup_ipv4() and nf_dup_ipv6().
 */
import type { NetDevice } from "../../dev/device.js";
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_UNTRACKED, NO_CT, type SkBuff } from "../../skb.js";
import { get16 } from "../../wire/bytes.js";
import { IPV6_HOP_LIMIT } from "../../wire/ipv6.js";
import { RulesetError } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { type AddressWords, isZero } from "../ip-spec.js";
import { parseHost } from "../network.js";
import { stringOption } from "../options.js";
import { putIpByte } from "../packet-edit.js";
import { addressText } from "../print.js";

/** Namespaces in which a copy is under way: a copy is not copied again. */
const copying = new WeakSet<NetNamespace>();

class TeeTarget implements Target {
  readonly name: string = "TEE";
  readonly #gateway: AddressWords;
  readonly #oif: string;

  constructor(gateway: AddressWords, oif: string) {
    this.#gateway = gateway;
    this.#oif = oif;
  }

  target({ net, skb, hook, family }: XtActionParam): number {
    if (copying.has(net)) return XT_CONTINUE;
    const oif = this.#oif === "" ? null : (net.devices.get(this.#oif) ?? null);
    if (this.#oif !== "" && oif === null) return XT_CONTINUE;
    const copy = skb.copy();
    // The copy belongs to no connection and leaves as it is.
    copy.nfct = NO_CT;
    copy.ctinfo = IP_CT_UNTRACKED;
    // It does not count as forwarded: at the first hooks its time to live is taken here, so that copies do not go
    // round.
    const takesHop = hook === NF_INET_PRE_ROUTING || hook === NF_INET_LOCAL_IN;
    if (!(family === "ipv6" ? this.#route6(net, copy, oif) : this.#route4(net, copy, oif))) return XT_CONTINUE;
    copying.add(net);
    try {
      if (family === "ipv6") {
        if (takesHop) copy.data[IPV6_HOP_LIMIT]--;
        net.ip6.localOut(copy);
      } else {
        forbidFragments(copy.data);
        if (takesHop) putIpByte(copy.data, 8, copy.data[8] - 1);
        net.ip.localOut(copy);
      }
    } finally {
      copying.delete(net);
    }
    return XT_CONTINUE;
  }

  /** Models nf_dup_ipv4_route(). */
  #route4(net: NetNamespace, copy: SkBuff, oif: NetDevice | null): boolean {
    const dst = net.ip.routeOutput(this.#gateway[0] >>> 0, 0, 0, oif);
    if (dst === null) return false;
    copy.dst = dst;
    copy.dev = dst.dev;
    return true;
  }

  /** Models nf_dup_ipv6_route(). */
  #route6(net: NetNamespace, copy: SkBuff, oif: NetDevice | null): boolean {
    const route = net.ip6.route(this.#gateway, oif);
    if (route.error !== 0) return false;
    copy.dst6 = route;
    copy.dev = route.dev;
    return true;
  }

  check(): void {
    if (isZero(this.#gateway)) throw new RulesetError("EINVAL", "", "no gateway");
  }

  save(): string {
    return ` --gateway ${addressText(this.#gateway)}${this.#oif === "" ? "" : ` --oif ${this.#oif}`}`;
  }

  print(): string {
    return ` TEE gw:${addressText(this.#gateway)}${this.#oif === "" ? "" : ` oif=${this.#oif}`}`;
  }
}

/** Sets the flag that forbids fragments. */
function forbidFragments(data: Uint8Array): void {
  if ((get16(data, 6) & 0x4000) === 0) putIpByte(data, 6, data[6] | 0x40);
}

export const teeTarget: TargetExtension = {
  kind: "target",
  name: "TEE",
  help: `
TEE target options:
  --gateway IPADDR    Route packet via the gateway given by address
  --oif NAME          Include oif in route calculation

`,
  options: [
    { name: "gateway", mandatory: true, parse: parseHost },
    { name: "oif", parse: stringOption(0, 15) },
  ],
  build: (values) =>
    new TeeTarget(values.get<AddressWords>("gateway") as AddressWords, values.get<string>("oif") ?? ""),
};
