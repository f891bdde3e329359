/** One captured packet as tcpdump prints it: number, time, device, link level, the packet itself, and its bytes. */
import { describePacket, type FlowTable } from "../../packet-text/describe.js";
import { macText } from "../ip/words.js";

/** What a capture hands over for printing. */
export interface CapturedFrame {
  /** Microseconds since 1970. */
  readonly atMicros: number;
  /** The link-level header, Ethernet's or (on `-i any`) Linux's own SLL2; null on a device without one. */
  readonly header: Uint8Array | null;
  /** From the IP header on. */
  readonly packet: Uint8Array;
  /** `eth0  In `, on `-i any`. */
  readonly where: string;
}

export interface PrintOptions {
  /** How many `-t`: 0 the time of day, 1 nothing, 2 seconds, 3 since the last, 4 date and time, 5 since the first. */
  readonly stamps: number;
  /** How many `-v`. */
  readonly verbose: number;
  readonly linkLevel: boolean;
  readonly quiet: boolean;
  /** `-S`: absolute sequence numbers. */
  readonly absolute: boolean;
  /** `-K`: checksums are not verified. */
  readonly unverified: boolean;
  readonly numbered: boolean;
  /** Which bytes are printed, and how; the doubled forms begin with the link-level header. */
  readonly bytes: "none" | "x" | "xx" | "X" | "XX" | "A" | "AA";
  /** Bytes kept of a frame (`-s`). */
  readonly snapshotLength: number;
}

/** LINKTYPE_LINUX_SLL2: protocol, reserved, ifindex, ARP type, packet type, address length, address. */
const SLL2_LENGTH = 20;
const ARPHRD_ETHER = 1;
const PACKET_OUTGOING = 4;

/** The header that a capture on all devices puts before a packet. */
export function sll2Header(ifindex: number, outgoing: boolean, sender: Uint8Array): Uint8Array {
  const header = new Uint8Array(SLL2_LENGTH);
  header.set([0x08, 0x00, 0, 0, 0, 0, ifindex >> 8, ifindex & 255, 0, ARPHRD_ETHER, outgoing ? PACKET_OUTGOING : 0, 6]);
  header.set(sender.subarray(0, 6), 12);
  return header;
}

/** Prints the packets of one capture, which it remembers as far as later ones depend on it. */
export class PacketPrinter {
  readonly #options: PrintOptions;
  readonly #flows: FlowTable = new Map();
  #count = 0;
  #firstMicros: number | null = null;
  #lastMicros: number | null = null;

  constructor(options: PrintOptions) {
    this.#options = options;
  }

  /** The lines of a packet, with their newlines. */
  print({ atMicros, header, packet, where }: CapturedFrame): string {
    const { absolute, verbose, quiet, unverified, snapshotLength, linkLevel, bytes, numbered } = this.#options;
    const headerLength = header?.length ?? 0;
    const caught = Math.max(0, Math.min(packet.length, snapshotLength - headerLength));
    let text = numbered ? `${String(++this.#count).padStart(5)}  ` : "";
    text += this.#stamp(atMicros) + where;
    const named = linkLevel && header !== null;
    const line = describePacket(packet, {
      ...(absolute ? {} : { flows: this.#flows }),
      verbose,
      quiet,
      unverified,
      unnamed: named,
      caught,
    });
    if (named) text += this.#linkLevel(header, packet.length);
    text += `${line}\n`;
    const shown = packet.subarray(0, caught);
    if (bytes === "none") return text;
    const all = bytes.length === 2 && header !== null ? joined(header, shown) : shown;
    return text + (bytes.startsWith("A") ? asciiLines(all) : hexLines(all, bytes.startsWith("X")));
  }

  #linkLevel(header: Uint8Array, length: number): string {
    if (header.length === SLL2_LENGTH) {
      const ifindex = (header[6] << 8) | header[7];
      return `ifindex ${ifindex} ${macText(header.subarray(12, 18))} ethertype IPv4 (0x0800), length ${length + SLL2_LENGTH}: `;
    }
    const ends = `${macText(header.subarray(6, 12))} > ${macText(header.subarray(0, 6))}`;
    if (this.#options.quiet) return `${ends}, IPv4, length ${length + header.length}: `;
    return `${ends}, ethertype IPv4 (0x0800), length ${length + header.length}: `;
  }

  #stamp(micros: number): string {
    const { stamps } = this.#options;
    const fraction = (value: number): string => String(value % 1_000_000).padStart(6, "0");
    const iso = new Date(Math.floor(micros / 1000)).toISOString();
    if (stamps === 1) return "";
    if (stamps === 2) return `${Math.floor(micros / 1_000_000)}.${fraction(micros)} `;
    if (stamps === 4) return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${fraction(micros)} `;
    if (stamps === 3 || stamps === 5) {
      this.#firstMicros ??= micros;
      const passed = micros - (stamps === 3 ? (this.#lastMicros ?? micros) : this.#firstMicros);
      this.#lastMicros = micros;
      const clock = new Date(Math.floor(passed / 1000)).toISOString().slice(11, 19);
      return ` ${clock}.${fraction(passed)} `;
    }
    return `${iso.slice(11, 19)}.${fraction(micros)} `;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** `-x`, `-X`: sixteen bytes a line, as numbers, and as characters. */
function hexLines(data: Uint8Array, characters: boolean): string {
  let text = "";
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
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
function asciiLines(data: Uint8Array): string {
  let text = "";
  data.forEach((byte, i) => {
    if (byte === 13) text += data[i + 1] === 10 || i + 1 === data.length ? "" : ".";
    else text += byte === 10 || byte === 9 || (byte >= 32 && byte < 127) ? String.fromCharCode(byte) : ".";
  });
  return `${text}\n`;
}
