/** The objects of `ip`, and the devices it makes, that a page loads when they are asked for; the others are there for what labs are made of. */
import type { LabContext } from "../../environment.js";
import { flushAddresses } from "./flush-addresses.js";
import type { IpOptions } from "./link.js";
import { addLink, deleteLink } from "./link-add.js";
import { setLink } from "./link-set.js";
import { ipNeighbour } from "./neighbour.js";
import { changeRoute, getRoute } from "./route-get.js";
import { ipRoute6 } from "./route6.js";
import { ipRule } from "./rule.js";
import type { Words } from "./words.js";

/** What `ip` does with an object, by the words behind its name. */
export type IpObject = (context: LabContext, options: IpOptions, words: Words) => number;

export const ipObjects: Readonly<
  Record<
    | "addLink"
    | "changeRoute"
    | "deleteLink"
    | "flushAddresses"
    | "getRoute"
    | "neighbour"
    | "route6"
    | "rule"
    | "setLink",
    IpObject
  >
> = {
  addLink,
  changeRoute,
  deleteLink,
  flushAddresses,
  getRoute,
  neighbour: ipNeighbour,
  route6: ipRoute6,
  rule: ipRule,
  setLink,
};
