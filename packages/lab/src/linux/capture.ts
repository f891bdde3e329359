/// <reference types="node" />
/** Packets as the kernel hands them to packet sockets: tcpdump writes them to a pipe, here they become records. */
import { type ChildProcess, spawn } from "node:child_process";
import { type PcapRecord, writePcap } from "../pcap.js";
import { ENVIRONMENT } from "./namespaces.js";
import { PcapStream } from "./pcap-stream.js";

/** `DLT_LINUX_SLL2`: what a capture on all devices has before each packet. */
const LINKTYPE_LINUX_SLL2 = 276;
const SLL2_LENGTH = 20;
const PACKET_OUTGOING = 4;

/** One capture under way. */
export class PacketCapture {
  readonly records: PcapRecord[] = [];
  readonly #stream: PcapStream = new PcapStream();
  readonly #child: ChildProcess;
  /** Done when tcpdump listens; fails with what it said when it does not. */
  readonly ready: Promise<void>;
  readonly #ended: Promise<void>;

  constructor(namespace: string, device: string, filter: readonly string[]) {
    // The ring has room for buffer / snapshot length packets: with tcpdump's own figures, a burst of nine overflows it.
    const ring = ["-s", "65535", "-B", "32768"];
    const tcpdump = ["tcpdump", "-i", device, "-Z", "root", ...ring, "-U", "--immediate-mode", "-w", "-", ...filter];
    this.#child = spawn("ip", ["netns", "exec", namespace, ...tcpdump], {
      env: ENVIRONMENT,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      cwd: "/",
    });
    const { stdout, stderr } = this.#child;
    let said = "";
    this.ready = new Promise((resolve, reject) => {
      // The header of the file comes when the socket is bound.
      stdout?.on("data", (chunk: Buffer) => {
        this.records.push(...this.#stream.push(chunk));
        if (this.#stream.linkType !== null) resolve();
      });
      stderr?.on("data", (chunk: Buffer) => {
        said += chunk.toString();
      });
      this.#child.once("error", reject);
      this.#child.once("close", () => reject(new Error(said.trim())));
    });
    this.ready.catch(() => {});
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    for (const handle of [this.#child, stdout, stderr]) (handle as unknown as { unref(): void }).unref();
  }

  /** The records so far as a file. */
  pcap(): Uint8Array {
    return writePcap(this.#stream.linkType ?? 1, this.records);
  }

  /** Catches no more. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.kill("SIGTERM");
    await this.#ended;
  }

  /** The records of a capture on all devices: IP packets with device and direction. */
  packets(): CapturedPacket[] {
    if (this.#stream.linkType !== LINKTYPE_LINUX_SLL2) throw new Error("not a capture on all devices");
    return this.records.map(({ atMicros, frame }) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      return {
        atMicros,
        ifindex: view.getUint32(4),
        outgoing: frame[10] === PACKET_OUTGOING,
        bytes: frame.subarray(SLL2_LENGTH),
      };
    });
  }
}

/** A packet as one device saw it, from its IP header on. */
export interface CapturedPacket {
  /** Microseconds since 1970. */
  readonly atMicros: number;
  readonly ifindex: number;
  readonly outgoing: boolean;
  readonly bytes: Uint8Array;
}
