/** TFTP under NAT: the server's answers go to the client's own port. Models net/netfilter/nf_nat_tftp.c. */
import type { Expectation } from "../../conntrack/expect.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY } from "../../skb.js";
import { followMaster } from "../helper.js";

/** Models `help()` of nf_nat_tftp.c. */
export function natTftp(net: NetNamespace, expectation: Expectation): Verdict {
  expectation.savedPort = net.ct.sportOf(expectation.master, IP_CT_DIR_ORIGINAL);
  expectation.direction = IP_CT_DIR_REPLY;
  expectation.expectFunction = followMaster(net);
  return net.ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
}
