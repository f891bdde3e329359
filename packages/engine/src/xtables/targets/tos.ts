/** TOS: writes the TOS field. Models tos_tg(), net/netfilter/xt_DSCP.c. */
import { hexByte, type TosValue, tosName, tosOption, tosText } from "../dscp-classes.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { trafficClass } from "../ip-header.js";
import { type OptionSpec, uintOption } from "../options.js";
import { putTrafficClass } from "../packet-edit.js";

/** The bitwise operations, each as a value and a mask. */
const OPERATIONS: readonly (readonly [string, (bits: number) => TosValue])[] = [
  ["and-tos", (bits) => ({ value: 0, mask: ~bits & 0xff })],
  ["or-tos", (bits) => ({ value: bits, mask: bits })],
  ["xor-tos", (bits) => ({ value: bits, mask: 0 })],
];
const NAMES: readonly string[] = ["set-tos", ...OPERATIONS.map(([name]) => name)];
const others = (name: string): string[] => NAMES.filter((each) => each !== name);

export const tosTarget: TargetExtension = {
  kind: "target",
  name: "TOS",
  tables: ["mangle"],
  help: `
TOS target vlibxtables.so.12 options:
  --set-tos value[/mask]  Set Type of Service/Priority field to value
                          (Zero out bits in mask and XOR value into TOS)
  --set-tos symbol        Set TOS field (IPv4 only) by symbol
                          (this zeroes the 4-bit Precedence part!)
                          Accepted symbolic names for value are:
                            (0x10) 16 Minimize-Delay
                            (0x08)  8 Maximize-Throughput
                            (0x04)  4 Maximize-Reliability
                            (0x02)  2 Minimize-Cost
                            (0x00)  0 Normal-Service

  --and-tos bits          Binary AND the TOS value with bits
  --or-tos  bits          Binary OR the TOS value with bits
  --xor-tos bits          Binary XOR the TOS value with bits
`,
  options: [
    { name: "set-tos", excludes: others("set-tos"), parse: tosOption },
    ...OPERATIONS.map(
      ([name, make]): OptionSpec => ({
        name,
        excludes: others(name),
        parse: (text, call) => make(uintOption(0, 255)(text, call)),
      }),
    ),
  ],
  build(values) {
    const option = NAMES.find((name) => values.has(name));
    if (option === undefined) throw new ParameterProblem("TOS: An action is required");
    const tos = values.get<TosValue>(option) as TosValue;
    const { value, mask } = tos;
    return {
      name: "TOS",
      target({ skb: { data }, family }) {
        const now = trafficClass(data, family);
        const changed = ((now & ~mask) ^ value) & 0xff;
        if (changed !== now) putTrafficClass(data, family, changed);
        return XT_CONTINUE;
      },
      save: () => ` --set-tos ${tosText(tos)}`,
      print(numeric) {
        if (numeric) return ` TOS set ${tosText(tos)}`;
        const name = tosName(tos);
        if (name !== undefined) return `  TOS set${name}`;
        if (value === 0) return ` TOS and ${hexByte(~mask & 0xff)}`;
        if (value === mask) return ` TOS or ${hexByte(value)}`;
        return mask === 0 ? ` TOS xor ${hexByte(value)}` : ` TOS set ${tosText(tos)}`;
      },
    };
  },
};
