/** The extensions that nearly every ruleset uses, one line each. A page loads them with the commands; see `rare.ts`. */
import { logTracedRule, packetLogLine } from "./log.js";
import { addrtypeMatch } from "./matches/addrtype.js";
import { commentMatch } from "./matches/comment.js";
import { conntrackMatch } from "./matches/conntrack.js";
import { icmpMatch } from "./matches/icmp.js";
import { icmp6Match } from "./matches/icmp6.js";
import { limitMatch } from "./matches/limit.js";
import { connmarkMatch, markMatch } from "./matches/mark.js";
import { multiportMatch } from "./matches/multiport.js";
import { stateMatch } from "./matches/state.js";
import { tcpMatch } from "./matches/tcp.js";
import { udpMatch } from "./matches/udp.js";
import type { ExtensionList } from "./registry.js";
import { connmarkTarget } from "./targets/connmark.js";
import { logTarget } from "./targets/log.js";
import { markTarget } from "./targets/mark.js";
import { masqueradeTarget } from "./targets/masquerade.js";
import { dnatTarget, snatTarget } from "./targets/nat.js";
import { redirectTarget } from "./targets/redirect.js";
import { rejectTarget } from "./targets/reject.js";
import { reject6Target } from "./targets/reject6.js";
import { acceptTarget, dropTarget, queueTarget, returnTarget } from "./targets/standard.js";

export const everydayExtensions: ExtensionList = {
  matches: [
    tcpMatch,
    udpMatch,
    icmpMatch,
    icmp6Match,
    conntrackMatch,
    stateMatch,
    markMatch,
    connmarkMatch,
    multiportMatch,
    commentMatch,
    limitMatch,
    addrtypeMatch,
  ],
  targets: [
    acceptTarget,
    dropTarget,
    returnTarget,
    queueTarget,
    rejectTarget,
    reject6Target,
    logTarget,
    markTarget,
    connmarkTarget,
    snatTarget,
    dnatTarget,
    masqueradeTarget,
    redirectTarget,
  ],
  packetLog: { line: packetLogLine, tracedRule: logTracedRule },
};
