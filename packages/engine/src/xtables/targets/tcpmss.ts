/**
 * TCPMSS: lowers the maximum segment size that a SYN offers, to a number or to what the path takes. Models tcpmss_tg4()
 * and tcpmss_tg6(), net/netfilter/xt_TCPMSS.c.
 */
import { NF_DROP, NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING } from "../../hooks.js";
import { readInto } from "../../ip6/address.js";
import { get16, get32, put16 } from "../../wire/bytes.js";
import { checksumReplace2 } from "../../wire/checksum.js";
import { IPV6_PAYLOAD_LENGTH, IPV6_SRC } from "../../wire/ipv6.js";
import { ParameterProblem, RulesetError } from "../error.js";
import {
  type Match,
  type Target,
  type TargetExtension,
  XT_CONTINUE,
  type XtActionParam,
  type XtFamily,
} from "../extension.js";
import { uintOption } from "../options.js";
import { putTcpWord } from "../packet-edit.js";

const TCPOPT_MSS = 2;
const TCPOLEN_MSS = 4;
/** Length of both headers, of IP and of TCP. */
const HEADERS: Readonly<Record<XtFamily, number>> = { ipv4: 40, ipv6: 60 };
/** What a SYN without the option means (RFC 1122, RFC 2460). */
const DEFAULT_MSS: Readonly<Record<XtFamily, number>> = { ipv4: 536, ipv6: 1220 };
/** Data offset 15 is the greatest header there is. */
const MAX_HEADER = 60;

const source = new Int32Array(4);

/** The least MTU of the packet's way and of the way back to its sender. Models tcpmss_reverse_mtu(). */
function pathMtu({ net, skb, family }: XtActionParam): number {
  if (family === "ipv4") {
    const back = net.ip.routeOutput(get32(skb.data, 12), 0, 0, null)?.mtu ?? Number.POSITIVE_INFINITY;
    return Math.min(skb.dst?.mtu ?? Number.POSITIVE_INFINITY, back);
  }
  const { ip6 } = net;
  const back = ip6.route(readInto(source, skb.data, IPV6_SRC), null);
  const there = skb.dst6 === null ? Number.POSITIVE_INFINITY : ip6.mtuOf(skb.dst6);
  return back.error === 0 ? Math.min(there, ip6.mtuOf(back)) : there;
}

class TcpmssTarget implements Target {
  readonly name: string = "TCPMSS";
  /** -1: clamp to the path MTU. */
  readonly #mss: number;

  constructor(mss: number) {
    this.#mss = mss;
  }

  get forbiddenHooks(): number {
    const clampable = (1 << NF_INET_FORWARD) | (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING);
    return this.#mss < 0 ? 0x1f & ~clampable : 0;
  }

  target(par: XtActionParam): number {
    if (par.fragoff !== 0) return XT_CONTINUE;
    const { skb, family, thoff: at } = par;
    const length = skb.len - at;
    if (length < 20) return NF_DROP;
    const header = (skb.data[at + 12] >> 4) * 4;
    if (length < header || header < 20) return NF_DROP;
    let mss = this.#mss;
    if (mss < 0) {
      const mtu = pathMtu(par);
      if (mtu <= HEADERS[family]) return NF_DROP;
      mss = (mtu - HEADERS[family]) & 0xffff;
    }
    const { data } = skb;
    for (let i = at + 20; i <= at + header - TCPOLEN_MSS; ) {
      if (data[i] === TCPOPT_MSS && data[i + 1] === TCPOLEN_MSS) {
        const old = get16(data, i + 2);
        if (old > mss) {
          put16(data, i + 2, mss);
          put16(data, at + 16, checksumReplace2(get16(data, at + 16), old, mss));
        }
        return XT_CONTINUE;
      }
      i += data[i] < 2 || data[i + 1] === 0 ? 1 : data[i + 1];
    }
    // An option cannot be put in front of data, nor into a header that is full.
    if (length === header && header < MAX_HEADER) addOption(par, at, Math.min(mss, DEFAULT_MSS[family]));
    return XT_CONTINUE;
  }

  /** The legacy kernel wants a match that lets only SYNs through. */
  check(flavour: "nft" | "legacy", matches: readonly Match[]): void {
    if (flavour === "legacy" && !matches.some((match) => match.name === "tcp" && matchesSyn(match)))
      throw new RulesetError("EINVAL", "", "Only works on TCP SYN packets");
  }

  save(): string {
    return this.#mss < 0 ? " --clamp-mss-to-pmtu" : ` --set-mss ${this.#mss}`;
  }

  print(): string {
    return this.#mss < 0 ? " TCPMSS clamp to PMTU" : ` TCPMSS set ${this.#mss}`;
  }
}

/** Whether a tcp match asks for a set SYN flag. Models find_syn_match(). */
function matchesSyn(match: Match): boolean {
  return /(?<!!) --tcp-flags \S+ (\S+,)?(SYN|ALL)/.test(match.save());
}

/** Puts the option first behind the fixed header. */
function addOption({ skb, family }: XtActionParam, at: number, mss: number): void {
  const { len } = skb;
  const data = new Uint8Array(len + TCPOLEN_MSS);
  data.set(skb.data.subarray(0, at + 20));
  data.set(skb.data.subarray(at + 20, len), at + 20 + TCPOLEN_MSS);
  const length = len - at;
  let sum = get16(data, at + 16);
  // The pseudo header's length, then the option's two words.
  sum = checksumReplace2(sum, length, length + TCPOLEN_MSS);
  put16(data, at + 20, (TCPOPT_MSS << 8) | TCPOLEN_MSS);
  put16(data, at + 22, mss);
  sum = checksumReplace2(sum, 0, get16(data, at + 20));
  put16(data, at + 16, checksumReplace2(sum, 0, mss));
  putTcpWord(data, at, at + 12, get16(data, at + 12) + 0x1000);
  if (family === "ipv6") put16(data, IPV6_PAYLOAD_LENGTH, get16(data, IPV6_PAYLOAD_LENGTH) + TCPOLEN_MSS);
  else {
    put16(data, 2, len + TCPOLEN_MSS);
    put16(data, 10, checksumReplace2(get16(data, 10), len, len + TCPOLEN_MSS));
  }
  skb.data = data;
  skb.len = data.length;
}

export const tcpmssTarget: TargetExtension = {
  kind: "target",
  name: "TCPMSS",
  protocols: [6],
  help: `
TCPMSS target mutually-exclusive options:
  --set-mss value               explicitly set MSS option to specified value
  --clamp-mss-to-pmtu           automatically clamp MSS value to (path_MTU - 20)
`,
  options: [
    { name: "set-mss", parse: (text, call) => uintOption(0, 0xffff - HEADERS[call.family] + 20)(text, call) },
    { name: "clamp-mss-to-pmtu" },
  ],
  build(values) {
    const mss = values.has("clamp-mss-to-pmtu") ? -1 : values.get<number>("set-mss");
    if (mss === undefined) throw new ParameterProblem("TCPMSS target: At least one parameter is required");
    return new TcpmssTarget(mss);
  },
};
