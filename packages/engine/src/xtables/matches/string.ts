/**
 * `-m string`: bytes anywhere in a packet, IP header included. Both algorithms find the same. Models string_mt(),
 * net/netfilter/xt_string.c, and skb_find_text().
 */
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, stringOption, uintOption } from "../options.js";

const ALGORITHMS: readonly string[] = ["bm", "kmp"];
const MAX_PATTERN = 128;
/** `--to` when it is not given. */
const END = 0xffff;

/** A word of the command line in UTF-8. */
function bytesOf(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else {
      if (point < 0x10000) bytes.push(0xe0 | (point >> 12));
      else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f));
      bytes.push(0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return bytes;
}

/** The bytes of `GET |2f 20|x`: hexadecimal between bars, else as they are. Models parse_hex_string(). */
function parseHex(text: string): number[] {
  const bytes: number[] = [];
  const input = bytesOf(text);
  for (let i = 0; i < input.length; ) {
    const char = String.fromCharCode(input[i]);
    if (char === "\\" && i + 1 < input.length) {
      bytes.push(input[i + 1]);
      i += 2;
    } else if (char === "|") {
      for (i++; ; ) {
        while (input[i] === 32) i++;
        if (input[i] === 124) break;
        const pair = String.fromCharCode(input[i] ?? 32, input[i + 1] ?? 32);
        if (i + 2 >= input.length || pair.endsWith("|")) throw new ParameterProblem("Invalid hex block");
        for (const digit of pair)
          if (!/[0-9a-fA-F]/.test(digit)) throw new ParameterProblem(`Invalid hex char '${digit}'`);
        bytes.push(Number.parseInt(pair, 16));
        i += 2;
      }
      i++;
    } else {
      bytes.push(input[i]);
      i++;
    }
    if (bytes.length > MAX_PATTERN) throw new ParameterProblem(`STRING too long "${text}"`);
  }
  return bytes;
}

function parseText(text: string): number[] {
  const bytes = bytesOf(text);
  if (bytes.length > MAX_PATTERN) throw new ParameterProblem(`STRING too long "${text}"`);
  return bytes;
}

const upper = (byte: number): number => (byte >= 97 && byte <= 122 ? byte - 32 : byte);

/** The pattern as rules spell it: quoted, or in hexadecimal when there is anything unprintable. */
function patternText(bytes: readonly number[]): { readonly option: string; readonly quoted: string } {
  if (bytes.some((byte) => byte < 32 || byte > 126))
    return { option: "hex-string", quoted: `"|${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}|"` };
  return { option: "string", quoted: `"${String.fromCharCode(...bytes).replace(/["\\]/g, (char) => `\\${char}`)}"` };
}

export const stringMatch: MatchExtension = {
  kind: "match",
  name: "string",
  help: `
string match options:
--from                       Offset to start searching from
--to                         Offset to stop searching
--algo                       Algorithm
--icase                      Ignore case (default: 0)
[!] --string string          Match a string in a packet
[!] --hex-string string      Match a hex string in a packet
`,
  options: [
    { name: "from", parse: uintOption(0, END) },
    { name: "to", parse: uintOption(0, END) },
    { name: "algo", mandatory: true, parse: stringOption(0, Number.MAX_SAFE_INTEGER) },
    { name: "string", invert: true, excludes: ["hex-string"], parse: parseText },
    { name: "hex-string", invert: true, excludes: ["string"], parse: parseHex },
    { name: "icase" },
  ],
  finalCheck(values) {
    if (!values.has("string") && !values.has("hex-string"))
      throw new ParameterProblem("STRING match: You must specify `--string' or `--hex-string'");
  },
  build(values) {
    const option = values.has("string") ? "string" : "hex-string";
    const given = values.get<number[]>(option) as number[];
    const inverted = values.inverted(option);
    const icase = values.has("icase");
    const pattern = Uint8Array.from(icase ? given.map(upper) : given);
    const from = values.get<number>("from") ?? 0;
    const to = values.get<number>("to") ?? END;
    const algorithm = (values.get<string>("algo") as string).slice(0, 15);
    const shown = patternText(given);
    return {
      name: "string",
      check() {
        if (!ALGORITHMS.includes(algorithm)) throw new RulesetError("ENOENT", "", "no such algorithm");
        if (pattern.length === 0 || from > to) throw new RulesetError("EINVAL", "", "nothing to look for");
      },
      match({ skb: { data, len } }) {
        const last = Math.min(len, to) - pattern.length;
        for (let at = from; at <= last; at++) {
          let i = 0;
          while (i < pattern.length && (icase ? upper(data[at + i]) : data[at + i]) === pattern[i]) i++;
          if (i === pattern.length) return !inverted;
        }
        return inverted;
      },
      save() {
        let text = `${bang(inverted)} --${shown.option} ${shown.quoted} --algo ${algorithm}`;
        if (from !== 0) text += ` --from ${from}`;
        if (to !== END) text += ` --to ${to}`;
        return icase ? `${text} --icase` : text;
      },
      print() {
        let text = ` STRING match ${inverted ? "!" : ""} ${shown.quoted} ALGO name ${algorithm}`;
        if (from !== 0) text += ` FROM ${from}`;
        if (to !== END) text += ` TO ${to}`;
        return icase ? `${text} ICASE` : text;
      },
    };
  },
};
