/**
 * CT and NOTRACK: what is to happen to packets that conntrack has not seen yet. They are exempted from tracking, or get
 * a template that says in which zone to look, which timeouts and helper a new connection has and which events it makes.
 * Models xt_ct_target(), xt_ct_tg_check() and notrack_tg(), net/netfilter/xt_CT.c.
 */
import type { ConntrackHelper } from "../../conntrack/helpers/helper.js";
import { findHelper, helperElsewhere } from "../../conntrack/helpers/registry.js";
import { setTimeoutPolicy } from "../../conntrack/timeout-policy.js";
import { zoneWord } from "../../conntrack/zone.js";
import { NFPROTO_IPV4, NFPROTO_IPV6, type NfProto } from "../../hooks.js";
import { natHelpers } from "../../nat/helpers/index.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { ParameterProblem, RulesetError } from "../error.js";
import {
  type Match,
  type RuleHeader,
  type Target,
  type TargetExtension,
  XT_CONTINUE,
  type XtActionParam,
} from "../extension.js";
import { type OptionSpec, type OptionValues, uintPrefix } from "../options.js";

class NotrackTarget implements Target {
  readonly name: string = "NOTRACK";

  target(par: XtActionParam): number {
    par.net.ct.setUntracked(par.skb);
    return XT_CONTINUE;
  }

  save(): string {
    return "";
  }

  print(): string {
    return " NOTRACK";
  }
}

/** A zone's number; null for the packet's mark. */
type ZoneValue = number | null;

/** Which events connections made by the rule tell of, in the order in which the tool lists them. */
const CT_EVENTS: readonly (readonly [string, number])[] = [
  ["new", 0],
  ["related", 1],
  ["destroy", 2],
  ["reply", 3],
  ["assured", 4],
  ["protoinfo", 5],
  ["helper", 6],
  ["mark", 7],
  ["natseqinfo", 8],
  ["secmark", 9],
];
const EXP_EVENTS: readonly (readonly [string, number])[] = [["new", 0]];

/** Reads `new,destroy` as bits. */
function parseEvents(events: readonly (readonly [string, number])[]): (text: string) => number {
  return (text) => {
    let mask = 0;
    for (const name of text.split(",")) {
      const event = events.find(([known]) => known === name);
      if (event === undefined) throw new ParameterProblem(`Unknown event type "${name}"`);
      mask |= 1 << event[1];
    }
    return mask;
  };
}

function eventsText(mask: number, events: readonly (readonly [string, number])[]): string {
  return events
    .filter(([, bit]) => mask & (1 << bit))
    .map(([name]) => name)
    .join(",");
}

function parseZone(text: string): ZoneValue {
  if (text.toLowerCase() === "mark") return null;
  const number = uintPrefix(text);
  if (number === undefined || number.rest !== "" || number.value > 0xffff)
    throw new ParameterProblem(`Cannot parse ${text} as a zone ID`);
  return number.value;
}

class CtTarget implements Target {
  readonly name: string = "CT";
  readonly #notrack: boolean;
  readonly #zone: ZoneValue;
  readonly #directions: "both" | "original" | "reply";
  /** The name of its timeout policy: the whole, until the rule is in a ruleset and the tool reads it back. */
  #timeout: string | null;
  readonly #ctEvents: number;
  readonly #expEvents: number;
  readonly #family: NfProto;
  /** The protocol in the rule; 0 for any, or all but one. */
  readonly #proto: number;
  /** The helper's name; empty: none. */
  readonly #helperName: string;
  readonly #helper: ConntrackHelper | undefined;
  /** While the rule is in a ruleset. */
  #template: number = NO_CT;

  constructor(values: OptionValues, header: RuleHeader) {
    this.#notrack = values.has("notrack");
    const zones = values.ids().filter((id) => id.startsWith("zone"));
    // One number for all three options, and once the mark is to give it, it stays so.
    const given = zones.map((id) => values.get<ZoneValue>(id));
    this.#zone = given.includes(null) ? null : (given.at(-1) ?? 0);
    const original = values.has("zone-orig");
    const reply = values.has("zone-reply");
    this.#directions = original === reply ? "both" : original ? "original" : "reply";
    this.#timeout = values.get<string>("timeout") ?? null;
    this.#ctEvents = values.get<number>("ctevents") ?? 0;
    this.#expEvents = values.get<number>("expevents") ?? 0;
    this.#proto = header.invertProto ? 0 : header.proto;
    this.#helperName = values.get<string>("helper") ?? "";
    this.#family = header.family === "ipv4" ? NFPROTO_IPV4 : NFPROTO_IPV6;
    this.#helper = findHelper(this.#helperName, this.#family, this.#proto);
    const elsewhere = helperElsewhere(this.#helperName, this.#family, this.#proto);
    if (elsewhere !== undefined && !this.#notrack)
      throw new ParameterProblem(
        `netfilter-lab does not support the conntrack helper \`${this.#helperName}' (${elsewhere})\n`,
      );
  }

  target(par: XtActionParam): number {
    if (this.#notrack) par.net.ct.setUntracked(par.skb);
    else par.net.ct.setTemplate(par.skb, this.#template);
    return XT_CONTINUE;
  }

  #text(dashes: string): string {
    let text = this.#notrack ? ` ${dashes}notrack` : "";
    if (this.#helperName !== "") text += ` ${dashes}helper ${this.#helperName}`;
    if (this.#timeout !== null) text += ` ${dashes}timeout ${this.#timeout}`;
    if (this.#ctEvents !== 0) text += ` ${dashes}ctevents ${eventsText(this.#ctEvents, CT_EVENTS)}`;
    if (this.#expEvents !== 0) text += ` ${dashes}expevents ${eventsText(this.#expEvents, EXP_EVENTS)}`;
    const option = { both: "zone", original: "zone-orig", reply: "zone-reply" }[this.#directions];
    if (this.#zone !== 0) text += ` ${dashes}${option} ${this.#zone ?? "mark"}`;
    return text;
  }

  save(): string {
    return this.#text("--");
  }

  print(): string {
    return ` CT${this.#text("")}`;
  }

  check(flavour: "nft" | "legacy", _matches: readonly Match[], net: NetNamespace): void {
    // The legacy tool puts in anew what it has read back.
    if (this.#notrack || (this.#template !== NO_CT && flavour === "nft")) return;
    this.#checkNames(net);
  }

  #checkNames(net: NetNamespace): void {
    const proto = this.#proto;
    if (this.#helperName !== "" && this.#helper === undefined)
      throw new RulesetError("ENOENT", "", `no helper ${this.#helperName} for protocol ${proto}`);
    if (this.#timeout === null) return;
    if (proto === 0) throw new RulesetError("EINVAL", "", "a timeout policy needs a protocol");
    const policy = net.ct.timeoutPolicies.get(this.#timeout);
    if (policy === undefined) throw new RulesetError("ENOENT", "", `no timeout policy ${this.#timeout}`);
    if (!policy.fits(this.#family, proto))
      throw new RulesetError("EINVAL", "", `${this.#timeout} is not for protocol ${proto}`);
  }

  attach(net: NetNamespace, pf: NfProto): void {
    if (this.#notrack) return;
    net.ct.netnsGet(pf);
    this.#template = net.ct.allocateTemplate(zoneWord(this.#zone, this.#directions));
    if (this.#ctEvents !== 0 || this.#expEvents !== 0) net.ct.maskEvents(this.#template, this.#ctEvents);
    if (this.#helper !== undefined) {
      net.ct.helpers.assign(this.#template, this.#helper);
      // NAT's part comes with the helper's, as Linux loads the module nf_nat_ftp beside nf_conntrack_ftp.
      net.ct.natHelper ??= natHelpers(net);
    }
    if (this.#timeout === null) return;
    setTimeoutPolicy(net.ct, this.#template, this.#timeout);
    this.#timeout = this.#timeout.slice(0, TIMEOUT_NAME_READ_BACK);
  }

  renew(net: NetNamespace): void {
    if (this.#timeout === null || this.#template === NO_CT) return;
    this.#checkNames(net);
    setTimeoutPolicy(net.ct, this.#template, this.#timeout);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    if (this.#notrack) return;
    net.ct.put(this.#template);
    this.#template = NO_CT;
    net.ct.netnsPut(pf);
  }
}

/**
 * A helper's name is cut to what the rule's record holds. Models `char helper[16]` of `struct xt_ct_target_info_v1`.
 */
const HELPER_NAME_LENGTH = 15;

/** The same of a timeout policy's. Models `char timeout[32]`. */
const TIMEOUT_NAME_LENGTH = 31;
/**
 * So much of a policy's name can be read back: the kernel hides what follows in the rule's record as if it were of the
 * first revision, whose pointers stand there. Models `xt_ct_tg_reg[].usersize`.
 */
const TIMEOUT_NAME_READ_BACK = 4;

const zoneOption = (name: string): OptionSpec => ({ name, parse: parseZone });

export const ctTarget: TargetExtension = {
  kind: "target",
  name: "CT",
  tables: ["raw"],
  help: `
CT target options:
 --notrack			Don't track connection
 --helper name			Use conntrack helper 'name' for connection
 --timeout name 		Use timeout policy 'name' for connection
 --ctevents event[,event...]	Generate specified conntrack events for connection
 --expevents event[,event...]	Generate specified expectation events for connection
 --zone {ID|mark}		Assign/Lookup connection in zone ID/packet nfmark
 --zone-orig {ID|mark}		Same as 'zone' option, but only applies to ORIGINAL direction
 --zone-reply {ID|mark} 	Same as 'zone' option, but only applies to REPLY direction
`,
  options: [
    { name: "notrack" },
    { name: "helper", parse: (text) => text.slice(0, HELPER_NAME_LENGTH) },
    { name: "timeout", parse: (text) => text.slice(0, TIMEOUT_NAME_LENGTH) },
    { name: "ctevents", parse: parseEvents(CT_EVENTS) },
    { name: "expevents", parse: parseEvents(EXP_EVENTS) },
    zoneOption("zone"),
    zoneOption("zone-orig"),
    zoneOption("zone-reply"),
  ],
  build: (values, header) => new CtTarget(values, header),
};

export const notrackTarget: TargetExtension = {
  kind: "target",
  name: "NOTRACK",
  tables: ["raw"],
  help: "NOTRACK does not take any options\n",
  options: [],
  build: () => new NotrackTarget(),
};
