/**
 * `-m ah` of IPv6: the authentication header, which is an extension header there. Models net/ipv6/netfilter/ip6t_ah.c.
 */
import { get16, get32 } from "../../wire/bytes.js";
import { NEXTHDR_AUTH } from "../../wire/ipv6.js";
import type { MatchExtension } from "../extension.js";
import { extensionHeaderAt } from "../extension-header.js";
import { bang, type Range, rangeText, uintOption, uintRangeOption } from "../options.js";

const U32_MAX = 0xffffffff;
const HEADER_LENGTH = 12;

export const ah6Match: MatchExtension = {
  kind: "match",
  name: "ah",
  families: ["ipv6"],
  help: `
ah match options:
[!] --ahspi spi[:spi]          match spi (range)
[!] --ahlen length             total length of this header
 --ahres                       check the reserved field too
`,
  options: [
    { name: "ahspi", invert: true, parse: uintRangeOption(U32_MAX) },
    { name: "ahlen", invert: true, parse: uintOption(0, U32_MAX) },
    { name: "ahres" },
  ],
  build(values) {
    const spis = values.get<Range>("ahspi") ?? { min: 0, max: U32_MAX };
    const notSpis = values.inverted("ahspi");
    const length = values.get<number>("ahlen") ?? 0;
    const notLength = values.inverted("ahlen");
    const reserved = values.has("ahres");
    const anySpi = spis.min === 0 && spis.max === U32_MAX && !notSpis;
    return {
      name: "ah",
      match(par) {
        const at = extensionHeaderAt(par, NEXTHDR_AUTH, HEADER_LENGTH);
        if (at < 0) return false;
        const { data, len } = par.skb;
        const size = (data[at + 1] + 2) << 2;
        if (at + size > len) {
          par.hotdrop = true;
          return false;
        }
        const spi = get32(data, at + 4);
        if ((spi >= spis.min && spi <= spis.max) === notSpis) return false;
        if (length !== 0 && (size === length) === notLength) return false;
        return !reserved || get16(data, at + 2) === 0;
      },
      save() {
        let text = anySpi ? "" : `${bang(notSpis)} --ahspi ${rangeText(spis)}`;
        if (length !== 0 || notLength) text += `${bang(notLength)} --ahlen ${length}`;
        return reserved ? `${text} --ahres` : text;
      },
      print() {
        let text = " ah ";
        if (!anySpi) text += `spi${spis.min === spis.max ? "" : "s"}:${notSpis ? "!" : ""}${rangeText(spis)}`;
        if (length !== 0 || notLength) text += `length:${notLength ? "!" : ""}${length}`;
        return reserved ? `${text} reserved` : text;
      },
    };
  },
};
