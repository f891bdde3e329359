/** The lab's tcpdump over the packets of commands-packets.ts, as text that compares with the real one's. */
import { FilterError, parseFilter } from "../../packages/lab/src/commands/tcpdump/filter.ts";
import { packetPrinter } from "../../packages/lab/src/commands/tcpdump/tcpdump.ts";
import { packets } from "./commands-packets.ts";

/** What the real tcpdump printed by options, and which packets a filter lets through, or its error. */
export interface TcpdumpRecording {
  readonly printings: Record<string, string>;
  readonly filters: Record<string, string>;
}

/** The Ethernet header of every packet. */
export const header: Uint8Array = Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);

/** When a packet was caught: a millisecond and a half apart, from the beginning of 2026. */
export const atMicros = (index: number): number => 1_767_225_600_000_000 + index * 1500;

export function printedByLab(words: readonly string[]): string {
  const printer = packetPrinter(words);
  return packets
    .map((packet, index) => printer.print({ atMicros: atMicros(index), header, packet, where: "" }))
    .join("");
}

export function filteredByLab(filter: string): string {
  try {
    const test = parseFilter(filter);
    return packets.flatMap((packet, index) => (test(packet) ? [index] : [])).join(" ");
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return `tcpdump: ${error.message}`;
  }
}
