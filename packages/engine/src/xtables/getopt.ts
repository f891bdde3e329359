/**
 * Options as getopt_long(3) of the GNU C library reads them, with the "-" and ":" modes that iptables asks for:
 * arguments that are no options come in their place, long options may be abbreviated, and the set of long options
 * may grow while reading (extensions bring theirs).
 */

/** 0: no argument; 1: required; 2: optional (`--opt=value` only). */
export type HasArgument = 0 | 1 | 2;

/** One long option; `code` is what {@link Getopt.next} reports, as an opaque value to compare. */
export interface LongOption<T> {
  readonly name: string;
  readonly hasArgument: HasArgument;
  readonly code: T;
}

export type GetoptResult<T> =
  | { readonly kind: "short"; readonly letter: string; readonly argument: string | undefined }
  | { readonly kind: "long"; readonly option: LongOption<T>; readonly argument: string | undefined }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "unknown" }
  | { readonly kind: "missing" };

export class Getopt<T> {
  readonly args: readonly string[];
  readonly #short: ReadonlyMap<string, HasArgument>;
  /** Index of the next argument to read. Callers that take arguments themselves move it. */
  index = 0;
  /** The rest of a cluster of short options. */
  #cluster = "";

  constructor(args: readonly string[], short: ReadonlyMap<string, HasArgument>) {
    this.args = args;
    this.#short = short;
  }

  /** The next option, or null at the end. */
  next(long: readonly LongOption<T>[]): GetoptResult<T> | null {
    if (this.#cluster === "") {
      const arg = this.args[this.index];
      if (arg === undefined) return null;
      if (arg === "--") {
        this.index++;
        return null;
      }
      if (arg === "-" || !arg.startsWith("-")) {
        this.index++;
        return { kind: "text", text: arg };
      }
      if (arg.startsWith("--")) {
        this.index++;
        return this.#long(arg.slice(2), long);
      }
      this.#cluster = arg.slice(1);
    }
    const letter = this.#cluster[0];
    this.#cluster = this.#cluster.slice(1);
    const hasArgument = this.#short.get(letter);
    if (this.#cluster === "") this.index++;
    if (hasArgument === undefined) return { kind: "unknown" };
    let argument: string | undefined;
    if (hasArgument !== 0) {
      if (this.#cluster !== "") {
        argument = this.#cluster;
        this.#cluster = "";
        this.index++;
      } else if (hasArgument === 1) {
        argument = this.args[this.index];
        if (argument === undefined) return { kind: "missing" };
        this.index++;
      }
    }
    return { kind: "short", letter, argument };
  }

  #long(text: string, long: readonly LongOption<T>[]): GetoptResult<T> {
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    let option = long.find((each) => each.name === name);
    if (option === undefined) {
      const candidates = long.filter((each) => each.name.startsWith(name));
      const first = candidates[0];
      if (first === undefined) return { kind: "unknown" };
      if (candidates.some((each) => each.code !== first.code || each.hasArgument !== first.hasArgument))
        return { kind: "unknown" };
      option = first;
    }
    let argument = equals < 0 ? undefined : text.slice(equals + 1);
    if (argument !== undefined && option.hasArgument === 0) return { kind: "unknown" };
    if (argument === undefined && option.hasArgument === 1) {
      argument = this.args[this.index];
      if (argument === undefined) return { kind: "missing" };
      this.index++;
    }
    return { kind: "long", option, argument };
  }
}
