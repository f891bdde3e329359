/**
 * `-m connlimit`: how many connections an address or network has. Models connlimit_mt(), net/netfilter/xt_connlimit.c,
 * with nf_conncount.c, which keeps a list of tuples for each network and looks which of them still are connections.
 */
import { IPS_ASSURED, IPS_CONFIRMED } from "../../conntrack/conntrack.js";
import { E_ORIGINAL, ENTRY_SHIFT } from "../../conntrack/entry.js";
import { TCP_CONNTRACK_CLOSE, TCP_CONNTRACK_TIME_WAIT, tcpStateOf } from "../../conntrack/proto-tcp.js";
import {
  copyTuple,
  getTuple,
  ipv4TransportOffset,
  TUPLE_WORDS,
  tupleEqual,
  tupleProtonum,
} from "../../conntrack/tuple.js";
import type { NfProto } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { NO_CT } from "../../skb.js";
import { prefixMask } from "../../wire/address.js";
import { get32 } from "../../wire/bytes.js";
import { ParameterProblem } from "../error.js";
import type { Match, MatchExtension, XtActionParam } from "../extension.js";
import { parseUint, uintOption } from "../options.js";

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
  #lists = new Map<number, Connections>();

  constructor(limit: number, upto: boolean, prefix: number, destination: boolean) {
    this.#limit = limit;
    this.#upto = upto;
    this.#prefix = prefix;
    this.#destination = destination;
  }

  match(par: XtActionParam): boolean {
    const key = (get32(par.skb.data, this.#destination ? 16 : 12) & prefixMask(this.#prefix)) >>> 0;
    const count = this.#count(par, key);
    if (count === 0) {
      par.hotdrop = true;
      return false;
    }
    return count > this.#limit !== this.#upto;
  }

  /** The connections of a network, the packet's own included; 0 when the packet is of none. Models insert_tree(). */
  #count({ net, skb }: XtActionParam, key: number): number {
    const { ct } = net;
    let entry = skb.nfct;
    if (entry !== NO_CT) copyTuple(ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL, scratch, 0);
    else {
      const at = ipv4TransportOffset(skb.data, 0, skb.len);
      if (at < 0 || !getTuple(skb.data, 0, at, skb.len, skb.data[9], scratch, ct.greKeymap)) return 0;
      entry = ct.find(scratch, 0, ct.hash(scratch, 0, 0)) >>> 1;
      if (entry !== NO_CT) copyTuple(ct.slab.words, (entry << ENTRY_SHIFT) + E_ORIGINAL, scratch, 0);
    }
    const list = this.#lists.get(key);
    const now = net.clock.jiffies;
    if (list === undefined) {
      this.#lists.set(key, { tuples: [scratch.slice()], lastGc: now, lastCount: 0 });
      return 1;
    }
    const status = entry === NO_CT ? 0 : ct.statusOf(entry);
    const confirmed = (status & IPS_CONFIRMED) !== 0;
    if (confirmed && status & IPS_ASSURED) return list.tuples.length;
    const fresh = !confirmed && now === list.lastGc && list.tuples.length - list.lastCount < GC_MAX_COLLECT;
    if (fresh || !this.#look(net, list, now)) list.tuples.push(scratch.slice());
    return list.tuples.length;
  }

  /** Drops what is no connection any more; true when the packet's own ({@link scratch}) is in the list already. */
  #look(net: NetNamespace, list: Connections, now: number): boolean {
    const { ct } = net;
    let collected = 0;
    for (let i = 0; i < list.tuples.length; ) {
      if (collected > GC_MAX_COLLECT) break;
      const tuple = list.tuples[i];
      const found = ct.find(tuple, 0, ct.hash(tuple, 0, 0)) >>> 1;
      if (found !== NO_CT) {
        if (tupleEqual(tuple, 0, scratch, 0)) return true;
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

  attach(net: NetNamespace, pf: NfProto): void {
    this.#lists = new Map();
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

const limit = uintOption(0, 0xffffffff);

export const connlimitMatch: MatchExtension = {
  kind: "match",
  name: "connlimit",
  families: ["ipv4"],
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
      // More than 32 bits are all of them.
      parse(text, call) {
        const length = parseUint(text, 0, 128);
        return length === undefined ? uintOption(0, 128)(text, call) : Math.min(length, 32);
      },
    },
    { name: "connlimit-saddr", excludes: ["connlimit-daddr"] },
    { name: "connlimit-daddr", excludes: ["connlimit-saddr"] },
  ],
  finalCheck(values) {
    if (!values.has("connlimit-upto") && !values.has("connlimit-above"))
      throw new ParameterProblem('You must specify "--connlimit-above" or "--connlimit-upto".');
  },
  build(values) {
    const option = values.has("connlimit-above") ? "connlimit-above" : "connlimit-upto";
    return new ConnlimitMatch(
      values.get<number>(option) as number,
      (option === "connlimit-upto") !== values.inverted(option),
      values.get<number>("connlimit-mask") ?? 32,
      values.has("connlimit-daddr"),
    );
  },
};
