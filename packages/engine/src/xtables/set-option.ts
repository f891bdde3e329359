/** What `-m set` and `-j SET` say about a set: its name and the sides of its dimensions. */

import type { SetSlot } from "../ipset/ipset.js";
import type { Sides } from "../ipset/packet.js";
import { ParameterProblem } from "./error.js";
import type { OptionCall } from "./options.js";

const MAX_DIMENSIONS = 6;

/** A set and the sides it is asked for. */
export interface SetReference {
  readonly slot: SetSlot;
  readonly sides: Sides;
}

/** An option type: a set's name and, as the second argument, `src` and `dst` in a list. Models parse_dirs(). */
export function setOption(text: string, { second, net, family }: OptionCall): SetReference {
  const slot = net?.ipset.find(text);
  if (slot === undefined) throw new ParameterProblem(`Set ${text} doesn't exist.\n`);
  const { type, options } = slot.set;
  const serves = options.family === "inet" ? "ipv4" : "ipv6";
  if (type.storage !== "list" && type.name !== "bitmap:port" && serves !== family)
    throw new ParameterProblem(
      `The protocol family of set ${text} is ${serves === "ipv4" ? "IPv4" : "IPv6"}, which is not applicable.\n`,
    );
  const words = (second ?? "").split(",");
  if (words.length > MAX_DIMENSIONS)
    throw new ParameterProblem(`Can't be more src/dst options than ${MAX_DIMENSIONS}.`);
  if (words.some((word) => !word.startsWith("src") && !word.startsWith("dst")))
    throw new ParameterProblem("You must spefify (the comma separated list of) 'src' or 'dst'.");
  return { slot, sides: words.map((word) => word.startsWith("src")) };
}

/** `foo src,dst`. */
export function setText({ slot, sides }: SetReference): string {
  return `${slot.name} ${sides.map((source) => (source ? "src" : "dst")).join(",")}`;
}
