/** NAT's part of every helper, as conntrack asks for it. */
import type { NatHelperHook } from "../../conntrack/helpers/nat-hook.js";
import type { NetNamespace } from "../../netns.js";
import { natAmanda } from "./amanda.js";
import { natFtp } from "./ftp.js";
import { natIrc } from "./irc.js";
import { natPptp, natPptpExpect, natPptpExpected } from "./pptp.js";
import { natSip } from "./sip.js";
import { natTftp } from "./tftp.js";

/** The hooks of one namespace. */
export function natHelpers(net: NetNamespace): NatHelperHook {
  return {
    ftp: (announced, type, expectation) => natFtp(net, announced, type, expectation),
    tftp: (expectation) => natTftp(net, expectation),
    irc: (announced, expectation) => natIrc(net, announced, expectation),
    amanda: (announced, expectation) => natAmanda(net, announced, expectation),
    sip: natSip(net),
    pptp: (packet, entry, type, state) => natPptp(net, packet, entry, type, state),
    pptpExpect: natPptpExpect,
    pptpExpected: (entry, expectation, state) => natPptpExpected(net, entry, expectation, state),
  };
}
