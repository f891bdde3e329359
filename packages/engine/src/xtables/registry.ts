/**
 * The extensions there are, by name: those of `everyday.ts` and `rare.ts`, which are there from the start or, in a
 * page, come in parts.
 */
import type { HookState } from "../hooks.js";
import type { SkBuff } from "../skb.js";
import type { TraceLog } from "./evaluate.js";
import type { Extension, MatchExtension, TargetExtension, XtFamily } from "./extension.js";
import { presentExtensions } from "./present.js";
import { protocolName } from "./protocols.js";

/** How packets are told of in the kernel's log. */
export interface PacketLog {
  /** The line about a packet, without time stamp and level; `flags` are `LOG_` bits. */
  readonly line: (skb: SkBuff, state: HookState, prefix: string, flags: number) => string;
  /** Writes of a rule that a packet marked by the legacy TRACE met. */
  readonly tracedRule: TraceLog;
}

/** Extensions that are loaded together, and with those of every day the kernel's log. */
export interface ExtensionList {
  readonly matches: readonly MatchExtension[];
  readonly targets: readonly TargetExtension[];
  readonly packetLog?: PacketLog;
}

let packetLog: PacketLog | null = null;

/** Null before any rule can have been made: nothing is tracked or traced, and nobody writes of packets. */
export function registeredPacketLog(): PacketLog | null {
  return packetLog;
}

const MATCHES: MatchExtension[] = [];
const TARGETS: TargetExtension[] = [];

/** Names that a part may bring; those that both families have. */
const RARE =
  "AUDIT CHECKSUM CLASSIFY CONNSECMARK CT DSCP HMARK IDLETIMER LED NETMAP NFLOG NFQUEUE NOTRACK RATEEST SECMARK SET SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup dscp ecn esp hashlimit helper ipcomp iprange ipvs length mac nfacct osf owner physdev pkttype policy quota rateest recent rpfilter sctp set socket statistic string tcpmss time tos u32".split(
    " ",
  );

/** Those that one family alone has. */
const RARE_IN_ONE = "CLUSTERIP DNPT ECN HL SNPT TTL ULOG ah dst eui64 frag hbh hl ipv6header mh realm rt srh ttl".split(
  " ",
);

const matchesOf: Readonly<Record<XtFamily, Map<string, MatchExtension>>> = { ipv4: new Map(), ipv6: new Map() };
const targetsOf: Readonly<Record<XtFamily, Map<string, TargetExtension>>> = { ipv4: new Map(), ipv6: new Map() };

/** Makes extensions known. Those that are known already stay. */
export function registerExtensions({ matches, targets, packetLog: log }: ExtensionList): void {
  packetLog ??= log ?? null;
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

/**
 * Whether a command line, or the text of a ruleset, names an extension that is not known yet. By its words: one that
 * only looks like an extension's name counts, too.
 */
export function namesUnknownExtension(text: string): boolean {
  const unknown = [...RARE, ...RARE_IN_ONE].filter(
    (name) => ![matchesOf, targetsOf].some(({ ipv4, ipv6 }) => ipv4.has(name) || ipv6.has(name)),
  );
  if (unknown.length === 0) return false;
  // Quotes may be anywhere; `-p 132` and `-p SCTP` are sctp.
  const words = text
    .replace(/["'`\\]/g, "")
    .replace(/(?:-p|--proto\w*)[\s=]+(\w+)/g, (_, name) => ` ${protocolName(Number(name)) ?? name.toLowerCase()}`);
  // `-m recent`, `-mrecent`, `--match=recent`.
  return new RegExp(`(?:^|[\\s=]|(?<![\\w-])-\\w+?)(?:${unknown.join("|")})(?![\\w-])`).test(words);
}
