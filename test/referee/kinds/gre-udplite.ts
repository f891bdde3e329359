/** GRE of both versions and of none, and UDP-Lite with checksums over a part; both ways, with NAT. */
import { gre, type IpFields, repairChecksums, text, udplite } from "../packets.js";
import type { PacketStep } from "../scenario.js";
import {
  CLIENT,
  closing,
  DEVICES,
  FAR_SERVER,
  FORWARDING,
  type Kind,
  lan,
  loaded,
  OTHER_CLIENT,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
  translation,
  wan,
} from "./router.js";

export const GRE_UDPLITE: Kind = {
  name: "gre-udplite",
  about: "GRE with and without keys, and UDP-Lite with partial checksum coverage, both ways",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, outside } = translation(choice, tool);
    // What one client's tunnel maps to, a second one's would be given too: rarely more than one client.
    const clashes = choice.pick([40, 1000]);
    const steps = choice.times(choice.between(3, 120), (): PacketStep => {
      const client = choice.oneIn(clashes) ? OTHER_CLIENT : CLIENT;
      const server = choice.pick([SERVER, SERVER, FAR_SERVER]);
      const up = choice.oneIn(2);
      const seen = outside === CLIENT ? client : outside;
      const ip: IpFields = {
        ...(up ? { src: client, dst: server } : { src: server, dst: seen }),
        id: choice.below(65_536),
        ttl: choice.pick([64, 64, 64, 2]),
      };
      const payload = text(choice.pick([0, 1, 8, 40]));
      const packet = choice.pick<() => Uint8Array>([
        () =>
          gre(ip, {
            flags: choice.pick([0, 0, 0x2000, 0x3000, 0x8000]),
            version: choice.pick([0, 0, 0, 1, 1, 2, 7]),
            callId: choice.pick([0, 5, 6]),
            ...(choice.oneIn(6) ? { protocol: choice.pick([0x880b, 0x0800, 0x6558]) } : {}),
            payload,
          }),
        () =>
          udplite(ip, {
            ...(up ? { sport: choice.pick([4000, 4001]), dport: 53 } : { sport: 53, dport: choice.pick([4000, 4001]) }),
            payload,
            pseudoProtocol: choice.pick([17, 136]),
            ...(choice.oneIn(2) ? { coverage: choice.pick([0, 8, 8, 7, 12, 16, 9, 4, 1000]) } : {}),
            ...(choice.oneIn(12) ? { checksum: "none" as const } : {}),
            ...(choice.oneIn(12) ? { checksumError: 1 } : {}),
          }),
      ])();
      // Headers cut short.
      const cut = choice.oneIn(15) ? packet.slice(0, 20 + choice.below(12)) : packet;
      if (cut !== packet) {
        cut[2] = 0;
        cut[3] = cut.length;
        repairChecksums(cut);
      }
      return up ? lan(cut) : wan(cut);
    });
    return {
      devices: DEVICES,
      sysctl: {
        ...FORWARDING,
        ...(choice.oneIn(5) ? { "net.netfilter.nf_conntrack_checksum": "0" } : {}),
      },
      setup: [ROUTE, loaded(tool, [...setup, ...stateCounters(tool)])],
      steps,
      finally: closing(tool),
    };
  },
};
