/**
 * `conntrack` of conntrack-tools 1.4.7: lists, watches, makes, changes, deletes and counts connections. Where the tool
 * itself ends with a fault (an unknown state of SCTP), this one complains instead. Models `do_command_ct()`.
 */
import {
  type ConntrackSnapshot,
  deleteConntrack,
  EEXIST,
  EINVAL,
  EMPTY_MESSAGE,
  ENOENT,
  ENOMEM,
  EPERM,
  ETIME,
  getConntrack,
  protocolName as listedProtocolName,
  type NetNamespace,
  newConntrack,
  SystemError,
  strerror,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../../command.js";
import type { LabCommand, LabContext } from "../../environment.js";
import { CONNTRACK_USAGE } from "../usage.js";
import { EXPECT_COMMANDS, expectCommand } from "./expect.js";
import { endMatches, entryTest, icmpMatches, labelsMatch, natMatches, networksMatch, takeNetworks } from "./filter.js";
import type { Flow, Masked } from "./flow.js";
import { loadFile } from "./load-file.js";
import { askedTuple, newMessage, toldTuple, updateMessage } from "./message.js";
import { ConntrackFailure, ConntrackUsageError } from "./options.js";
import { type ConntrackCommand, parseCommandLine } from "./parse.js";
import { changedLine, eventLine, listLine, XML_HEAD, XML_TAIL } from "./print.js";
import { UpdateSocket } from "./update-socket.js";
import { watch } from "./watch.js";

export const VERSION = "conntrack v1.4.7 (conntrack-tools)";
const HINT = "Try `conntrack -h' or 'conntrack --help' for more information.";
const PROGRAM = "conntrack";

/** What the tool says of error numbers, by the commands that it says it of. Models `err2str()`. */
const ERRORS: readonly (readonly [string, number, string])[] = [
  ["LIDUGFECSVh", EINVAL, "invalid parameters"],
  ["I", EEXIST, "Such conntrack exists, try -U to update"],
  ["IGD", ENOENT, "such conntrack doesn't exist"],
  ["IG", ENOMEM, "not enough memory"],
  ["I", ETIME, "conntrack has expired"],
  ["LIDUGFECSVhA", EPERM, "sorry, you must be root or get CAP_NET_ADMIN capability to do this"],
];

function errorText(command: string, errno: number): string {
  return ERRORS.find(([commands, number]) => commands.includes(command) && number === errno)?.[2] ?? strerror(errno);
}

const portids: WeakMap<NetNamespace, number> = new WeakMap();

/** A netlink port of the host's that nobody had. */
function newPortid(net: NetNamespace): number {
  const portid = (portids.get(net) ?? 2000) + 1;
  portids.set(net, portid);
  return portid;
}

function nowNanos(net: NetNamespace): bigint {
  return BigInt(net.clock.epochMillis) * 1_000_000n + BigInt(Math.round(net.clock.nowMicros)) * 1000n;
}

/** Runs what asks the kernel, and fails with the tool's words for its error numbers. */
function asking<T>(command: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new ConntrackFailure(`Operation failed: ${errorText(command, error.errno)}`);
  }
}

/** Entries of the family (and, unless to change it, the mark) that was asked for, as the kernel dumps them. */
function dump(net: NetNamespace, { family, command, flow }: ConntrackCommand): ConntrackSnapshot[] {
  const mark = command === "U" ? null : flow.dumpedMark;
  return net.ct
    .list()
    .filter((entry) => family === null || entry.l3num === family)
    .filter((entry) => mark === null || (entry.mark & mark.mask) >>> 0 === mark.value);
}

function list(context: LabContext, command: ConntrackCommand): number {
  const { net, stdout } = context;
  // What is deleted is gone at once, and no packet waits between commands: these two are empty.
  if (command.table !== "conntrack") return 0;
  const { flow, given, format } = command;
  if (given.has("z") && [..."psdrqmcuwl()"].some((key) => given.has(key)))
    throw new ConntrackUsageError("Can't use -z with filtering parameters");
  takeNetworks(command);
  const test = entryTest(command);
  const { status, statusMask } = flow;
  if (status !== null && statusMask === 0) throw new ConntrackFailure(`Operation failed: ${errorText("L", EINVAL)}`);
  const found = dump(net, command).filter(
    (entry) => (status === null || (entry.status & statusMask) === status) && test(entry),
  );
  if (format.xml && found.length > 0) stdout.write(XML_HEAD);
  for (const entry of found) stdout.write(`${listLine(entry, format, nowNanos(net))}\n`);
  if (format.xml && found.length > 0) stdout.write(XML_TAIL);
  if (given.has("z")) for (const entry of dump(net, command)) net.ct.zeroCounters(entry.handle);
  return found.length;
}

function get(context: LabContext, command: ConntrackCommand): number {
  const { net, stdout } = context;
  const handle = asking("G", () => getConntrack(net.ct, { ...EMPTY_MESSAGE, original: askedTuple(command.flow) }));
  // The kernel finds an entry by its answer's tuple too; the tool then shows only what began as it was asked.
  const entry = net.ct.snapshot(handle);
  if (!entryTest(command)(entry)) return 0;
  if (command.format.xml) stdout.write(XML_HEAD);
  // The answer to a single question is made while the asker holds a reference.
  stdout.write(`${listLine({ ...entry, use: entry.use + 1 }, command.format, nowNanos(net))}\n`);
  return 1;
}

function remove(context: LabContext, command: ConntrackCommand): number {
  const { net, stdout } = context;
  takeNetworks(command);
  const portid = newPortid(net);
  // No time stamps and no labels here.
  const format = { ...command.format, ktimestamp: false, labels: null };
  const found = dump(net, command).filter((entry) => entryTest(command)(entry));
  for (const entry of found) {
    const { id, zone, zoneDirections } = entry;
    const zoned = { zone: zoneDirections === "both" ? zone : null };
    const message = {
      ...EMPTY_MESSAGE,
      ...zoned,
      originalZone: zoneDirections === "original" ? zone : null,
      replyZone: zoneDirections === "reply" ? zone : null,
      original: toldTuple(entry, 0),
      reply: toldTuple(entry, 1),
      id,
    };
    asking("D", () => deleteConntrack(net.ct, message, portid));
    stdout.write(`${changedLine(entry, format, nowNanos(net), "D")}\n`);
  }
  return found.length;
}

/** Whether an update is about an entry. The tool looks at fewer things here than elsewhere. */
function updates(command: ConntrackCommand, entry: ConntrackSnapshot): boolean {
  const { flow, given } = command;
  if (!natMatches(command, entry) || !labelsMatch(command, entry.labels) || !networksMatch(command, entry))
    return false;
  if (flow.id !== null && flow.id !== entry.id) return false;
  const asked = (...keys: readonly string[]): boolean => keys.some((key) => given.has(key));
  if (asked("s", "d", "p") && !(endMatches(flow.original, entry, 0) && icmpMatches(command, entry))) return false;
  return !asked("r", "q", "p") || endMatches(flow.reply, entry, 1);
}

/** A mark that was not said, where the tool takes it nevertheless. */
const UNMARKED: Masked = { value: 0, mask: 0 };

/** What the command lines of one run share, when a file has several. */
export interface Session {
  /** One socket for all updates. */
  readonly socket: UpdateSocket;
  /** Of whichever line an update stands on, its mark and labels are those of the last one: the tool keeps no others. */
  readonly last: Flow;
}

/** A run whose last command line is this. */
export function newSession({ net }: LabContext, last: Flow): Session {
  return { socket: new UpdateSocket(net, newPortid(net)), last };
}

function update(context: LabContext, command: ConntrackCommand, { socket, last }: Session): number {
  const { net, stdout, stderr } = context;
  takeNetworks(command);
  const { mark, changedLabels } = last;
  const said = { ...command.flow, mark: command.flow.mark === null ? null : (mark ?? UNMARKED), changedLabels };
  const format = { ...command.format, ktimestamp: false };
  let updated = 0;
  for (const entry of dump(net, command)) {
    if (!updates(command, entry)) continue;
    const message = updateMessage(said, command.given.has(">"), entry);
    if (message === null) continue;
    const refused = socket.change(message, command.family);
    if (refused !== 0) stderr.write(`Operation failed: ${errorText("U", refused)}\n`);
    const answer = socket.fetch(message, command.family);
    if (answer === ENOENT) continue;
    if (typeof answer === "number" && answer !== 0)
      throw new ConntrackFailure(`Operation failed: ${errorText("U", answer)}`);
    if (typeof answer !== "number") stdout.write(`${listLine(answer, format, nowNanos(net))}\n`);
    updated++;
  }
  return updated;
}

function create({ net }: LabContext, { flow, command }: ConntrackCommand): number {
  const add = command === "A";
  try {
    newConntrack(net.ct, newMessage(flow), "create", newPortid(net));
    return 1;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (add && error.errno === EEXIST) return 0;
    throw new ConntrackFailure(`Operation failed: ${errorText(add ? "A" : "I", error.errno)}`);
  }
}

function statistics({ net, stdout }: LabContext): void {
  const s = net.ct.stats;
  stdout.write(
    `cpu=0   \tfound=${s.found} invalid=${s.invalid} insert=${s.insert} insert_failed=${s.insertFailed} ` +
      `drop=${s.drop} early_drop=${s.earlyDrop} error=${s.error} search_restart=${s.searchRestart} ` +
      `clash_resolve=${s.clashResolve} chaintoolong=${s.chainTooLong} \n`,
  );
}

function follow(context: LabContext, command: ConntrackCommand): CommandProcess {
  const { net, stderr } = context;
  const { format, eventTypes, bufferSize } = command;
  takeNetworks(command);
  // The kernel doubles what it is asked for, and gives no less than a page's worth.
  if (bufferSize !== null)
    stderr.write(
      `NOTICE: Netlink socket buffer size has been set to ${Math.max(2 * (bufferSize >>> 0), 2304)} bytes.\n`,
    );
  const test = entryTest(command);
  return watch(context, {
    frame: format.xml ? [XML_HEAD, XML_TAIL] : null,
    subscribe: (tell) =>
      net.ct.subscribe((event) => {
        if (eventTypes !== null && !eventTypes.has(event.type)) return;
        if (!test(event.entry, event.carries)) return;
        tell(eventLine(event, format, net.clock.epochMillis * 1000, PROGRAM));
      }),
    summary: (shown) => `${VERSION}: ${shown} flow events have been shown.`,
  });
}

function help({ stdout }: LabContext, { protocol, flow }: ConntrackCommand): void {
  stdout.write(CONNTRACK_USAGE);
  if (protocol === null) return;
  const number = flow.protonum ?? 0;
  const known = protocol.protonum === null ? (number === 0 ? "ip" : listedProtocolName(number)) : undefined;
  stdout.write(`Proto \`${known ?? protocol.name}' help:\n${protocol.help}`);
}

/** What a command ends with: how many it was about, and in which words. */
const SUMMARIES: Readonly<Record<string, string>> = {
  L: "shown",
  G: "shown",
  D: "deleted",
  U: "updated",
  I: "created",
  A: "added",
};

/** Commands that are content with nothing. */
const MAY_BE_NONE = "LA";

/**
 * Carries out a command about connections (or their expectations). Gives a number of entries for those that sum up,
 * null for the others.
 */
export function carryOut(
  context: LabContext,
  command: ConntrackCommand,
  session: Session,
): number | null | CommandProcess {
  const { net, stdout, stderr } = context;
  switch (command.command) {
    case "L":
      return list(context, command);
    case "G":
      return get(context, command);
    case "D":
      return remove(context, command);
    case "U":
      return update(context, command, session);
    case "I":
    case "A":
      return create(context, command);
    case "E":
      return follow(context, command);
    case "F":
      net.ct.flush(newPortid(net));
      stderr.write(`${VERSION}: connection tracking table has been emptied.\n`);
      return null;
    case "C":
      stdout.write(`${net.ct.count}\n`);
      return null;
    case "S":
      statistics(context);
      return null;
    case "V":
      stdout.write(`${VERSION}\n`);
      return null;
    default:
      help(context, command);
      return null;
  }
}

/** A complaint on standard error, and the status that goes with it. Models `exit_error()`. */
export function complain({ stderr }: LabContext, error: unknown): number {
  if (error instanceof ConntrackFailure) {
    stderr.write(`${VERSION}: ${error.message}\n`);
    return 1;
  }
  if (!(error instanceof ConntrackUsageError)) throw error;
  stderr.write(`${VERSION}: ${error.message}\n${HINT}\n`);
  return 2;
}

function run(context: LabContext): number | CommandProcess {
  const command = parseCommandLine(context, context.args);
  if (command.table === "expect" && EXPECT_COMMANDS.includes(command.command ?? ""))
    return expectCommand(context, command, VERSION);
  const result = carryOut(context, command, newSession(context, command.flow));
  if (result === null) return 0;
  if (typeof result !== "number") return result;
  const letter = command.command ?? "";
  context.stderr.write(`${VERSION}: ${result} flow entries have been ${SUMMARIES[letter]}.\n`);
  return result === 0 && !MAY_BE_NONE.includes(letter) ? 1 : 0;
}

/** `conntrack`. */
export const conntrack: LabCommand = (context) => {
  try {
    const [first, file] = context.args;
    if ((first === "-R" || first === "--load-file") && file !== undefined) return loadFile(context, file);
    return run(context);
  } catch (error) {
    return complain(context, error);
  }
};
