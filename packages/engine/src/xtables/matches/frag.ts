/** `-m frag`: the fragment header of IPv6. Models frag_mt6(), net/ipv6/netfilter/ip6t_frag.c. */
import { get16, get32 } from "../../wire/bytes.js";
import { FRAGMENT_HEADER_LENGTH, IP6_MF, NEXTHDR_FRAGMENT } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";
import { extensionHeaderAt } from "../extension-header.js";
import { bang, type Range, rangeText, uintOption, uintRangeOption } from "../options.js";

const U32_MAX = 0xffffffff;
/** The flags, and how listings call them. */
const FLAGS = [
  ["fragres", "reserved"],
  ["fragfirst", "first"],
  ["fragmore", "more"],
  ["fraglast", "last"],
] as const;

export const fragMatch: MatchExtension = {
  kind: "match",
  name: "frag",
  families: ["ipv6"],
  help: `
frag match options:
[!] --fragid id[:id]           match the id (range)
[!] --fraglen length           total length of this header
 --fragres                     check the reserved field too
 --fragfirst                   matches on the first fragment
 [--fragmore|--fraglast]       there are more fragments or this
                               is the last one
`,
  options: [
    { name: "fragid", invert: true, parse: uintRangeOption(U32_MAX) },
    // The kernel has not looked at it since 2.6.10.
    { name: "fraglen", invert: true, parse: uintOption(0, U32_MAX) },
    { name: "fragres" },
    { name: "fragfirst" },
    { name: "fragmore", excludes: ["fraglast"] },
    { name: "fraglast", excludes: ["fragmore"] },
  ],
  build(values) {
    const ids = values.get<Range>("fragid") ?? { min: 0, max: U32_MAX };
    const notIds = values.inverted("fragid");
    const length = values.get<number>("fraglen");
    const notLength = values.inverted("fraglen");
    const [reserved, first, more, last] = FLAGS.map(([name]) => values.has(name));
    const anyId = ids.min === 0 && ids.max === U32_MAX;
    return {
      name: "frag",
      match(par) {
        const at = extensionHeaderAt(par, NEXTHDR_FRAGMENT, FRAGMENT_HEADER_LENGTH);
        if (at < 0) return false;
        const { data } = par.skb;
        const id = get32(data, at + 4);
        if ((id >= ids.min && id <= ids.max) === notIds) return false;
        const field = get16(data, at + 2);
        if (reserved && (data[at + 1] !== 0 || (field & 6) !== 0)) return false;
        if (first && (field & 0xfff8) !== 0) return false;
        if (more && (field & IP6_MF) === 0) return false;
        return !(last && (field & IP6_MF) !== 0);
      },
      save() {
        let text = anyId ? "" : `${bang(notIds)} --fragid ${rangeText(ids)}`;
        if (length !== undefined) text += `${bang(notLength)} --fraglen ${length}`;
        for (const [name] of FLAGS) if (values.has(name)) text += ` --${name}`;
        return text;
      },
      print() {
        let text = " frag ";
        if (!anyId || notIds) text += `id${ids.min === ids.max ? "" : "s"}:${notIds ? "!" : ""}${rangeText(ids)}`;
        if (length !== undefined) text += ` length:${notLength ? "!" : ""}${length}`;
        for (const [name, listed] of FLAGS) if (values.has(name)) text += ` ${listed}`;
        return text;
      },
    };
  },
};
