/**
 * The addresses that have names, and addresses, alone or with a mask, as options of extensions take them (XTTYPE_HOST,
 * XTTYPE_HOSTMASK).
 */
import { AddressError, parseIPv4, parseIPv6, prefixMask, prefixMaskIPv6 } from "../wire/address.js";
import { ParameterProblem } from "./error.js";
import type { XtFamily } from "./extension.js";
import { ADDRESS_WORDS } from "./ip-header.js";
import type { AddressWords } from "./ip-spec.js";
import { type OptionCall, parseUint } from "./options.js";
import { addressText, wordsPrefix } from "./print.js";

/** Names of a Debian host's /etc/hosts and /etc/networks. */
const NAMES: ReadonlyMap<string, number> = new Map([
  ["localhost", 0x7f000001],
  ["default", 0],
  ["loopback", 0x7f000000],
  ["link-local", 0xa9fe0000 | 0],
]);

/** The IPv4 address that a name stands for. Models gethostbyname() and getnetbyname(). */
export function namedAddress(name: string): number | undefined {
  return NAMES.get(name);
}

/** The name of an IPv4 address. */
export function addressName(address: number): string | undefined {
  for (const [name, named] of NAMES) if (named === (address | 0)) return name;
  return undefined;
}

export interface Network {
  /** Masked in IPv4; as it was given in IPv6. */
  readonly address: AddressWords;
  readonly mask: AddressWords;
}

function parseWords(text: string, family: XtFamily): AddressWords {
  return family === "ipv6" ? parseIPv6(text) : Int32Array.of(parseIPv4(text));
}

function isOtherFamily(text: string, family: XtFamily): boolean {
  // IPv4's may be written in fewer parts (inet_aton(3)).
  if (family === "ipv6" && /^\d+(\.\d+){0,3}$/.test(text)) return true;
  try {
    parseWords(text, family === "ipv6" ? "ipv4" : "ipv6");
    return true;
  } catch (error) {
    if (error instanceof AddressError) return false;
    throw error;
  }
}

/** An address; names are not resolved, as on a host without a name server. */
export function parseHost(text: string, { family }: { readonly family: XtFamily }): AddressWords {
  try {
    return parseWords(text, family);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    const why = isOtherFamily(text, family)
      ? "Address family for hostname not supported"
      : "Temporary failure in name resolution";
    throw new ParameterProblem(`getaddrinfo: ${why}\n`);
  }
}

/** The mask of a prefix length. */
export function maskOf(length: number, family: XtFamily): AddressWords {
  return family === "ipv6" ? prefixMaskIPv6(length) : Int32Array.of(prefixMask(length));
}

/** The greatest prefix length of a family. */
export function maxPrefix(family: XtFamily): number {
  return ADDRESS_WORDS[family] * 32;
}

/** `address[/prefix or mask]`. */
export function parseNetwork(text: string, call: { readonly family: XtFamily }): Network {
  const { family } = call;
  const slash = text.indexOf("/");
  const length = slash < 0 ? "" : text.slice(slash + 1);
  const address = parseHost(slash < 0 ? text : text.slice(0, slash), call);
  if (slash < 0) return { address, mask: maskOf(maxPrefix(family), family) };
  const prefix = parseUint(length, 0, maxPrefix(family));
  const mask = prefix === undefined ? parseHost(length, call) : maskOf(prefix, family);
  return { address: family === "ipv4" ? address.map((word, i) => word & mask[i]) : address, mask };
}

/** `address/prefix`, or with a mask whose ones are not contiguous `address/mask`. */
export function networkText({ address, mask }: Network): string {
  const prefix = wordsPrefix(mask);
  return `${addressText(address)}/${prefix < 0 ? addressText(mask) : prefix}`;
}

/** {@link networkText}, without the prefix where it is a host's. */
export function hostOrNetworkText(network: Network): string {
  const { address, mask } = network;
  return wordsPrefix(mask) === 32 * mask.length ? addressText(address) : networkText(network);
}

/** What {@link parsePrefix} makes of a mask whose ones are not contiguous: a length that no family has. */
export const NO_PREFIX = 255;

/** A prefix length, or a mask of one. Models XTTYPE_PLEN. */
export function parsePrefix(text: string, { family, extension, option }: OptionCall): number {
  const most = maxPrefix(family);
  const length = parseUint(text, 0, most);
  if (length !== undefined) return length;
  // IPv4's numbers beyond are masks in one part, and none of them is one.
  if (family === "ipv4" && /^\d+(\.\d{1,3}){0,2}$/.test(text)) return NO_PREFIX;
  try {
    const prefix = wordsPrefix(parseWords(text, family));
    return prefix < 0 ? NO_PREFIX : prefix;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new ParameterProblem(
      `${extension}: bad value for option "--${option}", neither a valid network mask nor valid CIDR (0-${most}).\n`,
    );
  }
}
