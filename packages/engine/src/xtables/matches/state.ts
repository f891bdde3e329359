/** `-m state`: the older, shorter spelling of `-m conntrack --ctstate`. Models libxt_state over conntrack_mt(). */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { namesText, parseNames, STATES, stateBit } from "./conntrack.js";

/** The states of conntrack's list that this match knows: all but SNAT and DNAT. */
const STATE_NAMES = STATES.slice(0, 5);

class StateMatch implements Match {
  readonly name: string = "state";
  readonly #states: number;
  readonly #inverted: boolean;

  constructor(states: number, inverted: boolean) {
    this.#states = states;
    this.#inverted = inverted;
  }

  match(par: XtActionParam): boolean {
    return ((this.#states & stateBit(par.skb.nfct, par.skb.ctinfo)) !== 0) !== this.#inverted;
  }

  save(): string {
    return `${this.#inverted ? " !" : ""} --state ${namesText(this.#states, STATE_NAMES)}`;
  }

  print(): string {
    return `${this.#inverted ? " !" : ""} state ${namesText(this.#states, STATE_NAMES)}`;
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

export const stateMatch: MatchExtension = {
  kind: "match",
  name: "state",
  help: `
state match options:
 [!] --state [INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED][,...]
				State(s) to match
`,
  options: [{ name: "state", mandatory: true, invert: true, parse: (text) => parseNames(text, STATE_NAMES, "state") }],
  build: (values) => new StateMatch(values.get<number>("state") ?? 0, values.inverted("state")),
};
