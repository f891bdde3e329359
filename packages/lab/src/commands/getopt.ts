/** Reads a command's options as glibc's `getopt_long` does, with its messages. */

/** A long option: the short one it stands for (or a name of its own), and whether it takes a value. */
export interface LongOption {
  readonly key: string;
  readonly value: "none" | "required" | "optional";
}

export interface OptionSpec {
  /** Short options, `c:` with a value, `n::` with an optional one attached. */
  readonly short: string;
  readonly long?: Readonly<Record<string, LongOption>>;
  /** Options (by key) whose value, if any, may be the next word, unless that begins with `-` or `!`. */
  readonly separate?: readonly string[];
  /** Stop at the first word that is not an option. Default: options and operands may mix. */
  readonly posix?: boolean;
}

export interface ParsedOptions {
  /** In the order in which they stand. */
  readonly options: readonly { readonly key: string; readonly value: string | null }[];
  readonly operands: readonly string[];
}

/** A wrong option; the message is getopt's, with the command's name. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

export function parseOptions(argv0: string, args: readonly string[], spec: OptionSpec): ParsedOptions {
  const options: { key: string; value: string | null }[] = [];
  const operands: string[] = [];
  let at = 0;
  const separateValue = (key: string): string | null =>
    spec.separate?.includes(key) === true && at < args.length && !/^[-!]/.test(args[at]) ? args[at++] : null;
  while (at < args.length) {
    const word = args[at++];
    if (word === "--") {
      operands.push(...args.slice(at));
      break;
    }
    if (word.startsWith("--") && spec.long !== undefined) {
      const [name, ...rest] = word.slice(2).split("=");
      const attached = rest.length > 0 ? rest.join("=") : null;
      const names = Object.keys(spec.long);
      const candidates = names.includes(name) ? [name] : names.filter((candidate) => candidate.startsWith(name));
      if (candidates.length === 0) throw new OptionError(`${argv0}: unrecognized option '--${name}'`);
      if (candidates.length > 1)
        throw new OptionError(
          `${argv0}: option '--${name}' is ambiguous; possibilities: ${candidates.map((c) => `'--${c}'`).join(" ")}`,
        );
      const option = spec.long[candidates[0]];
      let value = attached;
      if (option.value === "none" && attached !== null)
        throw new OptionError(`${argv0}: option '--${candidates[0]}' doesn't allow an argument`);
      if (option.value === "required" && attached === null) {
        if (at >= args.length) throw new OptionError(`${argv0}: option '--${candidates[0]}' requires an argument`);
        value = args[at++];
      }
      if (option.value === "optional") value ??= separateValue(option.key);
      options.push({ key: option.key, value });
      continue;
    }
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      if (spec.posix === true) {
        operands.push(...args.slice(at));
        break;
      }
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i];
      const found = letter === ":" ? -1 : spec.short.indexOf(letter);
      if (found < 0) throw new OptionError(`${argv0}: invalid option -- '${letter}'`);
      const takes = spec.short[found + 1] === ":";
      const optional = takes && spec.short[found + 2] === ":";
      if (!takes) {
        options.push({ key: letter, value: separateValue(letter) });
        continue;
      }
      let value: string | null = word.slice(i + 1);
      if (value === "") {
        if (optional) value = separateValue(letter);
        else if (at < args.length) value = args[at++];
        else throw new OptionError(`${argv0}: option requires an argument -- '${letter}'`);
      }
      options.push({ key: letter, value });
      break;
    }
  }
  return { options, operands };
}

/** The last option that a test holds for: of options given twice, the later one counts. */
export function lastOption(
  options: ParsedOptions["options"],
  test: (option: { readonly key: string; readonly value: string | null }) => boolean,
): { readonly key: string; readonly value: string | null } | undefined {
  return options.filter(test).at(-1);
}
