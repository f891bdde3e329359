/**
 * The namespace's tunables under their real names. Each subsystem registers its own, with the check the kernel makes;
 * `sysctl` and /proc/sys read and write them here.
 */

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

/** The kernel's refusal of a written value, with its errno name. */
export class SysctlError extends Error {
  readonly errno: "EINVAL" | "EPERM" | "EACCES" | "ENOENT";

  constructor(errno: "EINVAL" | "EPERM" | "EACCES" | "ENOENT", name: string) {
    super(`${name}: ${errno}`);
    this.name = "SysctlError";
    this.errno = errno;
  }
}

/** All tunables of one namespace, kept sorted by name as `sysctl -a` lists them. */
export class SysctlTable {
  readonly #entries = new Map<string, SysctlEntry>();

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
        if (!/^[+-]?(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) throw new SysctlError("EINVAL", name);
        const value = text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
        if (value < min || value > max) throw new SysctlError("EINVAL", name);
        set(value);
      },
    });
  }

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
