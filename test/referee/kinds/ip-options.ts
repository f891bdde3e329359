/** IP options, right and wrong, on packets that pass, end here, and are answered. */
import type { Choice } from "../choice.js";
import { echo, fragments, type IpFields, SYN, tcp, text, udp, udpDatagram } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  FAR_SERVER,
  INSIDE,
  type Kind,
  lan,
  OUTSIDE,
  routed,
  SERVER,
  TOOLS,
  translation,
  wan,
} from "./router.js";

/** What fills the slots that routers are to write into, so that one left alone shows. */
const UNWRITTEN = 0xa5;

function address(text: string): number[] {
  return text.split(".").map(Number);
}

/** A record route or timestamp with so many slots, of which some are filled already. */
function slots(choice: Choice, kind: number, before: readonly number[], width: number): number[] {
  const count = choice.between(0, Math.floor(36 / width));
  const first = before.length + 1 + 2;
  const pointer = choice.oneIn(8) ? choice.below(44) : first + width * choice.below(count + 1);
  const size = first - 1 + count * width;
  return [kind, size, pointer, ...before, ...Array<number>(count * width).fill(UNWRITTEN)];
}

/** A source route by these hops, as it is when so many of them are behind it. */
function sourceRoute(choice: Choice): number[] {
  const hops = choice.times(choice.between(0, 4), () =>
    address(choice.pick([INSIDE, OUTSIDE, SERVER, CLIENT, FAR_SERVER])),
  );
  const pointer = choice.oneIn(8) ? choice.below(24) : 4 + 4 * choice.below(hops.length + 1);
  return [choice.pick([131, 137]), 3 + 4 * hops.length, pointer, ...hops.flat()];
}

/** One option, right or wrong. */
function option(choice: Choice): number[] {
  return choice.pick<() => number[]>([
    () => [1],
    () => [1, 1, 1, 1],
    () => [0, 0, choice.below(2), 0],
    () => [148, 4, 0, 0],
    () => slots(choice, 7, [], 4),
    () => slots(choice, 7, [], 4),
    () => slots(choice, 68, [0], 4),
    () => slots(choice, 68, [1], 8),
    // No room: how many wanted some is counted, up to 15.
    () => [68, 8, 9, choice.below(16) * 16 + choice.pick([0, 1, 2, 3]), ...Array<number>(4).fill(UNWRITTEN)],
    () => [
      68,
      20,
      choice.pick([5, 5, 13, 21]),
      3,
      ...address(choice.pick([INSIDE, OUTSIDE, SERVER])),
      ...Array<number>(4).fill(UNWRITTEN),
      ...address(choice.pick([INSIDE, OUTSIDE, SERVER])),
      ...Array<number>(4).fill(UNWRITTEN),
    ],
    () => sourceRoute(choice),
    () => sourceRoute(choice),
    () => [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    () => [134, choice.pick([6, 8, 10]), 0, 0, 0, choice.below(2), 1, 4, 0, 0],
    () => [7, choice.below(60), choice.below(12), 0],
    () => [choice.below(256), choice.below(14), 0, 0],
    () => [choice.below(256), 4, choice.below(256), choice.below(256)],
  ])();
}

/**
 * IP options: ends and fillers, record route, timestamps, source routes, router alert, labels, and lengths that lie.
 */
function ipOptions(choice: Choice): Uint8Array {
  const bytes = choice.times(choice.pick([1, 1, 1, 2, 3]), () => option(choice)).flat();
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes.slice(0, 40));
}

export const IP_OPTIONS: Kind = {
  name: "ip-options",
  about: "IP options: record route, timestamps, source routes, router alert, and lengths that lie",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    const steps = choice.times(choice.between(2, 400), (): PacketStep => {
      const fromLan = choice.oneIn(2);
      const src = fromLan ? CLIENT : SERVER;
      const dst = fromLan ? choice.pick([SERVER, INSIDE, FAR_SERVER]) : choice.pick([outside, outside, OUTSIDE]);
      const ip: IpFields = {
        src,
        dst,
        ttl: choice.pick([64, 64, 1]),
        df: choice.oneIn(2),
        ...(choice.oneIn(4) ? {} : { options: ipOptions(choice) }),
      };
      const ports = fromLan ? { sport: 4000, dport: 53 } : { sport: 53, dport: 4000 };
      if (choice.oneIn(8)) {
        const whole = udpDatagram({ src, dst }, { ...ports, payload: text(64) });
        const piece = choice.pick(fragments({ ...ip, id: choice.below(4), protocol: 17, df: false }, whole, [24, 48]));
        return fromLan ? lan(piece) : wan(piece);
      }
      const packet = choice.pick<() => Uint8Array>([
        () => udp(ip, { ...ports, payload: text(choice.pick([8, 8, 1200])) }),
        () => tcp(ip, { ...ports, flags: SYN }),
        () => echo(ip, 7, 1),
      ])();
      return fromLan ? lan(packet) : wan(packet);
    });
    return routed(tool, setup, steps, {
      sysctl: choice.oneIn(2) ? { "net.ipv4.conf.all.accept_source_route": "1" } : {},
      setup: choice.oneIn(3) ? [`ip link set ${choice.pick(["wan0", "lan0"])} mtu 600`] : [],
      rules: choice.oneIn(3) ? [`${tool} -A FORWARD -p ${choice.pick(["tcp", "udp"])} -j REJECT`] : [],
    });
  },
};
