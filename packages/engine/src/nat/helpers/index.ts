/** NAT's part of every helper, as conntrack asks for it. */
import type { NatHelperHook } from "../../conntrack/helpers/nat-hook.js";
import type { NetNamespace } from "../../netns.js";
import { natFtp } from "./ftp.js";

/** The hooks of one namespace. */
export function natHelpers(net: NetNamespace): NatHelperHook {
  return {
    ftp: (announced, type, expectation) => natFtp(net, announced, type, expectation),
  };
}
