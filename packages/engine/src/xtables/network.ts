/** An address with a mask as options of extensions take it. Models XTTYPE_HOSTMASK. */
import { AddressError, parseIPv4, prefixMask } from "../wire/address.js";
import { ParameterProblem } from "./error.js";
import { parseUint } from "./options.js";

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
