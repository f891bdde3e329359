/**
 * Chains and rules in the columns of `iptables -L`, and as `iptables -v -A` tells of one. The layout is that of
 * iptables
 * 1.8.9 (iptables/xshared.c), checked against the tool.
 */
import type { Chain } from "./chain.js";
import {
  type AddressWords,
  INV_DST,
  INV_FRAGMENT,
  INV_PROTO,
  INV_SRC,
  INV_VIA_IN,
  INV_VIA_OUT,
  isZero,
} from "./ip-spec.js";
import { addressName } from "./network.js";
import { addressText, maskText, wordsPrefix } from "./print.js";
import { protocolName } from "./protocols.js";
import type { Rule } from "./rule.js";

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
