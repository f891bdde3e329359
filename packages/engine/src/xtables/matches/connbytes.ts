/**
 * `-m connbytes`: how much a connection carried so far. Putting in such a rule turns accounting on, for connections
 * from then on. Models connbytes_mt(), net/netfilter/xt_connbytes.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, NO_CT } from "../../skb.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type OptionCall, parseUint64 } from "../options.js";

const MODES: readonly string[] = ["packets", "bytes", "avgpkt"];
const DIRECTIONS: readonly string[] = ["original", "reply", "both"];
const ALL = (1n << 64n) - 1n;

interface Limits {
  readonly from: bigint;
  readonly to: bigint;
}

function parseLimits(text: string, { extension, option }: OptionCall): Limits {
  const ends = text.split(":");
  const end = (part: string, absent: bigint): bigint => {
    const value = part === "" ? absent : parseUint64(part);
    if (value === undefined || ends.length > 2)
      throw new ParameterProblem(
        `${extension}: bad value for option "--${option}" near "${part}", or out of range (0-${ALL}).\n`,
      );
    return value;
  };
  const from = end(ends[0], 0n);
  const to = ends.length === 1 ? ALL : end(ends[1], ALL);
  if (to < from) throw new ParameterProblem(`${from} should be less than ${to}`);
  return { from, to };
}

function oneOf(words: readonly string[]): (text: string, call: OptionCall) => string {
  return (text, { option }) => {
    if (!words.includes(text)) throw new ParameterProblem(`Unknown --${option} \`${text}'`);
    return text;
  };
}

export const connbytesMatch: MatchExtension = {
  kind: "match",
  name: "connbytes",
  help: `
connbytes match options:
 [!] --connbytes from:[to]
     --connbytes-dir [original, reply, both]
     --connbytes-mode [packets, bytes, avgpkt]
`,
  options: [
    { name: "connbytes", mandatory: true, invert: true, parse: parseLimits },
    { name: "connbytes-dir", mandatory: true, parse: oneOf(DIRECTIONS) },
    { name: "connbytes-mode", mandatory: true, parse: oneOf(MODES) },
  ],
  build(values) {
    const { from, to } = values.get<Limits>("connbytes") as Limits;
    const mode = values.get<string>("connbytes-mode") as string;
    const direction = values.get<string>("connbytes-dir") as string;
    const inverted = values.inverted("connbytes");
    const min = Number(from);
    const max = Number(to);
    const range = to === ALL ? String(from) : `${from}:${to}`;
    const original = direction === "reply" ? 0 : 1;
    const reply = direction === "original" ? 0 : 1;
    return {
      name: "connbytes",
      match({ skb: { nfct }, net: { ct } }) {
        if (nfct === NO_CT || !ct.accountsFor(nfct)) return false;
        const packets = original * ct.packetsOf(nfct, IP_CT_DIR_ORIGINAL) + reply * ct.packetsOf(nfct, IP_CT_DIR_REPLY);
        const bytes = original * ct.bytesOf(nfct, IP_CT_DIR_ORIGINAL) + reply * ct.bytesOf(nfct, IP_CT_DIR_REPLY);
        const what =
          mode === "packets" ? packets : mode === "bytes" ? bytes : packets === 0 ? 0 : Math.floor(bytes / packets);
        return (what >= min && what <= max) !== inverted;
      },
      attach(net: NetNamespace, pf: NfProto) {
        net.ct.netnsGet(pf);
        net.ct.acct = 1;
      },
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () => `${bang(inverted)} --connbytes ${range} --connbytes-mode ${mode} --connbytes-dir ${direction}`,
      print: () => `${bang(inverted)} connbytes ${range} connbytes mode ${mode} connbytes direction ${direction}`,
    };
  },
};
