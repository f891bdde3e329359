/** `-m mh`: the mobility header of IPv6. Models mh_mt6(), net/ipv6/netfilter/ip6t_mh.c. */
import { NEXTHDR_MOBILITY, NEXTHDR_NONE } from "../../wire/ipv6.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, parseUint, type Range, rangeText } from "../options.js";

/** Names and short names of the types, by number. */
const TYPES: readonly (readonly [string, string])[] = [
  ["binding-refresh-request", "brr"],
  ["home-test-init", "hoti"],
  ["careof-test-init", "coti"],
  ["home-test", "hot"],
  ["careof-test", "cot"],
  ["binding-update", "bu"],
  ["binding-acknowledgement", "ba"],
  ["binding-error", "be"],
];
/** Fields that every mobility header has: next header, length, type, reserved, checksum. */
const HEADER_LENGTH = 6;
const ALL: Range = { min: 0, max: 255 };

/** A type by the beginning of a name of its, or by its number; the first that begins so. Models name_to_type(). */
function typeOf(text: string): number {
  const wanted = text.toLowerCase();
  const whole = TYPES.findIndex((names) => names.some((name) => name === wanted));
  const found = whole >= 0 ? whole : TYPES.findIndex((names) => names.some((name) => name.startsWith(wanted)));
  const type = found >= 0 ? found : parseUint(text, 0, 255);
  if (type === undefined) throw new ParameterProblem(`Invalid MH type \`${text}'`);
  return type;
}

function parseTypes(text: string): Range {
  const colon = text.indexOf(":");
  if (colon < 0) {
    const type = typeOf(text);
    return { min: type, max: type };
  }
  const min = colon === 0 ? 0 : typeOf(text.slice(0, colon));
  const max = colon === text.length - 1 ? 255 : typeOf(text.slice(colon + 1));
  if (min > max) throw new ParameterProblem("Invalid MH type range (min > max)");
  return { min, max };
}

export const mhMatch: MatchExtension = {
  kind: "match",
  name: "mh",
  families: ["ipv6"],
  protocols: [NEXTHDR_MOBILITY],
  help: `
mh match options:
[!] --mh-type type[:type]	match mh type
Valid MH types:
${TYPES.map(([name, short]) => `${name} (${short})\n`).join("")}`,
  options: [{ name: "mh-type", invert: true, parse: parseTypes }],
  build(values) {
    const types = values.get<Range>("mh-type") ?? ALL;
    const inverted = values.inverted("mh-type");
    const asks = types.min !== 0 || types.max !== 255 || inverted;
    const name = (type: number, numeric: boolean): string => (numeric ? undefined : TYPES[type]?.[0]) ?? String(type);
    return {
      name: "mh",
      match(par) {
        if (par.fragoff !== 0) return false;
        const { data, len } = par.skb;
        const at = par.thoff;
        if (at + HEADER_LENGTH > len || data[at] !== NEXTHDR_NONE) {
          par.hotdrop = true;
          return false;
        }
        const type = data[at + 2];
        return (type >= types.min && type <= types.max) !== inverted;
      },
      save: () => (asks ? `${bang(inverted)} --mh-type ${rangeText(types)}` : ""),
      print(numeric) {
        if (!asks) return " mh";
        const { min, max } = types;
        const text = min === max ? name(min, numeric) : `${name(min, numeric)}:${name(max, numeric)}`;
        return ` mh ${inverted ? "!" : ""}${text}`;
      },
    };
  },
};
