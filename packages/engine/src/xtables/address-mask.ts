/**
 * Addresses with masks, as `-s` and `-d` take them, masked already: numbers, prefixes, names, lists. Models
 * libxtables/xtables.c.
 */
import { AddressError, atonIPv4, parseIPv6 } from "../wire/address.js";
import { ParameterProblem } from "./error.js";
import type { XtFamily } from "./extension.js";
import { ADDRESS_WORDS } from "./ip-header.js";
import { type AddressWords, isZero } from "./ip-spec.js";
import { maskOf, maxPrefix, type Network, namedAddress } from "./network.js";
import { parseUint } from "./options.js";

/** Any address of a family. */
export function anyAddress(family: XtFamily): Network {
  return { address: new Int32Array(ADDRESS_WORDS[family]), mask: new Int32Array(ADDRESS_WORDS[family]) };
}

/**
 * One address with its mask, as `-s` and `-d` take them. Models xtables_ipparse_any(), xtables_ip6parse_any() and their
 * parse_ipmask().
 */
function parseAddress(text: string, family: XtFamily): Network {
  const slash = text.lastIndexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? maskOf(maxPrefix(family), family) : parseMask(text.slice(slash + 1), family);
  // With a mask of nothing the host is not even looked at.
  if (slash >= 0 && isZero(mask)) return anyAddress(family);
  return { address: hostAddress(host, family).map((word, i) => word & mask[i]), mask };
}

function parseMask(text: string, family: XtFamily): AddressWords {
  const written = numericAddress(text, family);
  if (written !== undefined) return written;
  const prefix = parseUint(text, 0, maxPrefix(family));
  if (prefix === undefined) throw new ParameterProblem(`invalid mask \`${text}' specified`);
  return maskOf(prefix, family);
}

/** An address written out in full; undefined when the text is none. */
function numericAddress(text: string, family: XtFamily): AddressWords | undefined {
  if (family === "ipv4") {
    const address = quad(text, true);
    return address === undefined ? undefined : Int32Array.of(address);
  }
  try {
    return parseIPv6(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

/**
 * A dotted quad, whose parts may be octal or hexadecimal; with `whole` all four are needed, else missing ones are zeros
 * (`10.1` is 10.1.0.0). Models numeric_to_ipaddr() of libxtables.
 */
function quad(text: string, whole: boolean): number | undefined {
  const parts = text.split(".");
  if (parts.length > 4 || (whole && parts.length !== 4)) return undefined;
  let address = 0;
  for (let i = 0; i < 4; i++) {
    const part = i < parts.length ? parseUint(parts[i], 0, 255) : 0;
    if (part === undefined) return undefined;
    address = (address << 8) | part;
  }
  return address;
}

function hostAddress(text: string, family: XtFamily): AddressWords {
  const numeric = numericAddress(text, family);
  if (numeric !== undefined) return numeric;
  // A Debian host's /etc/hosts has localhost for IPv4 alone where IPv6's is ip6-localhost.
  const name = family === "ipv4" ? (namedAddress(text) ?? quad(text, false) ?? atonIPv4(text)) : null;
  if (name === null) throw new ParameterProblem(`host/network \`${text}' not found`);
  return Int32Array.of(name);
}

/** The list of addresses that `-s` and `-d` take. Throws {@link ParameterProblem} for one that is none. */
export function parseAddresses(text: string, family: XtFamily): Network[] {
  return text.split(",").map((each) => parseAddress(each.replace(/^\s+/, ""), family));
}
