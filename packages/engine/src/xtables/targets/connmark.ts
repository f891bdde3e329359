/**
 * CONNMARK: the connection's mark, from and to the packet's. Models connmark_tg_shift(), net/netfilter/xt_connmark.c.
 */
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { ParameterProblem } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { hex, markMaskOption, type OptionSpec, uintOption } from "../options.js";
import { operationText, parseSetMark, SET_OPERATIONS, setOperation } from "./mark.js";
import { markOption } from "./mark-operation.js";

type Mode = "set" | "save" | "restore";
const ALL = 0xffffffff;

interface Operation {
  readonly mode: Mode;
  readonly ctmark: number;
  readonly ctmask: number;
  readonly nfmask: number;
  /** Bits to shift the new mark by: to the left when positive. */
  readonly shift: number;
}

function shifted(value: number, shift: number): number {
  return (shift < 0 ? value >>> -shift : value << shift) >>> 0;
}

class ConnmarkTarget implements Target {
  readonly name: string = "CONNMARK";
  readonly #op: Operation;

  constructor(operation: Operation) {
    this.#op = operation;
  }

  target(par: XtActionParam): number {
    const { skb } = par;
    const { ct } = par.net;
    if (skb.nfct === NO_CT) return XT_CONTINUE;
    const { mode, ctmark, ctmask, nfmask, shift } = this.#op;
    const before = ct.markOf(skb.nfct);
    if (mode === "restore") {
      skb.mark = ((skb.mark & ~nfmask) ^ shifted(before & ctmask, shift)) >>> 0;
      return XT_CONTINUE;
    }
    const after =
      mode === "set"
        ? shifted(((before & ~ctmask) ^ ctmark) >>> 0, shift)
        : ((before & ~ctmask) ^ shifted((skb.mark & nfmask) >>> 0, shift)) >>> 0;
    if (after !== before) ct.setMark(skb.nfct, after);
    return XT_CONTINUE;
  }

  save(): string {
    const { mode, ctmark, ctmask, nfmask } = this.#op;
    const text =
      mode === "set"
        ? ` --set-xmark ${hex(ctmark)}/${hex(ctmask)}`
        : ` --${mode}-mark --nfmask ${hex(nfmask)} --ctmask ${hex(ctmask)}`;
    return text + this.#shiftText(" --", "-mark");
  }

  #shiftText(before: string, after: string): string {
    const { shift } = this.#op;
    if (shift === 0) return "";
    return `${before}${shift > 0 ? "left" : "right"}-shift${after} ${Math.abs(shift)}`;
  }

  print(): string {
    const { mode, ctmark, ctmask, nfmask } = this.#op;
    let text = " CONNMARK ";
    if (mode === "set") text += operationText({ mark: ctmark, mask: ctmask });
    else if (nfmask === ALL && ctmask === ALL) text += mode;
    else if (nfmask === ctmask) text += `${mode} mask ${hex(nfmask)}`;
    else if (mode === "save") text += `save nfmask ${hex(nfmask)} ctmask ~${hex(ctmask)}`;
    else text += `restore ctmask ${hex(ctmask)} nfmask ~${hex(nfmask)}`;
    return text + this.#shiftText(" ", "");
  }

  attach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }
}

const OPERATIONS: readonly string[] = [...SET_OPERATIONS, "save-mark", "restore-mark"];

function operation(name: string, parse?: OptionSpec["parse"]): OptionSpec {
  const excludes = OPERATIONS.filter((each) => each !== name);
  return parse === undefined ? { name, excludes } : { name, parse, excludes };
}

const uint32 = uintOption(0, ALL);

export const connmarkTarget: TargetExtension = {
  kind: "target",
  name: "CONNMARK",
  help: `
CONNMARK target options:
  --set-xmark value[/ctmask]    Zero mask bits and XOR ctmark with value
  --save-mark [--ctmask mask] [--nfmask mask]
                                Copy ctmark to nfmark using masks
  --restore-mark [--ctmask mask] [--nfmask mask]
                                Copy nfmark to ctmark using masks
  --set-mark value[/mask]       Set conntrack mark value
  --save-mark [--mask mask]     Save the packet nfmark in the connection
  --restore-mark [--mask mask]  Restore saved nfmark value
  --and-mark value              Binary AND the ctmark with bits
  --or-mark value               Binary OR  the ctmark with bits
  --xor-mark value              Binary XOR the ctmark with bits
  --left-shift-mark value       Left shift the ctmark with bits
  --right-shift-mark value      Right shift the ctmark with bits
`,
  options: [
    operation("set-xmark", markMaskOption),
    operation("set-mark", parseSetMark),
    operation(
      "and-mark",
      markOption((bits) => ({ mark: 0, mask: ~bits >>> 0 })),
    ),
    operation(
      "or-mark",
      markOption((bits) => ({ mark: bits, mask: bits })),
    ),
    operation(
      "xor-mark",
      markOption((bits) => ({ mark: bits, mask: 0 })),
    ),
    operation("save-mark"),
    operation("restore-mark"),
    { name: "left-shift-mark", parse: uintOption(0, 32), excludes: ["right-shift-mark"] },
    { name: "right-shift-mark", parse: uintOption(0, 32), excludes: ["left-shift-mark"] },
    { name: "ctmask", parse: uint32, excludes: ["mask"] },
    { name: "nfmask", parse: uint32, excludes: ["mask"] },
    { name: "mask", parse: uint32, excludes: ["ctmask", "nfmask"] },
  ],
  build(values) {
    const set = setOperation(values);
    const mode: Mode | null =
      set !== undefined ? "set" : values.has("save-mark") ? "save" : values.has("restore-mark") ? "restore" : null;
    if (mode === null) throw new ParameterProblem("CONNMARK target: No operation specified");
    const mask = values.get<number>("mask");
    return new ConnmarkTarget({
      mode,
      ctmark: set?.mark ?? 0,
      ctmask: set?.mask ?? mask ?? values.get<number>("ctmask") ?? ALL,
      nfmask: mask ?? values.get<number>("nfmask") ?? ALL,
      shift: (values.get<number>("left-shift-mark") ?? 0) - (values.get<number>("right-shift-mark") ?? 0),
    });
  },
};
