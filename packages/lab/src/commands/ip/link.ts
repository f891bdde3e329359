/** `ip link` and `ip address`: devices, their addresses, their counters. */
import {
  type Cidr,
  type Cidr6,
  EOPNOTSUPP,
  formatIPv4,
  formatIPv6,
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
  SystemError,
  samePrefixIPv6,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import { addressText6, changeAddress6, scopeOf6 } from "./ipv6.js";
import { groupOf, groupText } from "./names.js";
import { SCOPES, scopeOf } from "./scope.js";
import {
  abbreviated,
  deviceOf,
  EVERY,
  IpError,
  integerOf,
  listedDeviceOf,
  macOf,
  macText,
  netlink,
  oneDevice,
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

function addressText(address: InterfaceAddress): string {
  const local = formatIPv4(address.local);
  const peer = address.peer === address.local ? "" : ` peer ${formatIPv4(address.peer)}`;
  const broadcast = address.broadcast === 0 ? "" : ` brd ${formatIPv4(address.broadcast)}`;
  const scope = SCOPES.get(address.scope) ?? String(address.scope);
  const secondary = address.secondary ? " secondary" : "";
  return `inet ${local}${peer}/${address.prefixLength}${broadcast} scope ${scope}${secondary} ${address.label}`;
}

interface Selection {
  readonly device: NetDevice | null;
  readonly upOnly: boolean;
  readonly scope: number | null;
  readonly to: Cidr | Cidr6 | null;
  readonly kind: string | null;
  readonly master: string | null;
  readonly group: number | null;
}

function selection(context: LabContext, options: IpOptions, words: Words): Selection {
  let name: string | null = null;
  let upOnly = false;
  let scope: number | null = null;
  let to: Selection["to"] = null;
  let kind: string | null = null;
  let master: string | null = null;
  let group: number | null = null;
  while (!words.done) {
    if (words.take("up")) upOnly = true;
    else if (words.take("scope")) scope = scopeOf(words.next(), 'invalid "scope"\n');
    else if (words.take("to")) to = new AddressFamily(options).readPrefix(words.next());
    else if (words.take("type")) kind = words.next();
    else if (words.take("master")) master = masterOf(context.net, words.next()).name;
    else if (words.take("group")) group = groupOf(words.next(), 'Invalid "group" value\n');
    else {
      words.take("dev");
      name = oneDevice(name, words.next());
    }
  }
  const device = name === null ? null : listedDeviceOf(context.net, name);
  return { device, upOnly, scope, to, kind, master, group };
}

function selected(net: NetNamespace, chosen: Selection): NetDevice[] {
  return [...net.devices.values()].filter(
    (dev) =>
      (chosen.device === null || dev === chosen.device) &&
      (!chosen.upOnly || dev.up) &&
      (chosen.kind === null || dev.kind === chosen.kind) &&
      (chosen.master === null || dev.master?.name === chosen.master) &&
      (chosen.group === null || dev.group === chosen.group),
  );
}

const print = (context: LabContext, options: IpOptions, blocks: readonly (readonly string[])[]): void => {
  for (const lines of blocks) context.stdout.write(`${lines.join(options.oneLine ? "\\" : "\n")}\n`);
};

function showLinks(context: LabContext, options: IpOptions, words: Words): number {
  return printLinks(context, options, selected(context.net, selection(context, options, words)), true);
}

/** Devices as `ip link` shows them; `mode` is a word that `ip -0 address` leaves out. */
function printLinks(context: LabContext, options: IpOptions, devices: readonly NetDevice[], mode: boolean): number {
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
  { scope, to }: Selection,
  dev: NetDevice,
): {
  readonly addresses: readonly InterfaceAddress[];
  readonly addresses6: readonly IfAddr6[];
} {
  const prefix6 = to !== null && typeof to.address !== "number" ? to.address : null;
  const only = family ?? (to === null ? null : prefix6 === null ? 4 : 6);
  return {
    addresses: (only === null || only === 4 ? net.ip.addresses(dev) : []).filter(
      (each) =>
        (scope === null || each.scope === scope) &&
        (to === null || ((each.local ^ (to.address as number)) & prefixMask(to.prefixLength)) === 0),
    ),
    addresses6: (only === null || only === 6 ? net.ip6.addresses(dev) : []).filter(
      (each) =>
        (scope === null || scopeOf6(each) === scope) &&
        (to === null || (prefix6 !== null && samePrefixIPv6(each.local, prefix6, to.prefixLength))),
    ),
  };
}

/** Deletes the addresses that a listing would show. Models `ipaddr_flush()`. */
function flushAddresses(context: LabContext, options: IpOptions, words: Words): number {
  if (words.done) throw new IpError("Flush requires arguments.", 1);
  if (options.family === 0) throw new IpError("Cannot flush link addresses.", 1);
  const { ip, ip6 } = context.net;
  const chosen = selection(context, options, words);
  for (const dev of selected(context.net, chosen))
    for (;;) {
      // With a first address of a network its others go.
      const { addresses, addresses6 } = addressesOf(context, options, chosen, dev);
      if (addresses.length > 0) ip.deleteAddress(dev, addresses[0]);
      else if (addresses6.length > 0) ip6.deleteAddress(dev, addresses6[0].local, addresses6[0].prefixLength);
      else break;
    }
  return 0;
}

function showAddresses(context: LabContext, options: IpOptions, words: Words): number {
  const chosen = selection(context, options, words);
  if (options.family === 0) return printLinks(context, options, selected(context.net, chosen), false);
  for (const dev of selected(context.net, chosen)) {
    const { addresses, addresses6 } = addressesOf(context, options, chosen, dev);
    // A device that has no address at all is left out only where a family was said.
    const said = options.family !== null || chosen.to !== null;
    const has = context.net.ip.addresses(dev).length + context.net.ip6.addresses(dev).length > 0;
    if ((said || has) && addresses.length + addresses6.length === 0) continue;
    if (options.brief) {
      const list = [
        ...addresses.map((address) => `${formatIPv4(address.local)}/${address.prefixLength} `),
        ...addresses6.map((address) => `${formatIPv6(address.local)}/${address.prefixLength} `),
      ].join("");
      const name = options.family === 6 && chosen.device === null ? dev.name : fullName(dev);
      context.stdout.write(`${name.padEnd(16)} ${dev.operState.padEnd(14)} ${list}\n`);
    } else if (options.oneLine) {
      for (const address of addresses)
        context.stdout.write(
          `${dev.ifindex}: ${dev.name}    ${addressText(address)}\\       valid_lft forever preferred_lft forever\n`,
        );
      for (const address of addresses6)
        context.stdout.write(
          `${dev.ifindex}: ${dev.name}    ${addressText6(address)}\\       valid_lft forever preferred_lft forever\n`,
        );
    } else {
      const lines = linkLines(dev, false, options.family, chosen.device !== null);
      for (const address of addresses)
        lines.push(`    ${addressText(address)}`, "       valid_lft forever preferred_lft forever");
      for (const address of addresses6)
        lines.push(`    ${addressText6(address)}`, "       valid_lft forever preferred_lft forever");
      if (options.statistics > 0) lines.push(...statisticsLines(dev, options.statistics));
      context.stdout.write(`${lines.join("\n")}\n`);
    }
  }
  return 0;
}

/** The bridge that a device is to be a port of. */
function masterOf(net: NetNamespace, name: string): NetDevice {
  const master = net.devices.get(name);
  if (master === undefined) throw wrongArgument(name, "Device does not exist\n");
  return master;
}

function setLink(context: LabContext, words: Words): number {
  const { net } = context;
  let device: string | null = null;
  const changes: ((dev: NetDevice) => void)[] = [];
  const given = new Set<string>();
  const once = (name: string): string => {
    const text = words.next();
    if (given.has(name)) throw new IpError(`Error: duplicate "${name}": "${text}" is the second value.`, 255);
    given.add(name);
    return text;
  };
  const integer = (name: string): number => integerOf(once(name), `Invalid "${name}" value\n`);
  let group: number | null = null;
  while (!words.done) {
    const word = words.next();
    if (word === "up") changes.push((dev) => net.ip.setUp(dev));
    else if (word === "down") changes.push((dev) => net.ip.setDown(dev));
    else if (word === "mtu") {
      const mtu = integer("mtu");
      changes.push((dev) => net.ip.setMtu(dev, mtu));
    } else if (word === "address") {
      const mac = macOf(words.next());
      changes.push((dev) => {
        dev.mac = mac;
        if (dev.bridge !== null) dev.bridge.addressChosen = true;
      });
    } else if (word === "txqueuelen" || word === "qlen") {
      const length = integer("txqueuelen");
      changes.push((dev) => {
        dev.txQueueLength = length;
      });
    } else if (word === "master") {
      const master = masterOf(net, words.next());
      changes.push((dev) => {
        if (master.bridge === null) throw new SystemError(EOPNOTSUPP);
        master.bridge.addPort(dev);
      });
    } else if (word === "group") group = groupOf(once("group"), 'Invalid "group" value\n');
    else if (word === "nomaster") changes.push((dev) => dev.master?.removePort(dev));
    else if (["netns", "name", "alias", "promisc", "arp", "vf", "xdp"].includes(word))
      throw new IpError(`ip link set ${word}: not supported by the lab`, 255);
    else {
      device = oneDevice(device, word === "dev" ? words.next() : word);
      if (/^$|[/\s]/.test(device)) throw wrongArgument(device, '"dev" not a valid ifname');
    }
  }
  if (device === null && group === null) throw new IpError('Not enough information: "dev" argument is required.', 255);
  // Without a device, a group says which are meant; with one, which it is to be of.
  const targets =
    device === null ? [...net.devices.values()].filter((dev) => dev.group === group) : [deviceOf(net, device)];
  for (const target of targets) {
    for (const change of changes) netlink(() => change(target));
    if (device !== null && group !== null) {
      target.group = group;
      // Rules may ask for it.
      net.ip.fib.invalidate();
    }
  }
  return 0;
}

/** `ip link`; a name: of what a part does with the words that are left. */
export function ipLink(context: LabContext, options: IpOptions, words: Words): number | "addLink" | "deleteLink" {
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
  if (command === "set" || command === "change") return setLink(context, words);
  if (command === "add") return "addLink";
  if (command === "delete") return "deleteLink";
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
  let peer: Cidr | Cidr6 | null = null;
  let broadcast: number | Int32Array | "+" | null = null;
  let scope: number | null = null;
  let label: string | null = null;
  while (!words.done) {
    if (words.take("dev")) deviceName = words.next();
    else if (words.take("peer", "remote")) peer = addresses.prefix(words.next());
    else if (words.take("broadcast", "brd")) {
      const text = words.next();
      broadcast = text === "+" ? "+" : text === "-" ? 0 : addresses.address(text);
    } else if (words.take("scope")) scope = scopeOf(words.next(), "invalid scope value.");
    else if (words.take("label")) label = words.next();
    else if (words.take("nodad")) continue;
    else if (words.take("valid_lft", "preferred_lft"))
      throw new IpError("ip address: lifetimes are not supported by the lab", 255);
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
  if (addresses.known === 6 && (broadcast === "+" || broadcast === 0))
    throw new IpError("Broadcast can be set only for IPv4 addresses", 1);
  if (wildcard) context.stderr.write(wildcardWarning(localText));
  device = deviceOf(net, deviceName);
  // An address of no length, which the kernel sees; of no family, there is nobody whom it could ask.
  if (nameless && addresses.known !== null) throw new IpError("Error: Attribute failed policy validation.", 2);
  if (local === null || EVERY.includes(localText)) throw new IpError("RTNETLINK answers: Operation not supported", 2);
  if (typeof local.address !== "number") {
    if (peer !== null) throw new IpError("ip address: peers of IPv6 are not supported by the lab", 255);
    changeAddress6(context, device, local as Cidr6, command);
    return 0;
  }
  const target = device;
  const { address } = local;
  const prefixLength = peer?.prefixLength ?? local.prefixLength;
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

export function ipAddress(context: LabContext, options: IpOptions, words: Words): number {
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
      return flushAddresses(context, options, words);
    default:
      throw new IpError(`ip address ${command}: not supported by the lab`, 255);
  }
}
