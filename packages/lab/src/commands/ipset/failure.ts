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
export function number(text: string, min: number, max: number | bigint): number {
  const [, sign, digits] = /^\s*([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i.exec(text) ?? [];
  if (digits === undefined) throw new IpsetFailure(`Syntax error: '${text}' is invalid as number`);
  const value = (sign === "-" ? -1 : 1) * Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (value < min || value > max) throw new IpsetFailure(`Syntax error: '${text}' is out of range ${min}-${max}`);
  return value;
}

/** A small number, which is read as one byte first. Models `ipset_parse_uint8()` and the range asked for behind it. */
export function byte(text: string, min: number, max: number): number {
  number(text, 0, 255);
  return number(text, min, max);
}

/**
 * A text in two at the first of a separator, which is none at the text's beginning or where the text also ends with
 * one: `1-` and `-1` are one word.
 */
export function inTwo(text: string, separator: string, from = 0): readonly [string, string] | null {
  const at = text.indexOf(separator, from);
  return at <= 0 || text.endsWith(separator) ? null : [text.slice(0, at), text.slice(at + 1)];
}

/** Where the brackets end that keep what is between them together, 0 where there are none. */
function escaped(text: string): number {
  if (!text.startsWith("[")) return 0;
  const end = text.indexOf("]");
  if (end < 0) throw new IpsetFailure(`Syntax error: cannot find closing escape character ']' in ${text}`);
  return end;
}

/** A text in two at a dash, of which those in brackets are none. */
export const rangeIn = (text: string): readonly [string, string] | null => inTwo(text, "-", escaped(text));

/** What is between brackets, or the text where there are none. */
export function withoutBrackets(text: string): string {
  const end = escaped(text);
  return end === 0 ? text : text.slice(1, end);
}

/** An option's name: two dashes may stand before it. */
export const optionNamed = (word: string): string => (word.startsWith("--") ? word.slice(2) : word);

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

  /** The value of an option, which may be given once; nor may another have said the same. */
  value(option: string, says: string = optionNamed(option)): string {
    const word = this.#words.shift();
    if (word === undefined) throw new IpsetFailure(`Missing mandatory argument of option \`${option}'`, 2);
    if (this.#given.has(says)) throw new IpsetFailure(`Syntax error: ${option} already specified`);
    this.#given.add(says);
    return word;
  }

  /** What an option has said besides. */
  alsoSays(what: string): void {
    this.#given.add(what);
  }
}
