/** `-m dccp`: ports, types and options of DCCP. Models dccp_mt(), net/netfilter/xt_dccp.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type Range, uintOption } from "../options.js";
import { ALL_PORTS, listPorts, parsePortRange, portOptions, savePorts } from "../ports.js";

const TYPES: readonly string[] = [
  "REQUEST",
  "RESPONSE",
  "DATA",
  "ACK",
  "DATAACK",
  "CLOSEREQ",
  "CLOSE",
  "RESET",
  "SYNC",
  "SYNCACK",
];
/** Header lengths beyond the generic one, by type. Models dccp_packet_hdr_len(). */
const EXTRA: readonly number[] = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8];
/** Bit of `INVALID`: every type without a name. */
const INVALID_TYPES = 0xffff & ~((1 << TYPES.length) - 1);

function parseTypes(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    const type = TYPES.indexOf(word.toUpperCase());
    if (type < 0 && word.toUpperCase() !== "INVALID") throw new ParameterProblem(`Unknown DCCP type \`${word}'`);
    bits |= type < 0 ? INVALID_TYPES : 1 << type;
  }
  return bits;
}

function typesText(bits: number, numeric: boolean): string {
  const names: string[] = [];
  for (let type = 0; type < 16; type++) {
    if ((bits & (1 << type)) === 0) continue;
    const name = TYPES[type] ?? "INVALID";
    if (numeric) names.push(String(type));
    else if (!names.includes(name)) names.push(name);
  }
  return names.join(",");
}

/** Whether a header has an option; null when it is too short. Models dccp_find_option(). */
function hasOption(data: Uint8Array, at: number, len: number, option: number): boolean | null {
  const type = (data[at + 8] >> 1) & 15;
  const generic = data[at + 8] & 1 ? 16 : 12;
  const start = at + generic + (EXTRA[type] ?? 0);
  const end = at + data[at + 4] * 4;
  if (end < start) return null;
  if (end === start) return false;
  if (end > len) return null;
  for (let i = start; i < end; ) {
    if (data[i] === option) return true;
    i += data[i] < 2 || i === end - 1 ? 1 : data[i + 1] || 1;
  }
  return false;
}

const ports = (text: string): Range => parsePortRange(text, "dccp");

export const dccpMatch: MatchExtension = {
  kind: "match",
  name: "dccp",
  protocols: [33],
  help: `
dccp match options
[!] --source-port port[:port]                          match source port(s)
 --sport ...
[!] --destination-port port[:port]                     match destination port(s)
 --dport ...
[!] --dccp-types type[,...]                            match when packet is one of the given types
[!] --dccp-option option                               match if option (by number!) is set
`,
  options: [
    ...portOptions(() => ports, false),
    { name: "dccp-types", invert: true, parse: parseTypes },
    { name: "dccp-option", invert: true, parse: uintOption(1, 255) },
  ],
  build(values) {
    const sports = values.get<Range>("sport") ?? ALL_PORTS;
    const dports = values.get<Range>("dport") ?? ALL_PORTS;
    const [notSource, notDestination, notTypes, notOption] = ["sport", "dport", "dccp-types", "dccp-option"].map((id) =>
      values.inverted(id),
    );
    const types = values.get<number>("dccp-types");
    const option = values.get<number>("dccp-option");
    return {
      name: "dccp",
      match(par) {
        if (par.fragoff !== 0) return false;
        const { data, len } = par.skb;
        const at = par.thoff;
        if (at + 12 > len) {
          par.hotdrop = true;
          return false;
        }
        const sport = get16(data, at);
        const dport = get16(data, at + 2);
        if ((sport >= sports.min && sport <= sports.max) === notSource) return false;
        if ((dport >= dports.min && dport <= dports.max) === notDestination) return false;
        if (types !== undefined && ((types & (1 << ((data[at + 8] >> 1) & 15))) !== 0) === notTypes) return false;
        if (option === undefined) return true;
        const found = hasOption(data, at, len, option);
        if (found === null) par.hotdrop = true;
        return (found ?? false) !== notOption;
      },
      save() {
        let text = savePorts("sport", sports, notSource) + savePorts("dport", dports, notDestination);
        if (types !== undefined) text += `${bang(notTypes)} --dccp-types ${typesText(types, false)}`;
        return option === undefined ? text : `${text}${bang(notOption)} --dccp-option ${option}`;
      },
      print(numeric) {
        let text = " dccp";
        text += listPorts("spt", sports, notSource, "dccp", numeric);
        text += listPorts("dpt", dports, notDestination, "dccp", numeric);
        if (types !== undefined) text += `${bang(notTypes)} ${typesText(types, numeric)}`;
        return option === undefined ? text : `${text} option=${notOption ? "!" : ""}${option}`;
      },
    };
  },
};
