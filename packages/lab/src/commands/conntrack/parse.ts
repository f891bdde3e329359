/**
 * A command line of `conntrack` 1.4.7: read as `getopt_long(3)` does, in order, with the tool's complaints. Models
 * `do_parse()`, src/conntrack.c.
 */
import {
  IPS_ASSURED,
  IPS_EXPECTED,
  IPS_FIXED_TIMEOUT,
  IPS_OFFLOAD,
  IPS_SEEN_REPLY,
  type LabelMap,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { Flow, type FlowEnd } from "./flow.js";
import { readLabelMap } from "./labels.js";
import { type Address, atol, maskOf, parseAddress, strtoul, u16, u32 } from "./numbers.js";
import {
  COMMANDS,
  ConntrackFailure,
  ConntrackUsageError,
  checkOptions,
  knowsExpectations,
  LONG_OPTIONS,
  longName,
  shortKind,
} from "./options.js";
import { type OutputFormat, PLAIN_FORMAT } from "./print.js";
import { type FlowProtocol, findProtocol } from "./protocols.js";

const TABLES = ["expect", "conntrack", "dying", "unconfirmed"] as const;
export type ConntrackTable = (typeof TABLES)[number];

/** What a command line asks for. */
export interface ConntrackCommand {
  /** The letter of the command; null without one. */
  readonly command: string | null;
  readonly table: ConntrackTable;
  /** Letters of the options that were given. */
  readonly given: ReadonlySet<string>;
  readonly flow: Flow;
  readonly family: 2 | 10 | null;
  readonly protocol: FlowProtocol | null;
  readonly format: OutputFormat;
  /** Null: every kind of event. */
  readonly eventTypes: ReadonlySet<string> | null;
  readonly bufferSize: number | null;
}

/** In hardware: nothing here ever has it. Models `IPS_HW_OFFLOAD`. */
const IPS_HW_OFFLOAD = 1 << 15;

/** Words of `-u`. */
export const STATUSES: readonly (readonly [string, number])[] = [
  ["ASSURED", IPS_ASSURED],
  ["SEEN_REPLY", IPS_SEEN_REPLY],
  ["UNSET", 0],
  ["FIXED_TIMEOUT", IPS_FIXED_TIMEOUT],
  ["EXPECTED", IPS_EXPECTED],
  ["OFFLOAD", IPS_OFFLOAD],
  ["HW_OFFLOAD", IPS_HW_OFFLOAD],
];
/** Words of `-e`. */
export const EVENTS: readonly (readonly [string, readonly string[]])[] = [
  ["ALL", ["NEW", "UPDATE", "DESTROY"]],
  ["NEW", ["NEW"]],
  ["UPDATES", ["UPDATE"]],
  ["DESTROY", ["DESTROY"]],
];
/** Words of `-o`. */
export const OUTPUTS: readonly (readonly [string, keyof OutputFormat | null])[] = [
  ["xml", "xml"],
  ["extended", "extended"],
  ["timestamp", "timestamp"],
  ["id", "id"],
  ["ktimestamp", "ktimestamp"],
  ["labels", null],
  ["userspace", null],
  ["save", "save"],
];

const ENDS: Readonly<Record<string, readonly [(flow: Flow) => FlowEnd, "src" | "dst", string | null]>> = {
  s: [(flow) => flow.original, "src", "{"],
  d: [(flow) => flow.original, "dst", "}"],
  r: [(flow) => flow.reply, "src", null],
  q: [(flow) => flow.reply, "dst", null],
  "[": [(flow) => flow.expected, "src", "{"],
  "]": [(flow) => flow.expected, "dst", "}"],
  "{": [(flow) => flow.mask, "src", null],
  "}": [(flow) => flow.mask, "dst", null],
};

class CommandLine {
  readonly #context: LabContext;
  readonly #args: readonly string[];
  readonly #flow = new Flow();
  readonly #given: Set<string> = new Set();
  readonly #protocolGiven: Set<string> = new Set();
  /** The names of labels; undefined before the first option that is about them. */
  #labels: LabelMap | null | undefined;
  /** The last word that is no option: the tool puts such words behind the options that it has read. */
  #stray: string | null = null;
  #at = 0;
  #command: string | null = null;
  #table: ConntrackTable = "conntrack";
  #family: 2 | 10 | null = null;
  #protocol: FlowProtocol | null = null;
  #format: OutputFormat = PLAIN_FORMAT;
  #labelled = false;
  #eventTypes: Set<string> | null = null;
  #bufferSize: number | null = null;

  constructor(context: LabContext, args: readonly string[]) {
    this.#context = context;
    this.#args = args;
  }

  parse(): ConntrackCommand {
    while (this.#at < this.#args.length) {
      const word = this.#args[this.#at++];
      if (word === "--") break;
      if (word.startsWith("--")) this.#long(word);
      else if (word.startsWith("-") && word.length > 1) this.#short(word);
      else this.#stray = word;
    }
    return this.#finish();
  }

  #long(word: string): void {
    const [name, ...rest] = word.slice(2).split("=");
    const attached = rest.length > 0 ? rest.join("=") : null;
    const added = this.#protocol?.options ?? {};
    const names = [...Object.keys(LONG_OPTIONS), ...Object.keys(added)];
    const candidates = names.includes(name) ? [name] : names.filter((candidate) => candidate.startsWith(name));
    const keys = new Set(candidates.map((candidate) => LONG_OPTIONS[candidate]?.[0] ?? added[candidate]));
    if (keys.size !== 1) throw new ConntrackUsageError(`unknown option \`${word}'`);
    const [key] = keys;
    const kind = LONG_OPTIONS[candidates[0]]?.[1] ?? "required";
    if (kind === "none" && attached !== null) throw new ConntrackUsageError(`unknown option \`${word}'`);
    const value = kind === "required" ? (attached ?? this.#next(word)) : attached;
    if (LONG_OPTIONS[candidates[0]] === undefined) this.#protocolOption(key, value ?? "");
    else this.#option(key, value);
  }

  #short(word: string): void {
    for (let i = 1; i < word.length; i++) {
      const kind = shortKind(word[i]);
      const last = i === word.length - 1;
      // What the tool names is the word before the one that comes next.
      if (kind === undefined)
        throw new ConntrackUsageError(
          `unknown option \`${last ? word : (this.#stray ?? this.#args[this.#at - 2] ?? "conntrack")}'`,
        );
      if (kind === "none") {
        this.#option(word[i], null);
        continue;
      }
      const attached = last ? null : word.slice(i + 1);
      this.#option(word[i], kind === "required" ? (attached ?? this.#next(word)) : attached);
      return;
    }
  }

  #next(word: string): string {
    if (this.#at >= this.#args.length) throw new ConntrackUsageError(`option \`${word}' requires an argument`);
    return this.#args[this.#at++];
  }

  /** The next word as an optional value; one that is attached is not looked at. Models `get_optional_arg()`. */
  #optional(attached: string | null): string | null {
    const next = this.#args[this.#at];
    if (attached !== null || next === undefined || next.startsWith("-") || next.startsWith("!")) return null;
    this.#at++;
    return next;
  }

  #protocolOption(option: string, value: string): void {
    this.#protocol?.take(option, value, this.#flow);
    this.#protocolGiven.add(option);
  }

  #option(key: string, value: string | null): void {
    const text = value ?? "";
    if (COMMANDS.includes(key)) {
      this.#take(key, value);
      return;
    }
    if (ENDS[key] !== undefined) {
      this.#address(key, text);
      return;
    }
    this.#given.add(key);
    const flow = this.#flow;
    switch (key) {
      case "p": {
        const { protocol, protonum } = findProtocol(text);
        this.#protocol = protocol;
        flow.original.protonum = protonum;
        flow.protonum = protonum;
        return;
      }
      case "t":
        flow.timeoutSeconds = atol(text) >>> 0;
        return;
      case "u":
        this.#status(text);
        return;
      case "e":
        this.#eventTypes ??= new Set();
        for (const types of this.#parameters(text, EVENTS)) for (const type of types) this.#eventTypes.add(type);
        return;
      case "o":
        this.#output(text);
        return;
      case "n":
      case "g":
      case "j": {
        const nat = this.#optional(value);
        if (nat !== null) this.#nat(key, nat);
        return;
      }
      case "w":
        flow.zone = u16(text);
        return;
      case "(":
        flow.originalZone = u16(text);
        return;
      case ")":
        flow.replyZone = u16(text);
        return;
      case "i":
        flow.id = u32(text);
        return;
      case "m": {
        const { rest } = strtoul(text);
        flow.mark = { value: u32(text), mask: rest.startsWith("/") ? u32(rest.slice(1)) : 0xffffffff };
        flow.dumpedMark = flow.mark;
        return;
      }
      case "l":
      case "<":
      case ">":
        this.#label(key, value);
        return;
      case "a":
        this.#given.delete("a");
        this.#context.stderr.write("WARNING: ignoring -a, deprecated option.\n");
        return;
      case "f":
        if (text.startsWith("ipv4")) this.#setFamily(2);
        else if (text.startsWith("ipv6")) this.#setFamily(10);
        else throw new ConntrackUsageError(`\`${text}' unsupported protocol`);
        return;
      case "b":
        this.#bufferSize = atol(text);
        return;
    }
  }

  #take(key: string, value: string | null): void {
    const name = this.#optional(value);
    const table = name === null ? "conntrack" : TABLES.find((each) => each.startsWith(name));
    if (table === undefined) throw new ConntrackUsageError(`unknown type \`${name}'`);
    if (key !== "L" && (table === "dying" || table === "unconfirmed"))
      throw new ConntrackUsageError("Can't do that command with tables `dying' and `unconfirmed'");
    if (table === "expect" && !knowsExpectations(key))
      throw new ConntrackUsageError(`Can't do --${longName(key)} on expectations`);
    if (this.#command !== null) throw new ConntrackUsageError("Invalid commands combination");
    this.#command = key;
    this.#table = table;
  }

  #setFamily(family: 2 | 10): void {
    if (this.#family !== null && this.#family !== family) throw new ConntrackUsageError("mismatched address family");
    this.#family = family;
  }

  /** An address, with a prefix length where a mask may stand. Models `nfct_parse_addr_from_opt()`. */
  #parseAddress(key: string, text: string, maskKey: string | null): { address: Address; length: number | null } {
    const slash = text.indexOf("/");
    const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
    if (address === null) throw new ConntrackUsageError(`Invalid IP address \`${text}'`);
    this.#setFamily(address.family);
    if (slash < 0) return { address, length: null };
    if (maskKey === null) throw new ConntrackUsageError(`CIDR notation unavailable for \`--${longName(key)}'`);
    const digits = text.slice(slash + 1);
    const length = atol(digits);
    if (!/^(\s*[+-]?\d+)?$/.test(digits) || length < 0 || length > (address.family === 2 ? 32 : 128))
      throw new ConntrackUsageError("Invalid netmask");
    return { address, length };
  }

  #address(key: string, text: string): void {
    const [endOf, side, maskKey] = ENDS[key];
    const { address, length } = this.#parseAddress(key, text, maskKey);
    const end = endOf(this.#flow);
    end[side] = address.words;
    end.family = address.family;
    this.#given.add(key);
    if (length === null || maskKey === null || length === (address.family === 2 ? 32 : 128)) return;
    this.#flow.mask[side] = maskOf(address.family, length);
    this.#flow.mask.family = address.family;
    this.#given.add(maskKey);
  }

  /** `address`, `address:port` or `[address]:port`. Models `split_address_and_port()`. */
  #nat(key: "n" | "g" | "j", text: string): void {
    let host = text;
    let port: string | null = null;
    const open = text.indexOf("[");
    if (open >= 0) {
      const close = text.indexOf("]", open + 1);
      if (close === open + 1) throw new ConntrackUsageError("No IPv6 address specified");
      if (close < 0) throw new ConntrackUsageError("No closing ']' around IPv6 address");
      const colon = text.indexOf(":", close);
      if (colon >= 0) {
        host = text.slice(open + 1, close);
        port = text.slice(colon + 1);
      }
    } else if (text.split(":").length === 2) [host, port] = text.split(":");
    if (port === "") throw new ConntrackUsageError("No port specified after `:'");
    if (port !== null && !(/^\d+$/.test(port) && Number(port) <= 0xffff))
      throw new ConntrackUsageError(`Invalid port \`${port}'`);
    const { address } = this.#parseAddress(key, host, null);
    for (const nat of [
      ...(key === "g" ? [] : [this.#flow.sourceNat]),
      ...(key === "n" ? [] : [this.#flow.destinationNat]),
    ]) {
      nat.address = address;
      if (port !== null) nat.port = Number(port);
    }
  }

  /** The values of a list of names, each of which may be shortened. Models `parse_parameter()`. */
  #parameters<T>(text: string, names: readonly (readonly [string, T])[]): T[] {
    const values: T[] = [];
    for (let rest: string | null = text; rest !== null; ) {
      const comma: number = rest.indexOf(",");
      const value = this.#parameter(comma < 0 ? rest : rest.slice(0, comma), names, rest);
      if (value !== null) values.push(value);
      rest = comma < 0 ? null : rest.slice(comma + 1);
    }
    return values;
  }

  /** One of them; null where it is ignored. `rest`: what a complaint shows. */
  #parameter<T>(word: string, names: readonly (readonly [string, T])[], rest: string): T | null {
    const short = word.toUpperCase();
    if (word === "") throw new ConntrackUsageError(`Bad parameter \`${rest}'`);
    for (const [ignored, option] of [
      ["SRC_NAT", "src-nat"],
      ["DST_NAT", "dst-nat"],
    ])
      if (ignored.startsWith(short)) {
        this.#context.stderr.write(`WARNING: ignoring ${ignored}, use --${option} instead\n`);
        return null;
      }
    const found = names.find(([name]) => name.toUpperCase().startsWith(short));
    if (found === undefined) throw new ConntrackUsageError(`Bad parameter \`${rest}'`);
    return found[1];
  }

  /** Models `parse_parameter_mask()`: `!` and UNREPLIED name what must not be set, which the kernel alone looks at. */
  #status(text: string): void {
    const flow = this.#flow;
    let status = flow.status ?? 0;
    for (let rest: string | null = text; rest !== null; ) {
      const comma: number = rest.indexOf(",");
      if (comma === 0) throw new ConntrackUsageError(`Bad parameter \`${rest}'`);
      const negated: boolean = rest.startsWith("!");
      const shown: string = negated ? rest.slice(1) : rest;
      const end: number = shown.indexOf(",");
      const word = end < 0 ? shown : shown.slice(0, end);
      if (!negated && word.startsWith("UNREPLIED")) flow.statusMask |= IPS_SEEN_REPLY;
      else {
        const bits = this.#parameter(word, STATUSES, shown) ?? 0;
        if (negated) flow.statusMask |= bits;
        else status |= bits;
      }
      rest = end < 0 ? null : shown.slice(end + 1);
    }
    flow.status = status;
    if (flow.statusMask === 0) flow.statusMask = status;
    // The tool puts the status where the mark's value stands, too.
    if (flow.mark !== null) flow.mark = { ...flow.mark, value: status };
  }

  #output(text: string): void {
    for (let rest: string | null = text; rest !== null; ) {
      const comma: number = rest.indexOf(",");
      const word: string = comma < 0 ? rest : rest.slice(0, comma);
      const key = this.#parameter(word, OUTPUTS, rest);
      if (key !== null) this.#format = { ...this.#format, [key]: true };
      else if ("labels".startsWith(word.toLowerCase())) this.#labelled = true;
      rest = comma < 0 ? null : rest.slice(comma + 1);
    }
    const { save, xml, extended, timestamp, id, ktimestamp } = this.#format;
    if (!save || !(xml || extended || timestamp || id || ktimestamp || this.#labelled)) return;
    // Labels are looked up as soon as they are asked for.
    if (this.#labelled) readLabelMap(this.#context);
    throw new ConntrackFailure("cannot combine save output with any other output type, use -o save only");
  }

  #label(key: string, value: string | null): void {
    if (this.#given.has("<") && this.#given.has(">"))
      throw new ConntrackFailure("cannot use --label-add and --label-del at the same time");
    const names = key === ">" ? this.#optional(value) : (value ?? "");
    const into = key === "l" ? this.#flow.labels : this.#flow.changedLabels;
    const map = this.#labelMap();
    if (names === null) return;
    for (const name of names.split(",")) {
      const number = map?.numberOf(name);
      if (number === undefined) throw new ConntrackUsageError(`unknown label '${name}'`);
      into.add(number);
    }
  }

  /** Reads the names of labels, once. */
  #labelMap(): LabelMap | null {
    if (this.#labels === undefined) this.#labels = readLabelMap(this.#context);
    return this.#labels;
  }

  #finish(): ConntrackCommand {
    const labels = this.#labelled ? this.#labelMap() : (this.#labels ?? null);
    const given = this.#given;
    if (given.has("j") && (given.has("n") || given.has("g")))
      throw new ConntrackUsageError("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'");
    const command = this.#command;
    const expect = this.#table === "expect";
    checkOptions(command, expect, given);
    if (command !== "h") this.#protocol?.check(command, expect, this.#protocolGiven);
    return {
      command,
      table: this.#table,
      given,
      flow: this.#flow,
      family: this.#family,
      protocol: this.#protocol,
      format: { ...this.#format, labels },
      eventTypes: this.#eventTypes,
      bufferSize: this.#bufferSize,
    };
  }
}

/** Reads a command line. Throws {@link ConntrackUsageError} and {@link ConntrackFailure}. */
export function parseCommandLine(context: LabContext, args: readonly string[]): ConntrackCommand {
  return new CommandLine(context, args).parse();
}
