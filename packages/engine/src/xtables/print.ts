/**
 * Rules as text: the `-A` line of `iptables -S` and iptables-save, and the columns of `iptables -L`.
 * The layout is that of iptables 1.8.9 (iptables/xshared.c), checked against the tool.
 */

import { formatIPv4, formatIPv6 } from "../wire/address.js";
import { addressName } from "./network.js";
import { protocolName } from "./protocols.js";
import {
  type AddressWords,
  type Chain,
  INV_DST,
  INV_FRAGMENT,
  INV_PROTO,
  INV_SRC,
  INV_VIA_IN,
  INV_VIA_OUT,
  type IpSpec,
  isZero,
  type Rule,
} from "./rule.js";
import type { XtFlavour } from "./table.js";

/** The prefix length of a mask, or -1 when its ones are not contiguous. */
export function maskPrefix(mask: number): number {
  const zeros = Math.clz32(~mask >>> 0);
  const contiguous = zeros === 32 ? 0xffffffff : (0xffffffff << (32 - zeros)) >>> 0;
  return zeros === 0 ? (mask === 0 ? 0 : -1) : contiguous === mask >>> 0 ? zeros : -1;
}

/** The same of a mask of either family. */
export function wordsPrefix(mask: AddressWords): number {
  let length = 0;
  for (let i = 0; i < mask.length; i++) {
    const prefix = maskPrefix(mask[i] >>> 0);
    if (prefix < 0 || (prefix > 0 && length < 32 * i)) return -1;
    length += prefix;
  }
  return length;
}

/** An address of either family. */
export function addressText(words: AddressWords): string {
  return words.length === 1 ? formatIPv4(words[0]) : formatIPv6(words);
}

function maskText(mask: AddressWords): string {
  const prefix = wordsPrefix(mask);
  return prefix < 0 ? `/${addressText(mask)}` : `/${prefix}`;
}

function saveAddress(letter: "s" | "d", address: AddressWords, mask: AddressWords, inverted: boolean): string {
  if (isZero(address) && isZero(mask) && !inverted) return "";
  return `${inverted ? " !" : ""} -${letter} ${addressText(address)}${maskText(mask)}`;
}

function saveInterface(letter: "i" | "o", name: string, inverted: boolean, flavour: XtFlavour): string {
  // The legacy tool goes by the mask, of which a lone + has none, and forgets the `!` too.
  if (name === "" || (name === "+" && (!inverted || flavour === "legacy"))) return "";
  return `${inverted ? " !" : ""} -${letter} ${name}`;
}

/** The header part as `-S` prints it, with leading spaces. */
function ipText(ip: IpSpec, flavour: XtFlavour): string {
  let text = saveAddress("s", ip.src, ip.smask, (ip.inverted & INV_SRC) !== 0);
  text += saveAddress("d", ip.dst, ip.dmask, (ip.inverted & INV_DST) !== 0);
  text += saveInterface("i", ip.iniface, (ip.inverted & INV_VIA_IN) !== 0, flavour);
  text += saveInterface("o", ip.outiface, (ip.inverted & INV_VIA_OUT) !== 0, flavour);
  if (ip.proto !== 0) text += `${ip.inverted & INV_PROTO ? " !" : ""} -p ${protocolName(ip.proto) ?? String(ip.proto)}`;
  if (ip.fragment) text += `${ip.inverted & INV_FRAGMENT ? " !" : ""} -f`;
  return text;
}

/**
 * A rule as one `-A` line. `counters`: with `-c packets bytes` before the target, as `-S -v` prints. As the nft flavour
 * prints it, which tells any two rules apart, the text serves to find a rule again.
 */
export function ruleText(chain: string, rule: Rule, counters = false, flavour: XtFlavour = "nft"): string {
  let text = `-A ${chain}${ipText(rule.ip, flavour)}`;
  for (const match of rule.matches) if (match.unlisted !== true) text += ` -m ${match.name}${match.save()}`;
  if (counters) text += ` -c ${rule.packets} ${rule.bytes}`;
  if (rule.action.kind === "jump") text += ` -${rule.action.goto ? "g" : "j"} ${rule.action.chain.name}`;
  else if (rule.action.kind === "target") text += ` -j ${rule.action.target.name}${rule.action.target.save()}`;
  return text;
}

/** How `iptables -L` prints. */
export interface ListFormat {
  /** `-n` */
  readonly numeric: boolean;
  /** `-v` */
  readonly verbose: boolean;
  /** `-x` */
  readonly exact: boolean;
  readonly lineNumbers: boolean;
}

/** A counter with K, M, G, T after it when it is great, padded to a column when `width` is given. */
function counterText(value: number, exact: boolean, column: boolean): string {
  if (exact) return column ? `${String(value).padStart(8)} ` : `${value} `;
  if (value <= 99999) return column ? `${String(value).padStart(5)} ` : `${value} `;
  let rest = value;
  let text = "";
  for (const unit of ["K", "M", "G", "T"]) {
    rest = Math.floor((rest + 500) / 1000);
    text = unit;
    if (rest <= 9999 || unit === "T") break;
  }
  return column ? `${String(rest).padStart(4)}${text} ` : `${rest}${text} `;
}

function listAddress(address: AddressWords, mask: AddressWords, numeric: boolean): string {
  // Of an IPv6 network the tool looks at the address alone, and forgets the mask.
  if (isZero(mask.length === 1 ? mask : address) && !numeric) return "anywhere";
  const name = numeric || address.length > 1 ? undefined : addressName(address[0]);
  const host = name ?? addressText(address);
  return wordsPrefix(mask) === 32 * mask.length ? host : host + maskText(mask);
}

/** Two lines above a chain's rules. */
export function chainHeading(chain: Chain, references: number, format: ListFormat): string {
  let text = `Chain ${chain.name}`;
  if (chain.hook !== null) {
    text += ` (policy ${chain.policy}`;
    if (format.verbose)
      text += ` ${counterText(chain.policyPackets, format.exact, false)}packets, ${counterText(chain.policyBytes, format.exact, false)}bytes`;
    text += ")\n";
  } else {
    text += ` (${references} references)\n`;
  }
  if (format.lineNumbers) text += "num  ";
  if (format.verbose)
    text += format.exact
      ? `${"pkts".padStart(8)} ${"bytes".padStart(10)} `
      : `${"pkts".padStart(5)} ${"bytes".padStart(5)} `;
  text += "target     prot opt ";
  if (format.verbose) text += "in     out     ";
  return `${text}source               destination         \n`;
}

/** NOTRACK is CT's older name, and listed as CT. */
function listedName(target: string): string {
  return target === "NOTRACK" ? "CT" : target;
}

/** A rule as `iptables -v -A` prints it on one line. */
export function verboseRule(rule: Rule): string {
  const { ip } = rule;
  const flag = (bit: number): string => (ip.inverted & bit ? "!" : " ");
  const name =
    rule.action.kind === "jump" ? rule.action.chain.name : rule.action.kind === "target" ? rule.action.target.name : "";
  const fragment = ip.fragment ? (ip.inverted & INV_FRAGMENT ? "!f" : "-f") : "--";
  let text = `${name} ${flag(INV_PROTO)}${protocolName(ip.proto) ?? String(ip.proto)} opt ${fragment}`;
  text += ` in ${ip.inverted & INV_VIA_IN ? "!" : ""}${ip.iniface || "*"}`;
  text += ` out ${ip.inverted & INV_VIA_OUT ? "!" : ""}${ip.outiface || "*"} `;
  text += `${flag(INV_SRC)}${listAddress(ip.src, ip.smask, true)} `;
  text += `${flag(INV_DST)}-> ${listAddress(ip.dst, ip.dmask, true)}  `;
  if (rule.goto) text += "[goto] ";
  for (const match of rule.matches) text += match.print(true);
  if (rule.action.kind === "target") text += rule.action.target.print(true);
  return `${text}\n`;
}

/** One rule as a line of `iptables -L`. */
export function listRule(rule: Rule, number: number, format: ListFormat): string {
  const { ip } = rule;
  const flag = (bit: number): string => (ip.inverted & bit ? "!" : " ");
  let text = format.lineNumbers ? `${String(number).padEnd(4)} ` : "";
  if (format.verbose)
    text += counterText(rule.packets, format.exact, true) + counterText(rule.bytes, format.exact, true);
  const name =
    rule.action.kind === "jump"
      ? rule.action.chain.name
      : rule.action.kind === "target"
        ? listedName(rule.action.target.name)
        : "";
  text += `${name.padEnd(9)} `;
  const proto = format.numeric ? String(ip.proto) : (protocolName(ip.proto) ?? String(ip.proto));
  text += `${flag(INV_PROTO)}${proto.padEnd(4)} `;
  text += ip.fragment ? (ip.inverted & INV_FRAGMENT ? "!f" : "-f") : "--";
  text += " ";
  if (format.verbose) {
    const any = format.numeric ? "*" : "any";
    const iface = (interfaceName: string, bit: number): string =>
      (ip.inverted & bit ? "!" : "") + (interfaceName === "" ? any : interfaceName);
    text += ` ${iface(ip.iniface, INV_VIA_IN).padEnd(6)} ${iface(ip.outiface, INV_VIA_OUT).padEnd(6)} `;
  }
  text += `${flag(INV_SRC)}${listAddress(ip.src, ip.smask, format.numeric).padEnd(19)} `;
  text += `${flag(INV_DST)}${listAddress(ip.dst, ip.dmask, format.numeric).padEnd(19)} `;
  if (rule.goto) text += "[goto] ";
  for (const match of rule.matches) text += match.print(format.numeric);
  if (rule.action.kind === "target") text += rule.action.target.print(format.numeric);
  return `${text}\n`;
}
