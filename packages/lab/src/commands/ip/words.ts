/** The words of an `ip` command line, taken one by one, with iproute2's messages for what is wrong. */
import {
  type Cidr,
  type NetDevice,
  type NetNamespace,
  parseCidr,
  parseIPv4,
  prefixMask,
  SystemError,
} from "@netfilter-lab/engine";

/** A failed `ip` command: what it prints on stderr and its exit status. */
export class IpError extends Error {
  override readonly name = "IpError";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
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

  /** Whether a word still to come contains a text. */
  mentions(text: string): boolean {
    return this.#words.slice(this.#at).some((word) => word.includes(text));
  }

  /** The next word; its absence is an error. */
  next(): string {
    if (this.done) throw new IpError('Command line is not complete. Try option "help"', 255);
    return this.#words[this.#at++];
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

/** `10.1` stands for `10.1.0.0`: iproute2 fills the missing parts with zeros. */
function complete(text: string): string {
  const match = /^(\d+(?:\.\d+){0,2})(\/.*)?$/.exec(text);
  if (match === null) return text;
  return `${[...match[1].split("."), "0", "0", "0"].slice(0, 4).join(".")}${match[2] ?? ""}`;
}

/** The prefix length of a mask in dotted form; it must be one. Models `mask2bits()`. */
function maskLength(text: string): number {
  const mask = parseIPv4(text);
  const length = Math.clz32(~mask);
  if (prefixMask(length) !== mask) throw new RangeError(`no mask: ${text}`);
  return length;
}

/** `expected` is what the complaint says was looked for: `any valid` where the family is not given. */
export function prefixOf(text: string, expected = "any valid"): Cidr {
  if (text === "default" || text === "any" || text === "all") return { address: 0, prefixLength: 0 };
  try {
    const mask = /\/(\d+\.\d+\.\d+\.\d+)$/.exec(text);
    if (mask !== null)
      return { address: parseIPv4(complete(text.slice(0, mask.index))), prefixLength: maskLength(mask[1]) };
    return parseCidr(complete(text));
  } catch {
    throw new IpError(`Error: ${expected} prefix is expected rather than "${text}".`, 1);
  }
}

export function addressOf(text: string): number {
  try {
    return parseIPv4(complete(text));
  } catch {
    throw new IpError(`Error: inet address is expected rather than "${text}".`, 1);
  }
}

/** A number as `strtoul()` takes it, with its bases, up to `most`. */
export function numberOf(text: string, what: string, most = 0xffffffff): number {
  const match = /^\+?(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(text);
  const value =
    match === null
      ? Number.NaN
      : match[1] !== undefined
        ? Number.parseInt(match[1], 16)
        : match[2] !== undefined
          ? Number.parseInt(match[2], 8)
          : Number(match[3]);
  if (!(value <= most)) throw new IpError(`Error: argument "${text}" is wrong: ${what}`, 255);
  return value;
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
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) throw new IpError(`"${text}" is invalid lladdr.`, 255);
  return Uint8Array.from(text.split(":").map((part) => Number.parseInt(part, 16)));
}
