/**
 * SNPT and DNPT: an IPv6 prefix is exchanged for another without a connection being kept, and 16 bits behind it are
 * changed so that no checksum notices (RFC 6296). The packet that an ICMPv6 error quotes gets its prefix back.
 * Models ip6t_npt_map_pfx(), ip6t_snpt_tg() and ip6t_dnpt_tg(), net/ipv6/netfilter/ip6t_NPT.c.
 */
import {
  NF_DROP,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from "../../hooks.js";
import { readInto } from "../../ip6/address.js";
import { quotedHeader } from "../../ip6/icmp.js";
import { equalIPv6, IPV6_WORDS, maskIPv6, prefixMaskIPv6, samePrefixIPv6 } from "../../wire/address.js";
import { get16, getInt32, put16, put32 } from "../../wire/bytes.js";
import { checksumFold } from "../../wire/checksum.js";
import { ICMPV6_HDR_FIELD, ICMPV6_PARAMPROB } from "../../wire/icmpv6.js";
import { IPV6_DST, IPV6_SRC } from "../../wire/ipv6.js";
import { RulesetError } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { maxPrefix, parseHost, parsePrefix } from "../network.js";
import type { OptionCall } from "../options.js";
import { addressText } from "../print.js";

interface Prefix {
  readonly address: Int32Array;
  readonly length: number;
}

/** `address/length`. Models XTTYPE_HOSTMASK. */
function prefixOf(text: string, call: OptionCall): Prefix {
  const slash = text.indexOf("/");
  const address = parseHost(slash < 0 ? text : text.slice(0, slash), call) as Int32Array;
  return { address, length: slash < 0 ? maxPrefix(call.family) : parsePrefix(text.slice(slash + 1), call) };
}

const prefixText = ({ address, length }: Prefix): string => `${addressText(address)}/${length}`;

/** A prefix behind its word; of no address and no bits neither is saved, though the tool would want it back. */
function said(word: string, prefix: Prefix): string {
  return prefix.length === 0 && prefix.address.every((each) => each === 0) ? "" : word + prefixText(prefix);
}

const folded = (sum: number): number => ~checksumFold(sum) & 0xffff;

/** The one's complement sum of an address. */
function sumOf(address: Int32Array): number {
  let sum = 0;
  for (const word of address) sum += (word & 0xffff) + (word >>> 16);
  return folded(sum);
}

/** Reused for every packet that an error quotes. */
const quotedAddress = new Int32Array(IPV6_WORDS);

function covers({ address, length }: Prefix, data: Uint8Array, at: number): boolean {
  return samePrefixIPv6(readInto(quotedAddress, data, at), address, length);
}

/** What one rule does to an address. */
class PrefixMap {
  readonly #from: Prefix;
  readonly #to: Prefix;
  /** Bits that are exchanged: as many as the longer prefix has. */
  readonly #length: number;
  readonly #mask: Int32Array;
  /** What the new prefix takes from an address's sum. */
  readonly #adjustment: number;

  constructor(from: Prefix, to: Prefix) {
    this.#from = from;
    this.#to = to;
    this.#length = Math.max(from.length, to.length);
    this.#mask = prefixMaskIPv6(Math.min(this.#length, 128));
    this.#adjustment = folded(sumOf(from.address) + (~sumOf(to.address) & 0xffff));
  }

  check(): void {
    for (const { address, length } of [this.#from, this.#to]) {
      if (length > 64) throw new RulesetError("EINVAL", "", "a prefix of more than 64 bits");
      if (!equalIPv6(address, maskIPv6(address.slice(), length)))
        throw new RulesetError("EINVAL", "", "bits behind the prefix");
    }
  }

  /** Whether the address at `at` has the prefix that is taken from it. */
  covers(data: Uint8Array, at: number): boolean {
    return covers(this.#from, data, at);
  }

  /** Exchanges the prefix of the address at `at`; false where no 16 bits can make up for it, the prefix is new then. */
  map(data: Uint8Array, at: number): boolean {
    for (let i = 0; 32 * i < this.#length; i++)
      put32(data, at + 4 * i, (getInt32(data, at + 4 * i) & ~this.#mask[i]) | (this.#to.address[i] & this.#mask[i]));
    let word = 3;
    if (this.#length > 48) {
      word = 4;
      while (word < 8 && get16(data, at + 2 * word) === 0xffff) word++;
      if (word === 8) return false;
    }
    const sum = folded(get16(data, at + 2 * word) + this.#adjustment);
    put16(data, at + 2 * word, sum === 0xffff ? 0 : sum);
    return true;
  }
}

/** SNPT with the source, DNPT with the destination; the quoted packet went the other way. */
function npt(name: "SNPT" | "DNPT", field: number, quoted: number, hooks: number): TargetExtension {
  return {
    kind: "target",
    name,
    families: ["ipv6"],
    tables: ["mangle"],
    hooks,
    help: `
${name} target options:
 --src-pfx prefix/length
 --dst-pfx prefix/length

`,
    options: [
      { name: "src-pfx", mandatory: true, parse: prefixOf },
      { name: "dst-pfx", mandatory: true, parse: prefixOf },
    ],
    build(values) {
      const from = values.get<Prefix>("src-pfx") as Prefix;
      const to = values.get<Prefix>("dst-pfx") as Prefix;
      const map = new PrefixMap(from, to);
      return {
        name,
        target({ net, skb }) {
          if (!map.map(skb.data, field)) {
            net.ip6.icmp.send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, field);
            return NF_DROP;
          }
          const inner = quotedHeader(skb);
          if (inner >= 0 && map.covers(skb.data, inner + quoted)) map.map(skb.data, inner + quoted);
          return XT_CONTINUE;
        },
        check: () => map.check(),
        save: () => `${said(" --src-pfx ", from)}${said(" --dst-pfx ", to)}`,
        print: () => ` ${name} src-pfx ${prefixText(from)} dst-pfx ${prefixText(to)}`,
      };
    },
  };
}

export const snptTarget: TargetExtension = npt(
  "SNPT",
  IPV6_SRC,
  IPV6_DST,
  (1 << NF_INET_LOCAL_IN) | (1 << NF_INET_POST_ROUTING),
);

export const dnptTarget: TargetExtension = npt(
  "DNPT",
  IPV6_DST,
  IPV6_SRC,
  (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_OUT),
);
