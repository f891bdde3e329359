/**
 * `-m connlimit`: how many connections an address or network has. Models connlimit_mt(), net/netfilter/xt_connlimit.c,
 * with nf_conncount.c, which keeps a list of tuples for each network and looks which of them still are connections.
 */
import { type Conntrack, IPS_ASSURED, IPS_CONFIRMED } from "../../conntrack/conntrack.js";
import { E_ORIGINAL, ENTRY_SHIFT } from "../../conntrack/entry.js";
import { TCP_CONNTRACK_CLOSE, TCP_CONNTRACK_TIME_WAIT, tcpStateOf } from "../../conntrack/proto-tcp.js";
import {
  copyTuple,
  getTuple,
  TUPLE_WORDS,
  transportOffset,
  transportProtonum,
  tupleEqual,
  tupleProtonum,
} from "../../conntrack/tuple.js";
import { DEFAULT_ZONE, type Zone, zoneId, zoneNumber } from "../../conntrack/zone.js";
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { IP_CT_DIR_ORIGINAL, NO_CT } from "../../skb.js";
import { getInt32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam, XtFamily } from "../extension.js";
import { ADDRESS_WORDS, addressOffset } from "../ip-header.js";
import { maskOf, maxPrefix, parsePrefix } from "../network.js";
import { uintOption } from "../options.js";
import { WordMap } from "../word-map.js";

/** A network's connections. Models `struct nf_conncount_list`. */
interface Connections {
  tuples: Int32Array[];
  /** When, in jiffies, the list was last looked through, and how long it was then. */
  lastGc: number;
  lastCount: number;
}

/** Models CONNCOUNT_GC_MAX_COLLECT: entries that one look removes at most. */
const GC_MAX_COLLECT = 9;

const scratch = new Int32Array(TUPLE_WORDS);

class ConnlimitMatch implements Match {
  readonly name: string = "connlimit";
  readonly #limit: number;
  readonly #upto: boolean;
  readonly #prefix: number;
  readonly #destination: boolean;
  readonly #family: XtFamily;
  readonly #mask: Int32Array;
  /** By the network's words and the zone. */
  #lists: WordMap<Connections>;

  constructor(family: XtFamily, limit: number, upto: boolean, prefix: number, destination: boolean) {
    this.#family = family;
    this.#mask = maskOf(prefix, family);
    this.#lists = new WordMap(ADDRESS_WORDS[family] + 1);
    this.#limit = limit;
    this.#upto = upto;
    this.#prefix = prefix;
    this.#destination = destination;
  }

  match(par: XtActionParam): boolean {
    const { net, skb } = par;
    const zone = skb.nfct === NO_CT ? DEFAULT_ZONE : net.ct.zoneOf(skb.nfct);
    const { key } = this.#lists;
    const at = addressOffset(this.#family, !this.#destination);
    for (let i = 0; i < this.#mask.length; i++) key[i] = getInt32(skb.data, at + 4 * i) & this.#mask[i];
    key[this.#mask.length] = zoneNumber(zone);
    const count = this.#count(par, zone);
    if (count === 0) {
      par.hotdrop = true;
      return false;
    }
    return count > this.#limit !== this.#upto;
  }

  /**
   * The connections of the network that {@link #lists} is asked for, the packet's own included; 0 when the packet is of
   * none. Models insert_tree().
   */
  #count({ net, skb, state: { pf } }: XtActionParam, zone: Zone): number {
    const { ct } = net;
    let entry = skb.nfct;
    if (entry !== NO_CT) copyTuple(ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL, scratch, 0);
    else {
      const at = transportOffset(skb.data, 0, skb.len, pf);
      const protonum = transportProtonum(skb.data, 0, pf);
      if (at < 0 || !getTuple(skb.data, 0, at, skb.len, protonum, scratch, ct.greKeymap, pf)) return 0;
      entry = findEntry(ct, scratch, zone);
      if (entry !== NO_CT) copyTuple(ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL, scratch, 0);
    }
    const list = this.#lists.get();
    const now = net.clock.jiffies;
    if (list === undefined) {
      this.#lists.add({ tuples: [scratch.slice()], lastGc: now, lastCount: 0 });
      return 1;
    }
    const status = entry === NO_CT ? 0 : ct.statusOf(entry);
    const confirmed = (status & IPS_CONFIRMED) !== 0;
    if (confirmed && status & IPS_ASSURED) {
      // It is in the list since long; only what is gone from there is looked for.
      if (now !== list.lastGc) this.#look(net, list, now, zone, null);
      return list.tuples.length;
    }
    const fresh = !confirmed && now === list.lastGc && list.tuples.length - list.lastCount < GC_MAX_COLLECT;
    if (fresh || !this.#look(net, list, now, zone, scratch)) list.tuples.push(scratch.slice());
    return list.tuples.length;
  }

  /**
   * Drops what is no connection any more; true as soon as `own` is met, which is in the list already. Models
   * `__nf_conncount_add()`, and without `own` `nf_conncount_gc_list()`.
   */
  #look(net: NetNamespace, list: Connections, now: number, zone: Zone, own: Int32Array | null): boolean {
    const { ct } = net;
    let collected = 0;
    for (let i = 0; i < list.tuples.length; ) {
      if (collected > GC_MAX_COLLECT) break;
      const tuple = list.tuples[i];
      const found = findEntry(ct, tuple, zone);
      if (found !== NO_CT) {
        if (own !== null && tupleEqual(tuple, 0, own, 0)) return true;
        const state = tupleProtonum(tuple, 0) === 6 ? tcpStateOf(ct, found) : -1;
        if (state !== TCP_CONNTRACK_TIME_WAIT && state !== TCP_CONNTRACK_CLOSE) {
          i++;
          continue;
        }
      }
      list.tuples.splice(i, 1);
      collected++;
    }
    list.lastGc = now;
    list.lastCount = list.tuples.length;
    return false;
  }

  renew(): void {
    this.#lists = new WordMap(ADDRESS_WORDS[this.#family] + 1);
  }

  attach(net: NetNamespace, pf: NfProto): void {
    this.renew();
    net.ct.netnsGet(pf);
  }

  detach(net: NetNamespace, pf: NfProto): void {
    net.ct.netnsPut(pf);
  }

  save(): string {
    const side = this.#destination ? "daddr" : "saddr";
    return ` --connlimit-${this.#upto ? "upto" : "above"} ${this.#limit} --connlimit-mask ${this.#prefix} --connlimit-${side}`;
  }

  print(): string {
    return ` #conn ${this.#destination ? "dst" : "src"}/${this.#prefix} ${this.#upto ? "<=" : ">"} ${this.#limit}`;
  }
}

/** The entry of an original tuple in a zone. Models `nf_conntrack_find_get()`. */
function findEntry(ct: Conntrack, tuple: Int32Array, zone: Zone): number {
  return ct.find(tuple, 0, ct.hash(tuple, 0, zoneId(zone, IP_CT_DIR_ORIGINAL)), zone) >>> 1;
}

const limit = uintOption(0, 0xffffffff);

export const connlimitMatch: MatchExtension = {
  kind: "match",
  name: "connlimit",
  help: `
connlimit match options:
  --connlimit-upto n     match if the number of existing connections is 0..n
  --connlimit-above n    match if the number of existing connections is >n
  --connlimit-mask n     group hosts using prefix length (default: max len)
  --connlimit-saddr      select source address for grouping
  --connlimit-daddr      select destination addresses for grouping
`,
  options: [
    { name: "connlimit-upto", excludes: ["connlimit-above"], invert: true, parse: limit },
    { name: "connlimit-above", excludes: ["connlimit-upto"], invert: true, parse: limit },
    {
      name: "connlimit-mask",
      // A mask that is none is that of a host.
      parse: (text, call) => Math.min(parsePrefix(text, call), maxPrefix(call.family)),
    },
    { name: "connlimit-saddr", excludes: ["connlimit-daddr"] },
    { name: "connlimit-daddr", excludes: ["connlimit-saddr"] },
  ],
  finalCheck(values) {
    if (!values.has("connlimit-upto") && !values.has("connlimit-above"))
      throw new ParameterProblem('You must specify "--connlimit-above" or "--connlimit-upto".');
  },
  build(values, { family }) {
    const option = values.has("connlimit-above") ? "connlimit-above" : "connlimit-upto";
    return new ConnlimitMatch(
      family,
      values.get<number>(option) as number,
      (option === "connlimit-upto") !== values.inverted(option),
      values.get<number>("connlimit-mask") ?? maxPrefix(family),
      values.has("connlimit-daddr"),
    );
  },
};
