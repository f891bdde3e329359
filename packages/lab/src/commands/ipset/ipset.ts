/**
 * `ipset`: makes, fills and shows IP sets of both families. Texts and statuses are those of ipset 7.17; elements are
 * listed in the order in which they came, or with `-sorted` by address and port (where the tool orders several
 * protocols of one address by their names). Types that the referee's kernel lacks are refused as there. `Size in
 * memory` is near to what Linux says, not the same.
 */
import { compareWords, HZ, type NetNamespace } from "@netfilter-lab/engine";
import {
  type Element,
  type ElementKey,
  type ElementOptions,
  type IpSet,
  type IpSets,
  ipSetsOf,
  MAX_TIMEOUT,
  NO_SKB_INFO,
  SET_TYPES,
  type SetErrno,
  SetError,
  type SetSlot,
  type SkbInfo,
  TEST_NO,
  TEST_NOMATCH,
  TEST_YES,
} from "@netfilter-lab/engine/parts";
import { FileError, type FileSystem } from "../../files.js";
import { createOptions, headerOf, type Listed } from "./create.js";
import { elementText, saidElements } from "./elements.js";
import { HINT, IpsetFailure, inTwo, number, OutputFailure, optionNamed, VERSION, Words } from "./failure.js";
import { typeHelp } from "./type-help.js";
import { SUPPORTED_TYPES, USAGE } from "./usage.js";

const MAX_NAME = 31;

/** The kernel's refusals in the tool's words. */
export const ERRORS: Readonly<Record<SetErrno, string>> = {
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
  NAMEREF: "The set to which you referred with 'before' or 'after' is not added to the set.",
  BESIDE: "The set to which you referred with 'before' or 'after' does not exist.",
  PROTO: "Invalid protocol specified",
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
  ["quit"],
];

/** Who gives the lines: the command line, the input of `restore`, or somebody who is asked for each. */
export type Mode = "command" | "restore" | "interactive";

/** A status, or what is to be done: read lines and carry them out, or end. */
export type LineResult = number | "restore" | "interactive" | "quit";

const NOT_RESTORED: readonly string[] = ["help", "version", "restore"];

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
  /** Where lists go, or where `restore` reads; null for the standard streams. */
  file: string | null;
}

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

/** What a set says of a key; one that it could not have it has not. */
function holds(set: IpSet, key: ElementKey): number {
  try {
    return set.test(set.normalise(key));
  } catch (error) {
    if (error instanceof SetError) return TEST_NO;
    throw error;
  }
}

const MAX_COUNTER = 18_446_744_073_709_551_614n;

function commentOf(text: string): string {
  if (text.includes('"')) throw new IpsetFailure('Syntax error: " character is not permitted in comments');
  return text;
}

/** A list's element in one word with its place, as the first versions had it. */
function placed(text: string): readonly string[] {
  if (inTwo(text, ",") === null) return [text];
  const parts = text.split(",");
  if (parts.length !== 3 || (parts[1] !== "before" && parts[1] !== "after"))
    throw new IpsetFailure("you must specify elements as setname,[before|after],setname");
  return parts;
}

/** One run of the tool: its lines, and what they said of how to list. */
export class Ipset {
  readonly #net: NetNamespace;
  readonly #sets: IpSets;
  readonly #files: FileSystem;
  readonly #settings: Settings = {
    exist: false,
    quiet: false,
    sorted: false,
    name: false,
    terse: false,
    output: null,
    file: null,
  };
  out = "";
  err = "";
  /** The file for lists was written to already; the tool closes it behind the first. */
  #fileIsClosed = false;

  constructor(net: NetNamespace, files: FileSystem) {
    this.#net = net;
    this.#files = files;
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
      else if (word === "-name" || word === "-n" || word === "--name") settings.name = true;
      else if (word === "-terse" || word === "-t" || word === "--terse") settings.terse = true;
      else if (word === "-resolve" || word === "-r" || word === "--resolve") continue;
      else if (word === "-output" || word === "-o" || word === "--output") {
        const output = words[++i];
        if (output === undefined) throw new OutputFailure("Missing mandatory argument to option -o", 2);
        if (output !== "plain" && output !== "save" && output !== "xml")
          throw new OutputFailure(`Syntax error: unknown output mode '${output}'`);
        settings.output = output;
      } else if (word === "-file" || word === "-f" || word === "--file") {
        const file = words[++i];
        if (file === undefined) throw new IpsetFailure("Missing mandatory argument to option -f", 2);
        if (settings.file !== null) throw new IpsetFailure("-file option cannot be used when full io is activated", 2);
        settings.file = file;
      } else rest.push(word);
    }
    return rest;
  }

  /** `-quiet`: nothing is said of what is wrong. */
  get quiet(): boolean {
    return this.#settings.quiet;
  }

  /** `-file`: where lists go, or where `restore` reads. */
  get file(): string | null {
    return this.#settings.file;
  }

  /** One line, with its status; or what the caller does, who has the input. Models `ipset_parser()`. */
  line(words: readonly string[], mode: Mode): LineResult {
    const [name, ...args] = this.#options(words);
    if (name === "-" && mode !== "interactive") return "interactive";
    const command = name === undefined ? undefined : commandOf(name);
    if (command === undefined) {
      if (mode === "interactive") {
        this.out += "No command specified\n";
        return 0;
      }
      throw new IpsetFailure(`No command specified${name === undefined ? "." : `: unknown argument ${name}`}`, 2);
    }
    if (command === "quit") return "quit";
    if (mode === "restore" && NOT_RESTORED.includes(command))
      throw new IpsetFailure(`Command \`${command}' is invalid in restore mode.`, 2);
    if (mode === "interactive" && command === "restore") {
      this.out += "Restore command is not supported in interactive mode\n";
      return 0;
    }
    const most = MOST[command] ?? args.length;
    if (args.length > most) throw new IpsetFailure(`Unknown argument ${args[most]}`, 2);
    return command === "restore" ? "restore" : this.#run(command, args);
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
        this.#listed(() =>
          this.#list(first === undefined ? this.#sets.slots() : [this.#sets.require(first)], command === "save"),
        );
        return 0;
    }
  }

  /** Puts a list where `-file` says. */
  #listed(list: () => string): void {
    const { file } = this.#settings;
    try {
      if (file !== null && !this.#fileIsClosed) this.#files.open(file, false);
      const text = list();
      if (file === null) this.out += text;
      else if (!this.#fileIsClosed) this.#files.write(file, text);
      this.#fileIsClosed = file !== null;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      throw new IpsetFailure(`Cannot open ${file} for writing: ${error.message}`);
    }
  }

  #help(typeName: string | undefined): number {
    if (typeName === undefined) {
      this.out += `${VERSION}\n\n${USAGE}${SUPPORTED_TYPES}`;
      return 0;
    }
    const help = typeHelp(ALIASES[typeName] ?? typeName);
    if (help !== undefined) {
      this.out += `${VERSION}\n\n${USAGE}${help}`;
      return 0;
    }
    this.out += `${VERSION}\n\n${USAGE.slice(0, -1)}`;
    if (this.#settings.quiet) return 0;
    this.err += `${VERSION}: Unknown settype: \`${typeName}'\n${HINT}`;
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
    const { options, warning } = createOptions(setType, rest);
    if (!this.quiet) this.err += warning;
    const there = this.#sets.find(name);
    if (there !== undefined && this.#settings.exist && there.set.isLike(setType, options)) return;
    this.#sets.create(name, setType, options);
  }

  #element(command: "add" | "del" | "test", name: string, text: string, rest: readonly string[]): number {
    const slot = this.#sets.require(name);
    const list = slot.set.type.storage === "list";
    const [element, ...place] = list ? placed(text) : [text];
    const elements = saidElements(this.#net, slot, element, command);
    const words = new Words([...place, ...rest]);
    const ofNetworks = slot.set.type.dimensions.includes("net");
    let said: ElementOptions = {};
    let skbinfo: Partial<SkbInfo> = {};
    let beside: { before: boolean; name: string } | null = null;
    for (let option = words.next(); option !== undefined; option = words.next()) {
      const word = optionNamed(option);
      const adding = command === "add";
      if (word === "timeout" && adding) said = { ...said, timeout: number(words.value(option), 0, MAX_TIMEOUT) };
      else if ((word === "packets" || word === "bytes") && adding)
        said = { ...said, [word]: number(words.value(option), 0, MAX_COUNTER) };
      else if ((word === "skbmark" || word === "skbprio" || word === "skbqueue") && adding)
        skbinfo = { ...skbinfo, ...SKB_INFO[word](words.value(option)) };
      else if (word === "comment" && adding) said = { ...said, comment: commentOf(words.value(option)) };
      else if (word === "nomatch" && ofNetworks && command !== "del") said = { ...said, nomatch: true };
      else if ((word === "before" || word === "after") && list)
        beside = { before: word === "before", name: words.value(option, "beside") };
      else throw new IpsetFailure(`Unknown argument: \`${option}'`, 2);
    }
    if (Object.keys(skbinfo).length > 0) said = { ...said, skbinfo: { ...NO_SKB_INFO, ...skbinfo } };
    const { set } = slot;
    const other = beside === null ? undefined : this.#sets.find(beside.name);
    const position = beside === null || other === undefined ? null : { before: beside.before, slot: other };
    const stands = (key: ElementKey): boolean => beside === null || (position !== null && set.stands(key, position));
    if (command === "test") {
      const { key, text: shown } = elements.tested();
      const wanted = said.nomatch === true ? TEST_NOMATCH : TEST_YES;
      const found = key !== null && holds(set, key) === wanted && stands(key);
      // Which side it was asked of is not told.
      const where = beside === null ? shown : `${shown} after ${beside.name}`;
      if (!this.quiet)
        this.err += found ? `Warning: ${where} is in set ${name}.\n` : `${where} is NOT in set ${name}.\n`;
      return found ? 0 : 1;
    }
    if (command === "add") set.check(said);
    for (const key of elements.keys()) {
      if (beside !== null && position === null) throw new SetError("BESIDE");
      if (command === "add") set.add(key, said, this.#settings.exist, position);
      else if (stands(key)) set.delete(key, this.#settings.exist);
      else throw new SetError("NAMEREF");
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

  #list(slots: readonly SetSlot[], save: boolean): string {
    const { name, terse } = this.#settings;
    // What the first list of a run is like, all that follow are.
    this.#settings.output ??= save ? "save" : "plain";
    const { output } = this.#settings;
    // Lists come after the sets that they hold.
    const ordered = [...slots].sort(
      (a, b) => Number(a.set.type.storage === "list") - Number(b.set.type.storage === "list"),
    );
    if (output === "xml") return this.#xml(ordered);
    if (output === "save") {
      let text = "";
      for (const slot of ordered) {
        text += `create ${slot.name} ${slot.set.type.name}${wordsOf(headerOf(slot.set))}\n`;
        for (const { text: element, extensions } of this.#members(slot))
          text += `add ${slot.name} ${element}${wordsOf(extensions)}\n`;
      }
      return text;
    }
    if (name) return ordered.map((slot) => `${slot.name}\n`).join("");
    return ordered
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

  #xml(slots: readonly SetSlot[]): string {
    let out = "<ipsets>\n";
    for (const slot of slots) {
      const { set } = slot;
      if (this.#settings.name) {
        out += `<ipset name="${slot.name}"/>\n`;
        continue;
      }
      out += `<ipset name="${slot.name}">\n<type>${set.type.name}</type>\n<revision>${set.type.revision}</revision>\n`;
      out += `<header>${tagsOf(headerOf(set))}\n<memsize>${set.memory}</memsize>\n`;
      out += `<references>${slot.references}</references>\n<numentries>${set.elements().length}</numentries>\n</header>\n`;
      if (!this.#settings.terse) {
        out += "<members>\n";
        for (const { text, extensions } of this.#members(slot))
          out += `<member><elem>${text}</elem>${tagsOf(extensions)}</member>\n`;
        out += "</members>\n";
      }
      out += "</ipset>\n";
    }
    return `${out}</ipsets>\n`;
  }
}

const wordsOf = (listed: readonly Listed[]): string =>
  listed.flatMap((each) => each.map((word) => ` ${word}`)).join("");

const tagsOf = (listed: readonly Listed[]): string =>
  listed.map(([name, value]) => (value === undefined ? `<${name}/>` : `<${name}>${value}</${name}>`)).join("");
