/**
 * What the engine is known to do otherwise than Linux where the referee looks: each by its name, with the reason. A
 * scenario that would show one is not asked; another is drawn in its place. A recording of each says that it is still
 * there (known-differences.test.ts); README.md and the site's page have the sentences of this list.
 */
import type { Scenario } from "./scenario.js";

export interface KnownDifference {
  readonly name: string;
  /** What differs, in a sentence; Markdown. */
  readonly about: string;
  /** Why it is so, in a sentence; Markdown. */
  readonly reason: string;
  /** The kinds whose generators would show it. In the others, a scenario that shows it is a disagreement. */
  readonly kinds: readonly string[];
  /** Whether a scenario would show it. */
  shown(scenario: Scenario): boolean;
}

/** Commands that the lab says by name that it does not support. */
const NOT_SUPPORTED = /^ip( -\S+)* -[jhb]/;

/** `-v` twice, in two words or in one. */
const VERBOSE_TWICE = /^ip6?tables\S* (.* )?(-v (.* )?-v|-vv)/;

/** A rule replaced in one run of `iptables-nft-restore` that has another line on rules. */
function replacesAmongOthers(command: string): boolean {
  if (!/^ip6?tables(-nft)?-restore\b/.test(command)) return false;
  const rules = command.split("\n").filter((line) => line.startsWith("-"));
  return rules.length > 1 && rules.some((line) => /^(-R|--replace)\b/.test(line));
}

/** A type of ICMP where a set of ports is made or asked: `range icmp:8`, `add ports 1:2:3`. */
const ICMP_IN_PORTS = /^ipset( \S+)* (range|add|del|test)( \S+)* (icmp|icmpv6|ipv6-icmp|0*1|0*58):./i;

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: "words-not-supported",
    about: "`ip -b`, `ip -h` and `ip -j`.",
    reason: "The lab refuses them by name.",
    kinds: ["wrong-commands"],
    shown: ({ steps }) => steps.some((step) => "run" in step && NOT_SUPPORTED.test(step.run)),
  },
  {
    name: "verbose-twice",
    about: "`-v` twice with iptables.",
    reason: "The real tools then print how they keep the rules, which the lab keeps otherwise.",
    kinds: ["wrong-commands"],
    shown: ({ steps }) => steps.some((step) => "run" in step && VERBOSE_TWICE.test(step.run)),
  },
  {
    name: "replaced-in-a-restore",
    about: "`-R` among other rules in one run of `iptables-nft-restore`.",
    reason: "Debian's tool ends with a fault on some of them; the lab goes on.",
    kinds: ["wrong-commands"],
    shown: ({ steps }) => steps.some((step) => "run" in step && replacesAmongOthers(step.run)),
  },
  {
    name: "icmp-in-ports",
    about: "ICMP in a `bitmap:port` of `ipset`.",
    reason: "Debian's tool ends with a fault; the lab says that only TCP and UDP are valid.",
    kinds: ["wrong-commands"],
    shown: ({ steps }) => steps.some((step) => "run" in step && ICMP_IN_PORTS.test(step.run)),
  },
];

/** The known differences that a scenario of a kind would show. */
export function shownBy(kind: string, scenario: Scenario): readonly KnownDifference[] {
  return KNOWN_DIFFERENCES.filter((each) => each.kinds.includes(kind) && each.shown(scenario));
}

/** The list as Markdown, as README.md and the site's page have it. */
export function knownDifferencesMarkdown(): string {
  if (KNOWN_DIFFERENCES.length === 0) return "- None at present.\n";
  return KNOWN_DIFFERENCES.map(({ name, about, reason }) => `- **${name}**: ${about} ${reason}\n`).join("");
}
