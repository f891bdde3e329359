/**
 * `-m conntrack`: what conntrack knows of the packet's connection. It looks nothing up: the entry hangs on the packet.
 * Models conntrack_mt(), net/netfilter/xt_conntrack.c.
 */
import { type ConntrackApi, IPS_CONFIRMED, IPS_DST_NAT, IPS_SRC_NAT } from "../../conntrack/conntrack.js";
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import {
  ctinfoDirection,
  IP_CT_DIR_ORIGINAL,
  IP_CT_DIR_REPLY,
  IP_CT_IS_REPLY,
  IP_CT_UNTRACKED,
  NO_CT,
} from "../../skb.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { hostOrNetworkText, type Network, parseNetwork } from "../network.js";
import { type OptionSpec, type OptionValues, parseUint, type Range, rangeText, uintRangeOption } from "../options.js";
import { ALL_PORTS, parsePortRange } from "../ports.js";
import { protocolNumber } from "../protocols.js";

/** Bits of a state: 1 << (ctinfo % IP_CT_IS_REPLY) + 1 as XT_CONNTRACK_STATE_BIT() has it, and four more. */
const STATE_INVALID = 1 << 0;
const STATE_SNAT = 1 << 6;
const STATE_DNAT = 1 << 7;
const STATE_UNTRACKED = 1 << 8;

/** States by name, in the order in which they are printed. */
export const STATES: readonly (readonly [string, number])[] = [
  ["INVALID", STATE_INVALID],
  ["NEW", 1 << 3],
  ["RELATED", 1 << 2],
  ["ESTABLISHED", 1 << 1],
  ["UNTRACKED", STATE_UNTRACKED],
  ["SNAT", STATE_SNAT],
  ["DNAT", STATE_DNAT],
];

const STATUSES: readonly (readonly [string, number])[] = [
  ["EXPECTED", 1 << 0],
  ["SEEN_REPLY", 1 << 1],
  ["ASSURED", 1 << 2],
  ["CONFIRMED", 1 << 3],
];

/** The bit of a packet's state. */
export function stateBit(nfct: number, ctinfo: number): number {
  if (nfct !== NO_CT) return 2 << (ctinfo >= IP_CT_IS_REPLY ? ctinfo - IP_CT_IS_REPLY : ctinfo);
  return ctinfo === IP_CT_UNTRACKED ? STATE_UNTRACKED : STATE_INVALID;
}

/** A list of names, or beginnings of them, into bits; `what` names the thing in the message. */
export function parseNames(text: string, names: readonly (readonly [string, number])[], what: string): number {
  let bits = 0;
  const words = text.split(",");
  words.forEach((word, index) => {
    const found = word === "" ? undefined : names.find(([name]) => name.startsWith(word.toUpperCase()));
    if (found === undefined) throw new ParameterProblem(`Bad ${what} "${words.slice(index).join(",")}"`);
    bits |= found[1];
  });
  return bits;
}

/** Bits as a list of names. */
export function namesText(bits: number, names: readonly (readonly [string, number])[]): string {
  return names
    .filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(",");
}

/** One condition of the match, in the order in which the kernel asks. */
interface Condition {
  readonly option: string;
  readonly inverted: boolean;
  readonly text: string;
  /** Whether the condition (not inverted) holds for an entry. */
  readonly test: (ct: ConntrackApi, entry: number) => boolean;
}

class ConntrackMatch implements Match {
  readonly name: string = "conntrack";
  readonly #states: number;
  readonly #statesInverted: boolean;
  readonly #hasStates: boolean;
  readonly #asksNat: boolean;
  /** 0 original, 1 reply, -1 either. */
  readonly #direction: number;
  readonly #conditions: readonly Condition[];

  constructor(values: OptionValues, conditions: readonly Condition[]) {
    this.#hasStates = values.has("ctstate");
    this.#states = values.get<number>("ctstate") ?? 0;
    this.#asksNat = (this.#states & (STATE_SNAT | STATE_DNAT)) !== 0;
    this.#statesInverted = values.inverted("ctstate");
    this.#direction = values.get<number>("ctdir") ?? -1;
    this.#conditions = conditions;
  }

  match(par: XtActionParam): boolean {
    const { nfct, ctinfo } = par.skb;
    const { ct } = par.net;
    if (this.#hasStates) {
      let bits = stateBit(nfct, ctinfo);
      if (this.#asksNat && nfct !== NO_CT) {
        const status = ct.statusOf(nfct);
        if (status & IPS_SRC_NAT) bits |= STATE_SNAT;
        if (status & IPS_DST_NAT) bits |= STATE_DNAT;
      }
      if (((this.#states & bits) !== 0) === this.#statesInverted) return false;
    }
    if (nfct === NO_CT) return this.#hasStates;
    if (this.#direction >= 0 && ctinfoDirection(ctinfo) !== this.#direction) return false;
    const conditions = this.#conditions;
    for (let i = 0; i < conditions.length; i++)
      if (conditions[i].test(ct, nfct) === conditions[i].inverted) return false;
    return true;
  }

  #text(before: string): string {
    let text = "";
    if (this.#hasStates)
      text += `${this.#statesInverted ? " !" : ""} ${before}ctstate ${namesText(this.#states, STATES)}`;
    for (const { option, inverted, text: value } of this.#conditions)
      text += `${inverted ? " !" : ""} ${before}${option} ${value}`;
    if (this.#direction >= 0) text += ` ${before}ctdir ${this.#direction === 0 ? "ORIGINAL" : "REPLY"}`;
    return text;
  }

  save(): string {
    return this.#text("--");
  }

  print(): string {
    return this.#text("");
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

/** What an option compares: how its value is printed, and the test it stands for. */
const CONDITIONS: readonly {
  readonly option: string;
  readonly make: (value: unknown) => Pick<Condition, "text" | "test">;
}[] = [
  {
    option: "ctproto",
    make: (value) => ({ text: String(value), test: (ct, entry) => ct.protonumOf(entry) === value }),
  },
  network("ctorigsrc", (ct, entry, word) => ct.srcWordOf(entry, IP_CT_DIR_ORIGINAL, word)),
  network("ctorigdst", (ct, entry, word) => ct.dstWordOf(entry, IP_CT_DIR_ORIGINAL, word)),
  network("ctreplsrc", (ct, entry, word) => ct.srcWordOf(entry, IP_CT_DIR_REPLY, word)),
  network("ctrepldst", (ct, entry, word) => ct.dstWordOf(entry, IP_CT_DIR_REPLY, word)),
  port("ctorigsrcport", (ct, entry) => ct.sportOf(entry, IP_CT_DIR_ORIGINAL)),
  port("ctorigdstport", (ct, entry) => ct.dportOf(entry, IP_CT_DIR_ORIGINAL)),
  port("ctreplsrcport", (ct, entry) => ct.sportOf(entry, IP_CT_DIR_REPLY)),
  port("ctrepldstport", (ct, entry) => ct.dportOf(entry, IP_CT_DIR_REPLY)),
  {
    option: "ctstatus",
    make(value) {
      const bits = value as number;
      return {
        text: bits === 0 ? "NONE" : namesText(bits, STATUSES),
        test: (ct, entry) => (ct.statusOf(entry) & bits) !== 0,
      };
    },
  },
  {
    option: "ctexpire",
    make(value) {
      const { min, max } = value as Range;
      return {
        text: rangeText({ min, max }),
        test(ct, entry) {
          // Until it is confirmed an entry holds its whole timeout, which the kernel takes for a moment of its clock:
          // one long past on a machine that has been up for a while, and so is none left.
          const seconds = (ct.statusOf(entry) & IPS_CONFIRMED) !== 0 ? ct.expiresSeconds(entry) : 0;
          return seconds >= min && seconds <= max;
        },
      };
    },
  },
];

type Reader = (ct: ConntrackApi, entry: number) => number;

function network(
  option: string,
  read: (ct: ConntrackApi, entry: number, word: number) => number,
): (typeof CONDITIONS)[number] {
  return {
    option,
    make(value) {
      const { address, mask } = value as Network;
      return {
        text: hostOrNetworkText({ address, mask }),
        test(ct, entry) {
          for (let i = 0; i < mask.length; i++) if (((read(ct, entry, i) ^ address[i]) & mask[i]) !== 0) return false;
          return true;
        },
      };
    },
  };
}

function port(option: string, read: Reader): (typeof CONDITIONS)[number] {
  return {
    option,
    make(value) {
      const { min, max } = value as Range;
      return {
        text: rangeText({ min, max }),
        test(ct, entry) {
          const number = read(ct, entry);
          return number >= min && number <= max;
        },
      };
    },
  };
}

function parseCtProtocol(text: string, invert: boolean): number {
  const number = parseUint(text, 0, 255) ?? protocolNumber(text.toLowerCase());
  if (number === undefined) throw new ParameterProblem(`conntrack: bad value for option "--ctproto"\n`);
  if (number === 0 && invert) throw new ParameterProblem("conntrack: rule would never match protocol");
  return number;
}

const ports = (text: string): Range => (text === "" ? ALL_PORTS : parsePortRange(text, "tcp"));

const options: readonly OptionSpec[] = [
  { name: "ctstate", invert: true, parse: (text) => parseNames(text, STATES, "ctstate") },
  { name: "ctproto", invert: true, parse: (text, { invert }) => parseCtProtocol(text, invert) },
  ...["ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"].map(
    (name): OptionSpec => ({ name, invert: true, parse: parseNetwork }),
  ),
  ...["ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"].map(
    (name): OptionSpec => ({ name, invert: true, parse: ports }),
  ),
  {
    name: "ctstatus",
    invert: true,
    parse: (text) => parseNames(text, [["NONE", 0], ...STATUSES], "ctstatus"),
  },
  { name: "ctexpire", invert: true, parse: uintRangeOption(0xffffffff) },
  {
    name: "ctdir",
    parse(text) {
      const word = text.toUpperCase();
      if (word === "ORIGINAL") return IP_CT_DIR_ORIGINAL;
      if (word === "REPLY") return IP_CT_DIR_REPLY;
      throw new ParameterProblem(`conntrack: Bad value for "--ctdir" option: "${text}"`);
    },
  },
];

export const conntrackMatch: MatchExtension = {
  kind: "match",
  name: "conntrack",
  help: `
conntrack match options:
[!] --ctstate {INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED|SNAT|DNAT}[,...]
                               State(s) to match
[!] --ctproto proto            Protocol to match; by number or name, e.g. "tcp"
[!] --ctorigsrc address[/mask]
[!] --ctorigdst address[/mask]
[!] --ctreplsrc address[/mask]
[!] --ctrepldst address[/mask]
                               Original/Reply source/destination address
[!] --ctorigsrcport port
[!] --ctorigdstport port
[!] --ctreplsrcport port
[!] --ctrepldstport port
                               TCP/UDP/SCTP orig./reply source/destination port
[!] --ctstatus {NONE|EXPECTED|SEEN_REPLY|ASSURED|CONFIRMED}[,...]
                               Status(es) to match
[!] --ctexpire time[:time]     Match remaining lifetime in seconds against
                               value or range of values (inclusive)
    --ctdir {ORIGINAL|REPLY}   Flow direction of packet
`,
  options,
  build(values) {
    if (values.ids().length === 0) throw new ParameterProblem("conntrack: At least one option is required");
    const conditions = CONDITIONS.filter(({ option }) => values.has(option)).map(
      ({ option, make }): Condition => ({ option, inverted: values.inverted(option), ...make(values.get(option)) }),
    );
    return new ConntrackMatch(values, conditions);
  },
};
