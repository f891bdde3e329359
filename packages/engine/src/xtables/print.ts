/**
 * Rules as text: the `-A` line of `iptables -S` and iptables-save. The layout is that of iptables 1.8.9
 * (iptables/xshared.c), checked against the tool.
 */

import { formatIPv4, formatIPv6 } from "../wire/address.js";
import {
  type AddressWords,
  INV_DST,
  INV_FRAGMENT,
  INV_PROTO,
  INV_SRC,
  INV_VIA_IN,
  INV_VIA_OUT,
  type IpSpec,
  isZero,
} from "./ip-spec.js";
import { protocolName } from "./protocols.js";
import type { Rule } from "./rule.js";
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

/** A mask as it stands behind an address. */
export function maskText(mask: AddressWords): string {
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
