/**
 * Options of extensions: how a value is typed, and the messages for one that is wrong. Models libxtables' xtoptions.c
 * as iptables 1.8.9 has it (its texts, checked against the tool); the code is this project's.
 */
import type { NetNamespace } from "../netns.js";
import { ParameterProblem } from "./error.js";
import type { XtFamily } from "./extension.js";

/** One option of an extension. */
export interface OptionSpec {
  readonly name: string;
  /**
   * Options that are the same thing under two names share an id (`--dport`, `--destination-port`). Default: the name.
   */
  readonly id?: string;
  /** Turns the argument into a value; absent: the option takes no argument. */
  readonly parse?: (text: string, option: OptionCall) => unknown;
  /** {@link parse} gives the value of an option without argument. */
  readonly noArgument?: boolean;
  /** A second argument follows; the message when it does not. */
  readonly secondArgument?: string;
  /** The message when the option is given twice, where it is not the usual one. */
  readonly onlyOne?: string;
  /** The argument may be missing. */
  readonly optionalArgument?: boolean;
  /** The next word is the argument where it looks like one; {@link parse} gets "" where there is none. */
  readonly followingArgument?: boolean;
  /** `! --option` is allowed. */
  readonly invert?: boolean;
  /** Must be given. */
  readonly mandatory?: boolean;
  /** May be given again: values collect in a list. */
  readonly multi?: boolean;
  /** Several options' values collect in one list, in the order in which they were given: its id. */
  readonly list?: string;
  /** Ids that must not be given beside it. */
  readonly excludes?: readonly string[];
  /** The id that must be given before it; the message when it is not. */
  readonly after?: { readonly id: string; readonly message: string };
  /** Ids that must be given beside it. */
  readonly requires?: readonly string[];
}

/** The occasion of parsing one option. */
export interface OptionCall {
  readonly family: XtFamily;
  readonly extension: string;
  readonly option: string;
  readonly invert: boolean;
  /** The protocol typed with `-p`, as its number; 0 when none. */
  readonly proto: number;
  /** The host, for options that name something that it has. */
  readonly net?: NetNamespace | undefined;
  /** Says something on stderr (whole lines) without refusing anything. */
  readonly warn: (text: string) => void;
  /** The second argument of an option that takes two. */
  readonly second?: string;
}

/** The options given to one extension, by id, in the order they were given. */
export class OptionValues {
  readonly #values = new Map<string, { value: unknown; invert: boolean }>();

  has(id: string): boolean {
    return this.#values.has(id);
  }

  /** Whether the option was given after `!`. */
  inverted(id: string): boolean {
    return this.#values.get(id)?.invert ?? false;
  }

  /** The parsed value; undefined when the option was not given. */
  get<T>(id: string): T | undefined {
    return this.#values.get(id)?.value as T | undefined;
  }

  set(id: string, value: unknown, invert: boolean): void {
    this.#values.set(id, { value, invert });
  }

  ids(): string[] {
    return [...this.#values.keys()];
  }

  /** These options and another use's; what both say is as the other says. */
  with(other: OptionValues): OptionValues {
    const both = new OptionValues();
    for (const values of [this, other])
      for (const [id, { value, invert }] of values.#values) both.set(id, value, invert);
    return both;
  }
}

/** The id under which an option's value is kept. */
export function optionId(spec: OptionSpec): string {
  return spec.id ?? spec.name;
}

/** Takes one option into `values`. Models xtables_option_parse(). */
export function takeOption(spec: OptionSpec, text: string | undefined, call: OptionCall, values: OptionValues): void {
  const id = optionId(spec);
  if (call.invert && spec.invert !== true)
    throw new ParameterProblem(`${call.extension}: option "--${call.option}" cannot be inverted.\n`);
  if (spec.multi !== true && values.has(id))
    throw new ParameterProblem(spec.onlyOne ?? `${call.extension}: option "--${call.option}" can only be used once.\n`);
  if (spec.after !== undefined && !values.has(spec.after.id)) throw new ParameterProblem(spec.after.message);
  const value = spec.parse === undefined ? true : spec.parse(text ?? "", call);
  if (spec.list !== undefined) values.set(spec.list, [...(values.get<unknown[]>(spec.list) ?? []), value], false);
  else if (spec.multi === true) values.set(id, [...(values.get<unknown[]>(id) ?? []), value], call.invert);
  else values.set(id, value, call.invert);
}

/** What is checked once all options were seen. Models xtables_options_fcheck(). */
export function checkOptions(extension: string, specs: readonly OptionSpec[], values: OptionValues): void {
  for (const spec of specs) {
    const id = optionId(spec);
    if (spec.mandatory === true && !values.has(id))
      throw new ParameterProblem(`${extension}: option "--${spec.name}" must be specified\n`);
    if (!values.has(id)) continue;
    for (const other of spec.excludes ?? []) {
      if (!values.has(other)) continue;
      const first = specs.find((each) => optionId(each) === other)?.name ?? other;
      throw new ParameterProblem(`${extension}: option "--${spec.name}" cannot be used together with "--${first}".\n`);
    }
    for (const other of spec.requires ?? []) {
      if (!values.has(other))
        throw new ParameterProblem(`${extension}: option "--${spec.name}" also requires "--${other}".\n`);
    }
  }
}

/** A number as atoi(3) reads it into 32 bits: what follows is not looked at, and 0 where there is none. */
export function atoi(text: string): number {
  const digits = /^\s*([+-]?\d+)/.exec(text)?.[1] ?? "0";
  return Number(BigInt.asIntN(32, BigInt(digits.replace("+", ""))));
}

/**
 * An unsigned number as strtoul() reads it with base 0: decimal, 0x hexadecimal, 0 octal; undefined when the text is
 * anything else or out of range. Models xtables_strtoui().
 */
export function parseUint(text: string, min: number, max: number): number | undefined {
  const head = uintPrefix(text);
  if (head === undefined || head.rest !== "" || head.value < min || head.value > max) return undefined;
  return head.value;
}

/** The number a text begins with, and what follows it. */
export function uintPrefix(text: string): { readonly value: number; readonly rest: string } | undefined {
  const found = /^\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text);
  if (found === null) return undefined;
  const digits = found[1];
  const value = /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return { value, rest: text.slice(found[0].length) };
}

/** An option type: an integer of `min`..`max`. Models XTTYPE_UINT8 ... XTTYPE_UINT64. */
export function uintOption(min: number, max: number): (text: string, call: OptionCall) => number {
  return (text, call) => {
    const value = parseUint(text, min, max);
    if (value === undefined)
      throw new ParameterProblem(
        `${call.extension}: bad value for option "--${call.option}", or out of range (${min}-${max}).\n`,
      );
    return value;
  };
}

/** {@link parseUint} for 64 bits. Models xtables_strtoul(). */
export function parseUint64(text: string): bigint | undefined {
  const found = /^\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/.exec(text);
  if (found === null) return undefined;
  const digits = found[1];
  const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value >> 64n === 0n ? value : undefined;
}

/** An option type: an integer of 64 bits. Models XTTYPE_UINT64. */
export function uint64Option(text: string, call: OptionCall): bigint {
  const value = parseUint64(text);
  if (value === undefined)
    throw new ParameterProblem(
      `${call.extension}: bad value for option "--${call.option}", or out of range (0-${2n ** 64n - 1n}).\n`,
    );
  return value;
}

/** Two ends of a range, both included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** An option type: a number or `a:b`, either end of which may be missing. Models XTTYPE_UINT*RC. */
export function uintRangeOption(max: number): (text: string, call: OptionCall) => Range {
  return (text, call) => {
    const ends: number[] = [];
    let rest = text;
    for (let i = 0; i < 2; i++) {
      if (rest === "" || rest[0] === ":") {
        ends.push(i === 0 ? 0 : max);
      } else {
        const head = uintPrefix(rest);
        if (head === undefined || head.value > max || (head.rest !== "" && head.rest[0] !== ":"))
          throw new ParameterProblem(
            `${call.extension}: bad value for option "--${call.option}" near "${rest}", or out of range (0-${max}).\n`,
          );
        ends.push(head.value);
        rest = head.rest;
      }
      if (rest === "") break;
      rest = rest.slice(1);
    }
    return ends.length === 1 ? { min: ends[0], max: ends[0] } : { min: ends[0], max: ends[1] };
  };
}

/** A mark with its mask. */
export interface MarkMask {
  readonly mark: number;
  readonly mask: number;
}

/** An option type: `value[/mask]`. Models XTTYPE_MARKMASK32. */
export function markMaskOption(text: string, call: OptionCall): MarkMask {
  const head = uintPrefix(text);
  if (head === undefined || head.value > 0xffffffff)
    throw new ParameterProblem(
      `${call.extension}: bad integer value for option "--${call.option}", or out of range.\n`,
    );
  let mask = 0xffffffff;
  let rest = head.rest;
  if (rest.startsWith("/")) {
    const tail = uintPrefix(rest.slice(1));
    if (tail === undefined || tail.value > 0xffffffff)
      throw new ParameterProblem(
        `${call.extension}: bad integer value for option "--${call.option}", or out of range.\n`,
      );
    mask = tail.value;
    rest = tail.rest;
  }
  if (rest !== "")
    throw new ParameterProblem(`${call.extension}: trailing garbage after value for option "--${call.option}".\n`);
  return { mark: head.value, mask };
}

/** An option type: text of `min`..`max` bytes. Models XTTYPE_STRING. */
export function stringOption(min: number, max: number): (text: string, call: OptionCall) => string {
  return (text, call) => {
    if (text.length < min) throw new ParameterProblem(`Argument must have a minimum length of ${min} characters\n`);
    if (text.length > max) throw new ParameterProblem(`Argument must have a maximum length of ${max} characters\n`);
    void call;
    return text;
  };
}

/** Text as `iptables-save` quotes it. Models xtables_save_string(). */
export function saveString(text: string): string {
  if (text !== "" && /^[A-Za-z0-9_-]+$/.test(text)) return ` ${text}`;
  return ` "${text.replace(/["\\']/g, (mark) => `\\${mark}`)}"`;
}

/** A 32-bit number as C's `%x` prints it. */
export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** `!` in its place before an option that was given after it. */
export function bang(inverted: boolean): string {
  return inverted ? " !" : "";
}

/** A range as rules spell it: `5`, `5:9`. */
export function rangeText({ min, max }: Range): string {
  return min === max ? String(min) : `${min}:${max}`;
}
