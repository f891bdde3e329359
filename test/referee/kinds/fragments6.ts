/**
 * Fragments of IPv6: in order and not, repeated, missing, overlapping, too long, through conntrack and to the router.
 */
import type { Choice } from "../choice.js";
import { text } from "../packets.js";
import { echo6, fragmentHeader, type Ip6Fields, ipv6, options6, PAYLOAD_6, udp6 } from "../packets6.js";
import type { PacketStep, Step } from "../scenario.js";
import { interleaved } from "./conversation.js";
import { cuts, shuffled } from "./fragments.js";
import { closing, type Kind, lan, loaded, stateCounters, wan } from "./router.js";
import { CLIENT, DEVICES_6, FORWARDING_6, INSIDE, OUTSIDE, ROUTES_6, SERVER } from "./router6.js";

/** Pieces of a payload, cut at the given offsets. */
function fragments6(
  ip: Ip6Fields,
  protocol: number,
  payload: Uint8Array,
  at: readonly number[],
  id: number,
): Uint8Array[] {
  const ends = [...at, payload.length];
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1];
    return piece(ip, protocol, payload.slice(start, end), start, i < ends.length - 1, id);
  });
}

function piece(
  ip: Ip6Fields,
  protocol: number,
  payload: Uint8Array,
  at: number,
  more: boolean,
  id: number,
): Uint8Array {
  const header = fragmentHeader(at, more, id);
  return ipv6({ ...ip, extensions: [...(ip.extensions ?? []), header] }, protocol, payload);
}

/** The pieces of one datagram, with what may go wrong with them. */
function pieces(choice: Choice, src: string, dst: string, ports: readonly [number, number], id: number): Uint8Array[] {
  const length = choice.pick([24, 100, 600, 1500, 2500]);
  const icmp = choice.oneIn(4);
  const ip: Ip6Fields = {
    src,
    dst,
    trafficClass: choice.pick([0, 0, 0, 2, 3]),
    hopLimit: choice.pick([64, 64, 64, 64, 1]),
    ...(choice.oneIn(10) ? { extensions: [options6(choice.pick([0, 60]))] } : {}),
  };
  const protocol = icmp ? 58 : 17;
  const plain = { src, dst };
  const whole = (
    icmp
      ? echo6(plain, ports[0], 1, false, text(length))
      : udp6(plain, { sport: ports[0], dport: ports[1], payload: text(length) })
  ).slice(PAYLOAD_6);
  let parts = fragments6(ip, protocol, whole, choice.oneIn(12) ? [] : cuts(choice, whole.length), id);
  if (choice.oneIn(4)) parts = shuffled(choice, parts);
  if (choice.oneIn(6)) parts.splice(choice.below(parts.length), 1);
  if (choice.oneIn(6)) parts.push(choice.pick(parts.length > 0 ? parts : [ipv6(ip, protocol, text(8))]));
  const extra = (payload: Uint8Array, offset: number, more: boolean): void => {
    parts.splice(choice.below(parts.length + 1), 0, piece(ip, protocol, payload, offset, more, id));
  };
  // Another's bytes at a place where ours are, or next to them, or beyond the end.
  if (choice.oneIn(4))
    extra(
      text(8 * choice.between(1, 12) + (choice.oneIn(4) ? 3 : 0)),
      8 * choice.below(Math.ceil(whole.length / 8) + 2),
      choice.oneIn(2),
    );
  if (choice.oneIn(20)) extra(text(64), 65_528, choice.oneIn(2));
  if (choice.oneIn(20)) extra(text(0), 8 * choice.below(20), true);
  return parts;
}

/** Rules that rewrite, and what the server sees of the client then. */
function translation6(choice: Choice, tool: string): { readonly setup: readonly string[]; readonly seen: string } {
  return choice.pick([
    { setup: [], seen: CLIENT },
    { setup: [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`], seen: OUTSIDE },
    { setup: [`${tool} -t nat -A PREROUTING -i lan0 -p udp -j DNAT --to-destination [${SERVER}]:77`], seen: CLIENT },
  ]);
}

/** Never on a whole second, see time.ts. */
const WAIT: Step = { sleep: "1510ms" };

export const FRAGMENTS_6: Kind = {
  name: "fragments6",
  about: "fragments of IPv6 in any order, repeated, missing and overlapping, and time running out",
  make(choice) {
    const tool = choice.pick(["ip6tables-legacy", "ip6tables"]);
    const { setup, seen } = translation6(choice, tool);
    const mtu = choice.oneIn(4)
      ? [`ip link set ${choice.pick(["wan0", "lan0"])} mtu ${choice.pick([1280, 1400])}`]
      : [];
    // Who puts together gives up early: one datagram at a time, as several end in an order that the kernel's timers
    // draw.
    const seconds = choice.oneIn(6)
      ? choice.pick([
          [1, 1],
          [1, 60],
          [60, 1],
        ])
      : null;
    const flows: PacketStep[][] = choice.times(choice.between(1, seconds === null ? 120 : 3), (index) => {
      const id = choice.pick([7, 7 + index]);
      return choice.oneIn(3)
        ? pieces(choice, SERVER, seen, [5000, 4000], id).map(wan)
        : pieces(choice, CLIENT, choice.oneIn(5) ? INSIDE : SERVER, [4000, 5000], id).map(lan);
    });
    const steps: readonly Step[] =
      seconds !== null
        ? flows.flatMap((flow) => [...flow, WAIT])
        : choice.oneIn(2)
          ? flows.flat()
          : interleaved(choice, flows);
    return {
      devices: DEVICES_6,
      sysctl:
        seconds === null
          ? FORWARDING_6
          : {
              ...FORWARDING_6,
              "net.ipv6.ip6frag_time": String(seconds[0]),
              "net.netfilter.nf_conntrack_frag6_timeout": String(seconds[1]),
            },
      setup: [...mtu, ...ROUTES_6, loaded(tool, stateCounters(tool)), ...setup],
      steps,
      finally: closing(tool),
    };
  },
};
