/**
 * CT and NOTRACK: what a packet's connection shall have, said before it is tracked: nothing at all (`--notrack`), or a
 * helper. The rule keeps a template that hangs on the packet until conntrack has seen it. Zones, timeout policies and
 * event masks of CT are not supported yet and say so. Models xt_ct_target() and notrack_tg(), net/netfilter/xt_CT.c.
 */
import type { ConntrackHelper } from "../../conntrack/helpers/helper.js";
import { findHelper, helperElsewhere } from "../../conntrack/helpers/registry.js";
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { ParameterProblem, RulesetError } from "../error.js";
import { type RuleHeader, type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";

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

/** What the options of one CT rule say. */
interface CtSettings {
  readonly notrack: boolean;
  /** Empty: none. */
  readonly helper: string;
}

class CtTarget implements Target {
  readonly name: string = "CT";
  readonly #settings: CtSettings;
  /** The protocol in the rule; 0 for any, or all but one. */
  readonly #proto: number;
  readonly #helper: ConntrackHelper | undefined;
  /** The entry that packets carry to conntrack; {@link NO_CT} while the rule is in no ruleset, and with --notrack. */
  #template: number = NO_CT;

  constructor(settings: CtSettings, header: RuleHeader) {
    this.#settings = settings;
    this.#proto = header.invertProto ? 0 : header.proto;
    this.#helper = findHelper(settings.helper, this.#proto);
    const elsewhere = helperElsewhere(settings.helper, this.#proto);
    if (elsewhere !== undefined && !settings.notrack)
      throw new ParameterProblem(
        `netfilter-lab does not support the conntrack helper \`${settings.helper}' (${elsewhere})\n`,
      );
  }

  target(par: XtActionParam): number {
    if (this.#template === NO_CT) par.net.ct.setUntracked(par.skb);
    else par.net.ct.setTemplate(par.skb, this.#template);
    return XT_CONTINUE;
  }

  check(): void {
    const { notrack, helper } = this.#settings;
    if (!notrack && helper !== "" && this.#helper === undefined)
      throw new RulesetError("ENOENT", "", `no helper ${helper} for protocol ${this.#proto}`);
  }

  save(): string {
    const { notrack, helper } = this.#settings;
    return `${notrack ? " --notrack" : ""}${helper === "" ? "" : ` --helper ${helper}`}`;
  }

  print(): string {
    const { notrack, helper } = this.#settings;
    return ` CT${notrack ? " notrack" : ""}${helper === "" ? "" : ` helper ${helper}`}`;
  }

  attach(net: NetNamespace, pf: NfProto): void {
    if (this.#settings.notrack) return;
    net.ct.netnsGet(pf);
    this.#template = net.ct.allocateTemplate();
    if (this.#helper !== undefined) net.ct.helpers.assign(this.#template, this.#helper);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    if (this.#settings.notrack) return;
    net.ct.put(this.#template);
    this.#template = NO_CT;
    net.ct.netnsPut(pf);
  }
}

function unsupported(option: string): never {
  throw new ParameterProblem(`netfilter-lab does not support CT's \`--${option}' yet\n`);
}

const UNSUPPORTED: readonly string[] = ["timeout", "ctevents", "expevents", "zone", "zone-orig", "zone-reply"];

/** A helper's name is cut to what the rule's record holds. Models `char helper[16]` of `struct xt_ct_target_info_v1`. */
const HELPER_NAME_LENGTH = 15;

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
    ...UNSUPPORTED.map((name) => ({ name, parse: (): never => unsupported(name) })),
  ],
  build: (values, header) =>
    new CtTarget({ notrack: values.has("notrack"), helper: values.get<string>("helper") ?? "" }, header),
};

export const notrackTarget: TargetExtension = {
  kind: "target",
  name: "NOTRACK",
  tables: ["raw"],
  help: "NOTRACK does not take any options\n",
  options: [],
  build: () => new NotrackTarget(),
};
