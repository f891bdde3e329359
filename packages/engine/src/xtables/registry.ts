/** The extensions there are, by name: one line each. Extensions of iptables 1.8.9 that this project lacks are named too. */
import type { Extension, MatchExtension, TargetExtension, XtFamily } from "./extension.js";
import { addrtypeMatch } from "./matches/addrtype.js";
import { commentMatch } from "./matches/comment.js";
import { conntrackMatch } from "./matches/conntrack.js";
import { helperMatch } from "./matches/helper.js";
import { icmpMatch } from "./matches/icmp.js";
import { limitMatch } from "./matches/limit.js";
import { connmarkMatch, markMatch } from "./matches/mark.js";
import { multiportMatch } from "./matches/multiport.js";
import { stateMatch } from "./matches/state.js";
import { tcpMatch } from "./matches/tcp.js";
import { udpMatch } from "./matches/udp.js";
import { connmarkTarget } from "./targets/connmark.js";
import { ctTarget, notrackTarget } from "./targets/ct.js";
import { logTarget } from "./targets/log.js";
import { markTarget } from "./targets/mark.js";
import { masqueradeTarget } from "./targets/masquerade.js";
import { dnatTarget, snatTarget } from "./targets/nat.js";
import { redirectTarget } from "./targets/redirect.js";
import { rejectTarget } from "./targets/reject.js";
import { acceptTarget, dropTarget, returnTarget } from "./targets/standard.js";
import { traceTarget } from "./targets/trace.js";

const MATCHES: readonly MatchExtension[] = [
  tcpMatch,
  udpMatch,
  icmpMatch,
  conntrackMatch,
  helperMatch,
  stateMatch,
  markMatch,
  connmarkMatch,
  multiportMatch,
  commentMatch,
  limitMatch,
  addrtypeMatch,
];

const TARGETS: readonly TargetExtension[] = [
  acceptTarget,
  dropTarget,
  returnTarget,
  rejectTarget,
  logTarget,
  markTarget,
  connmarkTarget,
  ctTarget,
  notrackTarget,
  traceTarget,
  snatTarget,
  dnatTarget,
  masqueradeTarget,
  redirectTarget,
];

/** Matches that iptables 1.8.9 has for both families and this project has not (yet). */
const MATCHES_ELSEWHERE: ReadonlySet<string> = new Set(
  "bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp ecn esp hashlimit ipcomp iprange ipvs length mac nfacct osf owner physdev pkttype policy quota rateest recent rpfilter sctp set socket statistic string tcpmss time tos u32 udplite".split(
    " ",
  ),
);

/** The same for targets. */
const TARGETS_ELSEWHERE: ReadonlySet<string> = new Set(
  "AUDIT CHECKSUM CLASSIFY CONNSECMARK DSCP HMARK IDLETIMER LED NETMAP NFLOG NFQUEUE QUEUE RATEEST SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY".split(
    " ",
  ),
);

/** Matches and targets that one family alone has. */
const ONLY_ELSEWHERE: Readonly<Record<XtFamily, ReadonlySet<string>>> = {
  ipv4: new Set("ah realm ttl CLUSTERIP ECN TTL ULOG".split(" ")),
  ipv6: new Set(
    "ah dst eui64 frag hbh hl icmp6 ipv6header mh rt srh addrtype DNAT DNPT HL LOG MASQUERADE REDIRECT REJECT SNAT SNPT".split(
      " ",
    ),
  ),
};

function byName<E extends Extension>(extensions: readonly E[], family: XtFamily): ReadonlyMap<string, E> {
  return new Map(
    extensions.filter(({ families }) => families?.includes(family) !== false).map((each) => [each.name, each]),
  );
}

const matchesOf: Readonly<Record<XtFamily, ReadonlyMap<string, MatchExtension>>> = {
  ipv4: byName(MATCHES, "ipv4"),
  ipv6: byName(MATCHES, "ipv6"),
};
const targetsOf: Readonly<Record<XtFamily, ReadonlyMap<string, TargetExtension>>> = {
  ipv4: byName(TARGETS, "ipv4"),
  ipv6: byName(TARGETS, "ipv6"),
};

export function findMatch(name: string, family: XtFamily): MatchExtension | undefined {
  return matchesOf[family].get(name);
}

export function findTarget(name: string, family: XtFamily): TargetExtension | undefined {
  return targetsOf[family].get(name);
}

/** Every match, in the registry's order. */
export function matchExtensions(): readonly MatchExtension[] {
  return MATCHES;
}

/** Every target, in the registry's order. */
export function targetExtensions(): readonly TargetExtension[] {
  return TARGETS;
}

/** Whether Linux has a match of this name in a family which this project does not have. */
export function isMatchElsewhere(name: string, family: XtFamily): boolean {
  return (MATCHES_ELSEWHERE.has(name) || ONLY_ELSEWHERE[family].has(name)) && !matchesOf[family].has(name);
}

/** Whether Linux has a target of this name in a family which this project does not have. */
export function isTargetElsewhere(name: string, family: XtFamily): boolean {
  return (TARGETS_ELSEWHERE.has(name) || ONLY_ELSEWHERE[family].has(name)) && !targetsOf[family].has(name);
}
