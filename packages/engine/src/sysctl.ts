/**
 * The namespace's tunables under their real names. Each subsystem registers its own, with the check the kernel makes;
 * `sysctl` and /proc/sys read and write them here.
 */
import { EACCES, EBUSY, EINVAL, ENOENT, ENOMEM, EPERM } from "./errno.js";

/** One tunable. */
export interface SysctlEntry {
  /** Dotted name, such as `net.ipv4.ip_forward`. */
  readonly name: string;
  /** What reading the file gives, without the newline. */
  readonly get: () => string;
  /**
   * Applies a written value (already trimmed); absent for read-only entries. Throws {@link SysctlError} for a value
   * the kernel refuses.
   */
  readonly set?: (value: string) => void;
}

/** The errors that tunables refuse a value with. */
const ERRORS = { EINVAL, EPERM, EACCES, ENOENT, ENOMEM, EBUSY } as const;

/** The kernel's refusal of a written value, with its error's number. */
export class SysctlError extends Error {
  readonly errno: number;

  constructor(error: keyof typeof ERRORS, name: string) {
    super(`${name}: ${error}`);
    this.name = "SysctlError";
    this.errno = ERRORS[error];
  }
}

/** So many marks of a number are read; one that is longer is refused. The kernel's `TMPBUFLEN` without its end. */
const NUMBER_MARKS = 21;

/**
 * The first number of a written value: decimal, octal or hexadecimal, with white space or nothing behind it; what
 * follows that is passed over. Null where the kernel refuses. Models `proc_get_long()`, kernel/sysctl.c.
 */
function firstNumber(text: string): bigint | null {
  const [, sign, digits] = /^(-?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)(?=\s|$)/.exec(text) ?? [];
  if (digits === undefined || sign.length + digits.length >= NUMBER_MARKS) return null;
  const number = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (number !== BigInt.asUintN(64, number)) return null;
  return sign === "" ? number : -number;
}

/** All tunables of one namespace, kept sorted by name as `sysctl -a` lists them. */
export class SysctlTable {
  readonly #entries = new Map<string, SysctlEntry>();

  /** Adds a variable. */
  register(entry: SysctlEntry): void {
    this.#entries.set(entry.name, entry);
  }

  /** Registers an integer tunable; values outside `min`..`max` are EINVAL, as `proc_dointvec_minmax()` has it. */
  registerInt(
    name: string,
    get: () => number,
    set: (value: number) => void,
    min = -0x80000000,
    max = 0x7fffffff,
  ): void {
    this.register({
      name,
      get: () => String(get()),
      set: (text) => {
        const value = firstNumber(text);
        if (value === null || value < min || value > max) throw new SysctlError("EINVAL", name);
        set(Number(value));
      },
    });
  }

  /** Registers an unsigned long; its limits may be other tunables. Models `proc_doulongvec_minmax()`. */
  registerUnsignedLong(
    name: string,
    get: () => bigint,
    set: (value: bigint) => void,
    within: (value: bigint) => boolean,
  ): void {
    this.register({
      name,
      get: () => String(get()),
      set: (text) => {
        const value = firstNumber(text);
        if (value === null || value < 0n || !within(value)) throw new SysctlError("EINVAL", name);
        set(value);
      },
    });
  }

  /** Takes a variable away, as with its device. */
  unregister(name: string): void {
    this.#entries.delete(name);
  }

  /** The entry of a dotted name, or undefined when the kernel has none. */
  lookup(name: string): SysctlEntry | undefined {
    return this.#entries.get(name);
  }

  /** Every entry, sorted by name. */
  list(): SysctlEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }
}
