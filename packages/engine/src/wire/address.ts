/** IPv4 addresses as unsigned 32-bit numbers in host order, and their text. */

/** An error in an address's text. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

/** Dotted quad of an unsigned (or signed) 32-bit number. */
export function formatIPv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** The number a dotted quad stands for. Exactly four decimal parts. Throws {@link AddressError}. */
export function parseIPv4(text: string): number {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) throw new AddressError(`not an IPv4 address: "${text}"`);
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(match[i]);
    if (octet > 255) throw new AddressError(`not an IPv4 address: "${text}"`);
    address = address * 256 + octet;
  }
  return address;
}

/** The netmask of a prefix length 0..32, as an unsigned number. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** An address with its prefix length. */
export interface Cidr {
  readonly address: number;
  readonly prefixLength: number;
}

/** Parses `a.b.c.d/n`; without `/n` the prefix is 32. Throws {@link AddressError}. */
export function parseCidr(text: string): Cidr {
  const [head, tail, ...more] = text.split("/");
  if (more.length > 0 || (tail !== undefined && !/^\d{1,2}$/.test(tail)))
    throw new AddressError(`not an address with prefix length: "${text}"`);
  const prefixLength = tail === undefined ? 32 : Number(tail);
  if (prefixLength > 32) throw new AddressError(`prefix length over 32: "${text}"`);
  return { address: parseIPv4(head), prefixLength };
}

/** Whether two addresses agree in the first `prefixLength` bits. */
export function samePrefix(a: number, b: number, prefixLength: number): boolean {
  return ((a ^ b) & prefixMask(prefixLength)) === 0;
}
