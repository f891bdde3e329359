/**
 * HMARK: a mark from a hash of addresses and ports, for spreading flows. Models hmark_tg_v4(), net/netfilter/xt_HMARK.c;
 * ICMP errors hash as the packet they are about.
 */
import { jhash2, littleEndian, reciprocalScale } from "../../nat/jhash.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, IP_CT_UNTRACKED, NO_CT } from "../../skb.js";
import { prefixMask } from "../../wire/address.js";
import { get16, get32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { hex, type OptionSpec, type OptionValues, uintOption } from "../options.js";

/** The options that shape the hash: id, how they are printed in rules, and greatest value. */
const PARTS: readonly {
  readonly name: string;
  readonly digits: number;
  readonly max: number;
}[] = [
  { name: "src-prefix", digits: 0, max: 32 },
  { name: "dst-prefix", digits: 0, max: 32 },
  { name: "sport-mask", digits: 4, max: 0xffff },
  { name: "dport-mask", digits: 4, max: 0xffff },
  { name: "spi-mask", digits: 8, max: 0xffffffff },
  { name: "sport", digits: 4, max: 0xffff },
  { name: "dport", digits: 4, max: 0xffff },
  { name: "spi", digits: 8, max: 0xffffffff },
  { name: "proto-mask", digits: 1, max: 0xffff },
  { name: "rnd", digits: 8, max: 0xffffffff },
];

/** What `--hmark-tuple` sets, by its words. */
const TUPLE: ReadonlyMap<string, readonly [string, number]> = new Map([
  ["src", ["src-prefix", 32]],
  ["dst", ["dst-prefix", 32]],
  ["sport", ["sport-mask", 0xffff]],
  ["dport", ["dport-mask", 0xffff]],
  ["spi", ["spi-mask", 0xffffffff]],
  ["proto", ["proto-mask", 0xffff]],
  ["ct", ["ct", 1]],
]);

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

function addressMask(settings: Settings, name: string): number {
  const prefix = settings.get(name);
  return prefix === undefined ? 0 : prefixMask(prefix);
}

class HmarkTarget implements Target {
  readonly name: string = "HMARK";
  readonly #settings: Settings;
  readonly #modulus: number;
  readonly #offset: number;
  readonly #seed: number;
  readonly #srcMask: number;
  readonly #dstMask: number;
  readonly #words = [0, 0, 0];

  constructor(settings: Settings, modulus: number, offset: number) {
    this.#settings = settings;
    this.#modulus = modulus;
    this.#offset = offset;
    this.#seed = settings.get("rnd") ?? 0;
    this.#srcMask = addressMask(settings, "src-prefix");
    this.#dstMask = addressMask(settings, "dst-prefix");
  }

  target(par: XtActionParam): number {
    const { skb, net } = par;
    const { ct } = net;
    let src: number;
    let dst: number;
    let ports = -1;
    let protocol = skb.data[9];
    if (this.#settings.has("ct")) {
      if (skb.nfct === NO_CT || skb.ctinfo === IP_CT_UNTRACKED) return XT_CONTINUE;
      src = ct.srcOf(skb.nfct, IP_CT_DIR_ORIGINAL);
      dst = ct.srcOf(skb.nfct, IP_CT_DIR_REPLY);
      protocol = ct.protonumOf(skb.nfct);
      ports = ct.sportOf(skb.nfct, IP_CT_DIR_ORIGINAL) * 0x10000 + ct.sportOf(skb.nfct, IP_CT_DIR_REPLY);
    } else {
      const { data } = skb;
      let at = par.fragoff === 0 && protocol === 1 ? innerPacket(data, par.thoff, skb.len) : 0;
      src = get32(data, at + 12);
      dst = get32(data, at + 16);
      protocol = data[at + 9];
      if (get16(data, at + 6) & 0x3fff) return this.#mark(par, src, dst, protocol, 0);
      at += (data[at] & 0xf) * 4 + (protocol === 51 ? 4 : 0);
      if (protocol !== 1 && at + 4 <= skb.len && hasPorts(protocol)) ports = get32(data, at);
    }
    return this.#mark(par, src, dst, protocol, ports < 0 ? 0 : this.#ports(ports, protocol));
  }

  #ports(ports: number, protocol: number): number {
    const set = (name: string): number => this.#settings.get(name) ?? 0;
    if (protocol === 50 || protocol === 51) return ((ports & set("spi-mask")) | set("spi")) >>> 0;
    const first = ((ports >>> 16) & set("sport-mask")) | set("sport");
    const second = (ports & 0xffff & set("dport-mask")) | set("dport");
    return Math.max(first, second) * 0x10000 + Math.min(first, second);
  }

  #mark({ skb }: XtActionParam, src: number, dst: number, protocol: number, ports: number): number {
    // The addresses are ordered, so that both directions hash alike.
    const a = littleEndian(src & this.#srcMask) >>> 0;
    const b = littleEndian(dst & this.#dstMask) >>> 0;
    const words = this.#words;
    words[0] = Math.max(a, b);
    words[1] = Math.min(a, b);
    words[2] = ports;
    const hash = (jhash2(words, this.#seed) ^ (protocol & (this.#settings.get("proto-mask") ?? 0))) >>> 0;
    skb.mark = (reciprocalScale(hash, this.#modulus) + this.#offset) >>> 0;
    return XT_CONTINUE;
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
    return this.#settings.has("ct") ? ` --hmark-tuple ct${text}` : text;
  }

  print(): string {
    let text = ` HMARK mod ${this.#modulus}${this.#offset === 0 ? "" : ` + ${hex(this.#offset)}`} `;
    if (this.#settings.has("ct")) text += "ct, ";
    for (const { name, digits } of PARTS) {
      const value = this.#settings.get(name);
      if (value !== undefined) text += `${name} ${digits === 0 ? value : hex(value)} `;
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

export const hmarkTarget: TargetExtension = {
  kind: "target",
  name: "HMARK",
  families: ["ipv4"],
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
      parse(text) {
        const settings = new Map<string, number>();
        for (const word of text.split(",")) {
          const found = TUPLE.get(word);
          if (found === undefined) throw new ParameterProblem(`Bad type "${word}"`);
          settings.set(found[0], found[1]);
        }
        return settings;
      },
    },
    ...PARTS.map(({ name, max }) => option(name, max)),
    { name: "hmark-mod", parse: uintOption(1, 0xffffffff) },
    option("offset", 0xffffffff),
  ],
  finalCheck(values) {
    settingsOf(values);
    if (!values.has("hmark-mod")) throw new ParameterProblem("--hmark-mod is mandatory");
  },
  build: (values) =>
    new HmarkTarget(
      settingsOf(values),
      values.get<number>("hmark-mod") as number,
      values.get<number>("hmark-offset") ?? 0,
    ),
};
