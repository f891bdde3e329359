/**
 * `conntrack` of conntrack-tools 1.4.7: lists, watches, deletes, updates and counts entries. Making entries (`-I`) and
 * changes other than of the mark are not supported, and say so.
 */
import {
  type ConntrackEvent,
  type ConntrackSnapshot,
  IPPROTO_TCP,
  IPPROTO_UDP,
  type NetNamespace,
} from "@netfilter-lab/engine";
import type { LabCommand } from "../../environment.js";
import { CONNTRACK_USAGE } from "../usage.js";
import { EXPECT_COMMANDS, expectCommand } from "./expect.js";
import {
  addressTest,
  ConntrackUsageError,
  type EntryTest,
  markTest,
  natTest,
  numberTest,
  parseProtocol,
  stateTest,
  statusTest,
} from "./filter.js";
import { type EventOrigin, eventLine, listLine, type OutputFormat, PLAIN_FORMAT, XML_HEAD, XML_TAIL } from "./print.js";
import { watch } from "./watch.js";

const VERSION = "conntrack v1.4.7 (conntrack-tools)";

/** Long options: the letter (or name) they stand for, and whether a value follows. */
const LONG: Readonly<Record<string, readonly [string, "none" | "required" | "optional"]>> = {
  dump: ["L", "optional"],
  get: ["G", "optional"],
  delete: ["D", "optional"],
  create: ["I", "optional"],
  update: ["U", "optional"],
  event: ["E", "optional"],
  flush: ["F", "optional"],
  count: ["C", "optional"],
  stats: ["S", "optional"],
  version: ["V", "none"],
  help: ["h", "none"],
  src: ["s", "required"],
  "orig-src": ["s", "required"],
  dst: ["d", "required"],
  "orig-dst": ["d", "required"],
  "reply-src": ["r", "required"],
  "reply-dst": ["q", "required"],
  protonum: ["p", "required"],
  family: ["f", "required"],
  timeout: ["t", "required"],
  status: ["u", "required"],
  zone: ["w", "required"],
  mark: ["m", "required"],
  "event-mask": ["e", "required"],
  output: ["o", "required"],
  zero: ["z", "none"],
  "buffer-size": ["b", "required"],
  "src-nat": ["n", "optional"],
  "dst-nat": ["g", "optional"],
  "any-nat": ["j", "optional"],
};

/** Options that a command does not take, by their letters; `conntrack` alone takes none. */
const ILLEGAL: Readonly<Record<string, string>> = {
  L: "teb",
  G: "eb",
  D: "ebz",
  U: "ebz",
  E: "tz",
  F: "sdrqptumwoebzngjl",
  C: "sdrqptumwoebzngjl",
  S: "sdrqptumwoebzngjl",
  V: "sdrqptumwoebzngjl",
  h: "sdrqptumwoebzngjl",
};
/** In the order in which the tool looks for them. */
const ILLEGAL_ALONE = "sdrqptuzemngobjwl";
/** The same about the table of expectations. */
const ILLEGAL_EXPECT: Readonly<Record<string, string>> = {
  L: "sdrqptumwebzngjl",
  E: "sdrqptumwbzngjl",
};

/** Refuses what the command does not take, in the tool's words. */
function checkOptions(command: string | null, table: string, keys: readonly string[]): void {
  const aboutTable = table === "expect" ? { ...ILLEGAL, ...ILLEGAL_EXPECT } : ILLEGAL;
  const illegal = command === null ? ILLEGAL_ALONE : aboutTable[command];
  const key = [...ILLEGAL_ALONE].find((each) => illegal.includes(each) && keys.includes(each));
  if (key === undefined) return;
  const name = Object.keys(LONG).find((long) => LONG[long][0] === key) ?? key;
  throw new ConntrackUsageError(`Illegal option \`--${name}' with this command`);
}

/** Options that a protocol adds, by protocol number. */
const PROTOCOL_OPTIONS: Readonly<Record<number, Readonly<Record<string, (value: string) => EntryTest>>>> = {
  6: { ...portOptions(), state: stateTest },
  17: portOptions(),
  1: {
    "icmp-type": (value) => numberTest(value, 0, "type"),
    "icmp-code": (value) => numberTest(value, 0, "code"),
    "icmp-id": (value) => numberTest(value, 0, "id"),
  },
};

function portOptions(): Record<string, (value: string) => EntryTest> {
  return {
    sport: (value) => numberTest(value, 0, "sport"),
    "orig-port-src": (value) => numberTest(value, 0, "sport"),
    dport: (value) => numberTest(value, 0, "dport"),
    "orig-port-dst": (value) => numberTest(value, 0, "dport"),
    "reply-port-src": (value) => numberTest(value, 1, "sport"),
    "reply-port-dst": (value) => numberTest(value, 1, "dport"),
  };
}

const SHORT_VALUES = "sdrqpftuwmeobcl";
const SHORT_OPTIONAL = "LGDIUEFCSngj";
const SHORT_FLAGS = "Vhz";
const COMMANDS = "LGDIUEFCSVh";
/** What `-o` takes, or a beginning of it. */
const OUTPUTS: readonly string[] = ["xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save"];
const TABLES: readonly string[] = ["conntrack", "expect", "dying", "unconfirmed"];

interface Request {
  readonly command: string | null;
  readonly table: string;
  readonly tests: readonly EntryTest[];
  readonly format: OutputFormat;
  readonly eventTypes: ReadonlySet<ConntrackEvent["type"]> | null;
  readonly protocol: number | null;
  readonly given: ReadonlySet<string>;
  readonly markValue: string | null;
  readonly otherFamily: boolean;
}

function parse(args: readonly string[]): Request {
  const words: { key: string; value: string | null; text: string }[] = [];
  let protocol: number | null = null;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "--") break;
    // A table's name, or an address; what stands right behind the letter is not looked at.
    const optionalValue = (): string | null => {
      const next = args[at + 1];
      if (next === undefined || next.startsWith("-") || next.startsWith("!")) return null;
      at++;
      return next;
    };
    const requiredValue = (shown: string): string => {
      const next = args[at + 1];
      if (next === undefined) throw new ConntrackUsageError(`option \`${shown}' requires an argument`);
      at++;
      return next;
    };
    if (word.startsWith("--")) {
      const [name, ...rest] = word.slice(2).split("=");
      const attached = rest.length > 0 ? rest.join("=") : null;
      const added = Object.keys((protocol === null ? undefined : PROTOCOL_OPTIONS[protocol]) ?? {});
      const names = [...Object.keys(LONG), ...added];
      const candidates = names.includes(name) ? [name] : names.filter((candidate) => candidate.startsWith(name));
      const keys = new Set(candidates.map((candidate) => LONG[candidate]?.[0] ?? candidate));
      if (keys.size === 1 && added.includes(candidates[0])) {
        words.push({ key: candidates[0], value: attached ?? requiredValue(`--${candidates[0]}`), text: word });
        continue;
      }
      if (keys.size !== 1) throw new ConntrackUsageError(`unknown option \`${word}'`);
      const [key, takes] = LONG[candidates[0]];
      const value =
        takes === "none"
          ? null
          : takes === "optional"
            ? (attached ?? optionalValue())
            : (attached ?? requiredValue(word));
      words.push({ key, value, text: word });
    } else if (word.startsWith("-") && word.length > 1) {
      for (let i = 1; i < word.length; i++) {
        const letter = word[i];
        const rest = word.slice(i + 1);
        if (SHORT_FLAGS.includes(letter)) words.push({ key: letter, value: null, text: `-${letter}` });
        else if (SHORT_VALUES.includes(letter)) {
          words.push({ key: letter, value: rest === "" ? requiredValue(`-${letter}`) : rest, text: `-${letter}` });
          break;
        } else if (SHORT_OPTIONAL.includes(letter)) {
          words.push({ key: letter, value: rest === "" ? optionalValue() : null, text: `-${letter}` });
          if (rest !== "" && COMMANDS.includes(letter)) break;
        } else throw new ConntrackUsageError(`unknown option \`${word}'`);
      }
    }
    const last = words.at(-1);
    if (last !== undefined && COMMANDS.includes(last.key) && !TABLES.includes(last.value ?? "conntrack"))
      throw new ConntrackUsageError(`unknown type \`${last.value}'`);
    if (last?.key === "p" && last.value !== null) protocol = parseProtocol(last.value);
  }
  return interpret(words, protocol);
}

function interpret(
  words: readonly { key: string; value: string | null; text: string }[],
  protocol: number | null,
): Request {
  const commands = words.filter(({ key }) => key.length === 1 && COMMANDS.includes(key));
  if (commands.length > 1) throw new ConntrackUsageError("Invalid commands combination");
  const command = commands[0]?.key ?? null;
  const table = commands[0]?.value ?? "conntrack";
  if (command === "I") throw new ConntrackUsageError("`-I' is not supported by the lab");
  checkOptions(
    command,
    table,
    words.map(({ key }) => key),
  );
  if (command === "G") checkTuple(words, protocol);
  const tests: EntryTest[] = [];
  let format: OutputFormat = PLAIN_FORMAT;
  let eventTypes: Set<ConntrackEvent["type"]> | null = null;
  let markValue: string | null = null;
  let otherFamily = false;
  for (const { key, value, text } of words) {
    if (commands.some((chosen) => chosen.key === key)) continue;
    const given = value ?? "";
    const protocolOption = protocol === null ? undefined : PROTOCOL_OPTIONS[protocol]?.[key];
    if (key.length > 1 && protocolOption !== undefined) tests.push(protocolOption(given));
    else if (key === "s") tests.push(addressTest(given, 0, "src"));
    else if (key === "d") tests.push(addressTest(given, 0, "dst"));
    else if (key === "r") tests.push(addressTest(given, 1, "src"));
    else if (key === "q") tests.push(addressTest(given, 1, "dst"));
    else if (key === "p") tests.push((entry) => entry.protonum === protocol);
    else if (key === "u") tests.push(statusTest(given));
    else if (key === "w") tests.push((entry) => entry.zone === Number(given));
    else if (key === "n") tests.push(natTest("src", value));
    else if (key === "g") tests.push(natTest("dst", value));
    else if (key === "j") tests.push(natTest("any", value));
    else if (key === "m") {
      if (command === "U") markValue = given;
      else tests.push(markTest(given));
    } else if (key === "f") {
      if (given !== "ipv4" && given !== "ipv6" && given !== "inet" && given !== "inet6")
        throw new ConntrackUsageError(`\`${given}' unsupported protocol`);
      otherFamily = given.endsWith("6");
    } else if (key === "o") {
      for (const name of given.split(",")) {
        const full = OUTPUTS.find((each) => name !== "" && each.startsWith(name.toLowerCase()));
        if (full === undefined) throw new ConntrackUsageError(`Bad parameter \`${given}'`);
        format = { ...format, [full]: true };
      }
    } else if (key === "e") {
      eventTypes ??= new Set();
      for (const name of given.split(",")) {
        if (name === "ALL") for (const type of ["NEW", "UPDATE", "DESTROY"] as const) eventTypes.add(type);
        else if (name === "NEW" || name === "DESTROY") eventTypes.add(name);
        else if (name === "UPDATES" || name === "UPDATE") eventTypes.add("UPDATE");
        else throw new ConntrackUsageError(`Bad parameter \`${given}'`);
      }
    } else if (key !== "b") throw new ConntrackUsageError(`\`${text}' is not supported by the lab`);
  }
  const given = new Set(words.map(({ key }) => key));
  return { command, table, tests, format, eventTypes, protocol, given, markValue, otherFamily };
}

/** `-G` wants a tuple, whole and without masks. */
function checkTuple(
  words: readonly { readonly key: string; readonly value: string | null }[],
  protocol: number | null,
): void {
  const given = (...keys: readonly string[]): boolean => words.some(({ key }) => keys.includes(key));
  const masked = (letter: string): boolean => words.some(({ key, value }) => key === letter && value?.includes("/"));
  if (protocol === null) throw new ConntrackUsageError("You need to supply the `--protonum' option for this command");
  for (const [letter, name] of [
    ["s", "src"],
    ["d", "dst"],
  ])
    if (masked(letter)) throw new ConntrackUsageError(`Illegal option \`--mask-${name}' with this command`);
  for (const { key, value } of words) if (key === "s" || key === "d") addressTest(value ?? "", 0, "src");
  const reply = given("r") && given("q");
  if (!reply && !(given("s") && given("d"))) throw new ConntrackUsageError("you have to specify `--src' and `--dst'");
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return;
  const ports = given("sport", "orig-port-src") && given("dport", "orig-port-dst");
  if (!reply && !ports) throw new ConntrackUsageError("you have to specify `--sport' and `--dport'");
}

/** Who is deleting entries right now, so that `conntrack -E` can say so. */
const deleting: WeakMap<NetNamespace, EventOrigin> = new WeakMap();
/** The process that deletes entries of a host right now; null when the kernel itself does. */
export function deletingProcess(net: NetNamespace): EventOrigin | null {
  return deleting.get(net) ?? null;
}

const portids: WeakMap<NetNamespace, number> = new WeakMap();

function asUserspace<T>(net: NetNamespace, action: () => T): T {
  const portid = (portids.get(net) ?? 2000) + 1;
  portids.set(net, portid);
  deleting.set(net, { portid, program: "conntrack" });
  try {
    return action();
  } finally {
    deleting.delete(net);
  }
}

/**
 * Tables besides the entries' own. What is deleted is gone at once, and no packet waits unconfirmed between commands:
 * `dying` and `unconfirmed` are empty.
 */
function supportedTable(table: string, command: string | null): boolean {
  if (table === "expect") return command !== null && EXPECT_COMMANDS.includes(command);
  return command === "L";
}

/** `conntrack`. */
export const conntrack: LabCommand = (context) => {
  const { stdout, stderr } = context;
  let request: Request;
  try {
    request = parse(context.args);
    if (request.table !== "conntrack" && !supportedTable(request.table, request.command))
      throw new ConntrackUsageError(`the table \`${request.table}' is not supported by the lab`);
  } catch (error) {
    if (!(error instanceof ConntrackUsageError)) throw error;
    stderr.write(`${VERSION}: ${error.message}\nTry \`conntrack -h' or 'conntrack --help' for more information.\n`);
    return 2;
  }
  if (request.table === "expect") return expectCommand(context, request, VERSION);
  const { net } = context;
  const matches = (entry: ConntrackSnapshot): boolean =>
    !request.otherFamily && request.tests.every((test) => test(entry));
  const summary = (count: number, what: string): void => void stderr.write(`${VERSION}: ${count} ${what}.\n`);
  const now = (): bigint =>
    BigInt(net.clock.epochMillis) * 1_000_000n + BigInt(Math.round(net.clock.nowMicros)) * 1000n;
  switch (request.command) {
    case null:
    case "h":
      stdout.write(CONNTRACK_USAGE);
      return 0;
    case "V":
      stdout.write(`${VERSION}\n`);
      return 0;
    case "C":
      stdout.write(`${net.ct.count}\n`);
      return 0;
    case "S": {
      const s = net.ct.stats;
      stdout.write(
        `cpu=0   \tfound=${s.found} invalid=${s.invalid} insert=${s.insert} insert_failed=${s.insertFailed} ` +
          `drop=${s.drop} early_drop=${s.earlyDrop} error=${s.error} search_restart=${s.searchRestart} ` +
          `clash_resolve=${s.clashResolve} chaintoolong=${s.chainTooLong} \n`,
      );
      return 0;
    }
    case "F":
      asUserspace(net, () => net.ct.flush());
      stderr.write(`${VERSION}: connection tracking table has been emptied.\n`);
      return 0;
    case "E":
      return watch(context, {
        frame: request.format.xml ? [XML_HEAD, XML_TAIL] : null,
        subscribe: (tell) =>
          net.ct.subscribe((event) => {
            if (request.eventTypes !== null && !request.eventTypes.has(event.type)) return;
            if (!matches(event.entry)) return;
            tell(eventLine(event, request.format, net.clock.epochMillis * 1000, deletingProcess(net)));
          }),
        summary: (shown) => `${VERSION}: ${shown} flow events have been shown.`,
      });
    case "L": {
      const found = request.table === "conntrack" ? net.ct.list().filter(matches) : [];
      if (request.format.xml && found.length > 0) stdout.write(XML_HEAD);
      for (const entry of found) stdout.write(`${listLine(entry, request.format, now())}\n`);
      if (request.format.xml && found.length > 0) stdout.write(XML_TAIL);
      summary(found.length, "flow entries have been shown");
      return 0;
    }
    case "G": {
      // The kernel finds an entry by its answer's tuple too; the tool then shows only what began as it was asked.
      const answers = ({ tuple: [original, reply], ...entry }: ConntrackSnapshot): ConntrackSnapshot => ({
        ...entry,
        tuple: [reply, original],
      });
      const found = net.ct.list().find((entry) => matches(entry) || matches(answers(entry)));
      if (found === undefined) {
        stderr.write(`${VERSION}: Operation failed: such conntrack doesn't exist\n`);
        return 1;
      }
      if (!matches(found)) {
        summary(0, "flow entries have been shown");
        return 1;
      }
      // The answer to a single question is made while the asker holds a reference.
      stdout.write(`${listLine({ ...found, use: found.use + 1 }, request.format, now())}\n`);
      summary(1, "flow entries have been shown");
      return 0;
    }
    case "D": {
      const found = net.ct.list().filter(matches);
      asUserspace(net, () => {
        for (const entry of found) {
          net.ct.delete(entry.handle);
          stdout.write(`${listLine(entry, request.format, now())}\n`);
        }
      });
      summary(found.length, "flow entries have been deleted");
      return found.length > 0 ? 0 : 1;
    }
    case "U": {
      const found = net.ct.list().filter(matches);
      if (request.markValue === null && found.length > 0) {
        stderr.write(`${VERSION}: only the mark (-m) can be updated in the lab\n`);
        return 2;
      }
      const [value, mask] = (request.markValue ?? "").split("/").map((text) => Number(text) >>> 0);
      for (const entry of found) {
        net.ct.setMark(entry.handle, mask === undefined ? value : ((entry.mark & ~mask) ^ value) >>> 0);
        stdout.write(`${listLine(net.ct.snapshot(entry.handle), request.format, now())}\n`);
      }
      summary(found.length, "flow entries have been updated");
      return found.length > 0 ? 0 : 1;
    }
    default:
      throw new Error(`conntrack: unhandled command ${request.command}`);
  }
};
