/** The extensions there are, by name: one line each. Extensions of iptables 1.8.9 that this project lacks are named too. */
import type { MatchExtension, TargetExtension } from "./extension.js";
import { addrtypeMatch } from "./matches/addrtype.js";
import { clusterMatch } from "./matches/cluster.js";
import { commentMatch } from "./matches/comment.js";
import { connbytesMatch } from "./matches/connbytes.js";
import { conntrackMatch } from "./matches/conntrack.js";
import { cpuMatch } from "./matches/cpu.js";
import { devgroupMatch } from "./matches/devgroup.js";
import { dscpMatch } from "./matches/dscp.js";
import { ecnMatch } from "./matches/ecn.js";
import { icmpMatch } from "./matches/icmp.js";
import { iprangeMatch } from "./matches/iprange.js";
import { lengthMatch } from "./matches/length.js";
import { limitMatch } from "./matches/limit.js";
import { macMatch } from "./matches/mac.js";
import { connmarkMatch, markMatch } from "./matches/mark.js";
import { multiportMatch } from "./matches/multiport.js";
import { physdevMatch } from "./matches/physdev.js";
import { pkttypeMatch } from "./matches/pkttype.js";
import { quotaMatch } from "./matches/quota.js";
import { realmMatch } from "./matches/realm.js";
import { ahMatch, espMatch, ipcompMatch } from "./matches/spi.js";
import { stateMatch } from "./matches/state.js";
import { statisticMatch } from "./matches/statistic.js";
import { tcpMatch } from "./matches/tcp.js";
import { tcpmssMatch } from "./matches/tcpmss.js";
import { tosMatch } from "./matches/tos.js";
import { ttlMatch } from "./matches/ttl.js";
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

const MATCHES: ReadonlyMap<string, MatchExtension> = new Map(
  [
    tcpMatch,
    udpMatch,
    icmpMatch,
    conntrackMatch,
    stateMatch,
    markMatch,
    connmarkMatch,
    multiportMatch,
    commentMatch,
    limitMatch,
    addrtypeMatch,
    clusterMatch,
    connbytesMatch,
    cpuMatch,
    devgroupMatch,
    dscpMatch,
    ecnMatch,
    iprangeMatch,
    lengthMatch,
    macMatch,
    physdevMatch,
    pkttypeMatch,
    quotaMatch,
    realmMatch,
    ahMatch,
    espMatch,
    ipcompMatch,
    statisticMatch,
    tcpmssMatch,
    tosMatch,
    ttlMatch,
  ].map((each) => [each.name, each]),
);

const TARGETS: ReadonlyMap<string, TargetExtension> = new Map(
  [
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
  ].map((each) => [each.name, each]),
);

/** Matches that iptables 1.8.9 has for IPv4 and this project has not (yet). */
const MATCHES_ELSEWHERE: ReadonlySet<string> = new Set(
  "ah bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp ecn esp hashlimit helper icmp6 ipcomp iprange ipvs length mac nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter sctp set socket statistic string tcpmss time tos ttl u32 udplite".split(
    " ",
  ),
);

/** The same for targets. */
const TARGETS_ELSEWHERE: ReadonlySet<string> = new Set(
  "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK DSCP ECN HMARK IDLETIMER LED NETMAP NFLOG NFQUEUE QUEUE RATEEST SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TTL ULOG".split(
    " ",
  ),
);

export function findMatch(name: string): MatchExtension | undefined {
  return MATCHES.get(name);
}

export function findTarget(name: string): TargetExtension | undefined {
  return TARGETS.get(name);
}

/** Every match, in the registry's order. */
export function matchExtensions(): MatchExtension[] {
  return [...MATCHES.values()];
}

/** Every target, in the registry's order. */
export function targetExtensions(): TargetExtension[] {
  return [...TARGETS.values()];
}

/** Whether Linux has a match of this name which this project does not have. */
export function isMatchElsewhere(name: string): boolean {
  return MATCHES_ELSEWHERE.has(name) && !MATCHES.has(name);
}

/** Whether Linux has a target of this name which this project does not have. */
export function isTargetElsewhere(name: string): boolean {
  return TARGETS_ELSEWHERE.has(name) && !TARGETS.has(name);
}
