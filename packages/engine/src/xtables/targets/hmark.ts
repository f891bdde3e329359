/**
 * HMARK: a mark from a hash of addresses and ports, for spreading flows. Models hmark_tg_v4() and hmark_tg_v6(),
 * net/netfilter/xt_HMARK.c; ICMP errors hash as the packet they are about.
 */
import { jhash2, reciprocalScale } from "../../nat/jhash.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, IP_CT_UNTRACKED, NO_CT } from "../../skb.js";
import { get16, getInt32 } from "../../wire/bytes.js";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "../../wire/ipv4.js";
import {
  findHeader,
  found,
  IPV6_DST,
  IPV6_HEADER_LENGTH,
  IPV6_SRC,
  NEXTHDR_AUTH,
  NEXTHDR_FRAGMENT,
} from "../../wire/ipv6.js";
import { ParameterProblem, RulesetError } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam, type XtFamily } from "../extension.js";
import type { AddressWords } from "../ip-spec.js";
import { maskOf, maxPrefix, parsePrefix } from "../network.js";
import { hex, type OptionSpec, type OptionValues, uintOption } from "../options.js";

/** The options that shape the hash: id, hexadecimal digits in rules (0: a prefix length), and greatest value. */
const PARTS: readonly {
  readonly name: string;
  readonly digits: number;
  readonly max: number;
}[] = [
  { name: "src-prefix", digits: 0, max: 0 },
  { name: "dst-prefix", digits: 0, max: 0 },
  { name: "sport-mask", digits: 4, max: 0xffff },
  { name: "dport-mask", digits: 4, max: 0xffff },
  { name: "spi-mask", digits: 8, max: 0xffffffff },
  { name: "sport", digits: 4, max: 0xffff },
  { name: "dport", digits: 4, max: 0xffff },
  { name: "spi", digits: 8, max: 0xffffffff },
  { name: "proto-mask", digits: 2, max: 0xffff },
  { name: "rnd", digits: 8, max: 0xffffffff },
];

/** What `--hmark-tuple` sets, by its words. */
const TUPLE: ReadonlyMap<string, readonly [string, number]> = new Map([
  ["src", ["src-prefix", 128]],
  ["dst", ["dst-prefix", 128]],
  ["sport", ["sport-mask", 0xffff]],
  ["dport", ["dport-mask", 0xffff]],
  ["spi", ["spi-mask", 0xffffffff]],
  ["proto", ["proto-mask", 0xffff]],
  ["ct", ["ct", 1]],
]);

/** A host's prefix length, which the tool prints as nothing. */
const HOST_PREFIX_6 = 128;

type Settings = ReadonlyMap<string, number>;

function settingsOf(values: OptionValues): Map<string, number> {
  const settings = new Map<string, number>(values.get<Map<string, number>>("hmark-tuple") ?? []);
  for (const { name } of PARTS) {
    const value = values.get<number>(`hmark-${name}`);
    if (value === undefined) continue;
    if (settings.has(name)) throw new ParameterProblem(`HMARK: option "--hmark-${name}" can only be used once.\n`);
    settings.set(name, value);
  }
  return settings;
}

class HmarkTarget implements Target {
  readonly name: string = "HMARK";
  readonly #family: XtFamily;
  readonly #settings: Settings;
  readonly #modulus: number;
  readonly #offset: number;
  readonly #seed: number;
  readonly #srcMask: AddressWords;
  readonly #dstMask: AddressWords;
  /** Of both ports in one word, or of an SPI. */
  readonly #portMask: number;
  readonly #portSet: number;
  readonly #words = [0, 0, 0];

  constructor(family: XtFamily, settings: Settings, modulus: number, offset: number) {
    this.#family = family;
    this.#settings = settings;
    this.#modulus = modulus;
    this.#offset = offset;
    const set = (name: string): number => settings.get(name) ?? 0;
    this.#seed = set("rnd");
    this.#srcMask = maskOf(set("src-prefix"), family);
    this.#dstMask = maskOf(set("dst-prefix"), family);
    this.#portMask = (set("sport-mask") << 16) | set("dport-mask") | set("spi-mask");
    this.#portSet = (set("sport") << 16) | set("dport") | set("spi");
  }

  target(par: XtActionParam): number {
    if (this.#settings.has("ct")) return this.#markConnection(par);
    return this.#family === "ipv6" ? this.#markPacket6(par) : this.#markPacket4(par);
  }

  /** Models hmark_ct_set_htuple(). */
  #markConnection(par: XtActionParam): number {
    const { skb, net } = par;
    const { ct } = net;
    const entry = skb.nfct;
    if (entry === NO_CT || skb.ctinfo === IP_CT_UNTRACKED) return XT_CONTINUE;
    let src = 0;
    let dst = 0;
    for (let i = 0; i < this.#srcMask.length; i++) {
      src ^= ct.srcWordOf(entry, IP_CT_DIR_ORIGINAL, i) & this.#srcMask[i];
      dst ^= ct.srcWordOf(entry, IP_CT_DIR_REPLY, i) & this.#dstMask[i];
    }
    const protocol = ct.protonumOf(entry);
    const ports = (ct.sportOf(entry, IP_CT_DIR_ORIGINAL) << 16) | ct.sportOf(entry, IP_CT_DIR_REPLY);
    return this.#mark(par, src, dst, protocol, protocol === IPPROTO_ICMP ? 0 : this.#ports(ports));
  }

  /** Models hmark_pkt_set_htuple_ipv4(). */
  #markPacket4(par: XtActionParam): number {
    const { data, len } = par.skb;
    let at = par.proto === IPPROTO_ICMP ? innerPacket(data, par.thoff, len) : 0;
    const src = getInt32(data, at + 12) & this.#srcMask[0];
    const dst = getInt32(data, at + 16) & this.#dstMask[0];
    const protocol = data[at + 9];
    if (protocol === IPPROTO_ICMP || get16(data, at + 6) & 0x3fff) return this.#mark(par, src, dst, protocol, 0);
    at += (data[at] & 0xf) * 4;
    return this.#mark(par, src, dst, protocol, this.#portsAt(data, at, len, protocol));
  }

  /** Models hmark_pkt_set_htuple_ipv6(): the SPI of an authentication header stands for the ports behind it. */
  #markPacket6(par: XtActionParam): number {
    const { data, len } = par.skb;
    let nhoff = 0;
    let at = findHeader(data, 0, len, -1);
    if (at < 0) return this.#mark(par, 0, 0, 0, 0);
    if (found.nexthdr === IPPROTO_ICMPV6 && findHeader(data, 0, len, NEXTHDR_FRAGMENT) < 0) {
      const quotes = at + 8 <= len && data[at] > 0 && data[at] < 128;
      if (quotes) {
        nhoff = at + 8;
        if (nhoff + IPV6_HEADER_LENGTH > len) return XT_CONTINUE;
      }
    }
    let src = 0;
    let dst = 0;
    for (let i = 0; i < 4; i++) {
      src ^= getInt32(data, nhoff + IPV6_SRC + 4 * i) & this.#srcMask[i];
      dst ^= getInt32(data, nhoff + IPV6_DST + 4 * i) & this.#dstMask[i];
    }
    const fragment = findHeader(data, nhoff, len, NEXTHDR_FRAGMENT) >= 0;
    const auth = findHeader(data, nhoff, len, NEXTHDR_AUTH);
    at = auth >= 0 ? auth : findHeader(data, nhoff, len, -1);
    if (at < 0) return XT_CONTINUE;
    const protocol = found.nexthdr;
    const ports = fragment || protocol === IPPROTO_ICMPV6 ? 0 : this.#portsAt(data, at, len, protocol);
    return this.#mark(par, src, dst, protocol, ports);
  }

  /** Models hmark_set_tuple_ports(). */
  #portsAt(data: Uint8Array, header: number, len: number, protocol: number): number {
    if (!hasPorts(protocol)) return 0;
    const at = protocol === NEXTHDR_AUTH ? header + 4 : header;
    return at + 4 > len ? 0 : this.#ports(getInt32(data, at));
  }

  /** Masked, and ordered so that both directions hash alike. Models hmark_swap_ports(). */
  #ports(ports: number): number {
    const masked = (ports & this.#portMask) | this.#portSet;
    const first = masked >>> 16;
    const second = masked & 0xffff;
    return (Math.max(first, second) << 16) | Math.min(first, second);
  }

  /** Models hmark_hash(). */
  #mark({ skb }: XtActionParam, src: number, dst: number, protocol: number, ports: number): number {
    const words = this.#words;
    words[0] = Math.min(src >>> 0, dst >>> 0);
    words[1] = Math.max(src >>> 0, dst >>> 0);
    words[2] = ports;
    const hash = (jhash2(words, this.#seed) ^ (protocol & (this.#settings.get("proto-mask") ?? 0))) >>> 0;
    skb.mark = (reciprocalScale(hash, this.#modulus) + this.#offset) >>> 0;
    return XT_CONTINUE;
  }

  check(): void {
    if (this.#settings.has("spi") && (this.#settings.has("sport") || this.#settings.has("dport")))
      throw new RulesetError("EINVAL", "", "spi-set and port-set can't be combined");
  }

  save(): string {
    let text = "";
    for (const { name, digits } of PARTS) {
      const value = this.#settings.get(name);
      if (value !== undefined)
        text += ` --hmark-${name} ${digits === 0 ? value : `0x${value.toString(16).padStart(digits, "0")}`}`;
    }
    text += ` --hmark-mod ${this.#modulus}`;
    if (this.#offset !== 0) text += ` --hmark-offset ${this.#offset}`;
    return this.#settings.has("ct") ? `${text} --hmark-tuple ct` : text;
  }

  print(): string {
    let text = ` HMARK mod ${this.#modulus}${this.#offset === 0 ? "" : ` + ${hex(this.#offset)}`} `;
    if (this.#settings.has("ct")) text += "ct, ";
    for (const { name, digits } of PARTS) {
      const value = this.#settings.get(name);
      if (value !== undefined) text += `${name} ${digits > 0 ? hex(value) : value === HOST_PREFIX_6 ? "" : value} `;
    }
    return text;
  }
}

/** Protocols that begin with two ports or an SPI. */
function hasPorts(protocol: number): boolean {
  return [6, 17, 33, 50, 51, 132, 136].includes(protocol);
}

/** Where the packet stands that an ICMP error is about; 0 when it is none. */
function innerPacket(data: Uint8Array, at: number, len: number): number {
  const error = at + 28 <= len && [3, 4, 5, 11, 12].includes(data[at]);
  return error ? at + 8 : 0;
}

const option = (name: string, max: number): OptionSpec => ({ name: `hmark-${name}`, parse: uintOption(0, max) });

/** A mask that is none counts as that of a host. */
const prefixOption = (name: string): OptionSpec => ({
  name: `hmark-${name}`,
  parse: (text, call) => Math.min(parsePrefix(text, call), maxPrefix(call.family)),
});

export const hmarkTarget: TargetExtension = {
  kind: "target",
  name: "HMARK",
  tables: ["mangle"],
  help: `
HMARK target options, i.e. modify hash calculation by:
  --hmark-tuple [src|dst|sport|dport|spi|proto|ct][,...]
  --hmark-mod value		    nfmark modulus value
  --hmark-offset value		    Last action add value to nfmark

  --hmark-rnd			    Random see for hashing
 Alternatively, fine tuning of what will be included in hash calculation
  --hmark-src-prefix length	    Source address mask CIDR prefix
  --hmark-dst-prefix length	    Dest address mask CIDR prefix
  --hmark-sport-mask value	    Mask src port with value
  --hmark-dport-mask value	    Mask dst port with value
  --hmark-spi-mask value	    For esp and ah AND spi with value
  --hmark-sport value		    OR src port with value
  --hmark-dport value		    OR dst port with value
  --hmark-spi value		    For esp and ah OR spi with value
  --hmark-proto-mask value	    Mask Protocol with value
`,
  options: [
    {
      name: "hmark-tuple",
      parse(text, call) {
        const settings = new Map<string, number>();
        for (const word of text.split(",")) {
          const found = TUPLE.get(word);
          if (found === undefined) throw new ParameterProblem(`Bad type "${word}"`);
          settings.set(found[0], Math.min(found[1], found[1] === 128 ? maxPrefix(call.family) : found[1]));
        }
        return settings;
      },
    },
    ...PARTS.map(({ name, digits, max }) => (digits === 0 ? prefixOption(name) : option(name, max))),
    { name: "hmark-mod", parse: uintOption(1, 0xffffffff) },
    option("offset", 0xffffffff),
  ],
  finalCheck(values) {
    for (const option of ["mod", "rnd"])
      if (!values.has(`hmark-${option}`)) throw new ParameterProblem(`--hmark-${option} is mandatory`);
    const settings = settingsOf(values);
    if (settings.has("spi-mask") && (settings.has("sport-mask") || settings.has("dport-mask")))
      throw new ParameterProblem("you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time");
    if (settings.size === 1) throw new ParameterProblem("you have to specify --hmark-tuple at least");
  },
  build: (values, { family }) =>
    new HmarkTarget(
      family,
      settingsOf(values),
      values.get<number>("hmark-mod") as number,
      values.get<number>("hmark-offset") ?? 0,
    ),
};
