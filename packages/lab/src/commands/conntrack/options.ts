/**
 * Which options each command of `conntrack` takes: the tool's own table. An option is named by its letter; some of
 * those with a long name alone have a bracket for it.
 */

/** A wrong option; the message goes behind `conntrack v1.4.7 (conntrack-tools): `. */
export class ConntrackUsageError extends Error {
  override readonly name = "ConntrackUsageError";
}

/** What went wrong without being a wrong option: status 1, and no hint at the help. */
export class ConntrackFailure extends Error {
  override readonly name = "ConntrackFailure";
}

/** Long options: the letter they stand for, and whether a value follows. */
export const LONG_OPTIONS: Readonly<Record<string, readonly [string, "none" | "required" | "optional"]>> = {
  dump: ["L", "optional"],
  create: ["I", "optional"],
  add: ["A", "optional"],
  delete: ["D", "optional"],
  update: ["U", "optional"],
  get: ["G", "optional"],
  flush: ["F", "optional"],
  event: ["E", "optional"],
  counter: ["C", "optional"],
  stats: ["S", "none"],
  version: ["V", "none"],
  help: ["h", "none"],
  "orig-src": ["s", "required"],
  src: ["s", "required"],
  "orig-dst": ["d", "required"],
  dst: ["d", "required"],
  "reply-src": ["r", "required"],
  "reply-dst": ["q", "required"],
  protonum: ["p", "required"],
  timeout: ["t", "required"],
  status: ["u", "required"],
  zero: ["z", "none"],
  "event-mask": ["e", "required"],
  "tuple-src": ["[", "required"],
  "tuple-dst": ["]", "required"],
  "mask-src": ["{", "required"],
  "mask-dst": ["}", "required"],
  "nat-range": ["a", "required"],
  mark: ["m", "required"],
  secmark: ["c", "required"],
  id: ["i", "required"],
  family: ["f", "required"],
  "src-nat": ["n", "optional"],
  "dst-nat": ["g", "optional"],
  output: ["o", "required"],
  "buffer-size": ["b", "required"],
  "any-nat": ["j", "optional"],
  zone: ["w", "required"],
  label: ["l", "required"],
  "label-add": ["<", "required"],
  "label-del": [">", "optional"],
  "orig-zone": ["(", "required"],
  "reply-zone": [")", "required"],
};

/** What follows a short option: the kind of its long one. */
export function shortKind(letter: string): "none" | "required" | "optional" | undefined {
  return Object.values(LONG_OPTIONS).find(([key]) => key === letter)?.[1];
}

export const COMMANDS = "LIADUGFECSVh";

/** The options in the order in which the tool looks for them, and the names that it complains with. */
export const OPTIONS = "sdrqptuze[]{}amifngocbjwl<>()";
const NAMES: Readonly<Record<string, string>> = {
  s: "src",
  d: "dst",
  r: "reply-src",
  q: "reply-dst",
  p: "protonum",
  t: "timeout",
  u: "status",
  z: "zero",
  e: "event-mask",
  "[": "tuple-src",
  "]": "tuple-dst",
  "{": "mask-src",
  "}": "mask-dst",
  a: "nat-range",
  m: "mark",
  i: "id",
  f: "family",
  n: "src-nat",
  g: "dst-nat",
  o: "output",
  c: "secmark",
  b: "buffer-size",
  j: "any-nat",
  w: "zone",
  l: "label",
  "<": "label-add",
  ">": "label-del",
  "(": "orig-zone",
  ")": "reply-zone",
};

/**
 * One letter for each of {@link OPTIONS}: `0` illegal, `1` compulsory, `2` allowed, `3` only with its fellow. `e`
 * behind a command: about expectations.
 */
const LEGAL: Readonly<Record<string, string>> = {
  //   sdrqptuze[]{}amifngocbjwl<>()
  L: "22222022000220202222202220022",
  I: "33331120000002200220000202022",
  A: "33331120000002200220000202022",
  U: "22222220000220222222000022200",
  D: "22222220000220222222000220022",
  G: "33331000000000020002000020000",
  F: "00000000000000002000000000000",
  E: "22222000200220202222222220022",
  C: "00000000000000000000000000000",
  S: "00000000000000000000000000000",
  V: "00000000000000000000000000000",
  h: "00002000000000000000000000000",
  Le: "00000000000000002002000000000",
  Ie: "11221120011110000000000000000",
  De: "11221000000000000000000000000",
  Ge: "11221000000000000000000000000",
  Fe: "00000000000000000000000000000",
  Ee: "00000000200000000002000000000",
  Ce: "00000000000000000000000000000",
  Se: "00000000000000000000000000000",
  Ve: "00000000000000000000000000000",
  he: "00002000000000000000000000000",
  // Without a command the tool reads past the end of its table.
  "": "00000000000000000000000000002",
};

/** Whether a command (`expect`: about expectations) takes an option, both by their letters. */
export function takesOption(command: string, expect: boolean, option: string): boolean {
  return "123".includes(LEGAL[command + (expect ? "e" : "")]?.[OPTIONS.indexOf(option)] ?? "0");
}

/** Whether a command knows the table of expectations. */
export function knowsExpectations(command: string): boolean {
  return LEGAL[`${command}e`] !== undefined;
}

/** Complains about an option that is missing, or not for the command. */
export function checkLegal(
  given: ReadonlySet<string>,
  options: readonly string[],
  legal: string,
  nameOf: (option: string) => string,
): void {
  for (const [i, option] of options.entries()) {
    if (legal[i] === "1" && !given.has(option))
      throw new ConntrackUsageError(`You need to supply the \`--${nameOf(option)}' option for this command`);
    if (legal[i] === "0" && given.has(option))
      throw new ConntrackUsageError(`Illegal option \`--${nameOf(option)}' with this command`);
  }
}

/**
 * Of two pairs one must be whole; `hints` are the words for a half of the first (or none at all), and of the second.
 * Models the coupled flags of `generic_opt_check()`.
 */
export function checkCoupled(
  given: ReadonlySet<string>,
  pairs: readonly [readonly [string, string], readonly [string, string]],
  hints: readonly [string, string],
): void {
  if (pairs.some((pair) => pair.every((option) => given.has(option)))) return;
  const halves = pairs.map((pair) => pair.some((option) => given.has(option)));
  throw new ConntrackUsageError(`you have to specify ${halves[1] && !halves[0] ? hints[1] : hints[0]}`);
}

/** Checks the options of a command (`expect`: about expectations). Models `generic_opt_check()`. */
export function checkOptions(command: string | null, expect: boolean, given: ReadonlySet<string>): void {
  const legal = LEGAL[command === null ? "" : command + (expect ? "e" : "")];
  checkLegal(given, [...OPTIONS], legal, (option) => NAMES[option]);
  if (legal.includes("3"))
    checkCoupled(
      given,
      [
        ["s", "d"],
        ["r", "q"],
      ],
      ["`--src' and `--dst'", "`--reply-src' and `--reply-dst'"],
    );
}

/** The long name of a letter, as the tool finds it: the first there is. */
export function longName(letter: string): string {
  return Object.keys(LONG_OPTIONS).find((name) => LONG_OPTIONS[name][0] === letter) ?? "unknown";
}
