/** `ip address`: the addresses of devices. What changes them comes with a part. */
import {
  formatIPv4,
  IFA_F_DEPRECATED,
  IFA_F_SECONDARY,
  type IfAddr6,
  type InterfaceAddress,
  type NetDevice,
  prefixMask,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { fitsFlags, flagsText } from "./address-flags.js";
import { fullName, linkLines, statisticsLines } from "./device-text.js";
import { addressText6, localText6, scopeOf6 } from "./ipv6.js";
import { printLinks } from "./link.js";
import type { IpOptions } from "./options.js";
import { SCOPES } from "./scope.js";
import { type Selection, selected, selection } from "./selection.js";
import { abbreviated, IpError, UsageError, type Words } from "./words.js";

/** How long an address lives; IPv6's deprecated ones are not preferred any more. */
export function lifetimesText(address: InterfaceAddress | IfAddr6): string {
  const preferred = "label" in address || (address.flags & IFA_F_DEPRECATED) === 0 ? "forever" : "0sec";
  return `       valid_lft forever preferred_lft ${preferred}`;
}

/** An address with its prefix length, which is that of its peer where it has one. */
function localText({ local, peer, prefixLength, metric }: InterfaceAddress): string {
  const other = peer === local || peer === 0 ? "" : ` peer ${formatIPv4(peer)}`;
  return `${formatIPv4(local)}${other}/${prefixLength}${metric === 0 ? "" : ` metric ${metric}`}`;
}

function addressText(address: InterfaceAddress): string {
  const broadcast = address.broadcast === 0 ? "" : ` brd ${formatIPv4(address.broadcast)}`;
  const scope = SCOPES.get(address.scope) ?? String(address.scope);
  return `inet ${localText(address)}${broadcast} scope ${scope} ${flagsText(address.flags)}${address.label}`;
}

/** The addresses of a device that are meant. Models what `print_addrinfo()` passes over. */
function addressesOf(
  { net }: LabContext,
  { family }: IpOptions,
  { scope, to, flags, label }: Selection,
  dev: NetDevice,
): {
  readonly addresses: readonly InterfaceAddress[];
  readonly addresses6: readonly IfAddr6[];
} {
  const prefix6 = to !== null && typeof to.address !== "number" ? to.address : null;
  const only = familyOf({ family }, { to });
  return {
    addresses: (only === null || only === 4 ? net.ip.addresses(dev) : []).filter(
      (each) =>
        (scope === null || each.scope === scope) &&
        fitsFlags(flags, each.flags) &&
        (label === null || label(each.label)) &&
        (to === null || ((each.local ^ (to.address as number)) & prefixMask(to.prefixLength)) === 0),
    ),
    addresses6: (only === null || only === 6 ? net.ip6.addresses(dev) : []).filter(
      (each) =>
        (scope === null || scopeOf6(each) === scope) &&
        fitsFlags(flags, each.flags) &&
        (label === null || label(dev.name)) &&
        (to === null || (prefix6 !== null && samePrefixIPv6(each.local, prefix6, to.prefixLength))),
    ),
  };
}

/** The family that an option says, or else a prefix. */
function familyOf({ family }: Pick<IpOptions, "family">, { to }: Pick<Selection, "to">): IpOptions["family"] {
  return family ?? (to === null ? null : typeof to.address === "number" ? 4 : 6);
}

/** The addresses that a listing would show, for a flush. */
export function addressesToFlush(
  context: LabContext,
  options: IpOptions,
  words: Words,
): { readonly once: boolean; readonly list: () => readonly (InterfaceAddress | IfAddr6)[] } {
  const chosen = selection(context, options, words, "address");
  return {
    // Addresses that become first when others go are not meant.
    once: (chosen.flags.mask & ~chosen.flags.flags & IFA_F_SECONDARY) !== 0,
    list: () =>
      selected(context.net, chosen).flatMap((dev) => {
        const { addresses, addresses6 } = addressesOf(context, options, chosen, dev);
        return [...addresses, ...addresses6];
      }),
  };
}

/** An address as `ip -o address` begins its line. */
export function deviceAddressText(address: InterfaceAddress | IfAddr6): string {
  const text = "label" in address ? addressText(address) : addressText6(address);
  return `${address.dev.ifindex}: ${address.dev.name}    ${text}`;
}

function showAddresses(context: LabContext, options: IpOptions, words: Words): number {
  const chosen = selection(context, options, words, "address");
  if (options.family === 0) return printLinks(context, options, chosen, false);
  for (const dev of selected(context.net, chosen)) {
    const { addresses, addresses6 } = addressesOf(context, options, chosen, dev);
    // A device that has no address at all is left out only where a family was said.
    const said = options.family !== null || chosen.to !== null;
    const has = context.net.ip.addresses(dev).length + context.net.ip6.addresses(dev).length > 0;
    if ((said || has) && addresses.length + addresses6.length === 0) continue;
    if (options.brief) {
      const list = [
        ...addresses.map((address) => `${localText(address)} `),
        ...addresses6.map((address) => `${localText6(address)} `),
      ].join("");
      if (chosen.label !== null) {
        context.stdout.write(`${list}\n`);
        continue;
      }
      const name = options.family === 6 && chosen.device === null ? dev.name : fullName(dev);
      context.stdout.write(`${name.padEnd(16)} ${dev.operState.padEnd(14)} ${list}\n`);
    } else if (options.oneLine) {
      for (const address of [...addresses, ...addresses6])
        context.stdout.write(`${deviceAddressText(address)}\\${lifetimesText(address)}\n`);
    } else {
      const links = chosen.label === null;
      const lines = links
        ? linkLines(dev, false, familyOf(options, chosen), chosen.device !== null || options.family === null)
        : [];
      for (const address of addresses) lines.push(`    ${addressText(address)}`, lifetimesText(address));
      for (const address of addresses6) lines.push(`    ${addressText6(address)}`, lifetimesText(address));
      if (links && options.statistics > 0) lines.push(...statisticsLines(dev, options.statistics));
      context.stdout.write(lines.map((line) => `${line}\n`).join(""));
    }
  }
  return 0;
}

/** `ip address`; a name: of what a part does with the words that are left. */
export function ipAddress(
  context: LabContext,
  options: IpOptions,
  words: Words,
): number | "addAddress" | "deleteAddress" | "flushAddresses" | "replaceAddress" {
  const word = words.peek();
  if (word === undefined) return showAddresses(context, options, words);
  const command = abbreviated(word, [
    "add",
    "change",
    "chg",
    "replace",
    "delete",
    "show",
    "lst",
    "list",
    "flush",
    "save",
    "showdump",
    "restore",
    "help",
  ]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip address help".`, 255);
  words.next();
  switch (command) {
    case "show":
    case "lst":
    case "list":
      return showAddresses(context, options, words);
    case "add":
      return "addAddress";
    case "change":
    case "chg":
    case "replace":
      return "replaceAddress";
    case "delete":
      return "deleteAddress";
    case "flush":
      return "flushAddresses";
    case "help":
      throw new UsageError("address");
    default:
      throw new IpError(`ip address ${command}: not supported by the lab`, 255);
  }
}
