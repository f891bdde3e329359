/**
 * `nfnl_osf`, as of iptables 1.8.9: loads fingerprints of operating systems for `-m osf` from a file of p0f's first
 * format, or takes them away. Processes of the lab have no numbers: where the real tool prints its own, this one prints
 * 1.
 */
import { EINVAL, ENOENT, SystemError, strerror } from "@netfilter-lab/engine";
import {
  addFingerprint,
  type Fingerprint,
  type FingerprintNumber,
  type FingerprintOption,
  removeFingerprint,
} from "@netfilter-lab/engine/parts";
import type { LabCommand, LabContext } from "../environment.js";
import { FileError } from "../files.js";
import { strtoull } from "./decimal.js";
import { OptionError, parseOptions } from "./getopt.js";
import { labDate } from "./system-tools.js";

const USAGE = "Usage: nfnl_osf -f fingerprints [-d]\n";

/** How much of a line is read at once; its last byte is thrown away, be it the line's end or not. */
const BUFFER = 1023;
/** A name's bytes. */
const MAX_NAME = 31;
/** Parts of a line, of which the last one is a description that nobody reads. */
const PARTS = 9;

/** Kind and length of the options that p0f has letters for; others are passed over. */
const OPTIONS: Readonly<Record<string, readonly [kind: number, length: number]>> = {
  E: [0, 1],
  N: [1, 1],
  M: [2, 4],
  W: [3, 3],
  S: [4, 2],
  T: [8, 10],
};

const UNITS: Readonly<Record<string, FingerprintNumber["unit"]>> = { S: "mss", T: "mtu", "%": "modulo" };

/** The low 32 bits of a number. */
const unsigned = (text: string): number => Number(BigInt.asUintN(32, strtoull(text)));

function windowOf(text: string): FingerprintNumber {
  const unit = UNITS[text.slice(0, 1)];
  return unit === undefined ? { unit: "plain", value: unsigned(text) } : { unit, value: unsigned(text.slice(1)) };
}

function optionOf(text: string): FingerprintOption[] {
  const known = OPTIONS[text.slice(0, 1)];
  if (known === undefined) return [];
  const [kind, length] = known;
  const rest = text.slice(1);
  const isModulo = rest.startsWith("%");
  return [{ kind, length, unit: isModulo ? "modulo" : "plain", value: unsigned(isModulo ? rest.slice(1) : rest) }];
}

/** A line of p0f's; null where its parts are too many or too few. */
function fingerprintOf(line: string): Fingerprint | null {
  const parts = line.split(":");
  if (parts.length !== PARTS) return null;
  const names = parts.slice(5, 8).map((name) => name.replace(/^[ \t]+/, ""));
  return {
    window: windowOf(parts[0]),
    ttl: unsigned(parts[1]) & 0xff,
    df: unsigned(parts[2]) & 0xff,
    length: unsigned(parts[3]) & 0xffff,
    options: parts[4].split(",").flatMap((option) => optionOf(option.replace(/^[ \t]+/, ""))),
    // "@" and "*" say something about the entry, not about the genre.
    genre: names[0].replace(/^[@*]/, "").slice(0, MAX_NAME),
    version: names[1].slice(0, MAX_NAME),
    subtype: names[2].slice(0, MAX_NAME),
  };
}

/** Lines as fgets(3) reads them: long ones in pieces. */
function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf("\n", at);
    const end = Math.min(newline < 0 ? text.length : newline + 1, at + BUFFER);
    yield text.slice(at, end);
    at = end;
  }
}

function stamp(context: LabContext): string {
  const now = labDate(context).toISOString();
  const micros = String(context.host.clock.nowMicros % 1_000_000).padStart(6, "0");
  return `${now.slice(0, 10)} ${now.slice(11, 19)}.${micros} 1 `;
}

/** The status: that of the last line that failed. */
function load(context: LabContext, text: string, remove: boolean): number {
  const { stdout, net } = context;
  const change = remove ? removeFingerprint : addFingerprint;
  let status = 0;
  // The tool tells what the kernel said last, be it about this line or not.
  let errno = 0;
  let number = 0;
  for (const piece of piecesOf(text)) {
    number++;
    if (/^[#\n\r]/.test(piece) || piece.length < 2) continue;
    const line = piece.slice(0, -1);
    let failed = 0;
    stdout.write(`${stamp(context)}Loading '${line}'.\n`);
    const fingerprint = fingerprintOf(line);
    if (fingerprint === null) {
      const colons = line.split(":").length - 1;
      const { length } = line;
      stdout.write(
        `${stamp(context)}Wrong input line '${line}': cnt: ${colons}, must be 8, i: ${length}, must be ${length}.\n`,
      );
      failed = 256 - EINVAL;
    } else
      try {
        change(net, fingerprint);
        errno = 0;
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        ({ errno } = error);
        failed = 255;
      }
    if (failed === 0 || (remove && errno === ENOENT)) continue;
    stdout.write(`Failed to load line ${number}: ${errno === 0 ? "Success" : strerror(errno)} [${errno}].\n`);
    status = failed;
  }
  return status;
}

export const nfnlOsf: LabCommand = (context) => {
  const { stdout, stderr } = context;
  let file: string | null = null;
  let remove = false;
  try {
    for (const { key, value } of parseOptions("nfnl_osf", context.args, { short: "f:dh" }).options) {
      if (key === "f") file = value;
      else if (key === "d") remove = true;
      else {
        stderr.write(USAGE);
        return 255;
      }
    }
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    stderr.write(`${error.message}\n${USAGE}`);
    return 255;
  }
  if (file === null) {
    stdout.write(`${stamp(context)}Missing fingerprints file argument.\n`);
    return 254;
  }
  try {
    return load(context, context.host.files.read(file), remove);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    stdout.write(`Failed to open file '${file}': ${error.message} [${ENOENT}].\n`);
    return 255;
  }
};
