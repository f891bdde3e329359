/**
 * `-m rateest`: whether an estimator's rate is less, greater or equal to a number or to another's. Models
 * xt_rateest_mt() and xt_rateest_mt_checkentry(), net/netfilter/xt_rateest.c.
 */
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { Match, MatchExtension } from "../extension.js";
import { bang, type OptionCall, type OptionSpec, type OptionValues, parseUint } from "../options.js";
import {
  findEstimator,
  holdEstimator,
  leadingNumber,
  MAX_ESTIMATOR_NAME,
  type RateEstimator,
  releaseEstimator,
} from "../rate-estimator.js";

const MODES = ["lt", "gt", "eq"] as const;
type Mode = (typeof MODES)[number];
const MAX_UINT32 = 0xffffffff;

/** A comparison as it was given: the last one counts, and any `!` turns it round. */
interface Comparison {
  readonly mode: Mode;
  readonly inverted: boolean;
}

/** Bits or bytes of a unit of rates; without one they are bits. */
function unitBytes(unit: string): number | null {
  const [, prefix, what] = /^(|k|ki|m|mi|g|gi|t|ti)(bit|bps)$/.exec(unit === "" ? "bit" : unit.toLowerCase()) ?? [];
  if (prefix === undefined) return null;
  const power = "kmgt".indexOf(prefix[0] ?? " ") + 1;
  return (prefix.endsWith("i") ? 1024 : 1000) ** power / (what === "bit" ? 8 : 1);
}

/** Bytes a second, in 32 bits as the tool keeps them; 0 where no rate follows. Models rateest_get_rate(). */
function rate(text: string): number {
  if (text === "") return 0;
  const [value, rest] = leadingNumber(text) ?? [0, "none"];
  const unit = unitBytes(rest);
  if (unit === null) throw new ParameterProblem(`rateest: could not parse rate \`${text}'`);
  return Math.floor(value * unit) % 2 ** 32;
}

function packets(text: string): number {
  const value = text === "" ? 0 : parseUint(text, 0, MAX_UINT32);
  if (value === undefined) throw new ParameterProblem(`rateest: could not parse pps \`${text}'`);
  return value;
}

/** An option that may be given once; two names may be one option. */
function once(name: string, id: string, read: ((text: string) => unknown) | null, following: boolean): OptionSpec {
  return {
    name,
    id,
    // It is refused with words of its own.
    invert: true,
    onlyOne: `rateest: can't specify --${id} twice`,
    ...(read === null ? { noArgument: true } : {}),
    ...(following ? { followingArgument: true } : {}),
    parse(text: string, { invert }: OptionCall) {
      if (invert) throw new ParameterProblem(`rateest: ${name.replace(/\d$/, "")} can't be inverted`);
      return read === null ? true : read(text);
    },
  };
}

const name = (text: string): string => text.slice(0, MAX_ESTIMATOR_NAME);

function rateText(bytes: number): string {
  const bits = bytes * 8;
  if (bits >= 1e9) return `${Math.round(bits / 1e6)}Mbit`;
  return bits >= 1e6 ? `${Math.round(bits / 1e3)}Kbit` : `${bits}bit`;
}

class RateestMatch implements Match {
  readonly name = "rateest";
  readonly #first: string;
  /** Null: rates are compared with numbers. */
  readonly #second: string | null;
  readonly #delta: boolean;
  readonly #mode: Mode | null;
  readonly #inverted: boolean;
  readonly #bytes: readonly [number, number] | null;
  readonly #packets: readonly [number, number] | null;
  #estimator: RateEstimator | null = null;
  #other: RateEstimator | null = null;

  constructor(values: OptionValues) {
    this.#first = values.get<string>("rateest1") ?? "";
    this.#second = values.get<string>("rateest2") ?? null;
    this.#delta = values.has("rateest-delta");
    const comparisons = values.get<Comparison[]>("mode") ?? [];
    this.#mode = comparisons.at(-1)?.mode ?? null;
    this.#inverted = comparisons.some(({ inverted }) => inverted);
    const pair = (what: "bps" | "pps"): readonly [number, number] | null =>
      values.has(`rateest-${what}1`) || values.has(`rateest-${what}2`)
        ? [values.get<number>(`rateest-${what}1`) ?? 0, values.get<number>(`rateest-${what}2`) ?? 0]
        : null;
    this.#bytes = pair("bps");
    this.#packets = pair("pps");
  }

  check(_flavour: "nft" | "legacy", net: NetNamespace): void {
    if ((this.#bytes === null && this.#packets === null) || this.#mode === null)
      throw new RulesetError("EINVAL", "", "nothing to compare");
    for (const each of [this.#first, this.#second])
      if (each !== null && findEstimator(net, each) === undefined)
        throw new RulesetError("ENOENT", "", `no estimator ${each}`);
  }

  attach(net: NetNamespace): void {
    const hold = (each: string): RateEstimator | null => {
      const found = findEstimator(net, each);
      return found === undefined ? null : holdEstimator(net, each, found.parameters);
    };
    this.#estimator = hold(this.#first);
    this.#other = this.#second === null ? null : hold(this.#second);
  }

  detach(net: NetNamespace): void {
    if (this.#estimator !== null) releaseEstimator(net, this.#first);
    if (this.#second !== null && this.#other !== null) releaseEstimator(net, this.#second);
    this.#estimator = null;
    this.#other = null;
  }

  match(): boolean {
    const [one, other] = [this.#estimator, this.#other];
    let holds = true;
    if (this.#bytes !== null) holds = this.#compare(one?.bytesPerSecond ?? 0, other?.bytesPerSecond ?? 0, this.#bytes);
    if (this.#packets !== null)
      holds = this.#compare(one?.packetsPerSecond ?? 0, other?.packetsPerSecond ?? 0, this.#packets) && holds;
    return holds !== this.#inverted;
  }

  /** A rate, or with `--rateest-delta` how far it is below a number, against a number or another's. */
  #compare(one: number, other: number, [limit, second]: readonly [number, number]): boolean {
    const below = (most: number, measured: number): number => (this.#delta ? Math.max(0, most - measured) : measured);
    const left = below(limit, one);
    const right = this.#second === null ? second : below(second, other);
    return this.#mode === "lt" ? left < right : this.#mode === "gt" ? left > right : left === right;
  }

  save(): string {
    const relative = this.#second !== null;
    const mode = `${bang(this.#inverted)} --rateest-${this.#mode}`;
    let text = `${this.#delta ? " --rateest-delta" : ""} --rateest${relative ? "1" : ""} ${this.#first}`;
    const part = (what: "bps" | "pps", pair: readonly [number, number] | null, value: (of: number) => string): void => {
      if (pair === null) return;
      if (this.#delta) text += ` --rateest-${what}1 ${value(pair[0])}${mode} --rateest-${what}2 ${value(pair[1])}`;
      else text += `${mode} --rateest-${what}${relative ? "" : ` ${value(pair[1])}`}`;
    };
    part("bps", this.#bytes, rateText);
    part("pps", this.#packets, String);
    return relative ? `${text} --rateest2 ${this.#second}` : text;
  }

  print(): string {
    const mode = `${bang(this.#inverted)} ${this.#mode}`;
    let text = ` rateest match ${this.#first}${this.#delta ? " delta" : ""}`;
    const [bytes, packets] = [this.#bytes, this.#packets];
    const first = (pair: readonly [number, number]): string => (this.#delta ? ` ${pair[0]}` : "");
    if (this.#second === null) {
      if (bytes !== null) text += ` bps${first(bytes)} ${bytes[1]}${mode}`;
      if (packets !== null) text += ` pps${first(packets)}${mode} ${packets[1]}`;
      return text;
    }
    const second = (pair: readonly [number, number]): string => (this.#delta ? ` ${pair[1]}` : "");
    if (bytes !== null) text += ` bps${first(bytes)}`;
    if (packets !== null) text += ` pps${first(packets)}`;
    text += `${mode} ${this.#second}`;
    if (bytes !== null) text += ` bps${second(bytes)}`;
    if (packets !== null) text += ` pps${second(packets)}`;
    return text;
  }
}

export const rateestMatch: MatchExtension = {
  kind: "match",
  name: "rateest",
  help: `
rateest match options:
 --rateest1 name		Rate estimator name
 --rateest2 name		Rate estimator name
 --rateest-delta		Compare difference(s) to given rate(s)
 --rateest-bps1 [bps]		Compare bps
 --rateest-pps1 [pps]		Compare pps
 --rateest-bps2 [bps]		Compare bps
 --rateest-pps2 [pps]		Compare pps
 [!] --rateest-lt		Match if rate is less than given rate/estimator
 [!] --rateest-gt		Match if rate is greater than given rate/estimator
 [!] --rateest-eq		Match if rate is equal to given rate/estimator
`,
  options: [
    once("rateest1", "rateest1", name, false),
    once("rateest", "rateest1", name, false),
    once("rateest2", "rateest2", name, false),
    once("rateest-bps1", "rateest-bps1", rate, true),
    once("rateest-pps1", "rateest-pps1", packets, true),
    once("rateest-bps2", "rateest-bps2", rate, true),
    once("rateest-pps2", "rateest-pps2", packets, true),
    once("rateest-bps", "rateest-bps2", rate, true),
    once("rateest-pps", "rateest-pps2", packets, true),
    once("rateest-delta", "rateest-delta", null, false),
    ...MODES.map(
      (mode): OptionSpec => ({
        name: `rateest-${mode}`,
        invert: true,
        noArgument: true,
        list: "mode",
        parse: (_text, { invert }): Comparison => ({ mode, inverted: invert }),
      }),
    ),
  ],
  build: (values) => new RateestMatch(values),
};
