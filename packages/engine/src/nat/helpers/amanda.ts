/** Amanda's ports under NAT. Models net/netfilter/nf_nat_amanda.c. */
import type { Expectation } from "../../conntrack/expect.js";
import type { Announced } from "../../conntrack/helpers/nat-hook.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL } from "../../skb.js";
import { expectAtPort, followMaster, mangleUdp } from "../helper.js";

/** Models `help()` of nf_nat_amanda.c. */
export function natAmanda(net: NetNamespace, announced: Announced, expectation: Expectation): Verdict {
  expectation.savedPort = expectation.destinationPort;
  expectation.direction = IP_CT_DIR_ORIGINAL;
  expectation.expectFunction = followMaster(net);
  const port = expectAtPort(net, expectation, expectation.savedPort);
  if (port === 0) return NF_DROP;
  if (mangleUdp(net.ct.l3numOf(expectation.master), announced, String(port))) return NF_ACCEPT;
  net.ct.helpers.expectations.unlink(expectation);
  return NF_DROP;
}
