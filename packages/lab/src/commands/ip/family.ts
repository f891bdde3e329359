/**
 * Addresses of either family in an `ip` command: an option says of which they are, or the first that tells does, and an
 * error names the family as far as it is known then. Models get_prefix() and get_addr() of iproute2's lib/utils.c.
 */
import type { Cidr, Cidr6 } from "@netfilter-lab/engine";
import { addressIn6, prefixIn6 } from "./ipv6.js";
import type { IpOptions } from "./options.js";
import { addressIn, EVERY, IpError, prefixIn } from "./words.js";

const NAMES = { 4: "inet", 6: "inet6" } as const;

export class AddressFamily {
  /** Null where nobody has said it yet. */
  known: 4 | 6 | null;

  constructor({ family }: Pick<IpOptions, "family">) {
    this.known = family === 0 ? null : family;
  }

  /** A prefix; `default` and its like are of any family. */
  prefix(text: string): Cidr | Cidr6 {
    const prefix = this.readPrefix(text);
    if (!EVERY.includes(text)) this.#learn(prefix.address);
    return prefix;
  }

  /** A prefix that says nothing of the family of others, as in a listing. */
  readPrefix(text: string): Cidr | Cidr6 {
    return this.#read(text, "prefix", prefixIn, prefixIn6);
  }

  /** An address; null: of no length, as `any` is, and `default` where nobody has said of which family it is. */
  address(text: string): number | Int32Array | null {
    if (text === "any" || text === "all" || (text === "default" && this.known === null)) return null;
    if (text === "default") return this.known === 4 ? 0 : new Int32Array(4);
    const address = this.#read(text, "address", addressIn, addressIn6);
    this.#learn(address);
    return address;
  }

  #learn(address: number | Int32Array): void {
    this.known ??= typeof address === "number" ? 4 : 6;
  }

  #read<A, B>(
    text: string,
    what: "prefix" | "address",
    read4: (text: string) => A | undefined,
    read6: (text: string) => B | undefined,
  ): A | B {
    const has6 = text.includes(":");
    const every = EVERY.includes(text);
    const read = (every ? this.known === 6 : has6) ? read6 : read4;
    const fits = every || this.known === null || (this.known === 6) === has6;
    const value = fits ? read(text) : undefined;
    if (value === undefined) throw expectedRather(this.known === null ? "any valid" : NAMES[this.known], what, text);
    return value;
  }
}

function expectedRather(family: string, what: string, text: string): IpError {
  return new IpError(`Error: ${family} ${what} is expected rather than "${text}".`, 1);
}
