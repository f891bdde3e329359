/**
 * The objects of `ip`, and the devices it makes, that a page loads when they are asked for; the others are there for
 * what labs are made of.
 */
import type { LabContext } from "../../environment.js";
import { addAddress, deleteAddress, replaceAddress } from "./change-address.js";
import { flushAddresses } from "./flush-addresses.js";
import { addLink, deleteLink } from "./link-add.js";
import { setLink } from "./link-set.js";
import { ipNeighbour } from "./neighbour.js";
import type { IpOptions } from "./options.js";
import { ipRoute4 } from "./route4.js";
import { ipRoute6 } from "./route6.js";
import { ipRule } from "./rule.js";
import type { Words } from "./words.js";

/** What `ip` does with an object, by the words behind its name. */
export type IpObject = (context: LabContext, options: IpOptions, words: Words) => number;

export const ipObjects: Readonly<
  Record<
    | "addAddress"
    | "addLink"
    | "deleteAddress"
    | "deleteLink"
    | "flushAddresses"
    | "neighbour"
    | "replaceAddress"
    | "route4"
    | "route6"
    | "rule"
    | "setLink",
    IpObject
  >
> = {
  addAddress,
  addLink,
  deleteAddress,
  deleteLink,
  flushAddresses,
  neighbour: ipNeighbour,
  replaceAddress,
  route4: ipRoute4,
  route6: ipRoute6,
  rule: ipRule,
  setLink,
};
