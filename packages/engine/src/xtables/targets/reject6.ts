/**
 * REJECT of IPv6: drops the packet and tells its sender, by an ICMPv6 error or a TCP RST. Models reject_tg6(),
 * net/ipv6/netfilter/ip6t_REJECT.c, with nf_send_unreach6() and nf_send_reset6() of nf_reject_ipv6.c.
 */
import { NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, type Verdict } from "../../hooks.js";
import { isMulticast6, isUnspecified } from "../../ip6/address.js";
import { checksumOk6, resetFor } from "../../ip6/deliver.js";
import { ICMPV6_DEST_UNREACH } from "../../ip6/icmp.js";
import type { NetNamespace } from "../../netns.js";
import type { SkBuff } from "../../skb.js";
import { readIPv6 } from "../../wire/address.js";
import { get16 } from "../../wire/bytes.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import {
  found,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SRC,
  skipExtensionHeaders,
} from "../../wire/ipv6.js";
import { TCP_FLAGS, TCP_HEADER_LENGTH, TCP_RST } from "../../wire/tcp.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { RuleHeader, Target, TargetExtension, XtActionParam } from "../extension.js";

/** A kind of refusal: its names, and the ICMPv6 code (-1: a TCP RST). */
interface RejectKind {
  readonly name: string;
  readonly alias: string;
  readonly code: number;
  readonly about: string;
}

const KINDS: readonly RejectKind[] = [
  { name: "icmp6-no-route", alias: "no-route", code: 0, about: "ICMPv6 no route" },
  { name: "icmp6-adm-prohibited", alias: "adm-prohibited", code: 1, about: "ICMPv6 administratively prohibited" },
  { name: "icmp6-addr-unreachable", alias: "addr-unreach", code: 3, about: "ICMPv6 address unreachable" },
  { name: "icmp6-port-unreachable", alias: "port-unreach", code: 4, about: "ICMPv6 port unreachable" },
  { name: "tcp-reset", alias: "tcp-reset", code: -1, about: "TCP RST packet" },
  { name: "icmp6-policy-fail", alias: "policy-fail", code: 5, about: "ICMPv6 policy fail" },
  { name: "icmp6-reject-route", alias: "reject-route", code: 6, about: "ICMPv6 reject route" },
];
const DEFAULT_KIND = KINDS[3];

function parseKind(text: string): RejectKind {
  const wanted = text.toLowerCase();
  const kind = KINDS.find(({ name, alias }) => name.startsWith(wanted) || alias.startsWith(wanted));
  if (kind === undefined) throw new ParameterProblem(`unknown reject type "${text}"`);
  return kind;
}

/** Protocols whose integrity is not a sum of all their bytes: UDP-Lite, SCTP, DCCP, GRE, ESP, AH, IPComp. */
const OTHER_CHECKSUMS: readonly number[] = [136, 132, 33, 47, 50, 51, 108];

/** Whether an error may be sent about a packet: a whole one with a right checksum. Models reject6_csum_ok(). */
function checksumValid(skb: SkBuff): boolean {
  if (skb.checksumVerified) return true;
  const at = skipExtensionHeaders(skb.data, IPV6_HEADER_LENGTH, skb.len, skb.data[IPV6_NEXT_HEADER]);
  const protocol = found.nexthdr;
  if (at < 0 || at >= skb.len || found.fragmentOffset !== 0) return false;
  if (OTHER_CHECKSUMS.includes(protocol)) return true;
  if (protocol === IPPROTO_UDP && at + 8 <= skb.len && get16(skb.data, at + 6) === 0) return true;
  return checksumOk6(skb, at, protocol);
}

function sendReset(net: NetNamespace, old: SkBuff): void {
  const src = readIPv6(old.data, IPV6_SRC);
  const dst = readIPv6(old.data, IPV6_DST);
  // No answer to or from what is nobody's own address.
  if ([src, dst].some((each) => isMulticast6(each) || isUnspecified(each))) return;
  const at = skipExtensionHeaders(old.data, IPV6_HEADER_LENGTH, old.len, old.data[IPV6_NEXT_HEADER]);
  if (at < 0 || found.fragmentOffset !== 0 || found.nexthdr !== IPPROTO_TCP) return;
  if (at + TCP_HEADER_LENGTH > old.len || old.data[at + TCP_FLAGS] & TCP_RST) return;
  if (!checksumOk6(old, at, IPPROTO_TCP)) return;
  const route = net.ip6.route(src, null);
  if (route.error !== 0) return;
  const skb = resetFor(old, at, { src: dst, dst: src, hopLimit: net.ip6.hopLimitOf(route), trafficClass: 0 });
  skb.dst6 = route;
  net.ct.attach(skb, old);
  net.ct.setClosing(old);
  net.ip6.localOut(skb);
}

class Reject6Target implements Target {
  readonly name: string = "REJECT";
  readonly #kind: RejectKind;
  readonly #tcp: boolean;

  constructor(kind: RejectKind, header: RuleHeader) {
    this.#kind = kind;
    this.#tcp = header.proto === IPPROTO_TCP && !header.invertProto;
  }

  target(par: XtActionParam): Verdict {
    const { net, skb } = par;
    const { code } = this.#kind;
    const { trace } = net;
    if (trace !== null) trace.enter(code < 0 ? "nf_send_reset6" : "nf_send_unreach6", "nf_reject_ipv6", skb);
    if (code < 0) sendReset(net, skb);
    else if (checksumValid(skb)) net.ip6.icmp.send(skb, ICMPV6_DEST_UNREACH, code, 0);
    if (trace !== null) trace.leave();
    return NF_DROP;
  }

  check(): void {
    if (this.#kind.code < 0 && !this.#tcp) throw new RulesetError("EINVAL", "", "tcp-reset needs -p tcp");
  }

  save(): string {
    return ` --reject-with ${this.#kind.name}`;
  }

  print(): string {
    return ` reject-with ${this.#kind.name}`;
  }
}

export const reject6Target: TargetExtension = {
  kind: "target",
  name: "REJECT",
  families: ["ipv6"],
  tables: ["filter"],
  hooks: (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_OUT),
  help: `
REJECT target options:
--reject-with type              drop input packet and send back
                                a reply packet according to type:
Valid reject types:
${KINDS.map(({ name, alias, about }) => `    ${name.padEnd(25)}\t${about}\n    ${alias.padEnd(25)}\talias\n`).join("")}
`,
  options: [{ name: "reject-with", parse: parseKind }],
  build: (values, header) => new Reject6Target(values.get<RejectKind>("reject-with") ?? DEFAULT_KIND, header),
};
