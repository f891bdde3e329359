/** AUDIT: reports the packet to the audit daemon, which is not there. Models audit_tg(), net/netfilter/xt_AUDIT.c. */
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";

const TYPES: readonly string[] = ["accept", "drop", "reject"];

export const auditTarget: TargetExtension = {
  kind: "target",
  name: "AUDIT",
  help: `
AUDIT target options
  --type TYPE		Action type to be recorded.
`,
  options: [
    {
      name: "type",
      mandatory: true,
      parse(text) {
        if (!TYPES.includes(text.toLowerCase())) throw new ParameterProblem(`Bad action type value "${text}"`);
        return text.toLowerCase();
      },
    },
  ],
  build(values) {
    const type = values.get<string>("type");
    return {
      name: "AUDIT",
      target: () => XT_CONTINUE,
      save: () => ` --type ${type}`,
      print: () => ` AUDIT ${type}`,
    };
  },
};
