/** MARK: changes the packet's mark. Models mark_tg(), net/netfilter/xt_mark.c. */
import { ParameterProblem } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { hex, type MarkMask, markMaskOption, type OptionCall, type OptionValues } from "../options.js";
import { markOption } from "./mark-operation.js";

class MarkTarget implements Target {
  readonly name: string = "MARK";
  readonly #mark: number;
  readonly #mask: number;

  constructor({ mark, mask }: MarkMask) {
    this.#mark = mark;
    this.#mask = mask;
  }

  target(par: XtActionParam): number {
    par.skb.mark = ((par.skb.mark & ~this.#mask) ^ this.#mark) >>> 0;
    return XT_CONTINUE;
  }

  save(): string {
    return ` --set-xmark ${hex(this.#mark)}/${hex(this.#mask)}`;
  }

  print(): string {
    return ` MARK ${operationText({ mark: this.#mark, mask: this.#mask })}`;
  }
}

/** What a mark and mask do, in the words of the listing. */
export function operationText({ mark, mask }: MarkMask): string {
  if (mark === 0) return `and ${hex(~mask >>> 0)}`;
  if (mark === mask) return `or ${hex(mark)}`;
  if (mask === 0) return `xor ${hex(mark)}`;
  return mask === 0xffffffff ? `set ${hex(mark)}` : `xset ${hex(mark)}/${hex(mask)}`;
}

/** The operations that MARK and CONNMARK share, each as the mark and mask it comes to. */
export const SET_OPERATIONS: readonly string[] = ["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

/** The mark and mask of the operation given, or undefined. */
export function setOperation(values: OptionValues): MarkMask | undefined {
  const name = SET_OPERATIONS.find((each) => values.has(each));
  return name === undefined ? undefined : values.get<MarkMask>(name);
}

/** `--set-mark value/mask` sets the value's own bits too. */
export function parseSetMark(text: string, call: OptionCall): MarkMask {
  const { mark, mask } = markMaskOption(text, call);
  return { mark, mask: (mask | mark) >>> 0 };
}

function others(name: string): string[] {
  return SET_OPERATIONS.filter((each) => each !== name);
}

export const markTarget: TargetExtension = {
  kind: "target",
  name: "MARK",
  help: `
MARK target options:
  --set-xmark value[/mask]  Clear bits in mask and XOR value into nfmark
  --set-mark value[/mask]   Clear bits in mask and OR value into nfmark
  --and-mark bits           Binary AND the nfmark with bits
  --or-mark bits            Binary OR the nfmark with bits
  --xor-mark bits           Binary XOR the nfmark with bits
`,
  options: [
    { name: "set-xmark", parse: markMaskOption, excludes: others("set-xmark") },
    { name: "set-mark", parse: parseSetMark, excludes: others("set-mark") },
    { name: "and-mark", parse: markOption((bits) => ({ mark: 0, mask: ~bits >>> 0 })), excludes: others("and-mark") },
    { name: "or-mark", parse: markOption((bits) => ({ mark: bits, mask: bits })), excludes: others("or-mark") },
    { name: "xor-mark", parse: markOption((bits) => ({ mark: bits, mask: 0 })), excludes: others("xor-mark") },
  ],
  build(values) {
    const operation = setOperation(values);
    if (operation === undefined)
      throw new ParameterProblem("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required");
    return new MarkTarget(operation);
  },
};
