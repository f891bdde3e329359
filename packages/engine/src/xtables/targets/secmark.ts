/**
 * SECMARK: gives a packet a security context. There is no SELinux here that would know one: every context is refused.
 * Models secmark_tg_check(), net/netfilter/xt_SECMARK.c.
 */
import { RulesetError } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { stringOption } from "../options.js";

export const secmarkTarget: TargetExtension = {
  kind: "target",
  name: "SECMARK",
  tables: ["mangle", "security"],
  help: `
SECMARK target options:
  --selctx value                     Set the SELinux security context
`,
  options: [{ name: "selctx", mandatory: true, parse: stringOption(0, 255) }],
  build(values) {
    const context = values.get<string>("selctx");
    return {
      name: "SECMARK",
      check() {
        throw new RulesetError("ENOENT", "", "unable to map security context");
      },
      target: () => XT_CONTINUE,
      save: () => ` --selctx ${context}`,
      print: () => ` SECMARK selctx ${context}`,
    };
  },
};
