/**
 * `ipset`: makes, fills and shows IP sets of both families. Texts and statuses are those of ipset 7.17; elements are
 * listed in the order in which they came, or with `-sorted` by address and port (where the tool orders several protocols of
 * one address by their names). Types that the referee's kernel lacks are refused as
 * there. `Size in memory` is near to what Linux says, not the same.
 */
import { compareWords, HZ, type NetNamespace } from "@netfilter-lab/engine";
import {
  type Element,
  type ElementOptions,
  type IpSets,
  ipSetsOf,
  MAX_TIMEOUT,
  NO_SKB_INFO,
  SET_TYPES,
  type SetErrno,
  SetError,
  type SetSlot,
  type SkbInfo,
  TEST_YES,
} from "@netfilter-lab/engine/parts";
import type { Command, CommandContext, CommandProcess } from "../../command.js";
import { readAll } from "../../streams.js";
import { createOptions, headerOf, type Listed } from "./create.js";
import { elementText, keysOf } from "./elements.js";
import { IpsetFailure, number, Words } from "./failure.js";
import { SUPPORTED_TYPES, USAGE } from "./usage.js";

const VERSION = "ipset v7.17";
const MAX_NAME = 31;

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
  SKBINFO: "Skbinfo mapping cannot be used: set was created without skbinfo support",
  NULL: "Null-valued element, cannot be stored in a hash type of set",
  NETMASK: "The value of the netmask parameter is invalid",
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

/** The names of each command; any beginning of one will do, and the first that begins so is meant. */
const COMMANDS: readonly (readonly [command: string, ...others: string[]])[] = [
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
];

/** Models `ipset_match_cmd()`: two dashes before a name, but not before an option, are passed over. */
function commandOf(word: string): string | undefined {
  const name = word.startsWith("--") ? word.slice(2) : word;
  if (name === "" || name === "-") return undefined;
  return COMMANDS.find((names) => names.some((each) => each.startsWith(name)))?.[0];
}

/** The most words that a command takes, where it does not look for options in what follows. */
const MOST: Readonly<Record<string, number>> = {
  destroy: 1,
  list: 1,
  save: 1,
  restore: 0,
  flush: 1,
  rename: 2,
  swap: 2,
};

/** Options that may stand anywhere on the line. */
interface Settings {
  exist: boolean;
  quiet: boolean;
  sorted: boolean;
  name: boolean;
  terse: boolean;
  /** Null where nothing was said: as the command has it. */
  output: "plain" | "save" | "xml" | null;
}

const HINT = "Try `ipset help' for more information.\n";
const FULL_MASK = 0xffffffff;

function markOf(text: string): Partial<SkbInfo> {
  const [, mark, mask] = /^0x([0-9a-f]+)(?:\/0x([0-9a-f]+))?/i.exec(text) ?? [];
  if (mark === undefined)
    throw new IpsetFailure("Syntax error: Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)");
  const low = (digits: string): number => Number.parseInt(digits.slice(-8), 16);
  return { mark: low(mark), mask: mask === undefined ? FULL_MASK : low(mask) };
}

function priorityOf(text: string): Partial<SkbInfo> {
  const [, major, minor] = /^(?:0x)?([0-9a-f]+):(?:0x)?([0-9a-f]+)/i.exec(text) ?? [];
  if (major === undefined)
    throw new IpsetFailure("Syntax error: Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)");
  const low = (digits: string): number => Number.parseInt(digits.slice(-4), 16);
  return { priority: low(major) * 0x10000 + low(minor) };
}

/** What an element gives to packets, by the words that say it. */
const SKB_INFO: Readonly<Record<"skbmark" | "skbprio" | "skbqueue", (text: string) => Partial<SkbInfo>>> = {
  skbmark: markOf,
  skbprio: priorityOf,
  skbqueue: (text) => ({ queue: number(text, 0, 65_535) }),
};

class Ipset {
  readonly #net: NetNamespace;
  readonly #sets: IpSets;
  readonly #settings: Settings = {
    exist: false,
    quiet: false,
    sorted: false,
    name: false,
    terse: false,
    output: null,
  };
  out = "";
  err = "";

  constructor(net: NetNamespace) {
    this.#net = net;
    this.#sets = ipSetsOf(net);
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
        if (output === undefined) throw new IpsetFailure("Missing mandatory argument to option -o", 2);
        if (output !== "plain" && output !== "save" && output !== "xml")
          throw new IpsetFailure(`Syntax error: unknown output mode '${output}'`);
        settings.output = output;
      } else if (word === "-file" || word === "-f" || word === "--file")
        throw new IpsetFailure(`${word}: not supported by the lab`);
      else rest.push(word);
    }
    return rest;
  }

  /** One line; false when it was `restore`, whose input the caller reads. */
  line(words: readonly string[]): number | "restore" {
    const [name, ...args] = this.#options(words);
    if (name === undefined) throw new IpsetFailure("No command specified.", 2);
    const command = commandOf(name);
    if (command === undefined) throw new IpsetFailure(`No command specified: unknown argument ${name}`, 2);
    const most = MOST[command] ?? args.length;
    if (args.length > most) throw new IpsetFailure(`Unknown argument ${args[most]}`, 2);
    if (command === "restore") return "restore";
    return this.#run(command, args);
  }

  #run(command: string, args: readonly string[]): number {
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
        this.#sets.destroy(first ?? null);
        return 0;
      case "flush":
        for (const slot of first === undefined ? this.#sets.slots() : [this.#sets.require(first)]) slot.set.flush();
        return 0;
      case "rename":
        need(2);
        this.#sets.rename(first, second);
        return 0;
      case "swap":
        need(2);
        this.#sets.swap(first, second);
        return 0;
      case "version":
        this.out += `${VERSION}, protocol version: 7\n`;
        return 0;
      case "help":
        return this.#help(first);
      default:
        this.#list(first === undefined ? this.#sets.slots() : [this.#sets.require(first)], command === "save");
        return 0;
    }
  }

  #help(typeName: string | undefined): number {
    if (typeName === undefined) {
      this.out += `${VERSION}\n\n${USAGE}${SUPPORTED_TYPES}`;
      return 0;
    }
    if (SET_TYPES.some(({ name }) => name === (ALIASES[typeName] ?? typeName)))
      throw new IpsetFailure("help TYPENAME: not supported by the lab");
    this.err += `${VERSION}: Unknown settype: \`${typeName}'\n${HINT}`;
    this.out += `${VERSION}\n\n${USAGE}`;
    return 2;
  }

  #create(name: string, typeName: string, rest: readonly string[]): void {
    if (typeName.length > MAX_NAME)
      throw new IpsetFailure(`Syntax error: typename '${typeName}' is longer than ${MAX_NAME} characters`);
    const wanted = ALIASES[typeName] ?? typeName;
    const setType = SET_TYPES.find((each) => each.name === wanted);
    if (setType === undefined) {
      if (TYPES_WITHOUT_KERNEL.includes(wanted))
        throw new IpsetFailure("Kernel error received: set type not supported");
      throw new IpsetFailure(`Syntax error: typename '${typeName}' is unknown`);
    }
    const options = createOptions(setType, rest);
    const there = this.#sets.find(name);
    if (there !== undefined && this.#settings.exist && there.set.type === setType) return;
    this.#sets.create(name, setType, options);
  }

  #element(command: "add" | "del" | "test", name: string, text: string, rest: readonly string[]): number {
    const slot = this.#sets.require(name);
    const words = new Words(rest);
    let said: ElementOptions = {};
    let skbinfo: Partial<SkbInfo> = {};
    let position: { before: boolean; slot: SetSlot } | null = null;
    for (let word = words.next(); word !== undefined; word = words.next()) {
      if (word === "timeout") said = { ...said, timeout: number(words.value(word), 0, MAX_TIMEOUT) };
      else if (word === "packets" || word === "bytes")
        said = { ...said, [word]: number(words.value(word), 0, Number.MAX_SAFE_INTEGER) };
      else if (word === "skbmark" || word === "skbprio" || word === "skbqueue")
        skbinfo = { ...skbinfo, ...SKB_INFO[word](words.value(word)) };
      else if (word === "comment") said = { ...said, comment: words.value(word) };
      else if (word === "nomatch" && slot.set.type.dimensions.includes("net")) said = { ...said, nomatch: true };
      else if ((word === "before" || word === "after") && slot.set.type.storage === "list")
        position = { before: word === "before", slot: this.#sets.find(words.value(word)) ?? slot };
      else throw new IpsetFailure(`Unknown argument: \`${word}'`, 2);
    }
    if (Object.keys(skbinfo).length > 0) said = { ...said, skbinfo: { ...NO_SKB_INFO, ...skbinfo } };
    const keys = keysOf(this.#net, slot, text, command === "test");
    const { set } = slot;
    if (command === "test") {
      const found = set.test(set.normalise(keys[0])) === TEST_YES;
      const shown = elementText(set.type, set.options.family, { ...keys[0], physdev: false });
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

  #extensions(slot: SetSlot, element: Element): Listed[] {
    const { options } = slot.set;
    const { skbinfo } = element;
    const listed: Listed[] = [];
    if (options.timeout !== null) {
      const left = Math.floor((element.expires - this.#net.clock.jiffies) / HZ);
      listed.push(["timeout", String(element.expires === 0 ? 0 : Math.max(1, left))]);
    }
    if (element.nomatch) listed.push(["nomatch"]);
    if (options.counters) listed.push(["packets", String(element.packets)], ["bytes", String(element.bytes)]);
    if (element.comment !== "") listed.push(["comment", `"${element.comment}"`]);
    const hex = (value: number): string => value.toString(16);
    if (skbinfo.mark !== 0 || skbinfo.mask !== 0)
      listed.push(["skbmark", `0x${hex(skbinfo.mark)}${skbinfo.mask === FULL_MASK ? "" : `/0x${hex(skbinfo.mask)}`}`]);
    const { priority } = skbinfo;
    if (priority !== 0) listed.push(["skbprio", `${hex(priority >>> 16)}:${hex(priority & 0xffff)}`]);
    if (skbinfo.queue !== 0) listed.push(["skbqueue", String(skbinfo.queue)]);
    return listed;
  }

  #members(slot: SetSlot): { readonly text: string; readonly extensions: readonly Listed[] }[] {
    const { type, options } = slot.set;
    const elements = [...slot.set.elements()];
    if (type.storage === "bitmap" || (this.#settings.sorted && type.storage === "hash"))
      elements.sort(({ key: a }, { key: b }) => compareWords(a.ip, b.ip) || b.cidr - a.cidr || a.port - b.port);
    return elements.map((element) => ({
      text: elementText(type, options.family, element.key),
      extensions: this.#extensions(slot, element),
    }));
  }

  #list(slots: readonly SetSlot[], save: boolean): void {
    const { name, terse } = this.#settings;
    const output = this.#settings.output ?? (save ? "save" : "plain");
    // Lists come after the sets that they hold.
    const ordered = [...slots].sort(
      (a, b) => Number(a.set.type.storage === "list") - Number(b.set.type.storage === "list"),
    );
    if (output === "xml") {
      this.#xml(ordered);
      return;
    }
    if (output === "save") {
      for (const slot of ordered) {
        this.out += `create ${slot.name} ${slot.set.type.name}${wordsOf(headerOf(slot.set))}\n`;
        for (const { text, extensions } of this.#members(slot))
          this.out += `add ${slot.name} ${text}${wordsOf(extensions)}\n`;
      }
      return;
    }
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
          `Header:${wordsOf(headerOf(set))}`,
          `Size in memory: ${set.memory}`,
          `References: ${slot.references}`,
          `Number of entries: ${set.elements().length}`,
        ];
        if (!terse) lines.push("Members:", ...this.#members(slot).map((each) => each.text + wordsOf(each.extensions)));
        return `${lines.join("\n")}\n`;
      })
      .join("\n");
  }

  #xml(slots: readonly SetSlot[]): void {
    this.out += "<ipsets>\n";
    for (const slot of slots) {
      const { set } = slot;
      if (this.#settings.name) {
        this.out += `<ipset name="${slot.name}"/>\n`;
        continue;
      }
      this.out += `<ipset name="${slot.name}">\n<type>${set.type.name}</type>\n<revision>${set.type.revision}</revision>\n`;
      this.out += `<header>${tagsOf(headerOf(set))}\n<memsize>${set.memory}</memsize>\n`;
      this.out += `<references>${slot.references}</references>\n<numentries>${set.elements().length}</numentries>\n</header>\n`;
      if (!this.#settings.terse) {
        this.out += "<members>\n";
        for (const { text, extensions } of this.#members(slot))
          this.out += `<member><elem>${text}</elem>${tagsOf(extensions)}</member>\n`;
        this.out += "</members>\n";
      }
      this.out += "</ipset>\n";
    }
    this.out += "</ipsets>\n";
  }
}

const wordsOf = (listed: readonly Listed[]): string =>
  listed.flatMap((each) => each.map((word) => ` ${word}`)).join("");

const tagsOf = (listed: readonly Listed[]): string =>
  listed.map(([name, value]) => (value === undefined ? `<${name}/>` : `<${name}>${value}</${name}>`)).join("");

/** The words of a line of `ipset restore`; double quotes hold a comment together. */
function splitLine(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => plain ?? quoted);
}

function failureText(error: unknown, line: number | null): { readonly text: string; readonly status: number } {
  const message = error instanceof SetError ? ERRORS[error.errno] : (error as Error).message;
  const status = error instanceof IpsetFailure ? error.status : 1;
  const where = line === null || status === 2 ? "" : `Error in line ${line}: `;
  const hint = status === 2 ? HINT : "";
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
  const text = yield* readAll(context.stdin);
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
