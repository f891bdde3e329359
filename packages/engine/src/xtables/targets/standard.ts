/** ACCEPT, DROP, QUEUE and RETURN: verdicts that need no module. Models XT_STANDARD_TARGET. */
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import { RulesetError } from "../error.js";
import { type Target, type TargetExtension, XT_RETURN } from "../extension.js";

class StandardTarget implements Target {
  readonly name: string;
  readonly verdict: Verdict;

  constructor(name: string, verdict: Verdict) {
    this.name = name;
    this.verdict = verdict;
  }

  target(): Verdict {
    return this.verdict;
  }

  save(): string {
    return "";
  }

  print(): string {
    return "";
  }
}

const help = "\nstandard match options:\n(If target is DROP, ACCEPT, RETURN or nothing)\n";

function standard(name: string, verdict: Verdict): TargetExtension {
  const target = new StandardTarget(name, verdict);
  return { kind: "target", name, options: [], help, build: () => target };
}

/** A program would be asked; without one the packet is dropped. nf_tables has no such verdict of this name. */
const queue: Target = {
  name: "QUEUE",
  target: () => NF_DROP,
  check(flavour) {
    if (flavour === "nft") throw new RulesetError("ENOENT", "", "no target QUEUE");
  },
  save: () => "",
  print: () => "",
};

export const queueTarget: TargetExtension = { kind: "target", name: "QUEUE", options: [], help, build: () => queue };
export const acceptTarget: TargetExtension = standard("ACCEPT", NF_ACCEPT);
export const dropTarget: TargetExtension = standard("DROP", NF_DROP);
export const returnTarget: TargetExtension = standard("RETURN", XT_RETURN);
