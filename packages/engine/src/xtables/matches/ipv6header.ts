/** `-m ipv6header`: which headers an IPv6 packet has. Models ipv6header_mt6(), net/ipv6/netfilter/ip6t_ipv6header.c. */
import {
  IPV6_HEADER_LENGTH,
  IPV6_NEXT_HEADER,
  NEXTHDR_AUTH,
  NEXTHDR_DEST,
  NEXTHDR_ESP,
  NEXTHDR_FRAGMENT,
  NEXTHDR_HOP,
  NEXTHDR_NONE,
  NEXTHDR_ROUTING,
} from "../../wire/ipv6.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension, XtActionParam } from "../extension.js";
import { bang, uintPrefix } from "../options.js";
import { protocolNumber } from "../protocols.js";

/** Each header's bit, long and short name and number, in the order in which they are listed. */
const HEADERS: readonly {
  readonly bit: number;
  readonly name: string;
  readonly short: string;
  readonly number: number;
}[] = [
  { bit: 0x80, name: "hop-by-hop", short: "hop", number: NEXTHDR_HOP },
  { bit: 0x40, name: "ipv6-opts", short: "dst", number: NEXTHDR_DEST },
  { bit: 0x20, name: "ipv6-route", short: "route", number: NEXTHDR_ROUTING },
  { bit: 0x10, name: "ipv6-frag", short: "frag", number: NEXTHDR_FRAGMENT },
  { bit: 0x08, name: "ah", short: "auth", number: NEXTHDR_AUTH },
  { bit: 0x04, name: "esp", short: "esp", number: NEXTHDR_ESP },
  { bit: 0x02, name: "ipv6-nonxt", short: "none", number: NEXTHDR_NONE },
  { bit: 0x01, name: "protocol", short: "prot", number: 255 },
];
const PROTOCOL = 0x01;

/** Models parse_header() of libip6t_ipv6header.c: empty words are passed over. */
function parseHeaders(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    if (word === "") continue;
    const named = HEADERS.find(({ name, short }) => word === name || word === short);
    const number = named?.number ?? protocolNumber(word) ?? uintPrefix(word)?.value;
    const found = HEADERS.find((each) => each.number === number);
    if (found === undefined) throw new ParameterProblem(`unknown header \`${number ?? word}' specified`);
    bits |= found.bit;
  }
  return bits;
}

function bitOf(number: number): number {
  for (let i = 0; i < HEADERS.length; i++) if (HEADERS[i].number === number) return HEADERS[i].bit;
  return 0;
}

/** The headers of a packet as bits; -1 when it ends inside them. */
function headersOf(par: XtActionParam): number {
  const { data, len } = par.skb;
  let next = data[IPV6_NEXT_HEADER];
  let at = IPV6_HEADER_LENGTH;
  let bits = 0;
  for (;;) {
    const bit = next === 255 ? 0 : bitOf(next);
    if (bit === 0) return bits | PROTOCOL;
    if (next === NEXTHDR_NONE) return bits | bit;
    if (at + 2 > len) return -1;
    bits |= bit;
    if (next === NEXTHDR_ESP) return bits;
    const size =
      next === NEXTHDR_FRAGMENT ? 8 : next === NEXTHDR_AUTH ? (data[at + 1] + 2) << 2 : (data[at + 1] + 1) << 3;
    next = data[at];
    at += size;
    if (at > len) return next === NEXTHDR_NONE || next === NEXTHDR_ESP ? bits : bits | PROTOCOL;
  }
}

export const ipv6headerMatch: MatchExtension = {
  kind: "match",
  name: "ipv6header",
  families: ["ipv6"],
  help: `
ipv6header match options:
[!] --header headers     Type of header to match, by name
                         names: hop,dst,route,frag,auth,esp,none,prot
                    long names: hop-by-hop,ipv6-opts,ipv6-route,
                                ipv6-frag,ah,esp,ipv6-nonxt,protocol
                       numbers: 0,60,43,44,51,50,59
--soft                    The header CONTAINS the specified extensions
`,
  options: [{ name: "header", mandatory: true, invert: true, parse: parseHeaders }, { name: "soft" }],
  build(values) {
    const wanted = values.get<number>("header") as number;
    const inverted = values.inverted("header");
    const soft = values.has("soft");
    const names = HEADERS.filter(({ bit }) => wanted & bit)
      .map(({ name }) => name)
      .join();
    const hexadecimal = `0x${wanted.toString(16).toUpperCase().padStart(2, "0")}`;
    return {
      name: "ipv6header",
      match(par) {
        const bits = headersOf(par);
        if (bits < 0) return false;
        if (!soft) return (bits === wanted) !== inverted;
        // All of them, or turned round none of them.
        return (bits & wanted) === (inverted ? 0 : wanted);
      },
      save: () => `${bang(inverted)} --header ${names}${soft ? " --soft" : ""}`,
      print: (numeric) =>
        ` ipv6header flags:${inverted ? "!" : ""}${numeric || wanted === 0 ? hexadecimal : names}${soft ? " soft" : ""}`,
    };
  },
};
