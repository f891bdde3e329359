/**
 * `-m rpfilter`: whether an answer would leave by the device the packet came by. Models rpfilter_mt() of
 * net/ipv4/netfilter/ipt_rpfilter.c and of net/ipv6/netfilter/ip6t_rpfilter.c.
 */
import { NF_INET_PRE_ROUTING } from "../../hooks.js";
import { Flow } from "../../ip/fib.js";
import { RTN_ANYCAST, RTN_LOCAL, RTN_UNICAST } from "../../ip/route.js";
import { isLinkLocal, isMulticast6, isUnspecified, readInto } from "../../ip6/address.js";
import { get32 } from "../../wire/bytes.js";
import { IPV6_DST, IPV6_SRC, ipv6TrafficClass } from "../../wire/ipv6.js";
import type { MatchExtension, XtActionParam } from "../extension.js";

const OPTIONS: readonly string[] = ["loose", "validmark", "accept-local", "invert"];

export const rpfilterMatch: MatchExtension = {
  kind: "match",
  name: "rpfilter",
  tables: ["raw", "mangle"],
  hooks: 1 << NF_INET_PRE_ROUTING,
  help: `
rpfilter match options:
    --loose          permit reverse path via any interface
    --validmark      use skb nfmark when performing route lookup
    --accept-local   do not reject packets with a local source address
    --invert         match packets that failed the reverse path test
`,
  options: OPTIONS.map((name) => ({ name })),
  build(values, { family }) {
    const given = OPTIONS.filter((name) => values.has(name));
    const [loose, validmark, acceptLocal, invert] = OPTIONS.map((name) => values.has(name));
    const flow = new Flow();
    const passes4 = ({ net, skb, state }: XtActionParam): boolean => {
      const dev = state.indev;
      if (dev === null || dev.kind === "loopback") return true;
      const src = get32(skb.data, 12);
      const dst = get32(skb.data, 16);
      if (src === 0 && (dst === 0xffffffff || dst >>> 8 === 0xe00000)) return true;
      const special = dst >>> 28 === 0xe || dst === 0xffffffff || dst === 0;
      flow.dst = src;
      flow.src = special ? 0 : dst;
      flow.tos = skb.data[1] & 0x1c;
      flow.mark = validmark ? skb.mark : 0;
      flow.iif = net.loopback;
      const route = net.ip.fib.lookup(flow, true);
      if (route === null) return false;
      if (route.type !== RTN_UNICAST && !(route.type === RTN_LOCAL && acceptLocal)) return false;
      return route.dev === dev || loose;
    };
    const source = new Int32Array(4);
    const destination = new Int32Array(4);
    const passes6 = ({ net, skb, state }: XtActionParam): boolean => {
      const dev = state.indev;
      readInto(source, skb.data, IPV6_SRC);
      if (dev === null || dev.kind === "loopback" || isUnspecified(source)) return true;
      readInto(destination, skb.data, IPV6_DST);
      const route = net.ip6.routeOutput({
        dst: source,
        src: isMulticast6(destination) ? null : destination,
        mark: validmark ? skb.mark : 0,
        trafficClass: ipv6TrafficClass(skb.data, 0),
        oif: loose && !isLinkLocal(source) ? null : dev,
      });
      if (route.error !== 0 || route.type === RTN_ANYCAST) return false;
      if (route.type === RTN_LOCAL) return acceptLocal;
      return route.dev === dev || loose;
    };
    const passes = family === "ipv6" ? passes6 : passes4;
    return {
      name: "rpfilter",
      match: (par) => passes(par) !== invert,
      save: () => given.map((name) => ` --${name}`).join(""),
      print: () => ` rpfilter${given.map((name) => ` ${name}`).join("")}`,
    };
  },
};
