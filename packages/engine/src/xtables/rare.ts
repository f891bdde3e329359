/**
 * The extensions that few rulesets use, one line each; a new extension goes here. A page loads them when a command
 * names one of them. Their names must stand among the names of `registry.ts`, by which that is noticed.
 */
import { ah6Match } from "./matches/ah6.js";
import { bpfMatch } from "./matches/bpf.js";
import { cgroupMatch } from "./matches/cgroup.js";
import { clusterMatch } from "./matches/cluster.js";
import { connbytesMatch } from "./matches/connbytes.js";
import { connlabelMatch } from "./matches/connlabel.js";
import { connlimitMatch } from "./matches/connlimit.js";
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
import { iprangeMatch } from "./matches/iprange.js";
import { ipv6headerMatch } from "./matches/ipv6header.js";
import { ipvsMatch } from "./matches/ipvs.js";
import { lengthMatch } from "./matches/length.js";
import { macMatch } from "./matches/mac.js";
import { mhMatch } from "./matches/mh.js";
import { nfacctMatch } from "./matches/nfacct.js";
import { osfMatch } from "./matches/osf.js";
import { ownerMatch } from "./matches/owner.js";
import { physdevMatch } from "./matches/physdev.js";
import { pkttypeMatch } from "./matches/pkttype.js";
import { policyMatch } from "./matches/policy.js";
import { quotaMatch } from "./matches/quota.js";
import { rateestMatch } from "./matches/rateest.js";
import { realmMatch } from "./matches/realm.js";
import { recentMatch } from "./matches/recent.js";
import { rpfilterMatch } from "./matches/rpfilter.js";
import { rtMatch } from "./matches/rt.js";
import { sctpMatch } from "./matches/sctp.js";
import { setMatch } from "./matches/set.js";
import { socketMatch } from "./matches/socket.js";
import { ahMatch, espMatch, ipcompMatch } from "./matches/spi.js";
import { srhMatch } from "./matches/srh.js";
import { statisticMatch } from "./matches/statistic.js";
import { stringMatch } from "./matches/string.js";
import { tcpmssMatch } from "./matches/tcpmss.js";
import { timeMatch } from "./matches/time.js";
import { tosMatch } from "./matches/tos.js";
import { ttlMatch } from "./matches/ttl.js";
import { u32Match } from "./matches/u32.js";
import type { ExtensionList } from "./registry.js";
import { auditTarget } from "./targets/audit.js";
import { checksumTarget } from "./targets/checksum.js";
import { classifyTarget } from "./targets/classify.js";
import { clusteripTarget } from "./targets/clusterip.js";
import { connsecmarkTarget } from "./targets/connsecmark.js";
import { ctTarget, notrackTarget } from "./targets/ct.js";
import { dscpTarget } from "./targets/dscp.js";
import { ecnTarget } from "./targets/ecn.js";
import { hlTarget } from "./targets/hl.js";
import { hmarkTarget } from "./targets/hmark.js";
import { idletimerTarget } from "./targets/idletimer.js";
import { ledTarget } from "./targets/led.js";
import { netmapTarget } from "./targets/netmap.js";
import { nflogTarget } from "./targets/nflog.js";
import { nfqueueTarget } from "./targets/nfqueue.js";
import { dnptTarget, snptTarget } from "./targets/npt.js";
import { rateestTarget } from "./targets/rateest.js";
import { secmarkTarget } from "./targets/secmark.js";
import { setTarget } from "./targets/set.js";
import { synproxyTarget } from "./targets/synproxy.js";
import { tcpmssTarget } from "./targets/tcpmss.js";
import { tcpoptstripTarget } from "./targets/tcpoptstrip.js";
import { teeTarget } from "./targets/tee.js";
import { tosTarget } from "./targets/tos.js";
import { tproxyTarget } from "./targets/tproxy.js";
import { traceTarget } from "./targets/trace.js";
import { ttlTarget } from "./targets/ttl.js";
import { ulogTarget } from "./targets/ulog.js";

export const rareExtensions: ExtensionList = {
  matches: [
    helperMatch,
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
    ipvsMatch,
    rateestMatch,
  ],
  targets: [
    secmarkTarget,
    ctTarget,
    notrackTarget,
    traceTarget,
    auditTarget,
    checksumTarget,
    classifyTarget,
    connsecmarkTarget,
    dscpTarget,
    ecnTarget,
    hmarkTarget,
    idletimerTarget,
    netmapTarget,
    snptTarget,
    dnptTarget,
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
    ledTarget,
    clusteripTarget,
    ulogTarget,
    rateestTarget,
  ],
};
