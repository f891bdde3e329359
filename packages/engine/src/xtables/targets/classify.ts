/** CLASSIFY: the class of the packet for queueing disciplines, which links here have none of. Models xt_CLASSIFY.c. */
import { NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING } from "../../hooks.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";

export const classifyTarget: TargetExtension = {
  kind: "target",
  name: "CLASSIFY",
  hooks: (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_FORWARD) | (1 << NF_INET_POST_ROUTING),
  help: `
CLASSIFY target options:
--set-class MAJOR:MINOR    Set skb->priority value (always hexadecimal!)
`,
  options: [
    {
      name: "set-class",
      mandatory: true,
      parse(text) {
        const found = /^([0-9a-f]{1,8}):([0-9a-f]{1,8})/i.exec(text);
        if (found === null) throw new ParameterProblem(`Bad class value "${text}"`);
        return found.slice(1).map((part) => Number.parseInt(part, 16) & 0xffff);
      },
    },
  ],
  build(values) {
    const [major, minor] = values.get<number[]>("set-class") as number[];
    const priority = ((major << 16) | minor) >>> 0;
    return {
      name: "CLASSIFY",
      target({ skb }) {
        skb.priority = priority;
        return XT_CONTINUE;
      },
      save: () => ` --set-class ${[major, minor].map((part) => part.toString(16).padStart(4, "0")).join(":")}`,
      print: () => ` CLASSIFY set ${major.toString(16)}:${minor.toString(16)}`,
    };
  },
};
