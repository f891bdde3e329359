/** Names that iproute2 reads from /etc/iproute2, as Debian 12 ships it: tables, protocols, DS fields. */
import {
  protocolName,
  protocolNumber,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
} from "@netfilter-lab/engine";
import { numberOf, strtol, wrongArgument } from "./words.js";

type Names = ReadonlyMap<number, string>;

/** rt_tables. */
const TABLES: Names = new Map([
  [RT_TABLE_LOCAL, "local"],
  [RT_TABLE_MAIN, "main"],
  [RT_TABLE_DEFAULT, "default"],
  [RT_TABLE_UNSPEC, "unspec"],
]);

/** rt_protos. */
const PROTOCOLS: Names = new Map([
  [0, "unspec"],
  [1, "redirect"],
  [2, "kernel"],
  [3, "boot"],
  [4, "static"],
  [8, "gated"],
  [9, "ra"],
  [10, "mrt"],
  [11, "zebra"],
  [12, "bird"],
  [13, "dnrouted"],
  [14, "xorp"],
  [15, "ntk"],
  [16, "dhcp"],
  [18, "keepalived"],
  [42, "babel"],
  [99, "openr"],
  [186, "bgp"],
  [187, "isis"],
  [188, "ospf"],
  [189, "rip"],
  [192, "eigrp"],
]);

/** rt_dsfield. */
const DSFIELDS: Names = new Map([
  [0x00, "default"],
  [0x28, "AF11"],
  [0x30, "AF12"],
  [0x38, "AF13"],
  [0x48, "AF21"],
  [0x50, "AF22"],
  [0x58, "AF23"],
  [0x68, "AF31"],
  [0x70, "AF32"],
  [0x78, "AF33"],
  [0x88, "AF41"],
  [0x90, "AF42"],
  [0x98, "AF43"],
  [0x20, "CS1"],
  [0x40, "CS2"],
  [0x60, "CS3"],
  [0x80, "CS4"],
  [0xa0, "CS5"],
  [0xc0, "CS6"],
  [0xe0, "CS7"],
  [0xb8, "EF"],
]);

/** Types of routes, and so of rules' actions, in `rtnl_rtntype_a2n()`'s order; some may be abbreviated. */
const TYPES: readonly (readonly [name: string, number: number, whole: boolean])[] = [
  ["local", 2, true],
  ["nat", 10, true],
  ["broadcast", 3, false],
  ["brd", 3, true],
  ["anycast", 4, false],
  ["multicast", 5, false],
  ["prohibit", 8, false],
  ["unreachable", 7, false],
  ["blackhole", 6, false],
  ["xresolve", 11, false],
  ["unicast", 1, false],
  ["throw", 9, true],
];

function named(names: Names, text: string): number | undefined {
  for (const [number, name] of names) if (name === text) return number;
  return undefined;
}

/** A routing table by name or number; `what` is the complaint. */
export function tableOf(text: string, what = "table id value is invalid\n"): number {
  return named(TABLES, text) ?? numberOf(text, what);
}

export function tableName(table: number): string {
  return TABLES.get(table) ?? String(table);
}

/** A group of devices by its number, or by the one name that /etc/iproute2/group has; `what` is the complaint. */
export function groupOf(text: string, what: string): number {
  return text === "default" ? 0 : numberOf(text, what, 0x7fffffff);
}

export function groupText(group: number): string {
  return group === 0 ? "default" : String(group);
}

/** Who made a route or a rule, by name or number. */
export function protocolOf(text: string, what = '"protocol" value is invalid\n'): number {
  return named(PROTOCOLS, text) ?? numberOf(text, what, 0xff);
}

export function protocolText(protocol: number): string {
  return PROTOCOLS.get(protocol) ?? String(protocol);
}

/** A TOS byte by name, or as a number of base 16. */
export function dsfieldOf(text: string, what: string): number {
  const known = named(DSFIELDS, text);
  if (known !== undefined) return known;
  if (!/^(0[xX])?[0-9a-fA-F]+$/.test(text) || Number.parseInt(text, 16) > 0xff) throw wrongArgument(text, what);
  return Number.parseInt(text, 16);
}

export function dsfieldText(tos: number): string {
  return DSFIELDS.get(tos) ?? `0x${tos.toString(16).padStart(2, "0")}`;
}

/** The number of a type of route; null for a word that is none. Models `rtnl_rtntype_a2n()`. */
export function routeTypeOf(text: string): number | null {
  const found = TYPES.find(([name, , whole]) => (whole ? name === text : text !== "" && name.startsWith(text)));
  if (found !== undefined) return found[1];
  const number = strtol(text);
  return number !== undefined && number >= 0 && number <= 0xff ? number : null;
}

/** Models `rtnl_rtntype_n2a()`. */
export function routeTypeText(type: number): string {
  if (type === 0) return "none";
  return TYPES.find(([, number]) => number === type)?.[0] ?? String(type);
}

/** A transport protocol by name or number. Models `inet_proto_a2n()`. */
export function ipProtocolOf(text: string, what: string): number {
  return protocolNumber(text) ?? numberOf(text, what, 0xff);
}

/** Models `inet_proto_n2a()`. */
export function ipProtocolText(protocol: number): string {
  return protocolName(protocol) ?? `ipproto-${protocol}`;
}
