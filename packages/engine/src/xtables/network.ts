/** The addresses that have names, and an address with a mask as options of extensions take it (XTTYPE_HOSTMASK). */
import { AddressError, parseIPv4, prefixMask } from "../wire/address.js";
import { ParameterProblem } from "./error.js";
import { parseUint } from "./options.js";

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
  /** Masked. */
  readonly address: number;
  readonly mask: number;
}

/** `address[/prefix or mask]`; names are not resolved, as on a host without a name server. */
export function parseNetwork(text: string): Network {
  const [host, length, ...more] = text.split("/");
  try {
    const address = parseIPv4(host);
    if (more.length > 0) throw new AddressError(text);
    if (length === undefined) return { address, mask: 0xffffffff };
    const prefix = parseUint(length, 0, 32);
    const mask = prefix === undefined ? parseIPv4(length) : prefixMask(prefix);
    return { address: (address & mask) >>> 0, mask };
  } catch (error) {
    if (error instanceof AddressError)
      throw new ParameterProblem("getaddrinfo: Temporary failure in name resolution\n");
    throw error;
  }
}
