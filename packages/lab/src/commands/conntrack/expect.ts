/**
 * `conntrack` about the table of expectations: lists, counts, watches and empties it, and makes and deletes single
 * ones.
 */
import {
  deleteExpectation,
  EINVAL,
  ENOENT,
  EPERM,
  type ExpectationEvent,
  type ExpectationSnapshot,
  getExpectation,
  NF_CT_EXPECT_INACTIVE,
  NF_CT_EXPECT_PERMANENT,
  NF_CT_EXPECT_USERSPACE,
  newExpectation,
  SystemError,
  strerror,
  type TupleText,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../../command.js";
import type { LabContext } from "../../environment.js";
import { endTuple } from "./message.js";
import { ConntrackFailure } from "./options.js";
import type { ConntrackCommand } from "./parse.js";
import { type OutputFormat, protocolName, wholeAddress } from "./print.js";
import { watch } from "./watch.js";

const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<expect>\n';
const XML_TAIL = "</expect>\n";

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [NF_CT_EXPECT_PERMANENT, "PERMANENT"],
  [NF_CT_EXPECT_INACTIVE, "INACTIVE"],
  [NF_CT_EXPECT_USERSPACE, "USERSPACE"],
];

function flagNames(flags: number): string {
  return FLAG_NAMES.filter(([bit]) => flags & bit)
    .map(([, name]) => name)
    .join(",");
}

function ports({ sport, dport, srckey, dstkey }: TupleText): string {
  if (srckey !== undefined) return `srckey=0x${srckey.toString(16)} dstkey=0x${(dstkey ?? 0).toString(16)} `;
  return sport === undefined ? "" : `sport=${sport} dport=${dport} `;
}

function plain(expectation: ExpectationSnapshot): string {
  const { tuple, mask, master, timeoutSeconds, protonum, zone, flags, expectClass, helper } = expectation;
  let text = `${timeoutSeconds} proto=${protonum} src=${tuple.src} dst=${tuple.dst} ${ports(tuple)}`;
  text += `mask-src=${mask.src} mask-dst=${mask.dst} ${ports(mask)}`;
  text += `master-src=${master.src} master-dst=${master.dst} ${ports(master)}`;
  if (zone !== 0) text += `zone=${zone} `;
  if (flags !== 0) text += `${flagNames(flags)} `;
  text += `class=${expectClass} `;
  if (helper !== null) text += `helper=${helper} `;
  return text.trimEnd();
}

function xml(expectation: ExpectationSnapshot, type: string | null): string {
  const { tuple, mask, master, l3num, protonum, helper, timeoutSeconds, expectClass, zone } = expectation;
  const three = (one: (part: TupleText) => string): string =>
    `<expected>${one(tuple)}</expected><mask>${one(mask)}</mask><master>${one(master)}</master>`;
  const addresses = three(({ src, dst }) => `<src>${src}</src><dst>${dst}</dst>`);
  const numbers = three(({ sport, dport }) =>
    sport === undefined ? "" : `<sport>${sport}</sport><dport>${dport}</dport>`,
  );
  const zoned = zone === 0 ? "" : `<zone>${zone}</zone>`;
  return (
    `<flow${type === null ? "" : ` type="${type}"`}><layer3 protonum="${l3num}" protoname="${l3num === 2 ? "ipv4" : "ipv6"}">${addresses}</layer3>` +
    `<layer4 protonum="${protonum}" protoname="${protocolName(protonum)}">${numbers}</layer4>` +
    `<meta>${helper === null ? "" : `<helper-name>${helper}</helper-name>`}<timeout>${timeoutSeconds}</timeout>` +
    `<class>${expectClass}</class>${zoned}</meta></flow>`
  );
}

/** The moment in front of a line, for `-o timestamp`. */
function stamp(format: OutputFormat, atMicros: number): string {
  if (!format.timestamp) return "";
  return `[${Math.floor(atMicros / 1_000_000)}.${String(atMicros % 1_000_000).padEnd(6)}]\t`;
}

/** One line of `conntrack -L expect`, without its newline; `atMicros` is the time of day. */
export function expectationLine(expectation: ExpectationSnapshot, format: OutputFormat, atMicros: number): string {
  return format.xml ? xml(expectation, null) : stamp(format, atMicros) + plain(expectation);
}

/** One line of `conntrack -E expect`, without its newline; `epochMicros` is what the lab's time zero stands for. */
export function expectationEventLine(event: ExpectationEvent, format: OutputFormat, epochMicros: number): string {
  if (format.xml) return xml(event.expectation, event.type.toLowerCase());
  return `${stamp(format, epochMicros + event.atMicros)}${`[${event.type}]`.padStart(9)} ${plain(event.expectation)}`;
}

/** One line of /proc/net/nf_conntrack_expect, without its newline. Models `exp_seq_show()`. */
export function procExpectationLine(expectation: ExpectationSnapshot): string {
  const { tuple, timeoutSeconds, l3num, protonum, flags, helper, className } = expectation;
  const named = helper === null ? "" : `${flags === 0 ? "" : " "}${helper}${className === "" ? "" : `/${className}`}`;
  return (
    `${timeoutSeconds} l3proto = ${l3num} proto=${protonum} src=${wholeAddress(tuple.src)} dst=${wholeAddress(tuple.dst)} ` +
    `${ports(tuple)}${flagNames(flags)}${named}`
  );
}

const ERRORS: ReadonlyMap<number, string> = new Map([
  [EINVAL, "invalid parameters"],
  [EPERM, "sorry, you must be root or get CAP_NET_ADMIN capability to do this"],
]);

/** Runs what asks the kernel, and fails with the tool's words for its error numbers. Models `err2str()`. */
function asking<T>(command: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const text =
      command === "I" && error.errno === ENOENT
        ? "master conntrack not found"
        : (ERRORS.get(error.errno) ?? strerror(error.errno));
    throw new ConntrackFailure(`Operation failed: ${text}`);
  }
}

/** The commands that know the table. */
export const EXPECT_COMMANDS = "LIDGFECS";

/** Makes the expectation that a command line describes. */
function create({ net }: LabContext, { flow }: ConntrackCommand): number {
  asking("I", () =>
    newExpectation(net.ct, {
      tuple: endTuple(flow.expected),
      mask: endTuple(flow.mask),
      master: endTuple(flow.original),
    }),
  );
  return 0;
}

/** Carries out a command about the table. `version` is what the tool calls itself. */
export function expectCommand(
  context: LabContext,
  command: ConntrackCommand,
  version: string,
): number | CommandProcess {
  const { net, stdout, stderr } = context;
  const { format, eventTypes, family } = command;
  const { expectations } = net.ct.helpers;
  const summary = (shown: number): string => `${version}: ${shown} expectations have been shown.\n`;
  const nowMicros = (): number => net.clock.epochMillis * 1000 + net.clock.nowMicros;
  switch (command.command) {
    case "C":
      stdout.write(`${expectations.count}\n`);
      return 0;
    case "S": {
      const { arrived, created, deleted } = expectations.stats;
      stdout.write(`cpu=0   \texpect_new=${arrived} expect_create=${created} expect_delete=${deleted} \n`);
      return 0;
    }
    case "F":
      expectations.flush();
      stderr.write(`${version}: expectation table has been emptied.\n`);
      return 0;
    case "I":
      return create(context, command);
    case "G": {
      const found = asking("G", () => getExpectation(net.ct, endTuple(command.flow.original)));
      stdout.write(`${expectationLine(found, format, nowMicros())}\n`);
      return 0;
    }
    case "D":
      asking("D", () => deleteExpectation(net.ct, endTuple(command.flow.original)));
      // The tool counts what it shows, and it shows nothing.
      stderr.write(summary(0));
      return 1;
    case "E":
      return watch(context, {
        frame: format.xml ? [XML_HEAD, XML_TAIL] : null,
        subscribe: (tell) =>
          expectations.subscribe((event) => {
            if (eventTypes !== null && !eventTypes.has(event.type)) return;
            tell(expectationEventLine(event, format, net.clock.epochMillis * 1000));
          }),
        summary: (shown) => `${version}: ${shown} expectation events have been shown.`,
      });
    case "L": {
      // IPv4 is meant, unless IPv6 is said.
      const shown = expectations.list().filter(({ l3num }) => l3num === (family ?? 2));
      if (format.xml && shown.length > 0) stdout.write(XML_HEAD);
      for (const each of shown) stdout.write(`${expectationLine(each, format, nowMicros())}\n`);
      if (format.xml && shown.length > 0) stdout.write(XML_TAIL);
      stderr.write(summary(shown.length));
      return 0;
    }
    default:
      throw new Error(`conntrack: unhandled command ${command.command} expect`);
  }
}
