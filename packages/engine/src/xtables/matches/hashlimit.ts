/**
 * `-m hashlimit`: a token bucket for each address or port. Rules of the same name share one table of buckets, made as
 * the first of them says. Models hashlimit_mt_common(), net/netfilter/xt_hashlimit.c (revision 3);
 * /proc/net/ipt_hashlimit is not there. Credits are kept to 53 of the kernel's 64 bits.
 */
import { HZ } from "../../clock.js";
import type { NetNamespace } from "../../netns.js";
import { perNamespace } from "../../pernet.js";
import { get16, getInt32 } from "../../wire/bytes.js";
import { found, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, skipExtensionHeaders } from "../../wire/ipv6.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { Match, MatchExtension, XtActionParam, XtFamily } from "../extension.js";
import { ADDRESS_WORDS, addressOffset } from "../ip-header.js";
import { maskOf, maxPrefix, parsePrefix } from "../network.js";
import { atoi, type OptionCall, type OptionValues, stringOption, uintOption } from "../options.js";
import { WordMap } from "../word-map.js";

/** Rates are kept as periods in millionths of a second. Models XT_HASHLIMIT_SCALE_v2. */
const SCALE = 1_000_000;
/** Bytes are counted in chunks of 16. Models XT_HASHLIMIT_BYTE_SHIFT. */
const BYTE_SHIFT = 4;
const BYTE_EXPIRE_SECONDS = 15;
const DEFAULT_BURST = 5;
const DEFAULT_GC_MILLIS = 1_000;
const MAX_BURST = 1_000_000;
const U32_MAX = 0xffffffff;
/** Models CREDITS_PER_JIFFY and CREDITS_PER_JIFFY_BYTES: the greatest powers of two that fit their words. */
const CREDITS_PER_JIFFY = 2 ** 39;
const CREDITS_PER_JIFFY_BYTES = 2 ** 24;
const BYTE_CAP = CREDITS_PER_JIFFY_BYTES * HZ;
const CREDITS_PER_MICRO = Math.floor((HZ * CREDITS_PER_JIFFY) / SCALE);
/** Sums of 64 bits are exact in 53 when all terms are multiples of this. */
const GRAIN = 2n ** 11n;
/** Buckets of the table on a machine of ordinary size, and entries a bucket. */
const DEFAULT_SIZE = 8_192;
const ENTRIES_A_BUCKET = 8;

/** Each option's name is the mode's. */
const MODES: readonly string[] = ["srcip", "srcport", "dstip", "dstport"];
type Mode = (typeof MODES)[number];

const UNITS: readonly (readonly [string, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["min", 60],
  ["sec", 1],
];
const UNIT_WORDS: readonly (readonly [string, number])[] = [
  ["second", 1],
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
];

interface Rate {
  /** The kernel's `avg`: microseconds a packet, or for bytes the inverse of the rate in chunks. */
  readonly avg: number;
  readonly bytes: boolean;
  /** Seconds of the unit it was given in: as long a bucket lives unused. */
  readonly unitSeconds: number;
}

function bytesToCost(bytes: number): number {
  return Math.floor(U32_MAX / (Math.floor(bytes / 2 ** BYTE_SHIFT) + 1));
}

function costToBytes(cost: number): number {
  return ((cost === 0 ? U32_MAX : Math.floor(U32_MAX / cost)) - 1) * 2 ** BYTE_SHIFT;
}

function parseRate(text: string, { extension, option }: OptionCall): Rate {
  const bytes = /^(\d+)(k|m)?b\/s$/.exec(text);
  if (bytes !== null) {
    const rate = Number(bytes[1]) * (bytes[2] === "k" ? 1024 : bytes[2] === "m" ? 1024 * 1024 : 1);
    if (rate > U32_MAX * 2 ** BYTE_SHIFT)
      throw new ParameterProblem(`Rate value too large "${rate}" (max ${U32_MAX * 2 ** BYTE_SHIFT})`);
    return { avg: bytesToCost(rate), bytes: true, unitSeconds: BYTE_EXPIRE_SECONDS };
  }
  // --hashlimit is another name of --hashlimit-upto.
  const named = option === "hashlimit" ? "hashlimit-upto" : option;
  const wrong = new ParameterProblem(`${extension}: Bad value for "--${named}" option: "${text}"`);
  const [count, unit] = text.split("/", 2);
  let seconds = 1;
  if (unit !== undefined) {
    const found = unit === "" ? undefined : UNIT_WORDS.find(([word]) => word.startsWith(unit.toLowerCase()));
    if (found === undefined) throw wrong;
    seconds = found[1];
  }
  const rate = atoi(count);
  if (rate === 0) throw wrong;
  // A negative one is a very great one.
  const avg = rate < 0 ? 0 : Math.floor((SCALE * seconds) / rate);
  if (avg === 0) throw new ParameterProblem(`Rate too fast "${text}"`);
  return { avg, bytes: false, unitSeconds: seconds };
}

function parseBurst(text: string, { option }: OptionCall): number {
  const found = /^(\d+)(kb|mb|b)?$/.exec(text);
  const value =
    found === null ? 0 : Number(found[1]) * (found[2] === "kb" ? 1024 : found[2] === "mb" ? 1024 * 1024 : 1);
  if (value < 1 || value > U32_MAX)
    throw new ParameterProblem(`bad value for option "--${option}", or out of range (1-${MAX_BURST}).`);
  return value;
}

function parseModes(text: string, { extension, option }: OptionCall): Mode[] {
  const words = text.split(",").filter((word) => word !== "");
  if (words.some((word) => !MODES.includes(word)))
    throw new ParameterProblem(`${extension}: Bad value for "--${option}" option: "${text}"`);
  return MODES.filter((mode) => words.includes(mode)).sort((a, b) => order(a) - order(b));
}

/** Modes are listed in this order. */
function order(mode: Mode): number {
  return ["srcip", "srcport", "dstip", "dstport"].indexOf(mode);
}

/** What a rule says about its buckets. Models `struct hashlimit_cfg3`. */
interface Config {
  readonly modes: readonly Mode[];
  readonly rate: Rate;
  readonly burst: number;
  readonly size: number;
  readonly max: number;
  readonly gcMillis: number;
  readonly expireMillis: number;
  readonly sourceMask: number;
  readonly destinationMask: number;
  readonly rateMatch: boolean;
  readonly interval: number;
}

/** A bucket. Models `struct dsthash_ent`. */
interface Bucket {
  expires: number;
  previous: number;
  credit: number;
  /** Bytes: how often an empty bucket may still be filled up at once. Packets: the most it holds. */
  cap: number;
  /** `--hashlimit-rate-match`: whether the last interval was over the rate, and what came in this one. */
  over: boolean;
  current: number;
}

/** The credits of some packets, in the kernel's 64 bits, which great ones run over. Models user2credits(). */
function credits(micros: number, packets: number): number {
  const exact = BigInt.asUintN(64, BigInt(micros) * BigInt(packets) * BigInt(CREDITS_PER_MICRO));
  return Number(exact / GRAIN) * Number(GRAIN);
}

/** Models `struct xt_hashlimit_htable`. */
class Buckets {
  readonly config: Config;
  readonly cost: number;
  readonly #fullCredit: number;
  readonly #burst: number;
  readonly #rate: number;
  readonly #expireJiffies: number;
  readonly #gcJiffies: number;
  readonly #max: number;
  readonly sourceMask: Int32Array;
  readonly destinationMask: Int32Array;
  references = 0;
  /** By source address, destination address and the ports in one word. */
  readonly buckets: WordMap<Bucket>;
  /** When unused buckets are next looked for. */
  #nextGc: number;

  constructor(config: Config, now: number, family: XtFamily) {
    this.config = config;
    this.buckets = new WordMap(2 * ADDRESS_WORDS[family] + 1);
    this.sourceMask = maskOf(config.sourceMask, family);
    this.destinationMask = maskOf(config.destinationMask, family);
    const { avg, bytes } = config.rate;
    this.cost = bytes ? Math.floor((avg * BYTE_CAP) / 2 ** 32) : credits(avg, 1);
    this.#fullCredit = bytes ? BYTE_CAP : credits(avg, config.burst);
    this.#rate = bytes ? costToBytes(avg) : Math.floor(SCALE / avg);
    this.#burst = bytes ? this.#rate * (config.burst || 1) : config.burst + this.#rate;
    this.#expireJiffies = Math.ceil((config.expireMillis * HZ) / 1000);
    this.#gcJiffies = Math.ceil((config.gcMillis * HZ) / 1000);
    const size = config.size || DEFAULT_SIZE;
    this.#max = config.max === 0 ? ENTRIES_A_BUCKET * size : Math.max(config.max, size);
    this.#nextGc = now + this.#gcJiffies;
  }

  /** The bucket of the key that {@link buckets} is asked for, made full when there is none; null when the table is. */
  find(now: number): Bucket | null {
    if (now >= this.#nextGc) this.#collect(now);
    let bucket = this.buckets.get();
    if (bucket === undefined) {
      if (this.buckets.size >= this.#max) return null;
      bucket = {
        expires: 0,
        previous: now,
        credit: this.#fullCredit,
        cap: this.config.rate.bytes ? this.config.burst : this.#fullCredit,
        over: false,
        current: 0,
      };
      this.buckets.add(bucket);
    } else this.#refill(bucket, now);
    bucket.expires = now + this.#expireJiffies;
    return bucket;
  }

  /** Models rateinfo_recalc(). */
  #refill(bucket: Bucket, now: number): void {
    const delta = now - bucket.previous;
    if (delta === 0) return;
    if (this.config.rateMatch) {
      const interval = this.config.interval * HZ;
      if (delta < interval) return;
      bucket.previous = now;
      bucket.over = bucket.current * interval > delta * this.#rate;
      bucket.current = 0;
      return;
    }
    bucket.previous = now;
    const bytes = this.config.rate.bytes;
    const credit = bucket.credit + delta * (bytes ? CREDITS_PER_JIFFY_BYTES : CREDITS_PER_JIFFY);
    bucket.credit = Math.min(credit, bytes ? BYTE_CAP : bucket.cap);
  }

  /** Whether a packet of `length` bytes is within the limit, and takes its part of it. */
  admits(bucket: Bucket, length: number): boolean {
    if (this.config.rateMatch) {
      bucket.current += this.config.rate.bytes ? length : 1;
      return !bucket.over && bucket.current <= this.#burst;
    }
    let cost = this.cost;
    if (this.config.rate.bytes) {
      cost = Math.min(((length >> BYTE_SHIFT) + 1) * this.cost, BYTE_CAP);
      if (bucket.credit < cost && bucket.cap > 0) {
        bucket.cap--;
        bucket.credit = BYTE_CAP;
      }
    }
    if (bucket.credit < cost) return false;
    bucket.credit -= cost;
    return true;
  }

  /** Buckets unused for long enough go whenever the table is looked through. Models htable_gc(). */
  #collect(now: number): void {
    const last = this.#nextGc + Math.floor((now - this.#nextGc) / this.#gcJiffies) * this.#gcJiffies;
    this.buckets.purge((bucket) => bucket.expires <= last);
    this.#nextGc = last + this.#gcJiffies;
  }
}

/** The tables of a namespace, by family and name. */
const tablesOf = perNamespace(() => new Map<string, Buckets>());

/** Protocols whose header begins with two ports. Models proto_ports_offset(). */
function hasPorts(protocol: number): boolean {
  return (
    protocol === 6 ||
    protocol === 17 ||
    protocol === 136 ||
    protocol === 132 ||
    protocol === 33 ||
    protocol === 50 ||
    protocol === 51
  );
}

class HashlimitMatch implements Match {
  readonly name: string = "hashlimit";
  readonly #family: XtFamily;
  readonly #above: boolean;
  readonly #table: string;
  readonly #config: Config;
  #buckets: Buckets | null = null;

  constructor(family: XtFamily, above: boolean, table: string, config: Config) {
    this.#family = family;
    this.#above = above;
    this.#table = table;
    this.#config = config;
  }

  match(par: XtActionParam): boolean {
    const buckets = this.#buckets;
    if (buckets === null) return false;
    const { data, len } = par.skb;
    const { modes } = buckets.config;
    const { key } = buckets.buckets;
    const words = ADDRESS_WORDS[this.#family];
    const from = addressOffset(this.#family, true);
    const to = addressOffset(this.#family, false);
    key.fill(0);
    for (let i = 0; i < words; i++) {
      if (modes.includes("srcip")) key[i] = getInt32(data, from + 4 * i) & buckets.sourceMask[i];
      if (modes.includes("dstip")) key[words + i] = getInt32(data, to + 4 * i) & buckets.destinationMask[i];
    }
    let { proto, thoff } = par;
    if (this.#family === "ipv6") {
      // Another walk than that of the rule's protocol, which takes a missing header for malformed.
      thoff = skipExtensionHeaders(data, IPV6_HEADER_LENGTH, len, data[IPV6_NEXT_HEADER]);
      proto = thoff < 0 ? -1 : found.nexthdr;
    }
    if ((modes.includes("srcport") || modes.includes("dstport")) && (proto < 0 || hasPorts(proto))) {
      const at = proto === 51 ? thoff + 4 : thoff;
      if (proto < 0 || at + 4 > len) {
        par.hotdrop = true;
        return false;
      }
      if (modes.includes("srcport")) key[2 * words] = get16(data, at) << 16;
      if (modes.includes("dstport")) key[2 * words] |= get16(data, at + 2);
    }
    const bucket = buckets.find(par.net.clock.jiffies);
    if (bucket === null) {
      par.hotdrop = true;
      return false;
    }
    return buckets.admits(bucket, len) !== this.#above;
  }

  check(): void {
    const refuse = (why: string): never => {
      throw new RulesetError("EINVAL", "", why);
    };
    const { sourceMask, destinationMask, gcMillis, expireMillis } = this.#config;
    const most = maxPrefix(this.#family);
    if (sourceMask > most || destinationMask > most) refuse("no such prefix length");
    const { rate, burst, rateMatch } = this.#config;
    if (!rate.bytes && !rateMatch && credits(rate.avg, burst) < credits(rate.avg, 1))
      throw new RulesetError("ERANGE", "", "overflow, rate too high");
    if (gcMillis === 0 || expireMillis === 0) refuse("no time at all");
    if (this.#table === "." || this.#table === ".." || this.#table.includes("/")) refuse("no name for a file");
  }

  /** Each family has tables of its own. */
  get #key(): string {
    return `${this.#family} ${this.#table}`;
  }

  attach(net: NetNamespace): void {
    const named = tablesOf(net);
    const key = this.#key;
    let buckets = named.get(key);
    if (buckets === undefined) {
      buckets = new Buckets(this.#config, net.clock.jiffies, this.#family);
      named.set(key, buckets);
    }
    buckets.references++;
    this.#buckets = buckets;
  }

  detach(net: NetNamespace): void {
    const buckets = this.#buckets;
    this.#buckets = null;
    if (buckets !== null && --buckets.references === 0) tablesOf(net).delete(this.#key);
  }

  /** The rate in words, and the milliseconds of its unit. */
  #rate(factor: number): { readonly text: string; readonly unitMillis: number } {
    const { avg, bytes } = this.#config.rate;
    if (bytes)
      return {
        text: `${bytesText(costToBytes(avg), (whole) => bytesToCost(whole) === avg)}/s`,
        unitMillis: BYTE_EXPIRE_SECONDS * 1000,
      };
    const period = avg * factor;
    let [name, seconds] = UNITS[0];
    for (const [next, nextSeconds] of UNITS.slice(1)) {
      const unit = nextSeconds * SCALE;
      if (period > unit || Math.floor(unit / period) < unit % period) break;
      name = next;
      seconds = nextSeconds;
    }
    return { text: `${Math.floor((seconds * SCALE) / period)}/${name}`, unitMillis: seconds * 1000 };
  }

  #burstText(): string | null {
    const { rate, burst, rateMatch } = this.#config;
    if (!rate.bytes) return String(burst);
    return burst === 0 ? null : bytesText(costToBytes(rate.avg) * (rateMatch ? burst : burst + 1), () => true);
  }

  save(): string {
    const config = this.#config;
    const { text: rate, unitMillis } = this.#rate(1);
    const burst = this.#burstText();
    let text = ` --hashlimit-${this.#above ? "above" : "upto"} ${rate}`;
    if (burst !== null) text += ` --hashlimit-burst ${burst}`;
    if (config.modes.length > 0) text += ` --hashlimit-mode ${config.modes.join(",")}`;
    text += ` --hashlimit-name ${this.#table}`;
    return text + this.#settings(" --hashlimit-", unitMillis);
  }

  #settings(before: string, unitMillis: number): string {
    const config = this.#config;
    let text = "";
    if (config.size !== 0) text += `${before}htable-size ${config.size}`;
    if (config.max !== 0) text += `${before}htable-max ${config.max}`;
    if (config.gcMillis !== DEFAULT_GC_MILLIS) text += `${before}htable-gcinterval ${config.gcMillis}`;
    if (config.expireMillis !== unitMillis) text += `${before}htable-expire ${config.expireMillis}`;
    if (config.sourceMask !== maxPrefix(this.#family)) text += `${before}srcmask ${config.sourceMask}`;
    if (config.destinationMask !== maxPrefix(this.#family)) text += `${before}dstmask ${config.destinationMask}`;
    if (config.rateMatch) text += `${before}rate-match`;
    if (config.rateMatch && config.interval !== 1) text += `${before}rate-interval ${config.interval}`;
    return text;
  }

  print(): string {
    const config = this.#config;
    // Listings take the interval into the rate, saved rules do not.
    const { text: rate, unitMillis } = this.#rate(config.rateMatch ? config.interval : 1);
    const burst = this.#burstText();
    let text = ` limit: ${this.#above ? "above" : "up to"} ${rate}`;
    if (burst !== null) text += ` burst ${burst}`;
    if (config.modes.length > 0) text += ` mode ${config.modes.join("-")}`;
    return text + this.#settings(" ", unitMillis);
  }
}

const BYTE_UNITS: readonly (readonly [string, number])[] = [
  ["m", 1024 * 1024],
  ["k", 1024],
];

/** A number of bytes in the greatest unit that `fits`. */
function bytesText(bytes: number, fits: (whole: number) => boolean): string {
  for (const [unit, size] of BYTE_UNITS) {
    // The tool keeps 32 bits of what whole units make up.
    if (bytes >= size && fits(((bytes >>> 0) & ~(size - 1)) >>> 0)) return `${Math.floor(bytes / size)}${unit}b`;
  }
  return `${bytes}b`;
}

/** The burst as the kernel has it: for bytes, how many times more than once a second's worth. */
function burstOf(values: OptionValues, rate: Rate): number {
  const given = values.get<number>("hashlimit-burst");
  if (!rate.bytes) {
    if (given !== undefined && given > MAX_BURST)
      throw new ParameterProblem(`bad value for option "--hashlimit-burst", or out of range (1-${MAX_BURST}).`);
    return given ?? DEFAULT_BURST;
  }
  if (given === undefined) return 0;
  const second = costToBytes(rate.avg);
  if (given < second) throw new ParameterProblem(`burst cannot be smaller than ${second}b`);
  const times = second === 0 ? 0 : Math.ceil(given / second);
  return values.has("hashlimit-rate-match") ? times : times - 1;
}

const number = uintOption(0, U32_MAX);

export const hashlimitMatch: MatchExtension = {
  kind: "match",
  name: "hashlimit",
  help: `
hashlimit match options:
  --hashlimit-upto <avg>           max average match rate
                                   [Packets per second unless followed by 
                                   /sec /minute /hour /day postfixes]
  --hashlimit-above <avg>          min average match rate
  --hashlimit-mode <mode>          mode is a comma-separated list of
                                   dstip,srcip,dstport,srcport (or none)
  --hashlimit-srcmask <length>     source address grouping prefix length
  --hashlimit-dstmask <length>     destination address grouping prefix length
  --hashlimit-name <name>          name for /proc/net/ipt_hashlimit
  --hashlimit-burst <num>	    number to match in a burst, default 5
  --hashlimit-htable-size <num>    number of hashtable buckets
  --hashlimit-htable-max <num>     number of hashtable entries
  --hashlimit-htable-gcinterval    interval between garbage collection runs
  --hashlimit-htable-expire        after which time are idle entries expired?
  --hashlimit-rate-match           rate match the flow without rate-limiting it
  --hashlimit-rate-interval        interval in seconds for hashlimit-rate-match

`,
  options: [
    { name: "hashlimit-upto", excludes: ["hashlimit-above"], invert: true, parse: parseRate },
    { name: "hashlimit-above", excludes: ["hashlimit-upto"], invert: true, parse: parseRate },
    { name: "hashlimit", id: "hashlimit-upto", excludes: ["hashlimit-above"], invert: true, parse: parseRate },
    { name: "hashlimit-srcmask", parse: parsePrefix },
    { name: "hashlimit-dstmask", parse: parsePrefix },
    { name: "hashlimit-burst", parse: parseBurst },
    { name: "hashlimit-htable-size", parse: number },
    { name: "hashlimit-htable-max", parse: number },
    { name: "hashlimit-htable-gcinterval", parse: number },
    { name: "hashlimit-htable-expire", parse: number },
    { name: "hashlimit-mode", parse: parseModes },
    { name: "hashlimit-name", mandatory: true, parse: stringOption(1, 254) },
    { name: "hashlimit-rate-match" },
    { name: "hashlimit-rate-interval", parse: number },
  ],
  finalCheck(values) {
    if (!values.has("hashlimit-upto") && !values.has("hashlimit-above"))
      throw new ParameterProblem("You have to specify --hashlimit");
  },
  build(values, { family }) {
    const option = values.has("hashlimit-above") ? "hashlimit-above" : "hashlimit-upto";
    const rate = values.get<Rate>(option) as Rate;
    const config: Config = {
      modes: values.get<Mode[]>("hashlimit-mode") ?? [],
      rate,
      burst: burstOf(values, rate),
      size: values.get<number>("hashlimit-htable-size") ?? 0,
      max: values.get<number>("hashlimit-htable-max") ?? 0,
      gcMillis: values.get<number>("hashlimit-htable-gcinterval") ?? DEFAULT_GC_MILLIS,
      expireMillis: values.get<number>("hashlimit-htable-expire") ?? rate.unitSeconds * 1000,
      sourceMask: values.get<number>("hashlimit-srcmask") ?? maxPrefix(family),
      destinationMask: values.get<number>("hashlimit-dstmask") ?? maxPrefix(family),
      rateMatch: values.has("hashlimit-rate-match"),
      interval: values.has("hashlimit-rate-match") ? (values.get<number>("hashlimit-rate-interval") ?? 1) : 0,
    };
    const above = (option === "hashlimit-above") !== values.inverted(option);
    return new HashlimitMatch(family, above, values.get<string>("hashlimit-name") as string, config);
  },
};
