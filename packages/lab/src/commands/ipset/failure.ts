/** What every part of `ipset` reads its words with, and how it refuses them. */

export const VERSION = "ipset v7.17";
export const HINT = "Try `ipset help' for more information.\n";

/** A failure: its text after `ipset v7.17: `, and the exit status (2 with a hint at the usage). */
export class IpsetFailure extends Error {
  override readonly name = "IpsetFailure";
  readonly status: 1 | 2;

  constructor(message: string, status: 1 | 2 = 1) {
    super(message);
    this.status = status;
  }
}

/** `-o` is wrong, of which the tool tells even where it is to be quiet. */
export class OutputFailure extends IpsetFailure {}

/** A number from `min` to `max`: decimal, octal or with `0x`. A negative one is out of range. */
export function number(text: string, min: number, max: number): number {
  const [, sign, digits] = /^\s*([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.exec(text) ?? [];
  if (digits === undefined) throw new IpsetFailure(`Syntax error: '${text}' is invalid as number`);
  const value = (sign === "-" ? -1 : 1) * Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (value < min || value > max) throw new IpsetFailure(`Syntax error: '${text}' is out of range ${min}-${max}`);
  return value;
}

/** Words of the form `option value`, and options without one. */
export class Words {
  readonly #words: string[];
  readonly #given = new Set<string>();

  constructor(words: readonly string[]) {
    this.#words = [...words];
  }

  /** The next option. */
  next(): string | undefined {
    return this.#words.shift();
  }

  /** The value of an option, which may be given once. */
  value(option: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new IpsetFailure(`Missing mandatory argument of option \`${option}'`, 2);
    if (this.#given.has(option)) throw new IpsetFailure(`Syntax error: ${option} already specified`);
    this.#given.add(option);
    return word;
  }
}
