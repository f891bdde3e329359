/** `-m cpu`: the processor at work. A simulated host has one, number 0. Models cpu_mt(), net/netfilter/xt_cpu.c. */
import type { MatchExtension } from "../extension.js";
import { bang, uintOption } from "../options.js";

export const cpuMatch: MatchExtension = {
  kind: "match",
  name: "cpu",
  help: `
cpu match options:
[!] --cpu number   Match CPU number
`,
  options: [{ name: "cpu", mandatory: true, invert: true, parse: uintOption(0, 0xffffffff) }],
  build(values) {
    const cpu = values.get<number>("cpu") as number;
    const inverted = values.inverted("cpu");
    const matches = (cpu === 0) !== inverted;
    return {
      name: "cpu",
      match: () => matches,
      save: () => `${bang(inverted)} --cpu ${cpu}`,
      print: () => ` cpu${bang(inverted)} ${cpu}`,
    };
  },
};
