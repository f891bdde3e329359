/** The DiffServ classes' names and the TOS field's, as `-m dscp`, `-j DSCP`, `-m tos` and `-j TOS` spell them. */
import { ParameterProblem } from "./error.js";
import { uintPrefix } from "./options.js";

const AF = [1, 2, 3, 4].flatMap((group) =>
  [1, 2, 3].map((drop) => [`AF${group}${drop}`, group * 8 + drop * 2] as const),
);
const CLASSES: ReadonlyMap<string, number> = new Map<string, number>([
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((number) => [`CS${number}`, number * 8] as const),
  ["BE", 0],
  ...AF,
  ["EF", 0x2e],
]);

/** The code point of a class's name. */
export function dscpClass(text: string): number {
  const value = CLASSES.get(text.toUpperCase());
  if (value === undefined) throw new ParameterProblem(`Invalid DSCP value \`${text}'`);
  return value;
}

const TOS_NAMES: readonly (readonly [string, number])[] = [
  ["Minimize-Delay", 0x10],
  ["Maximize-Throughput", 0x08],
  ["Maximize-Reliability", 0x04],
  ["Minimize-Cost", 0x02],
  ["Normal-Service", 0x00],
];
/** The bits that a name sets: the TOS field without its precedence. */
const TOS_NAME_MASK = 0x3f;

/** A value of the TOS field, and the bits of it that count. */
export interface TosValue {
  readonly value: number;
  readonly mask: number;
}

/** An option type: `value[/mask]` or a name. Models xtables_parse_tosmask(). */
export function tosOption(text: string): TosValue {
  const head = uintPrefix(text);
  if (head !== undefined && head.value <= 255) {
    if (head.rest === "") return { value: head.value, mask: 255 };
    const mask = head.rest.startsWith("/") ? uintPrefix(head.rest.slice(1)) : undefined;
    if (mask === undefined || mask.rest !== "" || mask.value > 255)
      throw new ParameterProblem(`Illegal value: "${text}"`);
    return { value: head.value, mask: mask.value };
  }
  const named = TOS_NAMES.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (named === undefined) throw new ParameterProblem(`Symbolic name "${text}" is unknown`);
  return { value: named[1], mask: TOS_NAME_MASK };
}

/** `0x10/0xff`. */
export function tosText({ value, mask }: TosValue): string {
  return `${hexByte(value)}/${hexByte(mask)}`;
}

/** The name of a value, when it has one and the mask is that of names. */
export function tosName({ value, mask }: TosValue): string | undefined {
  return mask === TOS_NAME_MASK ? TOS_NAMES.find(([, number]) => number === value)?.[0] : undefined;
}

/** `0x0a`. */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}
