/** A device as `ip link` and `ip address` show it: its flags, its link layer, its counters. */
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_UP,
  type NetDevice,
  PairDevice,
} from "@netfilter-lab/engine";
import { groupText } from "./names.js";
import type { IpOptions } from "./options.js";
import { macText } from "./words.js";

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
export function linkLines(dev: NetDevice, mode: boolean, family: IpOptions["family"], one = true): string[] {
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
export function statisticsLines(dev: NetDevice, level: number): string[] {
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
