/** The names of connection labels, for conntrack; without its file they are missed aloud. */
import { ENOENT, type LabelMap, labelMapOf, strerror } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";

/** The host's names; null, and a complaint, without the file. Models `nfct_labelmap_new()`. */
export function readLabelMap({ net, stderr }: LabContext): LabelMap | null {
  const map = labelMapOf(net);
  if (map === null) stderr.write(`nfct_labelmap_new: ${strerror(ENOENT)}\n`);
  return map;
}
