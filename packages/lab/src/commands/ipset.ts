/**
 * `ipset`: makes, fills and shows IP sets. Texts and statuses are those of ipset 7.17; elements are listed in the order in
 * which they came, or sorted with `-sorted`. IPv6 sets, skbinfo and the types that the referee's kernel lacks are refused.
 * `Size in memory` is near to what Linux says, not the same.
 */
import {
  AddressError,
  type Element,
  type ElementKey,
  type ElementOptions,
  emptyKey,
  formatIPv4,
  HZ,
  MAX_TIMEOUT,
  type NetNamespace,
  parseIPv4,
  prefixMask,
  protocolName,
  protocolNumber,
  SET_TYPES,
  type SetErrno,
  SetError,
  type SetOptions,
  type SetSlot,
  type SetType,
  TEST_YES,
} from "@netfilter-lab/engine";
import type { Command, CommandContext, CommandProcess } from "../command.js";

const VERSION = "ipset v7.17";
const MAX_NAME = 31;

/** A failure: its text after `ipset v7.17: `, and the exit status (2 with a hint at the usage). */
class IpsetFailure extends Error {
  override readonly name = "IpsetFailure";
  readonly status: 1 | 2;

  constructor(message: string, status: 1 | 2 = 1) {
    super(message);
    this.status = status;
  }
}

const ERRORS: Readonly<Record<SetErrno, string>> = {
  EXIST: "Element cannot be added to the set: it's already added",
  MISSING: "Element cannot be deleted from the set: it's not added",
  NOSET: "The set with the given name does not exist",
  SECOND: "Sets cannot be swapped: the second set does not exist",
  TYPE: "The sets cannot be swapped: their type does not match",
  BUSY: "Set cannot be destroyed: it is in use by a kernel component",
  REFERENCED: "Set cannot be renamed: it is in use by another system",
  FULL: "Hash is full, cannot add more elements",
  RANGE: "Element is out of the range of the set",
  TIMEOUT: "Timeout cannot be used: set was created without timeout support",
  COUNTER: "Packet/byte counters cannot be used: set was created without counter support",
  COMMENT: "Comment cannot be used: set was created without comment support",
  CIDR: "The value of the CIDR parameter of the IP address is invalid",
  LISTSIZE: "Set is full, more elements cannot be added.",
  NAME: "Set to be added/deleted/tested as element does not exist.",
  NAMEREF: "Reference set is not added to the set.",
  LOOP: "Sets with list:set type cannot be added to the set.",
  EXISTS_SET: "Set cannot be created: set with the same name already exists",
  RENAME_EXISTS: "Set cannot be renamed: a set with the new name already exists",
  BITMAP_SIZE: "The range you specified exceeds the size limit of the set type",
};

/** Types of ipset 7.17 that the referee's kernel was built without. */
const TYPES_WITHOUT_KERNEL: readonly string[] = [
  "hash:mac",
  "hash:ip,mac",
  "hash:ip,mark",
  "hash:net,net",
  "hash:net,port,net",
];
/** Old names of types. */
const ALIASES: Readonly<Record<string, string>> = {
  iphash: "hash:ip",
  nethash: "hash:net",
  ipporthash: "hash:ip,port",
  ipportiphash: "hash:ip,port,ip",
  ipportnethash: "hash:ip,port,net",
  ipmap: "bitmap:ip",
  portmap: "bitmap:port",
  macipmap: "bitmap:ip,mac",
  setlist: "list:set",
};

const COMMANDS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["create", "-N", "n", "--create"],
    ["add", "-A", "a", "--add"],
    ["del", "-D", "d", "--del"],
    ["test", "-T", "t", "--test"],
    ["destroy", "-X", "x", "--destroy"],
    ["list", "-L", "l", "--list"],
    ["save", "-S", "s", "--save"],
    ["restore", "-R", "r", "--restore"],
    ["flush", "-F", "f", "--flush"],
    ["rename", "-E", "e", "--rename"],
    ["swap", "-W", "w", "--swap"],
    ["help", "-H", "-h", "--help"],
    ["version", "-V", "-v", "--version"],
  ].flatMap((names) => names.map((name) => [name, names[0]])),
);

/** Options that may stand anywhere on the line. */
interface Settings {
  exist: boolean;
  quiet: boolean;
  sorted: boolean;
  name: boolean;
  terse: boolean;
  output: "plain" | "save" | "xml";
}

function number(text: string, min: number, max: number): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new IpsetFailure(`Syntax error: '${text}' is invalid as number`);
  const value = Number(text);
  if (value < min || value > max) throw new IpsetFailure(`Syntax error: '${text}' is out of range ${min}-${max}`);
  return value;
}

function address(text: string): number {
  try {
    return parseIPv4(text);
  } catch (error) {
    if (error instanceof AddressError)
      throw new IpsetFailure(`Syntax error: cannot parse ${text}: resolving to IPv4 address failed`);
    throw error;
  }
}

/** First and last address of `a`, `a/n` or `a-b`; the prefix length when one was given. */
function addresses(text: string): { readonly first: number; readonly last: number; readonly cidr: number | null } {
  const slash = text.indexOf("/");
  if (slash >= 0) {
    const cidr = number(text.slice(slash + 1), 0, 32);
    const first = (address(text.slice(0, slash)) & prefixMask(cidr)) >>> 0;
    return { first, last: (first | ~prefixMask(cidr)) >>> 0, cidr };
  }
  const dash = text.indexOf("-");
  if (dash < 0) return { first: address(text), last: address(text), cidr: null };
  const ends = [address(text.slice(0, dash)), address(text.slice(dash + 1))];
  return { first: Math.min(...ends), last: Math.max(...ends), cidr: null };
}

/** The networks that a range of addresses is made of, greatest first at each place. */
function networks(first: number, last: number): { readonly ip: number; readonly cidr: number }[] {
  const list: { ip: number; cidr: number }[] = [];
  for (let ip = first; ip <= last; ) {
    let cidr = 32;
    while (cidr > 0 && ip % 2 ** (33 - cidr) === 0 && ip + 2 ** (33 - cidr) - 1 <= last) cidr--;
    list.push({ ip, cidr });
    ip += 2 ** (32 - cidr);
  }
  return list;
}

const ICMP_NAMES: readonly (readonly [string, number, number])[] = [
  ["echo-reply", 0, 0],
  ["network-unreachable", 3, 0],
  ["host-unreachable", 3, 1],
  ["protocol-unreachable", 3, 2],
  ["port-unreachable", 3, 3],
  ["fragmentation-needed", 3, 4],
  ["echo-request", 8, 0],
  ["ttl-zero-during-transit", 11, 0],
  ["timestamp-request", 13, 0],
  ["timestamp-reply", 14, 0],
];
const PORT_PROTOCOLS: readonly number[] = [6, 17, 132, 136];

/** `[proto:]port[-port]`. */
function ports(text: string): { readonly proto: number; readonly first: number; readonly last: number } {
  const colon = text.indexOf(":");
  const proto = colon < 0 ? 6 : (protocolNumber(text.slice(0, colon)) ?? -1);
  if (proto < 0) throw new IpsetFailure(`Syntax error: cannot parse '${text.slice(0, colon)}' as a protocol`);
  const rest = text.slice(colon + 1);
  if (proto === 1) {
    const named = ICMP_NAMES.find(([name]) => name === rest || (name === "echo-request" && rest === "ping"));
    const [icmpType, code] = named === undefined ? rest.split("/").map((part) => number(part, 0, 255)) : named.slice(1);
    const value = Number(icmpType) * 256 + Number(code ?? 0);
    return { proto, first: value, last: value };
  }
  if (!PORT_PROTOCOLS.includes(proto)) return { proto, first: number(rest, 0, 0), last: 0 };
  const [first, last = first] = rest.split("-").map((part) => number(part, 0, 65_535));
  return { proto, first: Math.min(first, last), last: Math.max(first, last) };
}

function portText({ proto, port }: ElementKey): string {
  if (proto === 1) {
    const named = ICMP_NAMES.find(([, icmpType, code]) => icmpType === port >> 8 && code === (port & 255));
    return `icmp:${named?.[0] ?? `${port >> 8}/${port & 255}`}`;
  }
  return `${protocolName(proto) ?? proto}:${port}`;
}

/** An element as it is listed, without its extensions. */
function elementText(setType: SetType, key: ElementKey): string {
  const ipText = (ip: number, cidr: number): string => formatIPv4(ip) + (cidr === 32 ? "" : `/${cidr}`);
  return setType.dimensions
    .map((dimension, i) => {
      switch (dimension) {
        case "ip":
        case "net":
          return i === 0 ? ipText(key.ip, key.cidr) : ipText(key.ip2, key.cidr2);
        case "port":
          return setType.storage === "bitmap" ? String(key.port) : portText(key);
        case "iface":
          return key.iface;
        case "mac":
          return key.mac;
        default:
          return key.slot?.name ?? "";
      }
    })
    .filter((part, i) => i === 0 || part !== "")
    .join(",");
}

/** All elements that a word of the command line stands for. */
function keysOf(net: NetNamespace, { set }: SetSlot, text: string, test: boolean): ElementKey[] {
  const { type } = set;
  if (type.storage === "list") {
    const slot = net.ipset.find(text);
    if (slot === undefined) throw new SetError("NAME");
    if (slot.set.type.storage === "list") throw new SetError("LOOP");
    return [{ ...emptyKey(), slot }];
  }
  const parts = text.split(",");
  const optional = type.name === "bitmap:ip,mac" ? 1 : 0;
  if (parts.length < type.dimensions.length - optional)
    throw new IpsetFailure(`Syntax error: ${parts.length === 1 ? "Second" : "Third"} element is missing from ${text}.`);
  if (parts.length > type.dimensions.length) throw new IpsetFailure(`Syntax error: elem syntax error in ${text}`);
  let keys = [emptyKey()];
  const vary = (each: (key: ElementKey) => ElementKey[]): void => {
    keys = keys.flatMap(each);
  };
  parts.forEach((part, i) => {
    const dimension = type.dimensions[i];
    if (dimension === "ip" || dimension === "net") {
      const range = addresses(part);
      const list =
        dimension === "net"
          ? range.cidr === null
            ? networks(range.first, range.last)
            : [{ ip: range.first, cidr: range.cidr }]
          : hosts(range.first, range.last, set.options);
      vary((key) => list.map(({ ip, cidr }) => (i === 0 ? { ...key, ip, cidr } : { ...key, ip2: ip, cidr2: cidr })));
    } else if (dimension === "port") {
      const range = type.storage === "bitmap" ? { ...ports(part.replace(/^\w+:/, "")), proto: 0 } : ports(part);
      vary((key) =>
        Array.from({ length: range.last - range.first + 1 }, (_, k) => ({
          ...key,
          proto: range.proto,
          port: range.first + k,
        })),
      );
    } else if (dimension === "iface") vary((key) => [{ ...key, iface: part }]);
    else vary((key) => [{ ...key, mac: part.toLowerCase() }]);
  });
  return test ? keys.slice(0, 1) : keys;
}

function hosts(first: number, last: number, { netmask }: SetOptions): { readonly ip: number; readonly cidr: number }[] {
  const step = 2 ** (32 - netmask);
  const list: { ip: number; cidr: number }[] = [];
  for (let ip = first; ip <= last; ip += step) list.push({ ip, cidr: 32 });
  return list;
}

/** Words of the form `option value`, and options without one. */
class Words {
  readonly #words: string[];

  constructor(words: readonly string[]) {
    this.#words = [...words];
  }

  next(): string | undefined {
    return this.#words.shift();
  }

  value(option: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new IpsetFailure(`Missing mandatory argument of option \`${option}'`, 2);
    return word;
  }
}

function createOptions(setType: SetType, words: Words): SetOptions {
  let timeout: number | null = null;
  let [counters, comment, forceadd] = [false, false, false];
  let [hashsize, maxelem, netmask, size] = [1024, 65_536, 32, 8];
  let range: { from: number; to: number } | null = null;
  const { storage, name } = setType;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "timeout") timeout = number(words.value(word), 0, MAX_TIMEOUT);
    else if (word === "counters") counters = true;
    else if (word === "comment") comment = true;
    else if (word === "skbinfo") throw new IpsetFailure("netfilter-lab does not support skbinfo");
    else if (word === "family" && storage === "hash") {
      const family = words.value(word);
      if (family !== "inet" && family !== "-4") throw new IpsetFailure("netfilter-lab does not support sets of IPv6");
    } else if (word === "forceadd" && storage === "hash") forceadd = true;
    else if (word === "hashsize" && storage === "hash") hashsize = powerOf2(number(words.value(word), 1, 0xffffffff));
    else if (word === "maxelem" && storage === "hash") maxelem = number(words.value(word), 1, 0xffffffff);
    else if ((word === "bucketsize" || word === "initval") && storage === "hash")
      number(words.value(word), 0, 0xffffffff);
    else if (word === "netmask" && (name === "hash:ip" || name === "bitmap:ip"))
      netmask = number(words.value(word), 1, 32);
    else if (word === "size" && storage === "list") size = Math.max(4, number(words.value(word), 0, 0xffffffff));
    else if (word === "range" && storage === "bitmap") {
      const text = words.value(word);
      const [first, last] = name === "bitmap:port" ? portRange(text) : addressRange(text);
      range = { from: first, to: last };
    } else throw new IpsetFailure(`Unknown argument: \`${word}'`, 2);
  }
  if (storage === "bitmap" && range === null) throw new IpsetFailure("Mandatory option `range' is missing", 2);
  const { from, to } = range ?? { from: 0, to: 0 };
  const elements = (to - from + 1) / 2 ** (32 - netmask);
  if (storage === "bitmap" && elements > 65_536) throw new SetError("BITMAP_SIZE");
  return { timeout, counters, comment, forceadd, hashsize, maxelem, netmask, from, to, size };
}

function powerOf2(value: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(value)));
}

function addressRange(text: string): [number, number] {
  const { first, last } = addresses(text);
  return [first, last];
}

function portRange(text: string): [number, number] {
  const { first, last } = ports(text);
  return [first, last];
}

function headerText({ type, options, initval }: SetSlot["set"]): string {
  const words: string[] = [];
  if (type.storage === "hash") {
    words.push(`family inet hashsize ${options.hashsize} maxelem ${options.maxelem}`);
    if (options.netmask !== 32) words.push(`netmask ${options.netmask}`);
  } else if (type.storage === "list") words.push(`size ${options.size}`);
  else {
    const end = (value: number): string => (type.name === "bitmap:port" ? String(value) : formatIPv4(value));
    words.push(`range ${end(options.from)}-${end(options.to)}`);
    if (options.netmask !== 32) words.push(`netmask ${options.netmask}`);
  }
  if (options.timeout !== null) words.push(`timeout ${options.timeout}`);
  if (options.counters) words.push("counters");
  if (options.comment) words.push("comment");
  if (type.storage === "hash") words.push(`bucketsize 12 initval 0x${initval.toString(16).padStart(8, "0")}`);
  return words.join(" ");
}

class Ipset {
  readonly #net: NetNamespace;
  readonly #settings: Settings = {
    exist: false,
    quiet: false,
    sorted: false,
    name: false,
    terse: false,
    output: "plain",
  };
  out = "";
  err = "";

  constructor(net: NetNamespace) {
    this.#net = net;
  }

  /** Takes the options out of the words of a line. */
  #options(words: readonly string[]): string[] {
    const rest: string[] = [];
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      const settings = this.#settings;
      if (word === "-exist" || word === "-!" || word === "--exist") settings.exist = true;
      else if (word === "-quiet" || word === "-q" || word === "--quiet") settings.quiet = true;
      else if (word === "-sorted" || word === "-s" || word === "--sorted") settings.sorted = true;
      else if ((word === "-name" || word === "-n" || word === "--name") && rest.length > 0) settings.name = true;
      else if ((word === "-terse" || word === "-t" || word === "--terse") && rest.length > 0) settings.terse = true;
      else if (word === "-resolve" || word === "-r" || word === "--resolve") continue;
      else if (word === "-output" || word === "-o" || word === "--output") {
        const output = words[++i];
        if (output === undefined) throw new IpsetFailure(`Missing mandatory argument of option \`${word}'`, 2);
        if (output !== "plain" && output !== "save" && output !== "xml")
          throw new IpsetFailure(`Syntax error: unknown output mode '${output}'`);
        settings.output = output;
      } else rest.push(word);
    }
    return rest;
  }

  /** One line; false when it was `restore`, whose input the caller reads. */
  line(words: readonly string[]): number | "restore" {
    const [name, ...args] = this.#options(words);
    if (name === undefined) throw new IpsetFailure("No command specified.", 2);
    const command = COMMANDS[name];
    if (command === undefined) throw new IpsetFailure(`No command specified: unknown argument ${name}`, 2);
    if (command === "restore") return "restore";
    return this.#run(command, args);
  }

  #run(command: string, args: readonly string[]): number {
    const { ipset } = this.#net;
    const need = (count: number): void => {
      if (args.length < count)
        throw new IpsetFailure(
          `Missing ${args.length === 1 ? "second " : ""}mandatory argument to command ${command}`,
          2,
        );
    };
    const [first, second] = args;
    for (const setName of [
      "add",
      "del",
      "test",
      "create",
      "rename",
      "swap",
      "list",
      "save",
      "flush",
      "destroy",
    ].includes(command)
      ? args.slice(0, command === "rename" || command === "swap" ? 2 : 1)
      : [])
      if (setName.length > MAX_NAME)
        throw new IpsetFailure(`Syntax error: setname '${setName}' is longer than ${MAX_NAME} characters`);
    switch (command) {
      case "create":
        need(2);
        this.#create(first, second, args.slice(2));
        return 0;
      case "add":
      case "del":
      case "test":
        need(2);
        return this.#element(command, first, second, args.slice(2));
      case "destroy":
        ipset.destroy(first ?? null);
        return 0;
      case "flush":
        for (const slot of first === undefined ? ipset.slots() : [ipset.require(first)]) slot.set.flush();
        return 0;
      case "rename":
        need(2);
        ipset.rename(first, second);
        return 0;
      case "swap":
        need(2);
        ipset.swap(first, second);
        return 0;
      case "version":
        this.out += `${VERSION}, protocol version: 7\n`;
        return 0;
      case "help":
        this.out += `${VERSION}\n\nUsage: ipset [options] COMMAND\n`;
        return 0;
      default:
        this.#list(first === undefined ? ipset.slots() : [ipset.require(first)], command === "save");
        return 0;
    }
  }

  #create(name: string, typeName: string, rest: readonly string[]): void {
    const wanted = ALIASES[typeName] ?? typeName;
    const setType = SET_TYPES.find((each) => each.name === wanted);
    if (setType === undefined) {
      if (TYPES_WITHOUT_KERNEL.includes(wanted))
        throw new IpsetFailure("Kernel error received: set type not supported");
      throw new IpsetFailure(`Syntax error: typename '${typeName}' is unknown`);
    }
    const options = createOptions(setType, new Words(rest));
    const there = this.#net.ipset.find(name);
    if (there !== undefined && this.#settings.exist && there.set.type === setType) return;
    this.#net.ipset.create(name, setType, options);
  }

  #element(command: "add" | "del" | "test", name: string, text: string, rest: readonly string[]): number {
    const slot = this.#net.ipset.require(name);
    const words = new Words(rest);
    let said: ElementOptions = {};
    let position: { before: boolean; slot: SetSlot } | null = null;
    for (let word = words.next(); word !== undefined; word = words.next()) {
      if (word === "timeout") said = { ...said, timeout: number(words.value(word), 0, MAX_TIMEOUT) };
      else if (word === "packets" || word === "bytes")
        said = { ...said, [word]: number(words.value(word), 0, Number.MAX_SAFE_INTEGER) };
      else if (word === "comment") said = { ...said, comment: words.value(word) };
      else if (word === "nomatch" && slot.set.type.dimensions.includes("net")) said = { ...said, nomatch: true };
      else if ((word === "before" || word === "after") && slot.set.type.storage === "list")
        position = { before: word === "before", slot: this.#net.ipset.find(words.value(word)) ?? slot };
      else throw new IpsetFailure(`Unknown argument: \`${word}'`, 2);
    }
    const keys = keysOf(this.#net, slot, text, command === "test");
    const { set } = slot;
    if (command === "test") {
      const found = set.test(set.normalise(keys[0])) === TEST_YES;
      const shown = elementText(set.type, keys[0]);
      if (!this.#settings.quiet)
        this.err += found ? `Warning: ${shown} is in set ${name}.\n` : `${shown} is NOT in set ${name}.\n`;
      return found ? 0 : 1;
    }
    for (const key of keys) {
      if (command === "add") set.add(key, said, this.#settings.exist, position);
      else set.delete(key, this.#settings.exist);
    }
    return 0;
  }

  #extensions(slot: SetSlot, element: Element): string {
    const { options } = slot.set;
    let text = "";
    if (options.timeout !== null) {
      const left = Math.floor((element.expires - this.#net.clock.jiffies) / HZ);
      text += ` timeout ${element.expires === 0 ? 0 : Math.max(1, left)}`;
    }
    if (element.nomatch) text += " nomatch";
    if (options.counters) text += ` packets ${element.packets} bytes ${element.bytes}`;
    return element.comment === "" ? text : `${text} comment "${element.comment}"`;
  }

  #members(slot: SetSlot): string[] {
    const { type } = slot.set;
    const elements = [...slot.set.elements()];
    if (type.storage === "bitmap" || (this.#settings.sorted && type.storage === "hash"))
      elements.sort((a, b) => a.key.ip - b.key.ip || a.key.cidr - b.key.cidr || a.key.port - b.key.port);
    return elements.map((element) => elementText(type, element.key) + this.#extensions(slot, element));
  }

  #list(slots: readonly SetSlot[], save: boolean): void {
    const { name, terse, output } = this.#settings;
    // Lists come after the sets that they hold.
    const ordered = [...slots].sort(
      (a, b) => Number(a.set.type.storage === "list") - Number(b.set.type.storage === "list"),
    );
    if (save || (output === "save" && !name)) {
      for (const slot of ordered) {
        this.out += `create ${slot.name} ${slot.set.type.name} ${headerText(slot.set)}\n`;
        for (const member of this.#members(slot)) this.out += `add ${slot.name} ${member}\n`;
      }
      return;
    }
    if (output === "xml") throw new IpsetFailure("netfilter-lab does not support the output mode xml");
    if (name) {
      for (const slot of ordered) this.out += `${slot.name}\n`;
      return;
    }
    this.out += ordered
      .map((slot) => {
        const { set } = slot;
        const lines = [
          `Name: ${slot.name}`,
          `Type: ${set.type.name}`,
          `Revision: ${set.type.revision}`,
          `Header: ${headerText(set)}`,
          `Size in memory: ${set.memory}`,
          `References: ${slot.references}`,
          `Number of entries: ${set.elements().length}`,
        ];
        if (!terse) lines.push("Members:", ...this.#members(slot));
        return `${lines.join("\n")}\n`;
      })
      .join("\n");
  }
}

/** The words of a line of `ipset restore`; double quotes hold a comment together. */
function splitLine(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => plain ?? quoted);
}

function failureText(error: unknown, line: number | null): { readonly text: string; readonly status: number } {
  const message = error instanceof SetError ? ERRORS[error.errno] : (error as Error).message;
  const status = error instanceof IpsetFailure ? error.status : 1;
  const where = line === null || status === 2 ? "" : `Error in line ${line}: `;
  const hint = status === 2 ? "Try `ipset help' for more information.\n" : "";
  return { text: `${VERSION}: ${where}${message}\n${hint}`, status };
}

/** Runs one line and says what it says; the status of a failure. */
function attempt(
  tool: Ipset,
  context: CommandContext,
  words: readonly string[],
  line: number | null,
): number | "restore" {
  let status: number | "restore";
  try {
    status = tool.line(words);
  } catch (error) {
    if (!(error instanceof IpsetFailure) && !(error instanceof SetError)) throw error;
    const { text, status: failed } = failureText(error, line);
    tool.err += text;
    status = failed;
  }
  if (tool.out !== "") context.stdout.write(tool.out);
  if (tool.err !== "") context.stderr.write(tool.err);
  tool.out = "";
  tool.err = "";
  return status;
}

function* restore(tool: Ipset, context: CommandContext): CommandProcess {
  let text = "";
  for (;;) {
    const chunk = context.stdin.read();
    if (chunk === null) break;
    if (chunk === "") yield context.stdin.readable;
    else text += chunk;
  }
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    const words = splitLine(line);
    if (words.length === 0 || words[0].startsWith("#") || words[0] === "COMMIT") continue;
    const status = attempt(tool, context, words, number);
    if (typeof status === "number" && status !== 0) return status;
  }
  return 0;
}

export const ipset: Command = (context) => {
  const tool = new Ipset(context.net);
  const status = attempt(tool, context, context.args, null);
  return status === "restore" ? restore(tool, context) : status;
};
