/**
 * `tcpdump` 4.99: prints the packets of devices as they pass, on the lab's clock. Files (`-r`, `-w`) are not supported;
 * `lab.capture()` makes pcap files. Nor are names (everything prints as with `-n`), and payloads beyond the text
 * protocols of `packet-text/payload.ts`: of those it says so once.
 */
import { ethernetHeader, type NetDevice } from "@netfilter-lab/engine";
import type { CommandProcess } from "../../command.js";
import type { LabCommand, LabContext } from "../../environment.js";
import { undissected } from "../../packet-text/undissected.js";
import { Flag } from "../../scheduler.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "../getopt.js";
import { FilterError, type PacketTest, parseFilter } from "./filter.js";
import { PacketPrinter, type PrintOptions, sll2Header } from "./print.js";

const VERSION = `tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
OpenSSL 3.0.19 27 Jan 2026
`;
const USAGE = `${VERSION}Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
		[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
		[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
		[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
		[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
		[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
		[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
		[ -z postrotate-command ] [ -Z user ] [ expression ]
`;
const SNAPSHOT_LENGTH = 262144;
const LONG_OPTIONS = {
  "buffer-size": { key: "B", value: "required" },
  count: { key: "count", value: "none" },
  direction: { key: "Q", value: "required" },
  help: { key: "h", value: "none" },
  "immediate-mode": { key: "immediate", value: "none" },
  interface: { key: "i", value: "required" },
  linktype: { key: "y", value: "required" },
  "list-data-link-types": { key: "L", value: "none" },
  "list-interfaces": { key: "D", value: "none" },
  "list-time-stamp-types": { key: "J", value: "none" },
  micro: { key: "micro", value: "none" },
  "monitor-mode": { key: "I", value: "none" },
  nano: { key: "nano", value: "none" },
  "no-promiscuous-mode": { key: "p", value: "none" },
  number: { key: "#", value: "none" },
  print: { key: "print", value: "none" },
  "relinquish-privileges": { key: "Z", value: "required" },
  "snapshot-length": { key: "s", value: "required" },
  "time-stamp-precision": { key: "precision", value: "required" },
  "time-stamp-type": { key: "j", value: "required" },
  version: { key: "version", value: "none" },
} as const;

interface TcpdumpOptions {
  readonly devices: readonly NetDevice[];
  readonly any: boolean;
  /** Leave after so many packets. */
  readonly count: number;
  /** `--count` without `--print`: nothing is printed, and of a device nothing counted. */
  readonly countOnly: boolean;
  readonly filter: PacketTest;
  readonly print: PrintOptions;
  readonly direction: "in" | "out" | "inout";
}

/** Ends the command: what it prints, and its status. */
class TcpdumpExit extends Error {
  readonly status: number;
  readonly toStdout: boolean;

  constructor(text: string, status = 1, toStdout = false) {
    super(text);
    this.status = status;
    this.toStdout = toStdout;
  }
}

const failure = (message: string): TcpdumpExit => new TcpdumpExit(`tcpdump: ${message}\n`);

function readOptions(args: readonly string[]): ParsedOptions {
  try {
    return parseOptions("tcpdump", args, {
      short: "AbdDefhHIJKlLnNOpqStuUvxX#B:c:C:E:F:G:i:j:M:Q:r:s:T:V:w:W:y:z:Z:",
      long: LONG_OPTIONS,
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new TcpdumpExit(`${error.message}\n${USAGE}`);
  }
}

/** What is printed, and how, by the options given. */
function printOptions(parsed: ParsedOptions, snapshotLength: number): PrintOptions {
  const count = (key: string): number => parsed.options.filter((option) => option.key === key).length;
  const bytes = (["X", "x", "A"] as const).find((key) => count(key) > 0);
  const stamps = count("t");
  return {
    stamps: stamps > 5 ? 0 : stamps,
    verbose: count("v"),
    linkLevel: count("e") > 0,
    quiet: count("q") > 0,
    absolute: count("S") > 0,
    unverified: count("K") > 0,
    numbered: count("#") > 0,
    bytes: bytes === undefined ? "none" : count(bytes) > 1 ? doubled(bytes) : bytes,
    snapshotLength,
  };
}

/** A printer as the words of a command line ask for it, for captures that come from elsewhere. */
export function packetPrinter(words: readonly string[]): PacketPrinter {
  return new PacketPrinter(printOptions(readOptions(words), SNAPSHOT_LENGTH));
}

function parse(context: LabContext): TcpdumpOptions {
  const { net } = context;
  const parsed = readOptions(context.args);
  const count = (key: string): number => parsed.options.filter((option) => option.key === key).length;
  const value = (key: string): string | null =>
    lastOption(parsed.options, (option) => option.key === key)?.value ?? null;
  if (count("h") > 0) throw new TcpdumpExit(USAGE, 0, true);
  if (count("version") > 0) throw new TcpdumpExit(VERSION, 0, true);
  for (const key of ["r", "w"])
    if (count(key) > 0) throw failure(`-${key}: not supported by the lab; lab.capture() makes pcap files`);
  for (const key of "bdFHIJuBCEGjMTVWyzZ") if (count(key) > 0) throw failure(`-${key}: not supported by the lab`);
  for (const key of ["nano", "precision"]) if (count(key) > 0) throw failure(`nanoseconds: not supported by the lab`);
  const packets = value("c");
  if (packets !== null && !(/^\s*\+?\d+$/.test(packets) && Number(packets) > 0))
    throw failure(`invalid packet count ${packets}`);
  const snapshot = value("s");
  if (snapshot !== null && !(/^\d+$/.test(snapshot) && Number(snapshot) <= SNAPSHOT_LENGTH))
    throw failure(`invalid snaplen ${snapshot} (must be >= 0 and <= ${SNAPSHOT_LENGTH})`);
  const direction = (value("Q") ?? "inout").toLowerCase();
  if (direction !== "in" && direction !== "out" && direction !== "inout")
    throw failure(`unknown capture direction \`${value("Q")}'`);
  if (count("D") > 0) throw new TcpdumpExit(deviceList([...net.devices.values()]), 0, true);
  const name = value("i") ?? [...net.devices.keys()].find((device) => device !== "lo") ?? "lo";
  const any = name === "any";
  const device = net.devices.get(name);
  if (!any && device === undefined) throw failure(`${name}: No such device exists\n(No such device exists)`);
  if (count("L") > 0) throw failure("-L: not supported by the lab");
  let filter: PacketTest;
  try {
    filter = parseFilter(parsed.operands.join(" "));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw failure(error.message);
  }
  return {
    devices: device === undefined ? [...net.devices.values()] : [device],
    any,
    count: packets === null ? Number.POSITIVE_INFINITY : Number(packets),
    countOnly: count("count") > 0 && count("print") === 0,
    filter,
    print: printOptions(parsed, snapshot === null || Number(snapshot) === 0 ? SNAPSHOT_LENGTH : Number(snapshot)),
    direction,
  };
}

const doubled = (bytes: "X" | "x" | "A"): "XX" | "xx" | "AA" => `${bytes}${bytes}` as "XX" | "xx" | "AA";

/** `-D`: the devices that are up, and the one that stands for all; the loopback comes last. */
function deviceList(devices: readonly NetDevice[]): string {
  const flags = (device: NetDevice): string =>
    [...(device.running ? ["Up", "Running"] : []), device.name === "lo" ? "Loopback" : "Connected"].join(", ");
  const line = (device: NetDevice): string => `${device.name} [${flags(device)}]`;
  const others = devices.filter(({ name }) => name !== "lo");
  const loopback = devices.filter(({ name }) => name === "lo");
  return [
    ...others.map(line),
    "any (Pseudo-device that captures on all interfaces) [Up, Running]",
    ...loopback.map(line),
  ]
    .map((text, index) => `${index + 1}.${text}\n`)
    .join("");
}

export const tcpdump: LabCommand = function* (context) {
  try {
    return yield* run(context, parse(context));
  } catch (error) {
    if (!(error instanceof TcpdumpExit)) throw error;
    (error.toStdout ? context.stdout : context.stderr).write(error.message);
    return error.status;
  }
};

function* run(context: LabContext, options: TcpdumpOptions): CommandProcess {
  const { net, stdout, stderr } = context;
  const printer = new PacketPrinter(options.print);
  const lines: string[] = [];
  const arrived = new Flag();
  const told = new Set<string>();
  let received = 0;
  let captured = 0;
  const epochMicros = net.clock.epochMillis * 1000;
  const stops = options.devices.map((device) =>
    device.addTap((direction, skb, dev) => {
      const packet = skb.bytes();
      if (!options.filter(packet)) return;
      received++;
      // The kernel's filter lets these through; libpcap drops them.
      if (options.direction !== "inout" && options.direction !== direction) return;
      if (dev === net.loopback && direction === "out") return;
      if (options.countOnly || captured === options.count) return;
      captured++;
      const protocol = options.print.quiet ? null : undissected(packet);
      if (protocol !== null && !told.has(protocol)) {
        told.add(protocol);
        stderr.write(`tcpdump: the lab does not take ${protocol} payloads apart\n`);
      }
      const header = dev.mac === null ? null : ethernetHeader(direction, skb, dev);
      lines.push(
        printer.print({
          atMicros: epochMicros + net.clock.nowMicros,
          header:
            options.any && header !== null ? sll2Header(dev.ifindex, direction === "out", header.subarray(6)) : header,
          packet,
          where: options.any ? `${dev.name.padEnd(5)} ${direction === "in" ? "In " : "Out"} ` : "",
        }),
      );
      arrived.set();
    }),
  );
  const name = options.any ? "any" : options.devices[0].name;
  const linkType = options.any
    ? "LINUX_SLL2 (Linux cooked v2)"
    : options.devices[0].mac === null
      ? "RAW (Raw IP)"
      : "EN10MB (Ethernet)";
  if (options.any) stderr.write("tcpdump: data link type LINUX_SLL2\n");
  const listening = `listening on ${name}, link-type ${linkType}, snapshot length ${options.print.snapshotLength} bytes\n`;
  stderr.write(
    options.print.verbose > 0
      ? `tcpdump: ${listening}`
      : `tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n${listening}`,
  );
  const print = (): boolean => {
    arrived.clear();
    return lines.splice(0).every((line) => stdout.write(line));
  };
  try {
    while (print() && captured < options.count) yield arrived.wait;
    return 0;
  } finally {
    for (const stop of stops) stop();
    if (context.signal() !== "SIGKILL" && context.signal() !== "SIGPIPE") {
      print();
      if (context.signal() !== null) {
        // The cursor stands behind a terminal's ^C.
        stdout.write("\n");
        context.catches(0);
      }
      stderr.write(
        `${captured} packet${captured === 1 ? "" : "s"} captured\n${received} packet${received === 1 ? "" : "s"} received by filter\n0 packets dropped by kernel\n`,
      );
    }
  }
}
