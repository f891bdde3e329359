/** `-m sctp`: ports and chunks of SCTP. Models sctp_mt(), net/netfilter/xt_sctp.c. */
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type Range } from "../options.js";
import { ALL_PORTS, listPorts, parsePortRange, portOptions, savePorts } from "../ports.js";

/** Names, numbers and the letters of flag bits 0 to 7 of each chunk type. */
const CHUNKS: readonly (readonly [string, number, string])[] = [
  ["DATA", 0, "EBUI----"],
  ["INIT", 1, "--------"],
  ["INIT_ACK", 2, "--------"],
  ["SACK", 3, "--------"],
  ["HEARTBEAT", 4, "--------"],
  ["HEARTBEAT_ACK", 5, "--------"],
  ["ABORT", 6, "T-------"],
  ["SHUTDOWN", 7, "--------"],
  ["SHUTDOWN_ACK", 8, "--------"],
  ["ERROR", 9, "--------"],
  ["COOKIE_ECHO", 10, "--------"],
  ["COOKIE_ACK", 11, "--------"],
  ["ECN_ECNE", 12, "--------"],
  ["ECN_CWR", 13, "--------"],
  ["SHUTDOWN_COMPLETE", 14, "T-------"],
  ["I_DATA", 64, "EBUI----"],
  ["RE_CONFIG", 130, "--------"],
  ["PAD", 132, "--------"],
  ["ASCONF", 193, "--------"],
  ["ASCONF_ACK", 128, "--------"],
  ["FORWARD_TSN", 192, "--------"],
  ["I_FORWARD_TSN", 194, "--------"],
];

/** A chunk type that is asked for, and of its flags which count and how they must be. */
interface Chunk {
  readonly type: number;
  readonly mask: number;
  readonly value: number;
}

interface Chunks {
  readonly how: string;
  /** By type; null for all types. */
  readonly wanted: readonly Chunk[] | null;
}

function parseChunks(text: string, how: string): Chunks {
  if (!["all", "any", "only"].includes(how.toLowerCase()))
    throw new ParameterProblem('Match type has to be one of "ALL", "ANY" or "ONLY"');
  const wanted = new Map<number, Chunk>();
  for (const word of text.split(",")) {
    const [name, flags] = word.split(":", 2);
    if (name.toUpperCase() === "ALL") return { how: how.toLowerCase(), wanted: null };
    if (name.toUpperCase() === "NONE") return { how: how.toLowerCase(), wanted: [] };
    const found = CHUNKS.find(([chunk]) => chunk === name.toUpperCase());
    if (found === undefined) throw new ParameterProblem(`Unknown sctp chunk \`${name}'`);
    let mask = 0;
    let value = 0;
    for (const letter of flags ?? "") {
      const bit = letter === "-" ? -1 : found[2].indexOf(letter.toUpperCase());
      if (bit < 0) throw new ParameterProblem(`Invalid flags for chunk type ${found[1]} \`${flags}'\n`);
      mask |= 1 << bit;
      if (letter === letter.toUpperCase()) value |= 1 << bit;
      else value &= ~(1 << bit);
    }
    wanted.set(found[1], { type: found[1], mask, value });
  }
  return { how: how.toLowerCase(), wanted: [...wanted.values()].sort((a, b) => a.type - b.type) };
}

function chunksText({ how, wanted }: Chunks, numeric: boolean): string {
  const list = (wanted ?? [])
    .map(({ type, mask, value }) => {
      const [name, , letters] = CHUNKS.find(([, number]) => number === type) ?? ["", 0, ""];
      let text = numeric ? `0x${type.toString(16).padStart(4, "0")}` : name;
      if (mask !== 0) text += ":";
      for (let bit = 7; bit >= 0; bit--)
        if (mask & (1 << bit)) text += value & (1 << bit) ? letters[bit] : letters[bit].toLowerCase();
      return text;
    })
    .join(",");
  return ` ${how} ${wanted === null ? "ALL" : wanted.length === 0 ? "NONE" : list}`;
}

/** Whether the chunks of a packet are as wanted; null when it has none that can be read. Models match_packet(). */
function holds({ how, wanted }: Chunks, data: Uint8Array, at: number, len: number): boolean | null {
  let seen = 0;
  let offset = at;
  do {
    if (offset + 4 > len || get16(data, offset + 2) === 0) return null;
    const type = data[offset];
    const flags = data[offset + 1];
    offset += (get16(data, offset + 2) + 3) & ~3;
    let index = -1;
    if (wanted !== null) for (let i = 0; i < wanted.length; i++) if (wanted[i].type === type) index = i;
    const fits = wanted === null || (index >= 0 && (flags & wanted[index].mask) === wanted[index].value);
    if (how === "any" && fits) return true;
    if (how === "only" && !fits) return false;
    if (fits && index >= 0) seen |= 1 << index;
  } while (offset < len);
  if (how === "all") return wanted !== null && seen === 2 ** wanted.length - 1;
  return how === "only";
}

const ports = (text: string): Range => parsePortRange(text, "sctp");

export const sctpMatch: MatchExtension = {
  kind: "match",
  name: "sctp",
  protocols: [132],
  help: `
sctp match options
[!] --source-port port[:port]                          match source port(s)
 --sport ...
[!] --destination-port port[:port]                     match destination port(s)
 --dport ...
[!] --chunk-types (all|any|none) (chunktype[:flags])+	match if all, any or none of
						        chunktypes are present
chunktypes - DATA INIT INIT_ACK SACK HEARTBEAT HEARTBEAT_ACK ABORT SHUTDOWN SHUTDOWN_ACK ERROR COOKIE_ECHO COOKIE_ACK ECN_ECNE ECN_CWR SHUTDOWN_COMPLETE ASCONF ASCONF_ACK FORWARD_TSN ALL NONE
`,
  options: [
    ...portOptions(() => ports, true),
    {
      name: "chunk-types",
      invert: true,
      onlyOne: "Only one `--chunk-types' allowed",
      secondArgument: "--chunk-types requires two args",
      parse: (text, { second }) => parseChunks(second ?? "", text),
    },
  ],
  build(values) {
    const sports = values.get<Range>("sport") ?? ALL_PORTS;
    const dports = values.get<Range>("dport") ?? ALL_PORTS;
    const notSource = values.inverted("sport");
    const notDestination = values.inverted("dport");
    const chunks = values.get<Chunks>("chunk-types");
    const notChunks = values.inverted("chunk-types");
    return {
      name: "sctp",
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
        if (chunks === undefined) return true;
        const found = holds(chunks, data, at + 12, len);
        if (found === null) par.hotdrop = true;
        return (found ?? false) !== notChunks;
      },
      save() {
        let text = savePorts("sport", sports, notSource) + savePorts("dport", dports, notDestination);
        if (chunks !== undefined) text += `${bang(notChunks)} --chunk-types${chunksText(chunks, false)}`;
        return text;
      },
      print(numeric) {
        let text = " sctp";
        text += listPorts("spt", sports, notSource, "sctp", numeric);
        text += listPorts("dpt", dports, notDestination, "sctp", numeric);
        return chunks === undefined ? text : `${text}${bang(notChunks)}${chunksText(chunks, numeric)}`;
      },
    };
  },
};
