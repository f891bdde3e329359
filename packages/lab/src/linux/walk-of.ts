/** Makes a walk of captures and events: the same packet gets the same number on every host it was seen on. */
import { formatIPv4, formatIPv6, get32, IPV4_DST, IPV6_DST, readIPv6 } from "@netfilter-lab/engine";
import { isIPv6 } from "../ip-family.js";
import type { DeviceName, Walk, WalkEvents } from "../walk.js";
import type { CapturedPacket } from "./capture.js";
import { pairPackets } from "./passages.js";
import { type TracedPacket, TraceIndex } from "./trace.js";
import { LinuxWalk, LinuxWalkPacket } from "./walk.js";

/** What was seen of some hosts. */
export interface Sight {
  readonly captures: readonly {
    readonly host: string;
    readonly packets: readonly CapturedPacket[];
    readonly traces: readonly TracedPacket[];
  }[];
  readonly events: readonly WalkEvents[];
  /** When the lab began. */
  readonly epochMicros: number;
  readonly peer: (host: string, device: string) => DeviceName | null;
  /** By host: names of devices by number, and the host's own addresses. */
  readonly interfaces: ReadonlyMap<
    string,
    { readonly names: ReadonlyMap<number, string>; readonly addresses: ReadonlySet<string> }
  >;
}

/** As `ip address` prints it. */
function destinationOf(packet: Uint8Array): string {
  return isIPv6(packet) ? formatIPv6(readIPv6(packet, IPV6_DST)) : formatIPv4(get32(packet, IPV4_DST));
}

/**
 * A packet that came to an address of the host itself counts as delivered, unless its trace says that it was dropped;
 * one that came to another and went out nowhere counts as dropped.
 */
export function walkOf(sight: Sight): Walk {
  const passages = sight.captures
    .flatMap(({ host, packets }) => pairPackets(packets).map((passage) => ({ host, ...passage })))
    .sort((a, b) => a.atMicros - b.atMicros);
  const traces = new Map(sight.captures.map(({ host, traces: of }) => [host, new TraceIndex(of)]));
  const serials = new Map<string, number[]>();
  let count = 0;
  const packets = passages.map(({ host, atMicros, in: arrival, out }) => {
    const known = sight.interfaces.get(host);
    const deviceOf = (packet: CapturedPacket | null): string | null =>
      packet === null ? null : (known?.names.get(packet.ifindex) ?? `if${packet.ifindex}`);
    const [iif, oif] = [deviceOf(arrival), deviceOf(out)];
    const from = iif === null ? null : sight.peer(host, iif);
    const to = oif === null ? null : sight.peer(host, oif);
    const before = (arrival ?? out)?.bytes ?? new Uint8Array(0);
    const trace = isIPv6(before) ? null : (traces.get(host)?.take(iif, before) ?? null);
    const forHere = known?.addresses.has(destinationOf(before)) === true;
    const droppedIn = trace?.droppedIn ?? null;
    const delivered = forHere && droppedIn === null ? before : null;
    // What a neighbour sent carries its number; the same bytes may be under way more than once.
    const sent = from === null ? undefined : serials.get(`${from.host}.${from.device} ${before.join()}`)?.shift();
    const serial = sent ?? ++count;
    if (out !== null) {
      const key = `${host}.${oif} ${out.bytes.join()}`;
      serials.set(key, [...(serials.get(key) ?? []), serial]);
    }
    const fields = {
      host,
      serial,
      atMicros: atMicros - sight.epochMicros,
      from,
      to,
      iif,
      oif,
      before,
      after: out === null ? delivered : out.bytes,
      calls: [],
      hooks: [],
      droppedIn,
    };
    return new LinuxWalkPacket(fields, trace?.steps ?? []);
  });
  return new LinuxWalk(packets, sight.events);
}
