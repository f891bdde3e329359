/** UDP both ways: one-way, answered, many ports, checksums absent, lengths odd, late answers, strangers. */
import { type IpFields, text, type UdpFields, udp } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  FAR_SERVER,
  INSIDE,
  type Kind,
  lan,
  OTHER_CLIENT,
  ROUTE,
  routed,
  SERVER,
  TOOLS,
  translation,
  wan,
} from "./router.js";

export const UDP: Kind = {
  name: "udp",
  about: "UDP both ways, answered or not, with and without checksums",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    // A few ports, so that datagrams meet: the more there are to be, the more ports.
    const ports = [4000, 4001, 53, 1023, 65_535, ...choice.times(choice.below(30), () => choice.between(1, 65_535))];
    // Two clients with one port are a clash, whose port Linux draws: rarely more than one or two.
    const clashes = choice.pick([40, 1000, 1000]);
    const steps = choice.times(choice.between(3, 600), (): PacketStep => {
      const port = choice.pick(ports);
      const server = choice.pick([SERVER, SERVER, FAR_SERVER]);
      const serverPort = choice.pick([53, 53, 123, 4000]);
      const fields = (sport: number, dport: number): UdpFields => ({
        sport,
        dport,
        payload: text(choice.pick([0, 1, 2, 18, 100, 1000])),
        ...(choice.oneIn(4) ? { checksum: "none" as const } : {}),
      });
      const ip = (src: string, dst: string): IpFields => ({
        src,
        dst,
        id: choice.below(65_536),
        df: choice.oneIn(2),
        tos: choice.pick([0, 0, 0, 0x10, 0xb8, 3]),
        ttl: choice.pick([64, 64, 64, 64, 2, 255]),
      });
      const client = choice.oneIn(clashes) ? OTHER_CLIENT : CLIENT;
      return choice.pick<() => PacketStep>([
        () => lan(udp(ip(client, server), fields(port, serverPort))),
        () => lan(udp(ip(client, server), fields(port, serverPort))),
        () => wan(udp(ip(server, outside === CLIENT ? client : outside), fields(serverPort, port))),
        () => wan(udp(ip(server, outside === CLIENT ? client : outside), fields(serverPort, port))),
        // For the router itself, where nobody listens.
        () => lan(udp(ip(client, INSIDE), fields(port, serverPort))),
        () => wan(udp(ip(server, CLIENT), fields(serverPort, port))),
      ])();
    });
    return routed(tool, setup, steps, { setup: [ROUTE] });
  },
};
