/** ECN: takes congestion notification out of a TCP header. Models ecn_tg(), net/ipv4/netfilter/ipt_ECN.c. */
import { NF_DROP } from "../../hooks.js";
import { get16 } from "../../wire/bytes.js";
import { ParameterProblem, RulesetError } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { uintOption } from "../options.js";
import { putIpByte, putTcpWord } from "../packet-edit.js";

const ECE = 0x40;
const CWR = 0x80;

export const ecnTarget: TargetExtension = {
  kind: "target",
  name: "ECN",
  families: ["ipv4"],
  tables: ["mangle"],
  help: `
ECN target options
  --ecn-tcp-remove		Remove all ECN bits from TCP header
`,
  options: [
    { name: "ecn-tcp-remove", excludes: ["ecn-tcp-cwr", "ecn-tcp-ece"] },
    { name: "ecn-tcp-cwr", excludes: ["ecn-tcp-remove"], parse: uintOption(0, 1) },
    { name: "ecn-tcp-ece", excludes: ["ecn-tcp-remove"], parse: uintOption(0, 1) },
    { name: "ecn-ip-ect", parse: uintOption(0, 3) },
  ],
  build(values, header) {
    if (values.ids().length === 0) throw new ParameterProblem("ECN target: An operation is required");
    const remove = values.has("ecn-tcp-remove");
    const ect = values.get<number>("ecn-ip-ect");
    const ece = remove ? 0 : values.get<number>("ecn-tcp-ece");
    const cwr = remove ? 0 : values.get<number>("ecn-tcp-cwr");
    const mask = (ece === undefined ? 0 : ECE) | (cwr === undefined ? 0 : CWR);
    const bits = (ece === 1 ? ECE : 0) | (cwr === 1 ? CWR : 0);
    return {
      name: "ECN",
      check() {
        if (mask !== 0 && (header.proto !== 6 || header.invertProto))
          throw new RulesetError("EINVAL", "", "cannot use operation on non-tcp rule");
      },
      target({ skb: { data, len }, thoff }) {
        if (ect !== undefined && (data[1] & 3) !== ect) putIpByte(data, 1, (data[1] & ~3) | ect);
        if (mask === 0 || data[9] !== 6) return XT_CONTINUE;
        if (thoff + 20 > len) return NF_DROP;
        const word = get16(data, thoff + 12);
        const changed = (word & ~mask) | bits;
        if (changed !== word) putTcpWord(data, thoff, thoff + 12, changed);
        return XT_CONTINUE;
      },
      save() {
        if (remove) return " --ecn-tcp-remove";
        let text = ece === undefined ? "" : ` --ecn-tcp-ece ${ece}`;
        if (cwr !== undefined) text += ` --ecn-tcp-cwr ${cwr}`;
        return ect === undefined ? text : `${text} --ecn-ip-ect ${ect}`;
      },
      print() {
        if (remove) return " ECN TCP remove";
        let text = ece === undefined ? "" : ` ECE=${ece}`;
        if (cwr !== undefined) text += ` CWR=${cwr}`;
        return ` ECN${text}${ect === undefined ? "" : ` ECT codepoint=${ect}`}`;
      },
    };
  },
};
