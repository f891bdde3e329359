import { NETFILTER_MODULES } from "./modules.js";

/**
 * Which functions the tracer is told to show, as it wants them in `set_ftrace_filter`: all of netfilter's, and those of
 * IPv4 through which packets pass. Agreement is judged over fewer (agreement.json); recorded are all, so that nothing
 * is left out unseen.
 */
export const TRACED: readonly string[] = [
  ...NETFILTER_MODULES.map((module) => `:mod:${module}`),
  "nf_*",
  "ip_rcv*",
  "ip_route_input*",
  "ip_route_me_harder",
  "ip_forward*",
  "ip_local_*",
  "__ip_local_*",
  "ip_output",
  "ip_finish_output*",
  "__ip_finish_output",
  "ip_defrag",
  "ip_do_fragment",
  "ip_fragment*",
  "ip_send_skb",
  "ip_push_pending_frames",
  "icmp_*",
  "__icmp_*",
  "tcp_v4_rcv",
  "udp_rcv",
  "raw_local_deliver",
];
