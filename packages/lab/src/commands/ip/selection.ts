/** The words that say which devices and addresses `ip link` and `ip address` show. */
import type { Cidr, Cidr6, NetDevice, NetNamespace } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { globbing } from "../glob.js";
import { ANY_FLAGS, type FlagFilter, withFlag } from "./address-flags.js";
import { AddressFamily } from "./family.js";
import { groupOf } from "./names.js";
import type { IpOptions } from "./options.js";
import { scopeOf } from "./scope.js";
import { begins, EVERY, listedDeviceOf, oneDevice, UsageError, type Words, wrongArgument } from "./words.js";

export interface Selection {
  readonly device: NetDevice | null;
  readonly upOnly: boolean;
  readonly scope: number | null;
  readonly to: Cidr | Cidr6 | null;
  readonly kind: string | null;
  readonly master: string | null;
  readonly group: number | null;
  readonly noMaster: boolean;
  readonly flags: FlagFilter;
  /** What the label of an address is to look like; then nothing is told of its device. */
  readonly label: ((text: string) => boolean) | null;
}

export function selection(
  context: LabContext,
  options: IpOptions,
  words: Words,
  object: "link" | "address",
): Selection {
  let name: string | null = null;
  let upOnly = false;
  let scope: number | null = null;
  let to: Selection["to"] = null;
  let kind: string | null = null;
  let master: string | null = null;
  let group: number | null = null;
  let noMaster = false;
  let flags = ANY_FLAGS;
  let label: Selection["label"] = null;
  while (!words.done) {
    const word = words.peek() ?? "";
    const flagged = withFlag(flags, word);
    if (flagged !== null) {
      flags = flagged;
      words.next();
    } else if (words.take("up")) upOnly = true;
    else if (words.take("scope")) scope = scopeOf(words.next(), 'invalid "scope"\n');
    else if (words.take("to")) {
      const text = words.next();
      to = EVERY.includes(text) ? null : new AddressFamily(options).readPrefix(text);
    } else if (words.take("type")) kind = words.next();
    else if (words.take("master")) master = masterOf(context.net, words.next()).name;
    else if (words.take("nomaster")) noMaster = true;
    else if (words.take("label")) label = globbing(words.next());
    else if (words.take("group")) group = groupOf(words.next(), 'Invalid "group" value\n');
    else {
      if (!words.take("dev") && begins(word, "help")) throw new UsageError(object);
      name = oneDevice(name, words.next());
    }
  }
  const device = name === null ? null : listedDeviceOf(context.net, name);
  return { device, upOnly, scope, to, kind, master, group, noMaster, flags, label };
}

export function selected(net: NetNamespace, chosen: Selection): NetDevice[] {
  return [...net.devices.values()].filter(
    (dev) =>
      (chosen.device === null || dev === chosen.device) &&
      (!chosen.upOnly || dev.up) &&
      (chosen.kind === null || dev.kind === chosen.kind) &&
      (chosen.master === null || dev.master?.name === chosen.master) &&
      (!chosen.noMaster || dev.master === null) &&
      (chosen.group === null || dev.group === chosen.group),
  );
}

/** The bridge that a device is to be a port of. */
export function masterOf(net: NetNamespace, name: string): NetDevice {
  const master = net.devices.get(name);
  if (master === undefined) throw wrongArgument(name, "Device does not exist\n");
  return master;
}
