/** TCPOPTSTRIP: overwrites TCP options with no-ops. Models tcpoptstrip_tg4(), net/netfilter/xt_TCPOPTSTRIP.c. */
import { NF_DROP } from "../../hooks.js";
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { parseUint } from "../options.js";
import { putTcpWord } from "../packet-edit.js";

const NOP = 1;
const NAMES: ReadonlyMap<string, number> = new Map([
  ["wscale", 3],
  ["mss", 2],
  ["sack-permitted", 4],
  ["sack", 5],
  ["timestamp", 8],
  ["md5", 19],
]);

function parseOptions(text: string): number[] {
  const kinds = text.split(",").map((word) => {
    const kind = NAMES.get(word) ?? parseUint(word, 0, 255);
    if (kind === undefined) throw new ParameterProblem(`Bad TCP option value "${word}"`);
    if (kind < 2) throw new ParameterProblem("Option value may not be 0 or 1");
    return kind;
  });
  return [...new Set(kinds)].sort((a, b) => a - b);
}

export const tcpoptstripTarget: TargetExtension = {
  kind: "target",
  name: "TCPOPTSTRIP",
  tables: ["mangle"],
  protocols: [6],
  help: `
TCPOPTSTRIP target options:
  --strip-options value     strip specified TCP options denoted by value
                            (separated by comma) from TCP header
  Instead of the numeric value, you can also use the following names:
    wscale            strip "Window scale" option
    mss               strip "Maximum Segment Size" option
    sack-permitted    strip "SACK permitted" option
    sack              strip "Selective ACK" option
    timestamp         strip "Timestamp" option
    md5               strip "MD5 signature" option
`,
  options: [{ name: "strip-options", parse: parseOptions }],
  build(values) {
    const kinds = values.get<number[]>("strip-options") ?? [];
    const stripped = new Set(kinds);
    const named = (kind: number): string => [...NAMES].find(([, number]) => number === kind)?.[0] ?? String(kind);
    return {
      name: "TCPOPTSTRIP",
      target(par) {
        if (par.fragoff !== 0) return XT_CONTINUE;
        const { data, len } = par.skb;
        const at = par.thoff;
        const header = (data[at + 12] >> 4) * 4;
        if (at + 20 > len || header < 20 || at + header > len) return NF_DROP;
        for (let i = 20; i < header - 1; ) {
          const kind = data[at + i];
          const length = kind < 2 || data[at + i + 1] === 0 ? 1 : data[at + i + 1];
          if (i + length > header) break;
          if (stripped.has(kind))
            for (let j = at + i; j < at + i + length; j++) {
              const word = at + ((j - at) & ~1);
              const value = get16(data, word);
              const changed = word === j ? (NOP << 8) | (value & 0xff) : (value & 0xff00) | NOP;
              putTcpWord(data, at, word, changed);
            }
          i += length;
        }
        return XT_CONTINUE;
      },
      save: () => (kinds.length === 0 ? "" : ` --strip-options ${kinds.join(",")}`),
      print: (numeric) =>
        kinds.length === 0 ? "" : ` TCPOPTSTRIP options ${(numeric ? kinds : kinds.map(named)).join(",")}`,
    };
  },
};
