/**
 * `-m helper`: connections that a helper follows, and those that it announced: `--helper ftp` fits the data connections
 * of an FTP session. An empty name fits any helper. Models helper_mt(), net/netfilter/xt_helper.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { saveString } from "../options.js";

/** What the rule's record holds of a name. Models `char name[30]` of `struct xt_helper_info`. */
const NAME_LENGTH = 29;

class HelperMatch implements Match {
  readonly name: string = "helper";
  readonly #helper: string;
  readonly #inverted: boolean;

  constructor(helper: string, inverted: boolean) {
    this.#helper = helper;
    this.#inverted = inverted;
  }

  match(par: XtActionParam): boolean {
    const { helpers } = par.net.ct;
    const entry = par.skb.nfct;
    // Only what was announced fits, not the connection that announces.
    const master = entry === NO_CT ? null : helpers.masterOf(entry);
    const helper = master === null ? null : helpers.nameOf(master);
    if (helper === null) return this.#inverted;
    return (this.#helper === "" || this.#helper.startsWith(helper)) !== this.#inverted;
  }

  save(): string {
    return `${this.#inverted ? " !" : ""} --helper${saveString(this.#helper)}`;
  }

  print(): string {
    return ` helper match ${this.#inverted ? "! " : ""}"${this.#helper}"`;
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

export const helperMatch: MatchExtension = {
  kind: "match",
  name: "helper",
  help: `
helper match options:
[!] --helper string        Match helper identified by string
`,
  options: [{ name: "helper", mandatory: true, invert: true, parse: (text) => text.slice(0, NAME_LENGTH) }],
  build: (values) => new HelperMatch(values.get<string>("helper") ?? "", values.inverted("helper")),
};
