/** The words of an `ip` command line, taken one by one, with iproute2's messages for what is wrong. */
import { type Cidr, type NetDevice, type NetNamespace, prefixMask, SystemError } from "@netfilter-lab/engine";
import type { ipUsages } from "./usage.js";

/** A failed `ip` command: what it prints on stderr and its exit status. */
export class IpError extends Error {
  override readonly name = "IpError";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** A command that is answered with how it is used. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly object: keyof typeof ipUsages;

  constructor(object: keyof typeof ipUsages) {
    super(object);
    this.object = object;
  }
}

export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get done(): boolean {
    return this.#at >= this.#words.length;
  }

  peek(): string | undefined {
    return this.#words[this.#at];
  }

  /** The next word; its absence is an error. */
  next(): string {
    if (this.done) throw new IpError('Command line is not complete. Try option "help"', 255);
    return this.#words[this.#at++];
  }

  /** Gives the last word back. */
  back(): this {
    this.#at--;
    return this;
  }

  /** Takes the next word when it is `keyword` or a beginning of it that `ip` accepts. */
  take(...keywords: readonly string[]): boolean {
    const word = this.peek();
    if (word === undefined || !keywords.includes(word)) return false;
    this.#at++;
    return true;
  }
}

/** The one of `choices` (in iproute2's order) that a word abbreviates, or null. */
export function abbreviated(word: string, choices: readonly string[]): string | null {
  return choices.find((choice) => choice.startsWith(word) && word !== "") ?? null;
}

/** Whether a word is a beginning of one of `names`. */
export function begins(word: string, ...names: readonly string[]): boolean {
  return word !== "" && names.some((name) => name.startsWith(word));
}

/**
 * A number as strtol(3) reads it with base 0: `0x1f`, `017`, `+3`, ` 3`; undefined where anything else stands there.
 */
export function strtol(text: string): number | undefined {
  const [, sign, digits] = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return sign === "-" ? -value : value;
}

/** Words that stand for every address. */
export const EVERY: readonly string[] = ["default", "any", "all"];

/**
 * An IPv4 address: up to four numbers of any base, of which `10.1` leaves out the last, zeros; undefined where it is
 * none. Models get_addr_ipv4(), iproute2's lib/utils.c.
 */
export function addressIn(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  let address = 0;
  for (let i = 0; i < 4; i++) {
    const value = i < parts.length ? strtol(parts[i]) : 0;
    if (value === undefined || value < 0 || value > 255) return undefined;
    address = address * 256 + value;
  }
  return address;
}

/** The length of a prefix, or a netmask's. Models get_netmask(). */
function prefixLengthOf(text: string): number | undefined {
  const length = strtol(text);
  if (length !== undefined) return length < 0 || length > 32 ? undefined : length;
  const mask = addressIn(text);
  if (mask === undefined || !text.includes(".")) return undefined;
  const ones = Math.clz32(~mask);
  return prefixMask(ones) === mask ? ones : undefined;
}

/** An IPv4 address with its prefix length, 32 where none is given; undefined where it is none. */
export function prefixIn(text: string): Cidr | undefined {
  if (EVERY.includes(text)) return { address: 0, prefixLength: 0 };
  const slash = text.indexOf("/");
  const address = addressIn(slash < 0 ? text : text.slice(0, slash));
  const prefixLength = slash < 0 ? 32 : prefixLengthOf(text.slice(slash + 1));
  return address === undefined || prefixLength === undefined ? undefined : { address, prefixLength };
}

/** An unsigned number of 32 bits, or up to `most`. Models get_u32() and its like. */
export function numberOf(text: string, what: string, most = 0xffffffff): number {
  const value = strtol(text);
  if (value === undefined || value < 0 || value > most) throw wrongArgument(text, what);
  return value;
}

/** A number that fits C's `int`. Models get_integer(). */
export function integerOf(text: string, what: string): number {
  const value = strtol(text);
  if (value === undefined || value < -0x80000000 || value > 0x7fffffff) throw wrongArgument(text, what);
  return value;
}

export function wrongArgument(text: string, what: string): IpError {
  return new IpError(`Error: argument "${text}" is wrong: ${what}`, 255);
}

/** A device as the kernel finds it for the tools: by its name up to a colon. Models `dev_ioctl()`. */
function deviceNamed(net: NetNamespace, name: string): NetDevice | undefined {
  return net.devices.get(name.split(":", 1)[0]);
}

/** A second device where one is enough. */
export function oneDevice(first: string | null, second: string): string {
  if (first !== null) throw new IpError(`Error: either "dev" is duplicate, or "${second}" is a garbage.`, 255);
  return second;
}

/** A device by name for a change. */
export function deviceOf(net: NetNamespace, name: string): NetDevice {
  const dev = deviceNamed(net, name);
  if (dev === undefined) throw new IpError(`Cannot find device "${name}"`, 1);
  return dev;
}

/** A device by name for a listing, whose message differs. */
export function listedDeviceOf(net: NetNamespace, name: string): NetDevice {
  const dev = deviceNamed(net, name);
  if (dev === undefined) throw new IpError(`Device "${name}" does not exist.`, 1);
  return dev;
}

/** Asks the kernel; its refusal becomes iproute2's message. */
export function netlink<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new IpError(
      error.extack === null ? `RTNETLINK answers: ${error.message}` : `Error: ${error.extack.replace(/\.$/, "")}.`,
      2,
    );
  }
}

export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function macOf(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) throw new IpError(`"${text}" is invalid lladdr.`, 1);
  return Uint8Array.from(text.split(":").map((part) => Number.parseInt(part, 16)));
}
