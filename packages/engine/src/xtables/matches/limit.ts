/**
 * `-m limit`: a token bucket. The kernel counts credits by the jiffy; so does this, on the virtual clock.
 * Models limit_mt(), net/netfilter/xt_limit.c.
 */
import { HZ } from "../../clock.js";
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { atoi, uintOption } from "../options.js";

/** Rates are kept as periods, in units of a ten-thousandth second. Models XT_LIMIT_SCALE. */
const SCALE = 10_000;
const DEFAULT_BURST = 5;
/** Models CREDITS_PER_JIFFY: the greatest power of two that lets a day's worth of jiffies fit 32 bits. */
const MAX_CPJ = Math.floor(0xffffffff / (HZ * 60 * 60 * 24));
const CREDITS_PER_JIFFY = 2 ** Math.floor(Math.log2(MAX_CPJ));

const UNITS: readonly (readonly [string, number])[] = [
  ["day", SCALE * 86_400],
  ["hour", SCALE * 3_600],
  ["min", SCALE * 60],
  ["sec", SCALE],
];
const UNIT_WORDS: readonly (readonly [string, number])[] = [
  ["second", 1],
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
];

function parseRate(text: string): number {
  const [count, ...units] = text.split("/");
  const unit = units.length === 0 ? undefined : units.join("/");
  let seconds = 1;
  if (unit !== undefined) {
    const found = unit === "" ? undefined : UNIT_WORDS.find(([word]) => word.startsWith(unit.toLowerCase()));
    if (found === undefined) throw new ParameterProblem(`bad rate "${text}"'`);
    seconds = found[1];
  }
  const rate = atoi(count) >>> 0;
  if (rate === 0) throw new ParameterProblem(`bad rate "${text}"'`);
  const period = Math.floor((SCALE * seconds) / rate);
  if (period === 0) throw new ParameterProblem(`Rate too fast "${text}"`);
  return period;
}

function rateText(period: number): string {
  let unit = UNITS[0];
  for (const next of UNITS.slice(1)) {
    if (period > next[1] || next[1] / period < next[1] % period) break;
    unit = next;
  }
  return `${Math.floor(unit[1] / period)}/${unit[0]}`;
}

/** A period in credits, in 32 bits as the kernel has it. Models user2credits(). */
function credits(user: number): number {
  if (user > 0xffffffff / (HZ * CREDITS_PER_JIFFY)) return (Math.floor(user / SCALE) * HZ * CREDITS_PER_JIFFY) >>> 0;
  return Math.floor((user * HZ * CREDITS_PER_JIFFY) / SCALE);
}

class LimitMatch implements Match {
  readonly name: string = "limit";
  readonly #period: number;
  readonly #burst: number;
  /** As it was said. */
  readonly #said: number;
  readonly #cost: number;
  readonly #cap: number;
  #credit = 0;
  #previous = 0;

  constructor(period: number, burst: number, said: number) {
    this.#period = period;
    this.#burst = burst;
    this.#said = said;
    this.#cost = credits(period);
    this.#cap = credits((period * burst) >>> 0);
  }

  match(par: XtActionParam): boolean {
    const now = par.net.clock.jiffies;
    const elapsed = (now - this.#previous) >>> 0;
    this.#previous = now;
    this.#credit = Math.min(this.#cap, this.#credit + elapsed * CREDITS_PER_JIFFY);
    if (this.#credit < this.#cost) return false;
    this.#credit -= this.#cost;
    return true;
  }

  attach(net: NetNamespace): void {
    this.renew(net);
  }

  renew(net: NetNamespace): void {
    this.#previous = net.clock.jiffies;
    this.#credit = this.#cap;
  }

  /** The legacy extension refuses what its 32 bits cannot hold; nf_tables counts otherwise and takes it. */
  check(flavour: "nft" | "legacy"): void {
    if (flavour === "legacy" && (this.#burst === 0 || this.#cap < this.#cost))
      throw new RulesetError("ERANGE", "", "the limit overflows");
  }

  save(): string {
    return ` --limit ${rateText(this.#period)}${this.#burst === DEFAULT_BURST ? "" : ` --limit-burst ${this.#burst}`}`;
  }

  /** A rule that nf_tables gave its default is not found by the 0 that made it. */
  compared(asked: boolean): string {
    return String(asked ? this.#said : this.#burst);
  }

  print(): string {
    return ` limit: avg ${rateText(this.#period)} burst ${this.#burst}`;
  }
}

export const limitMatch: MatchExtension = {
  kind: "match",
  name: "limit",
  help: `
limit match options:
--limit avg			max average match rate: default 3/hour
                                [Packets per second unless followed by 
                                /sec /minute /hour /day postfixes]
--limit-burst number		number to match in a burst, default 5
`,
  options: [
    { name: "limit", parse: parseRate },
    { name: "limit-burst", parse: uintOption(0, 10_000) },
  ],
  build(values, { flavour }) {
    const burst = values.get<number>("limit-burst") ?? DEFAULT_BURST;
    // nf_tables takes none for its default.
    const kept = burst === 0 && flavour === "nft" ? DEFAULT_BURST : burst;
    return new LimitMatch(values.get<number>("limit") ?? parseRate("3/hour"), kept, burst);
  },
};
