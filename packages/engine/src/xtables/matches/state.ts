/** `-m state`: the older, shorter spelling of `-m conntrack --ctstate`. Models libxt_state over conntrack_mt(). */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { ParameterProblem } from "../error.js";
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

/** A comma at the end is as good as nothing at all. */
function parseStates(text: string): number {
  const list = text.replace(/,$/, "");
  if (list === "" && text !== ",") throw new ParameterProblem(NO_STATES);
  const bits = parseNames(text === "," ? text : list, STATE_NAMES, "state");
  if (list !== text) throw new ParameterProblem(NO_STATES);
  return bits;
}

const NO_STATES = '"--state" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED';

export const stateMatch: MatchExtension = {
  kind: "match",
  name: "state",
  help: `
state match options:
 [!] --state [INVALID|ESTABLISHED|NEW|RELATED|UNTRACKED][,...]
				State(s) to match
`,
  options: [{ name: "state", mandatory: true, invert: true, parse: parseStates }],
  build: (values) => new StateMatch(values.get<number>("state") ?? 0, values.inverted("state")),
};
