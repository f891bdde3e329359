/** The extensions there are, by name: one line each. Extensions of iptables 1.8.9 that this project lacks are named too. */
import type { Extension, MatchExtension, TargetExtension, XtFamily } from "./extension.js";
import { addrtypeMatch } from "./matches/addrtype.js";
import { ah6Match } from "./matches/ah6.js";
import { bpfMatch } from "./matches/bpf.js";
import { cgroupMatch } from "./matches/cgroup.js";
import { clusterMatch } from "./matches/cluster.js";
import { commentMatch } from "./matches/comment.js";
import { connbytesMatch } from "./matches/connbytes.js";
import { connlabelMatch } from "./matches/connlabel.js";
import { connlimitMatch } from "./matches/connlimit.js";
import { conntrackMatch } from "./matches/conntrack.js";
import { cpuMatch } from "./matches/cpu.js";
import { dccpMatch } from "./matches/dccp.js";
import { devgroupMatch } from "./matches/devgroup.js";
import { dscpMatch } from "./matches/dscp.js";
import { dstMatch } from "./matches/dst.js";
import { ecnMatch } from "./matches/ecn.js";
import { eui64Match } from "./matches/eui64.js";
import { fragMatch } from "./matches/frag.js";
import { hashlimitMatch } from "./matches/hashlimit.js";
import { hbhMatch } from "./matches/hbh.js";
import { helperMatch } from "./matches/helper.js";
import { hlMatch } from "./matches/hl.js";
import { icmpMatch } from "./matches/icmp.js";
import { icmp6Match } from "./matches/icmp6.js";
import { iprangeMatch } from "./matches/iprange.js";
import { ipv6headerMatch } from "./matches/ipv6header.js";
import { lengthMatch } from "./matches/length.js";
import { limitMatch } from "./matches/limit.js";
import { macMatch } from "./matches/mac.js";
import { connmarkMatch, markMatch } from "./matches/mark.js";
import { mhMatch } from "./matches/mh.js";
import { multiportMatch } from "./matches/multiport.js";
import { nfacctMatch } from "./matches/nfacct.js";
import { osfMatch } from "./matches/osf.js";
import { ownerMatch } from "./matches/owner.js";
import { physdevMatch } from "./matches/physdev.js";
import { pkttypeMatch } from "./matches/pkttype.js";
import { policyMatch } from "./matches/policy.js";
import { quotaMatch } from "./matches/quota.js";
import { realmMatch } from "./matches/realm.js";
import { recentMatch } from "./matches/recent.js";
import { rpfilterMatch } from "./matches/rpfilter.js";
import { rtMatch } from "./matches/rt.js";
import { sctpMatch } from "./matches/sctp.js";
import { setMatch } from "./matches/set.js";
import { socketMatch } from "./matches/socket.js";
import { ahMatch, espMatch, ipcompMatch } from "./matches/spi.js";
import { srhMatch } from "./matches/srh.js";
import { stateMatch } from "./matches/state.js";
import { statisticMatch } from "./matches/statistic.js";
import { stringMatch } from "./matches/string.js";
import { tcpMatch } from "./matches/tcp.js";
import { tcpmssMatch } from "./matches/tcpmss.js";
import { timeMatch } from "./matches/time.js";
import { tosMatch } from "./matches/tos.js";
import { ttlMatch } from "./matches/ttl.js";
import { u32Match } from "./matches/u32.js";
import { udpMatch } from "./matches/udp.js";
import { auditTarget } from "./targets/audit.js";
import { checksumTarget } from "./targets/checksum.js";
import { classifyTarget } from "./targets/classify.js";
import { connmarkTarget } from "./targets/connmark.js";
import { connsecmarkTarget } from "./targets/connsecmark.js";
import { ctTarget, notrackTarget } from "./targets/ct.js";
import { dscpTarget } from "./targets/dscp.js";
import { ecnTarget } from "./targets/ecn.js";
import { hlTarget } from "./targets/hl.js";
import { hmarkTarget } from "./targets/hmark.js";
import { idletimerTarget } from "./targets/idletimer.js";
import { logTarget } from "./targets/log.js";
import { markTarget } from "./targets/mark.js";
import { masqueradeTarget } from "./targets/masquerade.js";
import { dnatTarget, snatTarget } from "./targets/nat.js";
import { netmapTarget } from "./targets/netmap.js";
import { nflogTarget } from "./targets/nflog.js";
import { nfqueueTarget } from "./targets/nfqueue.js";
import { redirectTarget } from "./targets/redirect.js";
import { rejectTarget } from "./targets/reject.js";
import { reject6Target } from "./targets/reject6.js";
import { secmarkTarget } from "./targets/secmark.js";
import { setTarget } from "./targets/set.js";
import { acceptTarget, dropTarget, queueTarget, returnTarget } from "./targets/standard.js";
import { synproxyTarget } from "./targets/synproxy.js";
import { tcpmssTarget } from "./targets/tcpmss.js";
import { tcpoptstripTarget } from "./targets/tcpoptstrip.js";
import { teeTarget } from "./targets/tee.js";
import { tosTarget } from "./targets/tos.js";
import { tproxyTarget } from "./targets/tproxy.js";
import { traceTarget } from "./targets/trace.js";
import { ttlTarget } from "./targets/ttl.js";

const MATCHES: readonly MatchExtension[] = [
  tcpMatch,
  udpMatch,
  icmpMatch,
  icmp6Match,
  conntrackMatch,
  helperMatch,
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
  bpfMatch,
  cgroupMatch,
  connlabelMatch,
  connlimitMatch,
  dccpMatch,
  hashlimitMatch,
  nfacctMatch,
  osfMatch,
  ownerMatch,
  policyMatch,
  recentMatch,
  rpfilterMatch,
  sctpMatch,
  socketMatch,
  stringMatch,
  timeMatch,
  u32Match,
  setMatch,
  fragMatch,
  hbhMatch,
  dstMatch,
  rtMatch,
  srhMatch,
  ah6Match,
  mhMatch,
  ipv6headerMatch,
  eui64Match,
  hlMatch,
];

const TARGETS: readonly TargetExtension[] = [
  acceptTarget,
  dropTarget,
  returnTarget,
  queueTarget,
  secmarkTarget,
  rejectTarget,
  reject6Target,
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
  auditTarget,
  checksumTarget,
  classifyTarget,
  connsecmarkTarget,
  dscpTarget,
  ecnTarget,
  hmarkTarget,
  idletimerTarget,
  netmapTarget,
  nflogTarget,
  nfqueueTarget,
  synproxyTarget,
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  setTarget,
  tosTarget,
  tproxyTarget,
  ttlTarget,
  hlTarget,
];

/** Matches of iptables 1.8.9 that this project has not (yet). */
const MATCHES_ELSEWHERE: Readonly<Record<XtFamily, ReadonlySet<string>>> = {
  ipv4: new Set(["ipvs", "rateest"]),
  ipv6: new Set(["ipvs", "rateest", "socket"]),
};

/** The same for targets. */
const TARGETS_ELSEWHERE: Readonly<Record<XtFamily, ReadonlySet<string>>> = {
  ipv4: new Set(["CLUSTERIP", "LED", "RATEEST", "ULOG"]),
  ipv6: new Set(["DNPT", "LED", "NETMAP", "RATEEST", "SNPT"]),
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
  return MATCHES_ELSEWHERE[family].has(name) && !matchesOf[family].has(name);
}

/** Whether Linux has a target of this name in a family which this project does not have. */
export function isTargetElsewhere(name: string, family: XtFamily): boolean {
  return TARGETS_ELSEWHERE[family].has(name) && !targetsOf[family].has(name);
}
