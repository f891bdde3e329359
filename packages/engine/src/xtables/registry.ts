/**
 * The extensions there are, by name: those of `everyday.ts` and `rare.ts`, which are there from the start or, in a page, come
 * in parts. Extensions of iptables 1.8.9 that this project lacks are named too.
 */

import type { Extension, MatchExtension, TargetExtension, XtFamily } from "./extension.js";
import { presentExtensions } from "./present.js";

/** Extensions that are loaded together. */
export interface ExtensionList {
  readonly matches: readonly MatchExtension[];
  readonly targets: readonly TargetExtension[];
}

const MATCHES: MatchExtension[] = [];
const TARGETS: TargetExtension[] = [];

/** Matches that iptables 1.8.9 has for both families and this project has not (yet). */
const MATCHES_ELSEWHERE: ReadonlySet<string> = new Set(
  "bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp ecn esp hashlimit helper ipcomp iprange ipvs length mac nfacct owner physdev pkttype policy quota rateest recent rpfilter sctp set socket statistic string tcpmss time tos u32".split(
    " ",
  ),
);

/** The same for targets. */
const TARGETS_ELSEWHERE: ReadonlySet<string> = new Set(
  "AUDIT CHECKSUM CLASSIFY CONNSECMARK CT DSCP HMARK IDLETIMER LED NETMAP NFLOG NFQUEUE NOTRACK QUEUE RATEEST SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE".split(
    " ",
  ),
);

/** Matches and targets that one family alone has. */
const ONLY_ELSEWHERE: Readonly<Record<XtFamily, ReadonlySet<string>>> = {
  ipv4: new Set("ah osf realm ttl CLUSTERIP ECN TTL ULOG".split(" ")),
  ipv6: new Set("ah dst eui64 frag hbh hl ipv6header mh rt srh DNPT HL SNPT".split(" ")),
};

const matchesOf: Readonly<Record<XtFamily, Map<string, MatchExtension>>> = { ipv4: new Map(), ipv6: new Map() };
const targetsOf: Readonly<Record<XtFamily, Map<string, TargetExtension>>> = { ipv4: new Map(), ipv6: new Map() };

/** Makes extensions known. Those that are known already stay. */
export function registerExtensions({ matches, targets }: ExtensionList): void {
  register(matches, MATCHES, matchesOf);
  register(targets, TARGETS, targetsOf);
}

function register<E extends Extension>(
  extensions: readonly E[],
  all: E[],
  byFamily: Readonly<Record<XtFamily, Map<string, E>>>,
): void {
  for (const extension of extensions) {
    if (all.includes(extension)) continue;
    all.push(extension);
    for (const family of extension.families ?? FAMILIES) byFamily[family].set(extension.name, extension);
  }
}

const FAMILIES: readonly XtFamily[] = ["ipv4", "ipv6"];

for (const extensions of presentExtensions) registerExtensions(extensions);

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

/**
 * Whether a command line, or the text of a ruleset, names an extension of Linux that is not known (yet). By its words: one
 * that only looks like an extension's name counts, too.
 */
export function namesUnknownExtension(text: string): boolean {
  const unknown = [...MATCHES_ELSEWHERE, ...ONLY_ELSEWHERE.ipv4, ...ONLY_ELSEWHERE.ipv6, ...TARGETS_ELSEWHERE].filter(
    (name) => ![matchesOf, targetsOf].some(({ ipv4, ipv6 }) => ipv4.has(name) || ipv6.has(name)),
  );
  if (unknown.length === 0) return false;
  // `-m recent`, `-mrecent`, `--match=recent`, and any of them in quotes.
  return new RegExp(`(?:^|[\\s="'\`]|(?<![\\w-])-\\w+?)(?:${unknown.join("|")})(?![\\w-])`).test(text);
}
