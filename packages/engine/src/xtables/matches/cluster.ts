/**
 * `-m cluster`: the share of connections that this node of a cluster takes. Models xt_cluster_mt(),
 * net/netfilter/xt_cluster.c.
 */

import type { NfProto } from "../../hooks.js";
import { jhash2, littleEndian, reciprocalScale } from "../../nat/jhash.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL, NO_CT } from "../../skb.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, uintOption } from "../options.js";

const hex8 = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;

export const clusterMatch: MatchExtension = {
  kind: "match",
  name: "cluster",
  help: `
cluster match options:
  --cluster-total-nodes <num>		Set number of total nodes in cluster
  [!] --cluster-local-node <num>	Set the local node number
  [!] --cluster-local-nodemask <num>	Set the local node mask
  --cluster-hash-seed <num>		Set seed value of the Jenkins hash
`,
  options: [
    { name: "cluster-total-nodes", mandatory: true, parse: uintOption(1, 32) },
    { name: "cluster-local-node", excludes: ["cluster-local-nodemask"], invert: true, parse: uintOption(1, 32) },
    {
      name: "cluster-local-nodemask",
      excludes: ["cluster-local-node"],
      invert: true,
      parse: uintOption(0, 0xffffffff),
    },
    { name: "cluster-hash-seed", mandatory: true, parse: uintOption(0, 0xffffffff) },
  ],
  finalCheck(values) {
    const total = values.get<number>("cluster-total-nodes");
    const node = values.get<number>("cluster-local-node");
    const mask = values.get<number>("cluster-local-nodemask");
    if (total === undefined) return;
    if (node === undefined && mask === undefined)
      throw new ParameterProblem("cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing");
    if (node !== undefined && node > total)
      throw new ParameterProblem("cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'");
    if (mask !== undefined && mask >= 2 ** total)
      throw new ParameterProblem("cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'");
  },
  build(values) {
    const total = values.get<number>("cluster-total-nodes") as number;
    const seed = values.get<number>("cluster-hash-seed") as number;
    const node = values.get<number>("cluster-local-node");
    const mask = node === undefined ? (values.get<number>("cluster-local-nodemask") as number) : 2 ** (node - 1);
    const inverted = values.inverted("cluster-local-node") || values.inverted("cluster-local-nodemask");
    const word = [0];
    return {
      name: "cluster",
      check() {
        if (mask >= 2 ** total) throw new RulesetError("EINVAL", "", "node mask cannot exceed total number of nodes");
      },
      match({ skb: { nfct }, net: { ct } }) {
        if (nfct === NO_CT) return false;
        // Of an IPv6 address too the kernel takes one word: it divides a number of words by their size.
        word[0] = littleEndian(ct.srcWordOf(ct.helpers.masterOf(nfct) ?? nfct, IP_CT_DIR_ORIGINAL, 0));
        const hash = jhash2(word, seed);
        return (((mask >>> reciprocalScale(hash, total)) & 1) !== 0) !== inverted;
      },
      attach: (net: NetNamespace, pf: NfProto) => net.ct.netnsGet(pf),
      detach: (net: NetNamespace, pf: NfProto) => net.ct.netnsPut(pf),
      save: () =>
        `${bang(inverted)} --cluster-local-nodemask ${hex8(mask)} --cluster-total-nodes ${total} --cluster-hash-seed ${hex8(seed)}`,
      print: () =>
        ` cluster ${inverted ? "!" : ""}node_mask=${hex8(mask)} total_nodes=${total} hash_seed=${hex8(seed)}`,
    };
  },
};
