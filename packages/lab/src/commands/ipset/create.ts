/** How sets are created: the options of `ipset create`, and the header that lists them. */
import { formatIPv4, formatIPv6, isAnyAddress } from "@netfilter-lab/engine";
import {
  addressBits,
  type IpSet,
  MAX_TIMEOUT,
  SetError,
  type SetFamily,
  type SetOptions,
  type SetType,
} from "@netfilter-lab/engine/parts";
import { address, addresses, ports } from "./elements.js";
import { IpsetFailure, number, Words } from "./failure.js";

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
  if (word === "inet" || word === "-4") return "inet";
  if (word === "inet6" || word === "-6") return "inet6";
  throw new IpsetFailure(`Syntax error: unknown inet family ${word}`);
}

/** The family stands anywhere among the words, and the others depend on it. */
function takeFamily(args: readonly string[]): { readonly family: SetFamily; readonly rest: readonly string[] } {
  let family: SetFamily | null = null;
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i];
    const named = word === "family" || word === "--family";
    if (!named && word !== "-4" && word !== "-6") {
      rest.push(word);
      continue;
    }
    if (named && ++i >= args.length) throw new IpsetFailure(`Missing mandatory argument of option \`${word}'`, 2);
    if (family !== null) throw new IpsetFailure("Syntax error: family already specified");
    family = familyOf(args[i]);
  }
  return { family: family ?? "inet", rest };
}

function netmaskOf(text: string, bits: number): number {
  try {
    return number(text, 1, bits);
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

/** What the words behind a set's type ask for. */
export function createOptions(setType: SetType, args: readonly string[]): SetOptions {
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
  let range: { from: number; to: number } | null = null;
  let failure: IpsetFailure | null = null;
  let lacking: "range" | "to" | null = null;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    try {
      if (word === "timeout") timeout = number(words.value(word), 0, MAX_TIMEOUT);
      else if (word === "counters") counters = true;
      else if (word === "comment") comment = true;
      else if (word === "skbinfo") skbinfo = true;
      else if (word === "forceadd" && hash) forceadd = true;
      else if (word === "hashsize" && hash) hashsize = powerOf2(number(words.value(word), 0, MAX_UINT32));
      else if (word === "maxelem" && hash) maxelem = number(words.value(word), 0, MAX_UINT32);
      else if (word === "bucketsize" && hash) bucketsize = bucketSize(number(words.value(word), 0, MAX_UINT32));
      else if (word === "initval" && hash) initval = number(words.value(word), 0, MAX_UINT32);
      else if ((word === "netmask" && (masks || name === "bitmap:ip")) || (word === "bitmask" && masks)) {
        const text = words.value(word);
        if (masked !== null && masked !== word)
          throw new IpsetFailure("Syntax error: bitmask and netmask are mutually exclusive, provide only one");
        masked = word;
        if (word === "netmask") netmask = netmaskOf(text, bits);
        else bitmask = bitmaskOf(text, family);
      } else if (word === "size" && storage === "list") size = Math.max(4, number(words.value(word), 0, MAX_UINT32));
      else if (word === "range" && storage === "bitmap") {
        const text = words.value(word);
        if (name !== "bitmap:port" && !/[^-/].*[-/]./.test(text))
          throw new IpsetFailure(`Syntax error: IP/cidr or IP-IP range must be specified: ${text}`);
        const { first, last } = name === "bitmap:port" ? ports(text, "inet") : addresses(text);
        range = { from: first, to: last };
        // One port is no range.
        if (!text.includes("-") && name === "bitmap:port") lacking = "to";
      } else throw new IpsetFailure(`Unknown argument: \`${word}'`, 2);
    } catch (error) {
      // The first that is wrong with a value is told at the end, when every word was known.
      if (!(error instanceof IpsetFailure) || error.status !== 1) throw error;
      failure ??= error;
    }
  }
  if (failure !== null) throw failure;
  if (storage === "bitmap" && range === null) lacking = "range";
  if (lacking !== null) throw new IpsetFailure(`Mandatory option \`${lacking}' is missing`, 2);
  const { from, to } = range ?? { from: 0, to: 0 };
  if (storage === "bitmap" && (to - from + 1) / 2 ** (32 - netmask) > MAX_BITMAP) throw new SetError("BITMAP_SIZE");
  if (bitmask !== null && isAnyAddress(bitmask)) throw new SetError("NETMASK");
  const lists = { timeout, counters, comment, skbinfo, forceadd };
  return { ...lists, family, hashsize, maxelem, bucketsize, initval, netmask, bitmask, from, to, size };
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
