/** `-m mark` and `-m connmark`: the packet's mark, the connection's mark. Models xt_mark.c and xt_connmark.c. */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { hex, type MarkMask, markMaskOption } from "../options.js";

function markText({ mark, mask }: MarkMask): string {
  return mask === 0xffffffff ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
}

class MarkMatch implements Match {
  readonly name: string = "mark";
  readonly #value: MarkMask;
  readonly #inverted: boolean;

  constructor(value: MarkMask, inverted: boolean) {
    this.#value = value;
    this.#inverted = inverted;
  }

  match(par: XtActionParam): boolean {
    return ((par.skb.mark & this.#value.mask) >>> 0 === this.#value.mark) !== this.#inverted;
  }

  save(): string {
    return `${this.#inverted ? " !" : ""} --mark ${markText(this.#value)}`;
  }

  print(): string {
    return ` mark match${this.#inverted ? " !" : ""} ${markText(this.#value)}`;
  }
}

class ConnmarkMatch implements Match {
  readonly name: string = "connmark";
  readonly #value: MarkMask;
  readonly #inverted: boolean;

  constructor(value: MarkMask, inverted: boolean) {
    this.#value = value;
    this.#inverted = inverted;
  }

  match(par: XtActionParam): boolean {
    const ct = par.skb.nfct;
    if (ct === NO_CT) return false;
    return ((par.net.ct.markOf(ct) & this.#value.mask) >>> 0 === this.#value.mark) !== this.#inverted;
  }

  save(): string {
    return `${this.#inverted ? " !" : ""} --mark ${markText(this.#value)}`;
  }

  print(): string {
    return ` connmark match ${this.#inverted ? "!" : ""} ${markText(this.#value)}`;
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

const options: MatchExtension["options"] = [{ name: "mark", mandatory: true, invert: true, parse: markMaskOption }];

export const markMatch: MatchExtension = {
  kind: "match",
  name: "mark",
  help: "\nmark match options:\n[!] --mark value[/mask]    Match nfmark value with optional mask\n",
  options,
  build: (values) => new MarkMatch(values.get<MarkMask>("mark") as MarkMask, values.inverted("mark")),
};

export const connmarkMatch: MatchExtension = {
  kind: "match",
  name: "connmark",
  help: "\nconnmark match options:\n[!] --mark value[/mask]    Match ctmark value with optional mask\n",
  options,
  build: (values) => new ConnmarkMatch(values.get<MarkMask>("mark") as MarkMask, values.inverted("mark")),
};
