/**
 * `tcpdump` 4.99: prints the packets of a device as they pass, on the lab's clock. Files (`-r`, `-w`) are not
 * supported; `lab.capture()` makes pcap files.
 */
import { ethernetHeader, type NetDevice } from "@netfilter-lab/engine";
import type { CommandProcess } from "../../command.js";
import type { LabCommand, LabContext } from "../../environment.js";
import { describePacket, type FlowTable } from "../../packet-text.js";
import { Flag } from "../../scheduler.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "../getopt.js";
import { macText } from "../ip/words.js";
import { FilterError, type PacketTest, parseFilter } from "./filter.js";

const USAGE = `tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
Usage: tcpdump [-eAlnqStvX] [ -c count ] [ -i interface ] [ -Q in|out|inout ] [ expression ]
`;
const SNAPSHOT_LENGTH = 262144;

interface TcpdumpOptions {
  readonly devices: readonly NetDevice[];
  readonly any: boolean;
  readonly count: number;
  readonly filter: PacketTest;
  readonly verbose: boolean;
  readonly linkLevel: boolean;
  readonly quiet: boolean;
  readonly absolute: boolean;
  readonly hex: "none" | "X" | "x" | "A";
  /** How many `-t`: 0 the time of day, 1 nothing, 2 seconds, 4 date and time. */
  readonly stamps: number;
  readonly direction: "in" | "out" | "inout";
}

class TcpdumpFailure extends Error {
  readonly usage: boolean;

  constructor(message: string, usage = false) {
    super(message);
    this.usage = usage;
  }
}

function parse(context: LabContext): TcpdumpOptions {
  const { net } = context;
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("tcpdump", context.args, {
      short: "AbdDefhHIJKlLnNOpqStuUvxX#B:c:C:E:F:G:i:j:M:Q:r:s:T:V:w:W:y:z:Z:",
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new TcpdumpFailure(error.message.slice("tcpdump: ".length), true);
  }
  const count = (key: string): number => parsed.options.filter((option) => option.key === key).length;
  const value = (key: string): string | null =>
    lastOption(parsed.options, (option) => option.key === key)?.value ?? null;
  for (const key of ["r", "w"])
    if (count(key) > 0) throw new TcpdumpFailure(`-${key}: not supported by the lab; use lab.capture()`);
  for (const key of "bdfHIJLuBCEFGjMTVWyzZ#")
    if (count(key) > 0) throw new TcpdumpFailure(`-${key}: not supported by the lab`);
  const packets = value("c");
  if (packets !== null && !(Number(packets) > 0)) throw new TcpdumpFailure(`invalid packet count ${packets}`);
  const name = value("i") ?? [...net.devices.keys()].find((device) => device !== "lo") ?? "lo";
  const any = name === "any";
  const device = net.devices.get(name);
  if (!any && device === undefined) throw new TcpdumpFailure(`${name}: No such device exists\n(No such device exists)`);
  let filter: PacketTest;
  try {
    filter = parseFilter(parsed.operands.join(" "));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new TcpdumpFailure(error.message);
  }
  const direction = value("Q") ?? "inout";
  return {
    devices: device === undefined ? [...net.devices.values()] : [device],
    any,
    count: packets === null ? Number.POSITIVE_INFINITY : Number(packets),
    filter,
    verbose: count("v") > 0,
    linkLevel: count("e") > 0,
    quiet: count("q") > 0,
    absolute: count("S") > 0,
    hex: count("X") > 0 ? "X" : count("x") > 0 ? "x" : count("A") > 0 ? "A" : "none",
    stamps: count("t"),
    direction: direction === "in" || direction === "out" ? direction : "inout",
  };
}

function stampText(micros: number, stamps: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros % 1_000_000).padStart(6, "0");
  const iso = new Date(seconds * 1000).toISOString();
  if (stamps === 1) return "";
  if (stamps === 2) return `${seconds}.${fraction} `;
  if (stamps === 4) return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${fraction} `;
  return `${iso.slice(11, 19)}.${fraction} `;
}

/** `-X`: sixteen bytes a line, as numbers and as characters. */
function hexLines(packet: Uint8Array, characters: boolean): string {
  let text = "";
  for (let at = 0; at < packet.length; at += 16) {
    const row = packet.subarray(at, at + 16);
    let hex = "";
    row.forEach((byte, i) => {
      hex += (i % 2 === 0 ? " " : "") + byte.toString(16).padStart(2, "0");
    });
    const shown = [...row].map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    text += `\t0x${at.toString(16).padStart(4, "0")}: ${characters ? `${hex.padEnd(40)}  ${shown}` : hex}\n`;
  }
  return text;
}

/** `-A`: the bytes as characters. */
function asciiLines(packet: Uint8Array): string {
  const shown = [...packet].map((byte) =>
    byte === 10 ? "\n" : byte === 13 ? "" : byte === 9 || (byte >= 32 && byte < 127) ? String.fromCharCode(byte) : ".",
  );
  return `${shown.join("")}\n`;
}

/** `-q`: `IP a.1 > b.2: tcp 5`. */
function quietText(line: string): string {
  const length = /length (\d+)$/.exec(line)?.[1] ?? "0";
  return line.replace(/: Flags .*$/s, `: tcp ${length}`);
}

export const tcpdump: LabCommand = function* (context) {
  try {
    return yield* run(context, parse(context));
  } catch (error) {
    if (!(error instanceof TcpdumpFailure)) throw error;
    context.stderr.write(`tcpdump: ${error.message}\n${error.usage ? USAGE : ""}`);
    return 1;
  }
};

function* run(context: LabContext, options: TcpdumpOptions): CommandProcess {
  const { net, stdout, stderr } = context;
  const flows: FlowTable = new Map();
  const lines: string[] = [];
  const arrived = new Flag();
  let received = 0;
  const epochMicros = net.clock.epochMillis * 1000;
  const stops = options.devices.map((device) =>
    device.addTap((direction, skb, dev) => {
      if (options.direction !== "inout" && options.direction !== direction) return;
      const packet = skb.bytes();
      if (!options.filter(packet)) return;
      received++;
      if (received > options.count) return;
      let line = describePacket(packet, { ...(options.absolute ? {} : { flows }), verbose: options.verbose });
      if (options.quiet) line = quietText(line);
      if (options.linkLevel) {
        const header = ethernetHeader(direction, skb, dev);
        if (header !== null)
          line = `${macText(header.subarray(6, 12))} > ${macText(header.subarray(0, 6))}, ethertype IPv4 (0x0800), length ${packet.length + 14}: ${line.replace(/^IP /, "")}`;
      }
      const where = options.any ? `${dev.name.padEnd(5)} ${direction === "in" ? "In " : "Out"} ` : "";
      let text = `${stampText(epochMicros + net.clock.nowMicros, options.stamps)}${where}${line}\n`;
      if (options.hex === "A") text += asciiLines(packet);
      else if (options.hex !== "none") text += hexLines(packet, options.hex === "X");
      lines.push(text);
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
  const listening = `listening on ${name}, link-type ${linkType}, snapshot length ${SNAPSHOT_LENGTH} bytes\n`;
  stderr.write(
    options.verbose
      ? `tcpdump: ${listening}`
      : `tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n${listening}`,
  );
  let printed = 0;
  const print = (): boolean => {
    arrived.clear();
    for (const line of lines.splice(0)) {
      printed++;
      if (!stdout.write(line)) return false;
    }
    return true;
  };
  try {
    while (print() && printed < options.count) yield arrived.wait;
    return 0;
  } finally {
    for (const stop of stops) stop();
    print();
    stderr.write(
      `${printed} packet${printed === 1 ? "" : "s"} captured\n${received} packet${received === 1 ? "" : "s"} received by filter\n0 packets dropped by kernel\n`,
    );
  }
}
