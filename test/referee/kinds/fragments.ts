/** Fragments: in order and not, repeated, missing, overlapping, too long, of every protocol, through conntrack. */
import type { Choice } from "../choice.js";
import { echo, fragments, type IpFields, ipv4, text, udpDatagram } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import { interleaved } from "./conversation.js";
import { CLIENT, type Kind, lan, routed, SERVER, TOOLS, translation, wan } from "./router.js";

/** Where to cut a payload, in multiples of eight bytes. */
export function cuts(choice: Choice, length: number): number[] {
  const places = new Set(choice.times(choice.between(1, 4), () => 8 * choice.between(1, Math.floor((length - 1) / 8))));
  return [...places].sort((a, b) => a - b);
}

export function shuffled<T>(choice: Choice, items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(choice.below(rest.length), 1)[0]);
}

/** The pieces of one datagram, with what may go wrong with them. */
function pieces(choice: Choice, src: string, dst: string, ports: readonly [number, number], id: number): Uint8Array[] {
  const length = choice.pick([24, 100, 600, 1500, 2500]);
  const icmp = choice.oneIn(4);
  const ip: IpFields = {
    src,
    dst,
    id,
    protocol: icmp ? 1 : 17,
    df: choice.oneIn(8),
    tos: choice.pick([0, 0, 0, 2, 3]),
  };
  const whole = icmp
    ? echo({ src, dst }, ports[0], 1, false, text(length)).slice(20)
    : udpDatagram({ src, dst }, { sport: ports[0], dport: ports[1], payload: text(length) });
  let parts = fragments(ip, whole, cuts(choice, whole.length));
  if (choice.oneIn(4)) parts = shuffled(choice, parts);
  if (choice.oneIn(6)) parts.splice(choice.below(parts.length), 1);
  if (choice.oneIn(6)) parts.push(choice.pick(parts.length > 0 ? parts : [ipv4(ip, text(8))]));
  if (choice.oneIn(4)) {
    // Another's bytes at a place where ours are, or next to them, or beyond the end.
    const offset = choice.below(Math.ceil(whole.length / 8) + 2);
    const extra = ipv4(
      { ...ip, df: false, offset, mf: choice.oneIn(2) },
      text(8 * choice.between(1, 12) + (choice.oneIn(4) ? 3 : 0)),
    );
    parts.splice(choice.below(parts.length + 1), 0, extra);
  }
  if (choice.oneIn(20)) parts.push(ipv4({ ...ip, df: false, offset: 8191, mf: choice.oneIn(2) }, text(64)));
  if (choice.oneIn(20)) parts.push(ipv4({ ...ip, df: false, offset: choice.below(20), mf: true }, text(0)));
  return parts;
}

export const FRAGMENTS: Kind = {
  name: "fragments",
  about: "fragments in any order, repeated, missing and overlapping",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const mtu = choice.oneIn(4)
      ? [`ip link set ${choice.pick(["wan0", "lan0"])} mtu ${choice.pick([600, 576, 1400])}`]
      : [];
    const flows: PacketStep[][] = choice.times(choice.between(1, 120), (index) => {
      const id = choice.pick([7, 7 + index]);
      return choice.oneIn(3)
        ? pieces(choice, SERVER, outside, [5000, 4000], id).map(wan)
        : pieces(choice, CLIENT, SERVER, [4000, 5000], id).map(lan);
    });
    const steps = choice.oneIn(2) ? flows.flat() : interleaved(choice, flows);
    return routed(tool, setup, steps, { setup: mtu });
  },
};
