/**
 * CHECKSUM: completes a checksum left to the network card. Here every packet's is complete. Models checksum_tg(),
 * net/netfilter/xt_CHECKSUM.c.
 */
import { type TargetExtension, XT_CONTINUE } from "../extension.js";

export const checksumTarget: TargetExtension = {
  kind: "target",
  name: "CHECKSUM",
  tables: ["mangle"],
  help: `
CHECKSUM target options
  --checksum-fill			Fill in packet checksum.
`,
  options: [{ name: "checksum-fill", mandatory: true }],
  build: () => ({
    name: "CHECKSUM",
    target: () => XT_CONTINUE,
    save: () => " --checksum-fill",
    print: () => " CHECKSUM fill",
  }),
};
