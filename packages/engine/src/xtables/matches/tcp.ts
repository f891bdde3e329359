/** `-m tcp`: ports, flags, one option. Models tcp_mt(), net/netfilter/xt_tcpudp.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { NftTransportMatch, type PortTest, portTest, readBack } from "../nft-transport.js";
import { parseUint, type Range } from "../options.js";
import { asksPort, listPorts, parsePortRange, portOptions, savePorts } from "../ports.js";

/** A comparison of flags: of those in `mask`, exactly those in `comp` are set. */
interface Flags {
  readonly mask: number;
  readonly comp: number;
}

const FLAG_NAMES: readonly (readonly [string, number])[] = [
  ["FIN", 0x01],
  ["SYN", 0x02],
  ["RST", 0x04],
  ["PSH", 0x08],
  ["ACK", 0x10],
  ["URG", 0x20],
];
const SYN_ONLY: Flags = { mask: 0x17, comp: 0x02 };

/** Flags by their names, between commas, of which there may be too many: strtok(3) sees no empty words. */
function parseFlags(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    if (word === "") continue;
    const upper = word.toUpperCase();
    if (upper === "ALL") bits |= 0x3f;
    else if (upper !== "NONE") {
      const found = FLAG_NAMES.find(([name]) => name === upper);
      if (found === undefined) throw new ParameterProblem(`Unknown TCP flag \`${word}'`);
      bits |= found[1];
    }
  }
  return bits;
}

function flagsText(bits: number): string {
  if (bits === 0) return "NONE";
  return FLAG_NAMES.filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(",");
}

function hex2(bits: number): string {
  return `0x${bits.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Whether a kind of option is there. Models tcp_find_option(); null when the header is cut off. */
function hasOption(data: Uint8Array, from: number, length: number, end: number, kind: number): boolean | null {
  if (length === 0) return false;
  if (from + length > end) return null;
  for (let i = 0; i < length; ) {
    const op = data[from + i];
    if (op === kind) return true;
    if (op < 2 || i === length - 1) i++;
    else i += data[from + i + 1] || 1;
  }
  return false;
}

class TcpMatch implements Match {
  readonly name: string = "tcp";
  readonly #sports: Range;
  readonly #sportsInverted: boolean;
  readonly #dports: Range;
  readonly #dportsInverted: boolean;
  readonly #flags: Flags | undefined;
  readonly #flagsInverted: boolean;
  /** 0: none asked for. */
  readonly #option: number;
  readonly #optionInverted: boolean;

  constructor(
    sports: PortTest,
    dports: PortTest,
    flags: Flags | undefined,
    flagsInverted: boolean,
    option: number,
    optionInverted: boolean,
  ) {
    this.#sports = sports.range;
    this.#sportsInverted = sports.inverted;
    this.#dports = dports.range;
    this.#dportsInverted = dports.inverted;
    this.#flags = flags;
    this.#flagsInverted = flagsInverted;
    this.#option = option;
    this.#optionInverted = optionInverted;
  }

  match(par: XtActionParam): boolean {
    const { skb } = par;
    if (par.fragoff !== 0) {
      // A fragment that begins 8 bytes in could rewrite the flags that were judged: nobody sends one in earnest.
      if (par.fragoff === 8) par.hotdrop = true;
      return false;
    }
    const at = par.thoff;
    const { data } = skb;
    if (at + 20 > skb.len) {
      par.hotdrop = true;
      return false;
    }
    const sport = get16(data, at);
    if ((sport >= this.#sports.min && sport <= this.#sports.max) === this.#sportsInverted) return false;
    const dport = get16(data, at + 2);
    if ((dport >= this.#dports.min && dport <= this.#dports.max) === this.#dportsInverted) return false;
    const flags = this.#flags;
    if (flags !== undefined && ((data[at + 13] & flags.mask) === flags.comp) === this.#flagsInverted) return false;
    if (this.#option === 0) return true;
    const optionLength = (data[at + 12] >> 4) * 4 - 20;
    const found = optionLength < 0 ? null : hasOption(data, at + 20, optionLength, skb.len, this.#option);
    if (found === null) {
      par.hotdrop = true;
      return false;
    }
    return found !== this.#optionInverted;
  }

  save(): string {
    let text = savePorts("sport", this.#sports, this.#sportsInverted);
    text += savePorts("dport", this.#dports, this.#dportsInverted);
    if (this.#option !== 0 || this.#optionInverted)
      text += `${this.#optionInverted ? " !" : ""} --tcp-option ${this.#option}`;
    if (this.#flags !== undefined)
      text += `${this.#flagsInverted ? " !" : ""} --tcp-flags ${flagsText(this.#flags.mask)} ${flagsText(this.#flags.comp)}`;
    return text;
  }

  print(numeric: boolean): string {
    let text = " tcp";
    text += listPorts("spt", this.#sports, this.#sportsInverted, "tcp", numeric);
    text += listPorts("dpt", this.#dports, this.#dportsInverted, "tcp", numeric);
    if (this.#option !== 0 || this.#optionInverted) text += ` option=${this.#optionInverted ? "!" : ""}${this.#option}`;
    if (this.#flags !== undefined) {
      const { mask, comp } = this.#flags;
      const words = numeric ? `${hex2(mask)}/${hex2(comp)}` : `${flagsText(mask)}/${flagsText(comp)}`;
      text += ` flags:${this.#flagsInverted ? "!" : ""}${words}`;
    }
    return text;
  }
}

const ports = (text: string): Range => parsePortRange(text, "tcp");

export const tcpMatch: MatchExtension = {
  kind: "match",
  name: "tcp",
  protocols: [6],
  help: `
tcp match options:
[!] --tcp-flags mask comp	match when TCP flags & mask == comp
				(Flags: SYN ACK FIN RST URG PSH ALL NONE)
[!] --syn			match when only SYN flag set
				(equivalent to --tcp-flags SYN,RST,ACK,FIN SYN)
[!] --source-port port[:port]
 --sport ...
				match source port(s)
[!] --destination-port port[:port]
 --dport ...
				match destination port(s)
[!] --tcp-option number        match if TCP option set
`,
  options: [
    ...portOptions(() => ports, true),
    {
      name: "syn",
      id: "flags",
      parse: () => SYN_ONLY,
      noArgument: true,
      invert: true,
      onlyOne: "Only one of `--syn' or `--tcp-flags'  allowed",
    },
    {
      name: "tcp-flags",
      id: "flags",
      invert: true,
      onlyOne: "Only one of `--syn' or `--tcp-flags'  allowed",
      secondArgument: "--tcp-flags requires two args.",
      parse: (text, { second }) => ({ mask: parseFlags(text), comp: parseFlags(second ?? "") }),
    },
    {
      name: "tcp-option",
      invert: true,
      onlyOne: "Only one `--tcp-option' allowed",
      parse(text) {
        const kind = parseUint(text, 1, 255);
        if (kind === undefined) throw new ParameterProblem(`Bad TCP option "${text}"`);
        return kind;
      },
    },
  ],
  buildInNft(values) {
    if (values.has("tcp-option")) return null;
    const flags = values.get<Flags>("flags");
    if (!asksPort(values, "sport") && !asksPort(values, "dport") && flags === undefined) return null;
    const inverted = values.inverted("flags");
    const [sports, dports] = [portTest(values, "sport"), portTest(values, "dport")];
    const shown = new TcpMatch(readBack(sports), readBack(dports), flags, inverted, 0, false);
    return new NftTransportMatch(shown, values, flags === undefined ? null : { ...flags, inverted });
  },
  build: (values) =>
    new TcpMatch(
      portTest(values, "sport"),
      portTest(values, "dport"),
      values.get<Flags>("flags"),
      values.inverted("flags"),
      values.get<number>("tcp-option") ?? 0,
      values.inverted("tcp-option"),
    ),
};
