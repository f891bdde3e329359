/**
 * `-m policy`: the IPsec policy of a packet. There is no IPsec here: no packet has one. Models policy_mt(),
 * net/netfilter/xt_policy.c.
 */
import { NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { hostOrNetworkText, parseNetwork } from "../network.js";
import { bang, hex, type OptionCall, type OptionSpec, uintOption } from "../options.js";
import { protocolNumber } from "../protocols.js";

const MAX_ELEMENTS = 4;
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [50, "esp"],
  [51, "ah"],
  [108, "ipcomp"],
]);

/** What is asked of one transformation, by option: text as rules have it, and as `-L -n` has it. */
type Element = Map<string, { readonly text: string; readonly numeric: string; readonly inverted: boolean }>;

/** The order in which an element is printed. */
const ORDER: readonly string[] = ["reqid", "spi", "proto", "mode", "tunnel-dst", "tunnel-src"];

/** Options that fill the element under way; `--next` begins another. They all share one list. */
function elementOption(name: string, read: (text: string, call: OptionCall) => [string, string]): OptionSpec {
  return {
    name,
    list: "elements",
    invert: true,
    parse(text, call) {
      const [shown, numeric] = read(text, call);
      return { name, text: shown, numeric, inverted: call.invert };
    },
  };
}

const plain = (text: string): [string, string] => [text, text];
const oneOf =
  (words: readonly string[], wrong: (text: string) => string) =>
  (text: string): [string, string] => {
    if (!words.includes(text)) throw new ParameterProblem(wrong(text));
    return plain(text);
  };

const network = (text: string, call: OptionCall): [string, string] =>
  plain(hostOrNetworkText(parseNetwork(text, call)));

function protocol(text: string): [string, string] {
  const number = protocolNumber(text.toLowerCase()) ?? (/^\d+$/.test(text) ? Number(text) : undefined);
  if (number === undefined) throw new ParameterProblem(`unknown protocol "${text}" specified`);
  const name = PROTOCOLS.get(number);
  if (name === undefined) throw new ParameterProblem("policy match: protocol must be ah/esp/ipcomp");
  return [name, String(number)];
}

interface Given {
  readonly name: string;
  readonly text: string;
  readonly numeric: string;
  readonly inverted: boolean;
}

/** The elements that the options describe. */
function elementsOf(given: readonly Given[]): Element[] {
  const elements: Element[] = [new Map()];
  for (const { name, ...value } of given) {
    const element = elements[elements.length - 1];
    if (name === "next") {
      if (elements.length === MAX_ELEMENTS) throw new ParameterProblem("policy match: maximum policy depth reached");
      elements.push(new Map());
    } else {
      if (element.has(name)) throw new ParameterProblem(`policy match: double --${name} option`);
      element.set(name, value);
    }
  }
  return elements;
}

export const policyMatch: MatchExtension = {
  kind: "match",
  name: "policy",
  help: `
policy match options:
  --dir in|out			match policy applied during decapsulation/
				policy to be applied during encapsulation
  --pol none|ipsec		match policy
  --strict 			match entire policy instead of single element
				at any position
These options may be used repeatedly, to describe policy elements:
[!] --reqid reqid		match reqid
[!] --spi spi			match SPI
[!] --proto proto		match protocol (ah/esp/ipcomp)
[!] --mode mode 		match mode (transport/tunnel)
[!] --tunnel-src addr/mask	match tunnel source
[!] --tunnel-dst addr/mask	match tunnel destination
  --next 			begin next element in policy
`,
  options: [
    {
      name: "dir",
      parse(text) {
        if (text !== "in" && text !== "out") throw new ParameterProblem(`policy_match: invalid dir "${text}"`);
        return text;
      },
    },
    {
      name: "pol",
      parse: (text) => oneOf(["none", "ipsec"], (word) => `policy match: invalid policy "${word}"`)(text)[0],
    },
    { name: "strict" },
    elementOption("reqid", (text, call) => plain(String(uintOption(0, 0xffffffff)(text, call)))),
    elementOption("spi", (text, call) => plain(hex(uintOption(0, 0xffffffff)(text, call)))),
    elementOption("tunnel-src", network),
    elementOption("tunnel-dst", network),
    elementOption("proto", protocol),
    elementOption(
      "mode",
      oneOf(["transport", "tunnel"], (word) => `policy match: invalid mode "${word}"`),
    ),
    {
      name: "next",
      list: "elements",
      noArgument: true,
      parse: () => ({ name: "next" }),
    },
  ],
  finalCheck(values) {
    const given = values.get<Given[]>("elements") ?? [];
    const elements = elementsOf(given);
    if (!values.has("dir")) throw new ParameterProblem("policy match: neither --dir in nor --dir out specified");
    if (values.has("strict")) {
      const empty = elements.findIndex((element) => element.size === 0);
      if (empty >= 0)
        throw new ParameterProblem(
          `policy match: empty policy element ${empty}. --strict is in effect, but at least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.`,
        );
    } else if (given.some(({ name }) => name === "next"))
      throw new ParameterProblem('policy: option "--next" also requires "--strict".\n');
    for (const element of elements)
      if ((element.has("tunnel-src") || element.has("tunnel-dst")) && element.get("mode")?.text !== "tunnel")
        throw new ParameterProblem("policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode");
  },
  build(values) {
    const direction = values.get<string>("dir") as string;
    const kind = values.get<string>("pol") ?? "ipsec";
    const strict = values.has("strict");
    const elements = kind === "none" ? [] : elementsOf(values.get<Given[]>("elements") ?? []);
    const text = (element: Element, before: string, numeric: boolean): string =>
      ORDER.map((name) => {
        const value = element.get(name);
        if (value === undefined) return "";
        return `${bang(value.inverted)} ${before}${name} ${numeric ? value.numeric : value.text}`;
      }).join("");
    return {
      name: "policy",
      forbiddenHooks:
        direction === "in"
          ? (1 << NF_INET_POST_ROUTING) | (1 << NF_INET_LOCAL_OUT)
          : (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN),
      match: () => kind === "none",
      save: () =>
        ` --dir ${direction} --pol ${kind}${strict ? " --strict" : ""}${elements
          .map((element, i) => (i > 0 ? " --next" : "") + text(element, "--", false))
          .join("")}`,
      print: (numeric) =>
        ` policy match dir ${direction} pol ${kind}${strict ? " strict" : ""}${elements
          .map((element, i) => (strict ? ` [${i}]` : "") + text(element, "", numeric))
          .join("")}`,
    };
  },
};
