/** `ip link` and `ip address`: devices, their addresses, their counters. */
import {
  type Cidr,
  type Cidr6,
  formatIPv4,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_UP,
  type IfAddr6,
  type InterfaceAddress,
  type NetDevice,
  type NetNamespace,
  PairDevice,
  prefixMask,
  RT_SCOPE_HOST,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { globbing } from "../glob.js";
import { ANY_FLAGS, type FlagFilter, fitsFlags, IFA_F_PERMANENT, IFA_F_SECONDARY, withFlag } from "./address-flags.js";
import { AddressFamily } from "./family.js";
import { addressText6, changeAddress6, localText6, scopeOf6 } from "./ipv6.js";
import { groupOf, groupText } from "./names.js";
import { SCOPES, scopeOf } from "./scope.js";
import {
  abbreviated,
  begins,
  deviceOf,
  EVERY,
  IpError,
  listedDeviceOf,
  macText,
  netlink,
  oneDevice,
  UsageError,
  type Words,
  wrongArgument,
} from "./words.js";

/** Options before the object: `ip -4 -br addr`. */
export interface IpOptions {
  /** 4, 6, or null for both. */
  /** Null where none was said; 0 for the link layer's addresses. */
  readonly family: 0 | 4 | 6 | null;
  readonly brief: boolean;
  readonly oneLine: boolean;
  readonly statistics: number;
  readonly details: boolean;
}

const FLAGS: readonly (readonly [number, string])[] = [
  [IFF_LOOPBACK, "LOOPBACK"],
  [IFF_BROADCAST, "BROADCAST"],
  [IFF_POINTOPOINT, "POINTOPOINT"],
  [IFF_MULTICAST, "MULTICAST"],
  [IFF_NOARP, "NOARP"],
  [IFF_UP, "UP"],
  [IFF_LOWER_UP, "LOWER_UP"],
];

export function flagText(dev: NetDevice): string {
  const names = FLAGS.filter(([bit]) => dev.flags & bit).map(([, name]) => name);
  if (dev.up && !dev.running) names.unshift("NO-CARRIER");
  if (dev instanceof PairDevice && dev.peer?.net === dev.net && !dev.peer.up) names.push("M-DOWN");
  return `<${names.join(",")}>`;
}

/** `eth0@if2`: the other end of a pair by its number. */
export function fullName(dev: NetDevice): string {
  if (!(dev instanceof PairDevice) || dev.kind !== "veth") return dev.name;
  if (dev.peer === null) return `${dev.name}@NONE`;
  return `${dev.name}@${dev.peer.net === dev.net ? dev.peer.name : `if${dev.peer.ifindex}`}`;
}

/** Where the other end is, if elsewhere. */
function linkNetns(dev: NetDevice): string {
  return dev instanceof PairDevice && dev.peer !== null && dev.peer.net !== dev.net
    ? ` link-netns ${dev.peer.net.name}`
    : "";
}

function linkType(dev: NetDevice): string {
  if (dev.flags & IFF_LOOPBACK) return "loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00";
  // Without an address behind it, the blank stays.
  if (dev.mac === null) return "none ";
  return `ether ${macText(dev.mac)} brd ff:ff:ff:ff:ff:ff${linkNetns(dev)}`;
}

/** A device that a person made has no queue of its own until it is first up. */
function qdiscOf(dev: NetDevice): string {
  const made = dev.bridge !== null || (dev instanceof PairDevice && dev.peer?.net === dev.net);
  return made && !dev.everUp ? "noop" : dev.qdisc;
}

const masterText = (dev: NetDevice): string => (dev.master === null ? "" : `master ${dev.master.name} `);

/** The lines about a device itself; `mode` is what `ip link` adds, `one` says that it was asked for by its name. */
function linkLines(dev: NetDevice, mode: boolean, family: IpOptions["family"], one = true): string[] {
  // IPv6 has a listing of its own, of what it knows of all devices.
  if (family === 6 && !mode && !one)
    return [
      `${dev.ifindex}: ${dev.name}: ${flagText(dev)} mtu ${dev.mtu} state ${dev.operState} qlen ${dev.txQueueLength}`,
    ];
  const head =
    `${dev.ifindex}: ${fullName(dev)}: ${flagText(dev)} mtu ${dev.mtu} qdisc ${qdiscOf(dev)} ${masterText(dev)}state ${dev.operState} ` +
    `${mode ? "mode DEFAULT " : ""}group ${groupText(dev.group)} qlen ${dev.txQueueLength}`;
  // With a family given, `ip addr` leaves the link layer out.
  if (family !== null && !mode) {
    return [`${head}${linkNetns(dev)}`];
  }
  return [head, `    link/${linkType(dev)}`];
}

const NO_ERRORS = "                 0      0       0       0       0 ";

/** `-s`; given twice, the kinds of errors too, of which the lab's devices have none. */
function statisticsLines(dev: NetDevice, level: number): string[] {
  const { rxBytes, rxPackets, rxDropped, txBytes, txPackets, txDropped } = dev.stats;
  const columns = (values: readonly number[], widths: readonly number[]): string =>
    values.map((value, i) => String(value).padStart(widths[i])).join(" ");
  const width = Math.max(String(rxBytes).length, String(txBytes).length, 5);
  const packets = Math.max(String(rxPackets).length, String(txPackets).length, 7);
  const pad = " ".repeat(Math.max(0, width - 5));
  const padPackets = " ".repeat(packets - 7);
  const errors =
    level > 1 ? (kinds: string): string[] => [`    ${pad}${kinds}`, `    ${pad}${NO_ERRORS}`] : (): string[] => [];
  return [
    `    RX: ${pad} bytes ${padPackets}packets errors dropped  missed   mcast           `,
    `    ${columns([rxBytes, rxPackets, 0, rxDropped, 0, 0], [width + 5, packets, 6, 7, 7, 7])} `,
    ...errors("RX errors:  length    crc   frame    fifo overrun"),
    `    TX: ${pad} bytes ${padPackets}packets errors dropped carrier collsns           `,
    `    ${columns([txBytes, txPackets, 0, txDropped, 0, 0], [width + 5, packets, 6, 7, 7, 7])} `,
    ...errors("TX errors: aborted   fifo  window heartbt transns"),
  ];
}

/** How long the lab's addresses live. */
export const FOREVER = "       valid_lft forever preferred_lft forever";

/** An address with its prefix length, which is that of its peer where it has one. */
function localText({ local, peer, prefixLength }: InterfaceAddress): string {
  return `${formatIPv4(local)}${peer === local || peer === 0 ? "" : ` peer ${formatIPv4(peer)}`}/${prefixLength}`;
}

function addressText(address: InterfaceAddress): string {
  const broadcast = address.broadcast === 0 ? "" : ` brd ${formatIPv4(address.broadcast)}`;
  const scope = SCOPES.get(address.scope) ?? String(address.scope);
  const secondary = address.secondary ? " secondary" : "";
  return `inet ${localText(address)}${broadcast} scope ${scope}${secondary} ${address.label}`;
}

interface Selection {
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

function selection(context: LabContext, options: IpOptions, words: Words, object: "link" | "address"): Selection {
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

function selected(net: NetNamespace, chosen: Selection): NetDevice[] {
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

const print = (context: LabContext, options: IpOptions, blocks: readonly (readonly string[])[]): void => {
  for (const lines of blocks) context.stdout.write(`${lines.join(options.oneLine ? "\\" : "\n")}\n`);
};

function showLinks(context: LabContext, options: IpOptions, words: Words): number {
  return printLinks(context, options, selection(context, options, words, "link"), true);
}

/** Devices as `ip link` shows them; `mode` is a word that `ip -0 address` leaves out. */
function printLinks(context: LabContext, options: IpOptions, chosen: Selection, mode: boolean): number {
  if (chosen.label !== null) return 0;
  const devices = selected(context.net, chosen);
  if (options.brief) {
    for (const dev of devices) {
      const mac = dev.flags & IFF_LOOPBACK ? "00:00:00:00:00:00" : dev.mac === null ? null : macText(dev.mac);
      const address = mac === null ? "" : `${mac} `;
      context.stdout.write(`${fullName(dev).padEnd(16)} ${dev.operState.padEnd(14)} ${address}${flagText(dev)} \n`);
    }
    return 0;
  }
  print(
    context,
    options,
    devices.map((dev) => [
      ...linkLines(dev, mode, null),
      ...(options.statistics > 0 ? statisticsLines(dev, options.statistics) : []),
    ]),
  );
  return 0;
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
        fitsFlags(flags, IFA_F_PERMANENT | (each.secondary ? IFA_F_SECONDARY : 0)) &&
        (label === null || label(each.label)) &&
        (to === null || ((each.local ^ (to.address as number)) & prefixMask(to.prefixLength)) === 0),
    ),
    addresses6: (only === null || only === 6 ? net.ip6.addresses(dev) : []).filter(
      (each) =>
        (scope === null || scopeOf6(each) === scope) &&
        fitsFlags(flags, IFA_F_PERMANENT) &&
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
        context.stdout.write(`${deviceAddressText(address)}\\${FOREVER}\n`);
    } else {
      const links = chosen.label === null;
      const lines = links
        ? linkLines(dev, false, familyOf(options, chosen), chosen.device !== null || options.family === null)
        : [];
      for (const address of addresses) lines.push(`    ${addressText(address)}`, FOREVER);
      for (const address of addresses6) lines.push(`    ${addressText6(address)}`, FOREVER);
      if (links && options.statistics > 0) lines.push(...statisticsLines(dev, options.statistics));
      context.stdout.write(lines.map((line) => `${line}\n`).join(""));
    }
  }
  return 0;
}

/** The bridge that a device is to be a port of. */
export function masterOf(net: NetNamespace, name: string): NetDevice {
  const master = net.devices.get(name);
  if (master === undefined) throw wrongArgument(name, "Device does not exist\n");
  return master;
}

/** `ip link`; a name: of what a part does with the words that are left. */
export function ipLink(
  context: LabContext,
  options: IpOptions,
  words: Words,
): number | "addLink" | "deleteLink" | "setLink" {
  const word = words.peek();
  if (word === undefined) return showLinks(context, options, words);
  const command = abbreviated(word, [
    "add",
    "set",
    "change",
    "replace",
    "delete",
    "show",
    "list",
    "lst",
    "afstats",
    "property",
    "help",
  ]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip link help".`, 255);
  words.next();
  if (command === "show" || command === "list" || command === "lst") return showLinks(context, options, words);
  if (command === "set" || command === "change") return "setLink";
  if (command === "add") return "addLink";
  if (command === "delete") return "deleteLink";
  if (command === "help") throw new UsageError("link");
  throw new IpError(`ip link ${command}: not supported by the lab`, 255);
}

const wildcardWarning = (text: string): string =>
  `Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length (${text}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
`;

function changeAddress(context: LabContext, options: IpOptions, words: Words, command: "add" | "del"): number {
  const { net } = context;
  const addresses = new AddressFamily(options);
  let device: NetDevice | null = null;
  let deviceName: string | null = null;
  let local: Cidr | Cidr6 | null = null;
  let localText = "";
  let nameless = false;
  let broadcastNameless = false;
  let peer: Cidr | Cidr6 | null = null;
  let broadcast: number | Int32Array | "+" | null = null;
  let scope: number | null = null;
  let label: string | null = null;
  while (!words.done) {
    if (words.take("dev")) deviceName = words.next();
    else if (words.take("peer", "remote")) {
      const text = words.next();
      peer = addresses.prefix(text);
      nameless ||= text === "any" || text === "all";
    } else if (words.take("broadcast", "brd")) {
      const text = words.next();
      broadcast = text === "+" ? "+" : text === "-" ? 0 : addresses.address(text);
      broadcastNameless = broadcast === null;
    } else if (words.take("scope")) scope = scopeOf(words.next(), "invalid scope value.");
    else if (words.take("label")) label = words.next();
    else if (words.take("nodad")) continue;
    else if (words.take("valid_lft", "preferred_lft"))
      throw new IpError("ip address: lifetimes are not supported by the lab", 255);
    else if (words.take("metric", "priority", "preference"))
      throw new IpError("ip address: a metric is not supported by the lab", 255);
    else if (words.take("noprefixroute", "home", "mngtmpaddr", "autojoin"))
      throw new IpError("ip address: flags of an address are not supported by the lab", 255);
    else {
      words.take("local");
      const text = words.next();
      if (local !== null && !EVERY.includes(localText))
        throw new IpError(`Error: either "local" is duplicate, or "${text}" is a garbage.`, 255);
      local = addresses.prefix(text);
      localText = text;
      nameless ||= EVERY.includes(text);
    }
  }
  if (deviceName === null) throw new IpError('Not enough information: "dev" argument is required.', 1);
  // Without a prefix length the tool leaves it to the kernel, which takes the first address that is like it.
  const wildcard =
    command === "del" && local !== null && peer === null && addresses.known !== 6 && !/\/|^[a-z]/.test(localText);
  if (addresses.known !== 4 && (broadcast === "+" || broadcast === 0))
    throw new IpError("Broadcast can be set only for IPv4 addresses", 1);
  if (wildcard) context.stderr.write(wildcardWarning(localText));
  device = deviceOf(net, deviceName);
  // An address of no length, which the kernel sees; of no family, there is nobody whom it could ask.
  if ((nameless && addresses.known !== null) || (broadcastNameless && addresses.known === 4))
    throw new IpError("Error: Attribute failed policy validation.", 2);
  if (local === null || EVERY.includes(localText)) throw new IpError("RTNETLINK answers: Operation not supported", 2);
  if (typeof local.address !== "number") {
    changeAddress6(context, device, local as Cidr6, peer as Cidr6 | null, command);
    return 0;
  }
  const target = device;
  const { address } = local;
  // A peer of no length leaves the address's.
  const prefixLength = peer?.prefixLength || local.prefixLength;
  const hostBits = prefixLength >= 31 ? 0 : 2 ** (32 - prefixLength) - 1;
  const request = {
    local: address,
    prefixLength,
    // They are of the address's family.
    ...(peer === null ? {} : { peer: peer.address as number }),
    ...(broadcast === null
      ? {}
      : { broadcast: broadcast === "+" ? (address | hostBits) >>> 0 : (broadcast as number) }),
    ...(scope === null ? (address >>> 24 === 127 ? { scope: RT_SCOPE_HOST } : {}) : { scope }),
    ...(label === null ? {} : { label }),
  };
  const like = wildcard ? net.ip.addresses(target).find((each) => each.local === request.local) : undefined;
  const deleted = like === undefined ? request : { ...request, prefixLength: like.prefixLength, peer: like.peer };
  netlink(() => (command === "add" ? net.ip.addAddress(target, request) : net.ip.deleteAddress(target, deleted)));
  return 0;
}

/** `ip address`; a name: of what a part does with the words that are left. */
export function ipAddress(context: LabContext, options: IpOptions, words: Words): number | "flushAddresses" {
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
      return changeAddress(context, options, words, "add");
    case "delete":
      return changeAddress(context, options, words, "del");
    case "flush":
      return "flushAddresses";
    case "help":
      throw new UsageError("address");
    default:
      throw new IpError(`ip address ${command}: not supported by the lab`, 255);
  }
}
