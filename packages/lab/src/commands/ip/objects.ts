/** The objects of `ip` that a page loads when they are asked for; `ip route` is there to make labs with. */
import type { LabContext } from "../../environment.js";
import { type IpOptions, ipAddress, ipLink } from "./link.js";
import { ipNeighbour } from "./neighbour.js";
import { ipRule } from "./rule.js";
import type { Words } from "./words.js";

/** What `ip` does with an object, by the words behind its name. */
export type IpObject = (context: LabContext, options: IpOptions, words: Words) => number;

export const ipObjects: Readonly<Record<"address" | "link" | "neighbour" | "rule", IpObject>> = {
  address: ipAddress,
  link: ipLink,
  neighbour: ipNeighbour,
  rule: ipRule,
};
