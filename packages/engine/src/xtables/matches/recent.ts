/**
 * `-m recent`: lists of addresses seen, each with the times it was seen. A list belongs to the namespace: rules share
 * it by its name. Models recent_mt(), net/netfilter/xt_recent.c, with the module's parameters at their defaults;
 * /proc/net/xt_recent is not there.
 */
import { HZ } from "../../clock.js";
import type { NetNamespace } from "../../netns.js";
import { perNamespace } from "../../pernet.js";
import { getInt32 } from "../../wire/bytes.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { Match, MatchExtension, XtActionParam, XtFamily } from "../extension.js";
import { ADDRESS_WORDS, addressOffset, hopLimit } from "../ip-header.js";
import type { AddressWords } from "../ip-spec.js";
import { parseHost } from "../network.js";
import { bang, type OptionCall, type OptionValues, parseUint, stringOption, uintOption } from "../options.js";
import { addressText } from "../print.js";

/** Addresses a list holds at most: the module's `ip_list_tot`. */
const LIST_LENGTH = 100;
/** Times of an address that a list keeps at least: `ip_pkt_list_tot`. */
const STAMPS = 20;
const MAX_HITCOUNT = 65_535;

interface Entry {
  readonly family: XtFamily;
  /** Masked; one word in IPv4. */
  readonly address: AddressWords;
  ttl: number;
  /** A ring of jiffies; {@link next} is where the next one goes. */
  readonly stamps: number[];
  next: number;
}

interface List {
  references: number;
  /** Four words; IPv4 has the first. */
  readonly mask: AddressWords;
  /** A power of two. */
  capacity: number;
  /** The one not seen for longest is first. */
  entries: Entry[];
}

const EVERY_BIT: AddressWords = Int32Array.of(-1, -1, -1, -1);

/** Both families share the lists of a namespace. */
const listsOf = perNamespace(() => new Map<string, List>());

type Command = "set" | "rcheck" | "update" | "remove";
const COMMANDS: readonly Command[] = ["set", "rcheck", "update", "remove"];
const LISTED: Readonly<Record<Command, string>> = { set: "SET", rcheck: "CHECK", update: "UPDATE", remove: "REMOVE" };

/** All four words of a mask, of which IPv4's addresses have the first; the others are as the tool leaves them. */
function parseMask(text: string, call: OptionCall): AddressWords {
  const number = call.family === "ipv4" ? parseUint(text, 0, 0xffffffff) : undefined;
  const words = number === undefined ? parseHost(text, call) : Int32Array.of(number);
  return EVERY_BIT.map((all, i) => words[i] ?? all);
}

/** Whether an entry is of the address that a packet has, masked. */
function isOf(entry: Entry, family: XtFamily, data: Uint8Array, at: number, mask: AddressWords): boolean {
  if (entry.family !== family) return false;
  const { address } = entry;
  for (let i = 0; i < address.length; i++) if ((getInt32(data, at + 4 * i) & mask[i]) !== address[i]) return false;
  return true;
}

class RecentMatch implements Match {
  readonly name: string = "recent";
  readonly #family: XtFamily;
  readonly #command: Command;
  readonly #inverted: boolean;
  readonly #seconds: number;
  readonly #hitcount: number;
  readonly #reap: boolean;
  readonly #ttl: boolean;
  readonly #list: string;
  readonly #mask: AddressWords;
  readonly #destination: boolean;
  #table: List | null = null;

  constructor(family: XtFamily, command: Command, values: OptionValues) {
    this.#family = family;
    this.#command = command;
    this.#inverted = values.inverted(command);
    this.#seconds = values.get<number>("seconds") ?? 0;
    this.#hitcount = values.get<number>("hitcount") ?? 0;
    this.#reap = values.has("reap");
    this.#ttl = values.has("rttl");
    this.#list = values.get<string>("name") ?? "DEFAULT";
    this.#mask = values.get<AddressWords>("mask") ?? EVERY_BIT;
    this.#destination = values.has("rdest");
  }

  match(par: XtActionParam): boolean {
    const table = this.#table;
    if (table === null) return false;
    const { skb, state } = par;
    const family = this.#family;
    const at = addressOffset(family, !this.#destination);
    // The TTL as it was before forwarding took one.
    const ttl = hopLimit(skb.data, family) + (state.outdev !== null && skb.iif !== null ? 1 : 0);
    const now = par.net.clock.jiffies;
    let entry: Entry | null = null;
    for (const each of table.entries)
      if (isOf(each, family, skb.data, at, table.mask) && (!this.#ttl || each.ttl === ttl || each.ttl === 0)) {
        entry = each;
        break;
      }
    if (entry === null) {
      if (this.#command !== "set") return this.#inverted;
      if (table.entries.length >= LIST_LENGTH) table.entries.shift();
      const address = new Int32Array(ADDRESS_WORDS[family]);
      for (let i = 0; i < address.length; i++) address[i] = getInt32(skb.data, at + 4 * i) & table.mask[i];
      table.entries.push({ family, address, ttl, stamps: [now], next: 1 });
      return !this.#inverted;
    }
    let result = this.#inverted;
    if (this.#command === "set") result = !result;
    else if (this.#command === "remove") {
      table.entries.splice(table.entries.indexOf(entry), 1);
      return !result;
    } else {
      const time = now - this.#seconds * HZ;
      let hits = 0;
      for (const stamp of entry.stamps) {
        if (this.#seconds !== 0 && time > stamp) continue;
        if (this.#hitcount === 0 || ++hits >= this.#hitcount) {
          result = !result;
          break;
        }
      }
      if (this.#reap) this.#reapOldest(table, time, entry, this.#command === "update" && result);
    }
    if (this.#command === "set" || (this.#command === "update" && result)) {
      entry.next &= table.capacity - 1;
      entry.stamps[entry.next++] = now;
      table.entries.splice(table.entries.indexOf(entry), 1);
      table.entries.push(entry);
      entry.ttl = ttl;
    }
    return result;
  }

  /** Forgets the oldest address once its last time is long enough ago, except one about to be seen again. */
  #reapOldest(table: List, time: number, working: Entry, update: boolean): void {
    const oldest = table.entries[0];
    if (oldest === working && update) return;
    if (time > oldest.stamps[oldest.next - 1]) table.entries.shift();
  }

  check(): void {
    if (this.#hitcount > MAX_HITCOUNT) throw new RulesetError("EINVAL", "", "hitcount is larger than allowed maximum");
    if (this.#list === "" || this.#list === "." || this.#list === ".." || this.#list.includes("/"))
      throw new RulesetError("EINVAL", "", "no name for a file");
    if ((this.#command === "set" || this.#command === "remove") && (this.#seconds !== 0 || this.#hitcount !== 0))
      throw new RulesetError("EINVAL", "", "seconds and hits are for checks");
  }

  attach(net: NetNamespace): void {
    const lists = listsOf(net);
    let capacity = 2 ** Math.ceil(Math.log2(STAMPS));
    if (this.#hitcount >= STAMPS) capacity = 2 ** Math.ceil(Math.log2(this.#hitcount));
    let table = lists.get(this.#list);
    if (table === undefined) {
      table = { references: 0, mask: this.#mask, capacity, entries: [] };
      lists.set(this.#list, table);
    } else if (capacity > table.capacity) {
      table.entries = [];
      table.capacity = capacity;
    }
    table.references++;
    this.#table = table;
  }

  detach(net: NetNamespace): void {
    const table = this.#table;
    this.#table = null;
    if (table !== null && --table.references === 0) listsOf(net).delete(this.#list);
  }

  #maskText(): string {
    return addressText(this.#mask.slice(0, ADDRESS_WORDS[this.#family]));
  }

  save(): string {
    let text = `${bang(this.#inverted)} --${this.#command}`;
    if (this.#seconds !== 0) text += ` --seconds ${this.#seconds}`;
    if (this.#reap) text += " --reap";
    if (this.#hitcount !== 0) text += ` --hitcount ${this.#hitcount}`;
    if (this.#ttl) text += " --rttl";
    if (this.#list !== "") text += ` --name ${this.#list}`;
    return `${text} --mask ${this.#maskText()} --r${this.#destination ? "dest" : "source"}`;
  }

  print(): string {
    let text = `${bang(this.#inverted)} recent: ${LISTED[this.#command]}`;
    if (this.#seconds !== 0) text += ` seconds: ${this.#seconds}`;
    if (this.#reap) text += " reap";
    if (this.#hitcount !== 0) text += ` hit_count: ${this.#hitcount}`;
    if (this.#ttl) text += " TTL-Match";
    if (this.#list !== "") text += ` name: ${this.#list}`;
    return `${text} side: ${this.#destination ? "dest" : "source"} mask: ${this.#maskText()}`;
  }
}

/** The tool cuts longer names. */
const MAX_LIST_NAME = 199;

export const recentMatch: MatchExtension = {
  kind: "match",
  name: "recent",
  help: `
recent match options:
[!] --set                       Add source address to list, always matches.
[!] --rcheck                    Match if source address in list.
[!] --update                    Match if source address in list, also update last-seen time.
[!] --remove                    Match if source address in list, also removes that address from list.
    --seconds seconds           For check and update commands above.
                                Specifies that the match will only occur if source address last seen within
                                the last 'seconds' seconds.
    --reap                      Purge entries older then 'seconds'.
                                Can only be used in conjunction with the seconds option.
    --hitcount hits             For check and update commands above.
                                Specifies that the match will only occur if source address seen hits times.
                                May be used in conjunction with the seconds option.
    --rttl                      For check and update commands above.
                                Specifies that the match will only occur if the source address and the TTL
                                match between this packet and the one which was set.
                                Useful if you have problems with people spoofing their source address in order
                                to DoS you via this module.
    --name name                 Name of the recent list to be used.  DEFAULT used if none given.
    --rsource                   Match/Save the source address of each packet in the recent list table (default).
    --rdest                     Match/Save the destination address of each packet in the recent list table.
    --mask netmask              Netmask that will be applied to this recent list.
xt_recent by: Stephen Frost <sfrost@snowman.net>.
`,
  options: [
    ...COMMANDS.map((name) => ({ name, invert: true, excludes: COMMANDS.filter((other) => other !== name) })),
    { name: "seconds", parse: uintOption(1, 0xffffffff) },
    { name: "reap", requires: ["seconds"] },
    { name: "hitcount", parse: uintOption(0, 0xffffffff) },
    { name: "rttl", excludes: ["set", "remove"] },
    {
      name: "name",
      parse: (text, call) => stringOption(0, Number.MAX_SAFE_INTEGER)(text, call).slice(0, MAX_LIST_NAME),
    },
    { name: "rsource" },
    { name: "rdest" },
    { name: "mask", parse: parseMask },
  ],
  build(values, { family }) {
    const command = COMMANDS.find((each) => values.has(each));
    if (command === undefined)
      throw new ParameterProblem("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'");
    return new RecentMatch(family, command, values);
  },
};
