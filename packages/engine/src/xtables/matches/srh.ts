/** `-m srh`: the segment routing header of IPv6. Models srh1_mt6(), net/ipv6/netfilter/ip6t_srh.c. */
import { getInt32 } from "../../wire/bytes.js";
import { NEXTHDR_ROUTING } from "../../wire/ipv6.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { wholeHeaderAt } from "../extension-header.js";
import { type Network, networkText, parseNetwork } from "../network.js";
import { bang, type OptionValues, uintOption } from "../options.js";

/** Type of a routing header that lists segments. Models `IPV6_SRCRT_TYPE_4`. */
const SRCRT_TYPE_4 = 4;
const HEADER_LENGTH = 8;

/** Octets of the header: the option, where it stands, and whether it is compared in three ways. */
const OCTETS = [
  { name: "next-hdr", at: 0, ordered: false },
  { name: "hdr-len", at: 1, ordered: true },
  { name: "segs-left", at: 3, ordered: true },
  { name: "last-entry", at: 4, ordered: true },
] as const;
const COMPARISONS = ["eq", "gt", "lt"] as const;
/** Segments that are compared with a network. */
const SEGMENTS = ["psid", "nsid", "lsid"] as const;

type Comparison = (typeof COMPARISONS)[number];

interface OctetTest {
  readonly option: string;
  readonly at: number;
  readonly how: Comparison;
  readonly value: number;
  readonly inverted: boolean;
}

interface SegmentTest extends Network {
  readonly name: (typeof SEGMENTS)[number];
  readonly inverted: boolean;
}

/** The tests of the octets; all comparisons of one share their value, the last that was given. */
function octetTests(values: OptionValues): OctetTest[] {
  return OCTETS.flatMap(({ name, at, ordered }) => {
    const options = ordered
      ? COMPARISONS.map((how) => ({ option: `${name}-${how}`, how }))
      : [{ option: name, how: "eq" as const }];
    const last = values
      .ids()
      .reverse()
      .find((id) => options.some(({ option }) => id === `srh-${option}`));
    if (last === undefined) return [];
    const value = values.get<number>(last) as number;
    return options
      .filter(({ option }) => values.has(`srh-${option}`))
      .map(({ option, how }) => ({ option, at, how, value, inverted: values.inverted(`srh-${option}`) }));
  });
}

class SrhMatch implements Match {
  readonly name: string = "srh";
  readonly #octets: readonly OctetTest[];
  readonly #tag: number | undefined;
  readonly #notTag: boolean;
  readonly #segments: readonly SegmentTest[];

  constructor(values: OptionValues) {
    this.#octets = octetTests(values);
    this.#tag = values.get<number>("srh-tag");
    this.#notTag = values.inverted("srh-tag");
    this.#segments = SEGMENTS.filter((name) => values.has(`srh-${name}`)).map((name) => ({
      name,
      ...(values.get<Network>(`srh-${name}`) as Network),
      inverted: values.inverted(`srh-${name}`),
    }));
  }

  match(par: XtActionParam): boolean {
    const at = wholeHeaderAt(par, NEXTHDR_ROUTING, HEADER_LENGTH);
    // Unlike the other headers' matches this one does not drop what is malformed.
    par.hotdrop = false;
    if (at < 0) return false;
    const { data, len } = par.skb;
    const left = data[at + 3];
    const last = data[at + 4];
    if (data[at + 2] !== SRCRT_TYPE_4 || left > last) return false;
    for (let i = 0; i < this.#octets.length; i++) if (!octetHolds(this.#octets[i], data, at)) return false;
    // The tool hands the tag over in the machine's order, and the kernel compares it with the network's.
    if (this.#tag !== undefined && (data[at + 6] + data[at + 7] * 256 === this.#tag) === this.#notTag) return false;
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i];
      const { name } = segment;
      if (name === "psid" ? left === last : name === "nsid" && left === 0) return false;
      const index = name === "psid" ? left + 1 : name === "nsid" ? left - 1 : 0;
      const place = at + HEADER_LENGTH + 16 * index;
      if (place + 16 > len || isWithin(data, place, segment) === segment.inverted) return false;
    }
    return true;
  }

  #text(part: (option: string, inverted: boolean, value: number) => string): string {
    let text = this.#octets.map(({ option, inverted, value }) => part(option, inverted, value)).join("");
    if (this.#tag !== undefined) text += part("tag", this.#notTag, this.#tag);
    return text;
  }

  save(): string {
    const text = this.#text((option, inverted, value) => `${bang(inverted)} --srh-${option} ${value}`);
    return (
      text + this.#segments.map((each) => `${bang(each.inverted)} --srh-${each.name} ${networkText(each)}`).join("")
    );
  }

  print(): string {
    const text = this.#text((option, inverted, value) => ` ${option}:${inverted ? "!" : ""}${value}`);
    const segments = this.#segments.map((each) => ` ${each.name} ${each.inverted ? "!" : ""} ${networkText(each)}`);
    return ` srh${text}${segments.join("")}`;
  }
}

function octetHolds({ at, how, value, inverted }: OctetTest, data: Uint8Array, header: number): boolean {
  const actual = data[header + at];
  return (how === "eq" ? actual === value : how === "gt" ? actual > value : actual < value) !== inverted;
}

function isWithin(data: Uint8Array, at: number, { address, mask }: Network): boolean {
  for (let i = 0; i < 4; i++) if (((getInt32(data, at + 4 * i) ^ address[i]) & mask[i]) !== 0) return false;
  return true;
}

const octet = uintOption(0, 255);

export const srhMatch: MatchExtension = {
  kind: "match",
  name: "srh",
  families: ["ipv6"],
  help: `
srh match options:
[!] --srh-next-hdr		next-hdr        Next Header value of SRH
[!] --srh-hdr-len-eq		hdr_len         Hdr Ext Len value of SRH
[!] --srh-hdr-len-gt		hdr_len         Hdr Ext Len value of SRH
[!] --srh-hdr-len-lt		hdr_len         Hdr Ext Len value of SRH
[!] --srh-segs-left-eq		segs_left       Segments Left value of SRH
[!] --srh-segs-left-gt		segs_left       Segments Left value of SRH
[!] --srh-segs-left-lt		segs_left       Segments Left value of SRH
[!] --srh-last-entry-eq 	last_entry      Last Entry value of SRH
[!] --srh-last-entry-gt 	last_entry      Last Entry value of SRH
[!] --srh-last-entry-lt 	last_entry      Last Entry value of SRH
[!] --srh-tag			tag             Tag value of SRH
[!] --srh-psid			addr[/mask]	SRH previous SID
[!] --srh-nsid			addr[/mask]	SRH next SID
[!] --srh-lsid			addr[/mask]	SRH Last SID
`,
  options: [
    ...OCTETS.flatMap(({ name, ordered }) =>
      (ordered ? COMPARISONS.map((how) => `srh-${name}-${how}`) : [`srh-${name}`]).map((option) => ({
        name: option,
        invert: true,
        parse: octet,
      })),
    ),
    { name: "srh-tag", invert: true, parse: uintOption(0, 0xffff) },
    ...SEGMENTS.map((name) => ({ name: `srh-${name}`, invert: true, parse: parseNetwork })),
  ],
  build: (values) => new SrhMatch(values),
};
