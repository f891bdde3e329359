/**
 * The kernel's modules that packets of the scenarios pass through: loaded before the first of them, so that none is
 * loaded during a step, and traced.
 */
export const NETFILTER_MODULES: readonly string[] = [
  "nf_conntrack",
  "nf_conntrack_netlink",
  "nf_nat",
  "nf_defrag_ipv4",
  "nf_reject_ipv4",
  "nf_tables",
  "nft_chain_nat",
  "nft_compat",
  "ip_tables",
  "iptable_raw",
  "iptable_mangle",
  "iptable_nat",
  "iptable_filter",
  "ipt_REJECT",
  "xt_CT",
  "xt_MASQUERADE",
  "xt_REDIRECT",
  "xt_conntrack",
  "xt_mark",
  "xt_nat",
  "xt_tcpudp",
];
