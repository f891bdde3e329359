/** `-m u32`: numbers anywhere in a packet, found by a small language. Models u32_match_it(), net/netfilter/xt_u32.c. */
import { get32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, hex, type Range, uintPrefix } from "../options.js";

/** How many operators, values and tests there may be of each. Models XT_U32_MAXSIZE. */
const MAX_SIZE = 11;
const OPERATORS = ["&", "<<", ">>", "@"] as const;

interface Step {
  /** `@` for the first number, a place in the packet. */
  readonly operator: (typeof OPERATORS)[number];
  readonly number: number;
}

/** A place (numbers joined by operators) and the values it may have. */
interface Test {
  readonly location: Step[];
  readonly values: Range[];
}

function parseTests(text: string): Test[] {
  let at = 0;
  const fail = (what: string): never => {
    throw new ParameterProblem(`u32: ${what}`);
  };
  const blanks = (): void => {
    while (/\s/.test(text[at] ?? "")) at++;
  };
  const number = (): number => {
    const head = uintPrefix(text.slice(at));
    if (head === undefined || head.value > 0xffffffff) return fail(`at char ${at}: not a number or out of range`);
    at = text.length - head.rest.length;
    return head.value;
  };
  const tests: Test[] = [];
  for (;;) {
    const location: Step[] = [];
    blanks();
    if (at >= text.length) return fail("abrupt end of input after location specifier");
    location.push({ operator: "@", number: number() });
    for (;;) {
      blanks();
      if (at >= text.length) return fail("abrupt end of input after location specifier");
      if (text[at] === "=") break;
      const first = text[at];
      const operator = OPERATORS.find((each) => each[0] === first);
      if (operator === undefined) return fail(`at char ${at}: operator expected`);
      at++;
      if (operator.length === 2 && text[at++] !== first)
        return fail(`at char ${at - 1}: a second '${first}' was expected`);
      if (location.length >= MAX_SIZE) return fail(`at char ${at - 1}: too many operators`);
      blanks();
      location.push({ operator, number: number() });
    }
    at++;
    const values: Range[] = [];
    for (;;) {
      blanks();
      if (values.length === 0 && at >= text.length) return fail("test ended with no value specified");
      const min = number();
      blanks();
      let max = min;
      if (text[at] === ":") {
        at++;
        blanks();
        max = number();
      }
      values.push({ min, max });
      blanks();
      if (at >= text.length || text[at] === "&") break;
      if (text[at] !== ",") return fail(`at char ${at}: expected "," or "&&"`);
      at++;
      if (values.length >= MAX_SIZE) return fail(`at char ${at - 1}: too many ","s`);
    }
    tests.push({ location, values });
    if (at >= text.length) return tests;
    at++;
    if (text[at++] !== "&") return fail(`at char ${at - 1}: a second '&' was expected`);
    if (tests.length >= MAX_SIZE) return fail(`at char ${at - 1}: too many "&&"s`);
  }
}

/** Whether a test holds; a place beyond the packet's end never does. */
function holds({ location, values }: Test, data: Uint8Array, len: number): boolean {
  let base = 0;
  let at = location[0].number;
  if (at > len || len - at < 4) return false;
  let value = get32(data, at);
  for (let i = 1; i < location.length; i++) {
    const { operator, number } = location[i];
    if (operator === "&") value = (value & number) >>> 0;
    else if (operator === "<<") value = number > 31 ? 0 : (value << number) >>> 0;
    else if (operator === ">>") value = number > 31 ? 0 : value >>> number;
    else {
      base += value;
      at = base + number;
      if (base > len || at > len || len - at < 4) return false;
      value = get32(data, at);
    }
  }
  for (let i = 0; i < values.length; i++) if (value >= values[i].min && value <= values[i].max) return true;
  return false;
}

function testsText(tests: readonly Test[]): string {
  return tests
    .map(({ location, values }) => {
      const place = location.map(({ operator, number }, i) => `${i === 0 ? "" : operator}${hex(number)}`).join("");
      const wanted = values.map(({ min, max }) => (min === max ? hex(min) : `${hex(min)}:${hex(max)}`)).join(",");
      return `${place}=${wanted}`;
    })
    .join("&&");
}

export const u32Match: MatchExtension = {
  kind: "match",
  name: "u32",
  help: `
u32 match options:
[!] --u32 tests
		tests := location "=" value | tests "&&" location "=" value
		value := range | value "," range
		range := number | number ":" number
		location := number | location operator number
		operator := "&" | "<<" | ">>" | "@"
`,
  options: [{ name: "u32", mandatory: true, invert: true, parse: parseTests }],
  build(values) {
    const tests = values.get<Test[]>("u32") as Test[];
    const inverted = values.inverted("u32");
    const text = `"${testsText(tests)}"`;
    return {
      name: "u32",
      match({ skb: { data, len } }) {
        for (let i = 0; i < tests.length; i++) if (!holds(tests[i], data, len)) return inverted;
        return !inverted;
      },
      save: () => `${bang(inverted)} --u32 ${text}`,
      print: () => ` u32${bang(inverted)} ${text}`,
    };
  },
};
