/** IRC's DCC under NAT: the address and port that others can call. Models net/netfilter/nf_nat_irc.c. */
import type { Expectation } from "../../conntrack/expect.js";
import type { Announced } from "../../conntrack/helpers/nat-hook.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_REPLY } from "../../skb.js";
import { expectAtPort, followMaster, mangleTcp } from "../helper.js";

/** Models `help()` of nf_nat_irc.c. */
export function natIrc(net: NetNamespace, announced: Announced, expectation: Expectation): Verdict {
  expectation.savedPort = expectation.destinationPort;
  expectation.direction = IP_CT_DIR_REPLY;
  expectation.expectFunction = followMaster(net);
  const port = expectAtPort(net, expectation, expectation.savedPort);
  if (port === 0) return NF_DROP;
  const address = net.ct.dstOf(expectation.master, IP_CT_DIR_REPLY);
  if (mangleTcp(net, expectation.master, announced, `${address >>> 0} ${port}`)) return NF_ACCEPT;
  net.ct.helpers.expectations.unlink(expectation);
  return NF_DROP;
}
