/** How sets are created: the options of `ipset create`, and the header that lists them. */
import { formatIPv4, formatIPv6, isAnyAddress, prefixMask } from "@netfilter-lab/engine";
import {
  addressBits,
  type IpSet,
  MAX_TIMEOUT,
  SetError,
  type SetFamily,
  type SetOptions,
  type SetType,
} from "@netfilter-lab/engine/parts";
import { address, addresses, bitmapPorts, endsOf, plainAddress, port } from "./elements.js";
import { byte, IpsetFailure, inTwo, number, optionNamed, rangeIn, Words } from "./failure.js";

const MAX_UINT32 = 0xffffffff;
const BUCKET_SIZES = { least: 2, most: 12 };
const MIN_HASH_SIZE = 64;
/** Elements of a bitmap at most. */
const MAX_BITMAP = 65_536;

function powerOf2(value: number): number {
  return Math.max(MIN_HASH_SIZE, 2 ** Math.ceil(Math.log2(value)));
}

function bucketSize(value: number): number {
  return Math.min(BUCKET_SIZES.most, Math.max(BUCKET_SIZES.least, value + (value % 2)));
}

function familyOf(word: string): SetFamily {
  if (["inet", "ipv4", "-4"].includes(word)) return "inet";
  if (["inet6", "ipv6", "-6"].includes(word)) return "inet6";
  throw new IpsetFailure(`Syntax error: unknown inet family ${word}`);
}

/** The family stands anywhere among the words, and the others depend on it. */
function takeFamily(args: readonly string[]): { readonly family: SetFamily; readonly rest: readonly string[] } {
  let family: SetFamily | null = null;
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i];
    const named = optionNamed(word) === "family";
    if (!named && word !== "-4" && word !== "-6") {
      rest.push(word);
      continue;
    }
    if (named && ++i >= args.length) throw new IpsetFailure(`Missing mandatory argument of option \`${word}'`, 2);
    if (family !== null) throw new IpsetFailure(`Syntax error: ${word} already specified`);
    family = familyOf(args[i]);
  }
  return { family: family ?? "inet", rest };
}

function netmaskOf(text: string, bits: number): number {
  try {
    return byte(text, 1, bits);
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(`${error.message}\nSyntax error: netmask is out of the inclusive range of 1-${bits}`);
  }
}

function bitmaskOf(text: string, family: SetFamily): Int32Array {
  try {
    return address(text, family);
  } catch (error) {
    if (!(error instanceof IpsetFailure)) throw error;
    throw new IpsetFailure(`${error.message}\nSyntax error: bitmask is not valid for family = ${family}`);
  }
}

/** What a bitmap is of, in words that came one after the other. */
class Ends {
  readonly #ports: boolean;
  #from: number | null = null;
  #to: number | null = null;
  #cidr: number | null = null;

  constructor(typeName: string) {
    this.#ports = typeName === "bitmap:port";
  }

  /** Whether a word says something of them. */
  has(word: string): boolean {
    return ["range", "from", "to"].includes(word) || (word === "network" && !this.#ports);
  }

  get both(): boolean {
    return this.#to !== null;
  }

  take(word: string, text: string): void {
    const end = this.#ports ? port : plainAddress;
    if (word === "from") this.#from = end(text);
    else if (word === "to") this.#to = end(text);
    else if (this.#ports) this.#takePorts(text);
    else this.#takeAddresses(text, word);
  }

  #takePorts(text: string): void {
    const { first, last, isRange } = bitmapPorts(text);
    this.#from = first;
    // One port is no range.
    if (isRange) this.#to = last;
  }

  #takeAddresses(text: string, word: string): void {
    const isNetwork = inTwo(text, "/") !== null;
    if (!isNetwork && word === "network") throw new IpsetFailure(`Syntax error: IP/netblock must be supplied: ${text}`);
    if (!isNetwork && rangeIn(text) === null)
      throw new IpsetFailure(`Syntax error: IP/cidr or IP-IP range must be specified: ${text}`);
    const said = addresses(text);
    this.#from = said.address;
    this.#to = said.last ?? this.#to;
    this.#cidr = said.cidr;
  }

  /** First and last. Models `bitmap_ip_create()`. */
  range(netmask: number): { readonly from: number; readonly to: number } {
    const lacking = this.#from === null ? "range" : this.#to === null && this.#cidr === null ? "to" : null;
    if (lacking !== null) throw new IpsetFailure(`Mandatory option \`${lacking}' is missing`, 2);
    if (this.#to === null && this.#cidr === 32) throw new SetError("CIDR");
    let [from, to] = endsOf({ address: this.#from ?? 0, last: this.#to, cidr: this.#to === null ? this.#cidr : null });
    if (this.#ports || netmask === 32) {
      if (to - from + 1 > MAX_BITMAP) throw new SetError("BITMAP_SIZE");
      return { from, to };
    }
    from = (from & prefixMask(netmask)) >>> 0;
    to = (to | ~prefixMask(netmask)) >>> 0;
    // The smallest network that begins with the first and has the last.
    let bits = 31;
    while (bits > 0 && (to & prefixMask(bits)) >>> 0 !== from) bits--;
    if (netmask <= bits || (bits === 0 && (from !== 0 || to !== MAX_UINT32))) throw new SetError("RANGE");
    if (2 ** (netmask - bits) > MAX_BITMAP) throw new SetError("BITMAP_SIZE");
    return { from, to };
  }
}

/** Options of the first versions, which are taken and come to nothing. */
const IGNORED: readonly string[] = ["probes", "resize", "gc"];

/** What was asked for, and what is said of it. */
export interface SaidOptions {
  readonly options: SetOptions;
  readonly warning: string;
}

/** What the words behind a set's type ask for. */
export function createOptions(setType: SetType, args: readonly string[]): SaidOptions {
  const { storage, name } = setType;
  const hash = storage === "hash";
  const { family, rest } = hash ? takeFamily(args) : { family: "inet" as const, rest: args };
  const words = new Words(rest);
  const bits = addressBits(family);
  const masks = setType.masks !== undefined;
  let timeout: number | null = null;
  let [counters, comment, skbinfo, forceadd] = [false, false, false, false];
  let [hashsize, maxelem, bucketsize, netmask, size] = [1024, 65_536, BUCKET_SIZES.most, bits as number, 8];
  let [initval, bitmask, masked]: [number | null, Int32Array | null, string | null] = [null, null, null];
  const ends = new Ends(name);
  const ignored: string[] = [];
  let failure: IpsetFailure | null = null;
  for (let said = words.next(); said !== undefined; said = words.next()) {
    const word = optionNamed(said);
    try {
      if (word === "timeout") timeout = number(words.value(said), 0, MAX_TIMEOUT);
      else if (word === "counters") counters = true;
      else if (word === "comment") comment = true;
      else if (word === "skbinfo") skbinfo = true;
      else if (word === "forceadd" && hash) forceadd = true;
      else if (word === "hashsize" && hash) hashsize = powerOf2(number(words.value(said), 0, MAX_UINT32));
      else if (word === "maxelem" && hash) maxelem = number(words.value(said), 0, MAX_UINT32);
      else if (word === "bucketsize" && hash) bucketsize = bucketSize(number(words.value(said), 0, 255));
      else if (word === "initval" && hash) initval = number(words.value(said), 0, MAX_UINT32);
      else if ((word === "netmask" && (masks || name === "bitmap:ip")) || (word === "bitmask" && masks)) {
        const text = words.value(said);
        if (masked !== null && masked !== word)
          throw new IpsetFailure("Syntax error: bitmask and netmask are mutually exclusive, provide only one");
        masked = word;
        if (word === "netmask") netmask = netmaskOf(text, bits);
        else bitmask = bitmaskOf(text, family);
      } else if (word === "size" && storage === "list") size = Math.max(4, number(words.value(said), 0, MAX_UINT32));
      else if (storage === "bitmap" && ends.has(word)) {
        ends.take(word, words.value(said, word === "to" ? "to" : "from"));
        if (word === "range" && ends.both) words.alsoSays("to");
      } else if (IGNORED.includes(word) && hash) ignored.push(`--${word} ${words.value(said)}`);
      else throw new IpsetFailure(`Unknown argument: \`${said}'`, 2);
    } catch (error) {
      // The first that is wrong with a value is told at the end, when every word was known.
      if (!(error instanceof IpsetFailure) || error.status !== 1) throw error;
      failure ??= error;
    }
  }
  if (failure !== null) throw failure;
  const { from, to } = storage === "bitmap" ? ends.range(netmask) : { from: 0, to: 0 };
  if (bitmask !== null && isAnyAddress(bitmask)) throw new SetError("NETMASK");
  const lists = { timeout, counters, comment, skbinfo, forceadd };
  const told = ignored.map((each) => `Option '${each}' is ignored. Please upgrade your syntax.\n`).join("");
  return {
    options: { ...lists, family, hashsize, maxelem, bucketsize, initval, netmask, bitmask, from, to, size },
    warning: told === "" ? "" : `Warning: ${told}`,
  };
}

/** A word of a listing, with its value where it has one. */
export type Listed = readonly [name: string, value?: string];

/** How a set was created, in the order of a listing. */
export function headerOf({ type, options, initval }: IpSet): Listed[] {
  const { family, netmask, bitmask } = options;
  const mask: Listed[] = [];
  if (netmask !== addressBits(family)) mask.push(["netmask", String(netmask)]);
  if (bitmask !== null) mask.push(["bitmask", family === "inet6" ? formatIPv6(bitmask) : formatIPv4(bitmask[0])]);
  const listed: Listed[] = [];
  if (type.storage === "hash") {
    listed.push(["family", family], ["hashsize", String(options.hashsize)], ["maxelem", String(options.maxelem)]);
    if (type.masks === "first") listed.push(...mask);
  } else if (type.storage === "list") listed.push(["size", String(options.size)]);
  else {
    const end = (value: number): string => (type.name === "bitmap:port" ? String(value) : formatIPv4(value));
    listed.push(["range", `${end(options.from)}-${end(options.to)}`], ...mask);
  }
  if (options.timeout !== null) listed.push(["timeout", String(options.timeout)]);
  if (options.counters) listed.push(["counters"]);
  if (options.comment) listed.push(["comment"]);
  if (options.skbinfo) listed.push(["skbinfo"]);
  if (type.storage !== "hash") return listed;
  listed.push(["bucketsize", String(options.bucketsize)], ["initval", `0x${initval.toString(16).padStart(8, "0")}`]);
  return type.masks === "last" ? [...listed, ...mask] : listed;
}
