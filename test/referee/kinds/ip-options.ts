/** IP options, right and wrong, on packets that pass, end here, and are answered. */
import type { Choice } from "../choice.js";
import { echo, type IpFields, SYN, tcp, text, udp } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FORWARDING,
  INSIDE,
  type Kind,
  lan,
  loaded,
  SERVER,
  stateCounters,
  TOOLS,
  translation,
  wan,
} from "./router.js";

/** IP options: ends and fillers, record route, timestamps, source routes, router alert, and lengths that lie. */
function ipOptions(choice: Choice): Uint8Array {
  const bytes = choice.pick<() => number[]>([
    () => [1, 1, 1, 1],
    () => [0, 0, 0, 0],
    () => [148, 4, 0, 0],
    () => [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    () => [7, 3, 4, 0],
    () => [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    () => [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    () => [131, 7, 4, 192, 168, 1, 1, 0],
    () => [137, 7, 4, 198, 51, 100, 1, 0],
    () => [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    () => [7, choice.below(60), choice.below(12), 0],
    () => [choice.below(256), choice.below(14), 0, 0],
    () => [choice.below(256), 4, choice.below(256), choice.below(256)],
  ])();
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes);
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
      const dst = fromLan ? choice.pick([SERVER, INSIDE]) : outside;
      const ip: IpFields = {
        src,
        dst,
        ttl: choice.pick([64, 64, 1]),
        ...(choice.oneIn(4) ? {} : { options: ipOptions(choice) }),
      };
      const ports = fromLan ? { sport: 4000, dport: 53 } : { sport: 53, dport: 4000 };
      const packet = choice.pick<() => Uint8Array>([
        () => udp(ip, { ...ports, payload: text(8) }),
        () => tcp(ip, { ...ports, flags: SYN }),
        () => echo(ip, 7, 1),
      ])();
      return fromLan ? lan(packet) : wan(packet);
    });
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [loaded(tool, [...setup, ...stateCounters(tool)])],
      steps,
      finally: closing(tool),
    };
  },
};
