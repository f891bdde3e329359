/**
 * Frames of both families through a bridge inside the router: forwarded, flooded, rewritten, refused and in fragments.
 */
import type { Choice } from "../choice.js";
import { ACK, echo, FIN, ipv4, PSH, RST, SYN, tcp, text, udp } from "../packets.js";
import { echo6, fragmentHeader, ipv6, options6, PAYLOAD_6, tcp6, udp6 } from "../packets6.js";
import type { PacketStep } from "../scenario.js";
import { BRIDGE_4, BRIDGE_6, type BridgeFamily, bridgeSetup } from "./bridge.js";
import { cuts, shuffled } from "./fragments.js";
import { closing, type Kind, lan, loaded, wan } from "./router.js";

/** Ends of a packet. */
export interface Between {
  readonly src: string;
  readonly dst: string;
}

/** What a packet holds: UDP, TCP or an echo, of either family. */
export function whole(
  choice: Choice,
  { src, dst }: Between,
  ports: readonly [number, number],
  v6: boolean,
): Uint8Array {
  const payload = text(choice.pick([0, 8, 40, 600, 1232, 1400, 1452, 1460]));
  const [sport, dport] = ports;
  const ip = { src, dst, id: choice.pick([0, 7]) };
  switch (choice.below(5)) {
    case 0: {
      const flags = choice.pick([SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST]);
      const fields = {
        sport,
        dport,
        seq: choice.pick([1000, 1001]),
        ack: 9001,
        flags,
        payload: payload.slice(0, 1440),
      };
      return v6 ? tcp6(ip, { ...fields, payload: payload.slice(0, 1400) }) : tcp(ip, fields);
    }
    case 1:
      return v6
        ? echo6(ip, sport, 1, choice.oneIn(2), payload.slice(0, 1452))
        : echo(ip, sport, 1, choice.oneIn(2), payload);
    default: {
      if (v6) {
        const extensions = choice.oneIn(8)
          ? [choice.pick([options6(0), options6(60), options6(0, [5, 2, 0, 0]), options6(0, [0xc2, 4, 0, 1, 0, 0])])]
          : [];
        const payloadLength = extensions.length > 0 && choice.oneIn(4) ? { payloadLength: 0 } : {};
        return udp6({ ...ip, extensions, ...payloadLength }, { sport, dport, payload: payload.slice(0, 1428) });
      }
      return udp(ip, { sport, dport, payload });
    }
  }
}

/** A datagram in fragments, cut anywhere, at times out of order or with one missing. */
export function inFragments(
  choice: Choice,
  { src, dst }: Between,
  [sport, dport]: readonly [number, number],
  v6: boolean,
  id: number,
): Uint8Array[] {
  const payload = text(choice.pick([24, 600, 1500, 2800]));
  const datagram = v6
    ? udp6({ src, dst }, { sport, dport, payload }).slice(PAYLOAD_6)
    : udp({ src, dst, id }, { sport, dport, payload }).slice(20);
  const at = choice.oneIn(3) ? cuts(choice, datagram.length) : evenCuts(choice, datagram.length);
  const ends = [...at, datagram.length];
  const df = choice.oneIn(4);
  let parts = ends.map((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1];
    const more = i < ends.length - 1;
    const piece = datagram.slice(from, end);
    return v6
      ? ipv6({ src, dst, extensions: [fragmentHeader(from, more, id)] }, 17, piece)
      : ipv4({ src, dst, id, protocol: 17, offset: from >> 3, mf: more, df }, piece);
  });
  if (choice.oneIn(4)) parts = shuffled(choice, parts);
  if (choice.oneIn(8)) parts.splice(choice.below(parts.length), 1);
  return parts.filter((part) => part.length <= 1500);
}

/** Cuts as a sender makes them: pieces of one size. */
function evenCuts(choice: Choice, length: number): number[] {
  const size = choice.pick([496, 1232, 1280, 1448]);
  return Array.from({ length: Math.max(0, Math.ceil(length / size) - 1) }, (_, i) => (i + 1) * size);
}

/** Rules that look at bridged frames, judge them, or write into them. */
export function rules(choice: Choice, tool: string, family: BridgeFamily): string[] {
  const v6 = family === BRIDGE_6;
  const [first, second, up] = family.servers;
  const reset = "-p tcp -j REJECT --reject-with tcp-reset";
  const port = (): number => choice.pick([2000, 2001]);
  const at = (address: string): string => (v6 ? `[${address}]` : address);
  const some: readonly (() => string)[] = [
    () => `-t raw -A PREROUTING -m physdev --physdev-in p${choice.below(3)} -j CT --notrack`,
    () => `-t raw -A PREROUTING -i br0 -j CT --zone ${choice.pick([1, 5])}`,
    () => `-t mangle -A PREROUTING -i br0 -m physdev --physdev-in p0 -j MARK --set-mark 5`,
    () => `-t mangle -A FORWARD -m physdev --physdev-out p1 -j ${v6 ? "HL --hl-set 9" : "TTL --ttl-set 9"}`,
    () => `-t mangle -A POSTROUTING -m physdev --physdev-is-bridged -j DSCP --set-dscp 10`,
    () =>
      `-t nat -A PREROUTING -i br0 -p udp --dport ${port()} -j DNAT --to-destination ${at(choice.pick([first, second, up]))}:${port()}`,
    () => `-t nat -A PREROUTING -i br0 -p tcp --dport ${port()} -j DNAT --to-destination ${at(second)}`,
    () => `-t nat -A PREROUTING -i br0 -p udp --dport ${port()} -j REDIRECT --to-ports 53`,
    () => `-t nat -A POSTROUTING -o br0 -m physdev --physdev-is-bridged -j SNAT --to-source ${family.alias}`,
    () => `-t nat -A POSTROUTING -o br0 -m physdev --physdev-is-bridged -p udp -j MASQUERADE`,
    () => `-A FORWARD -m physdev --physdev-is-bridged ${choice.pick([reset, `-p udp --dport ${port()} -j REJECT`])}`,
    () => `-A FORWARD -m physdev --physdev-out p2 -j DROP`,
    () => `-A FORWARD -i br0 -m physdev ! --physdev-is-bridged -j ACCEPT`,
    () => `-A FORWARD -i br0 -o br0 -m conntrack --ctstate INVALID -j DROP`,
    () => `-A INPUT -i br0 ${choice.pick([reset, "-m physdev --physdev-in p0 -j REJECT", "-j DROP"])}`,
    () => `-A FORWARD -m mac --mac-source 02:00:00:00:00:1${choice.below(2)}`,
    () => `-A FORWARD -i br0 -m length --length 1200:`,
  ];
  return choice.times(choice.below(6), () => `${tool} ${choice.pick(some)()}`);
}

export const BRIDGES: Kind = {
  name: "bridges",
  about: "frames that cross a bridge of either family: filtered, rewritten, flooded, refused, in fragments",
  make(choice) {
    const family = choice.pick([BRIDGE_4, BRIDGE_6]);
    const v6 = family === BRIDGE_6;
    const tool = `${v6 ? "ip6tables" : "iptables"}${choice.pick(["-legacy", "-legacy", ""])}`;
    const fromClient = (): Between => ({
      src: family.client,
      dst: choice.pick([...family.servers, family.servers[0]]),
    });
    const fromServer = (): Between => ({
      src: choice.pick([...family.servers]),
      dst: choice.pick([family.client, family.client, family.alias]),
    });
    const steps: PacketStep[] = [];
    for (let i = choice.between(4, 40); i > 0; i--) {
      const client = !choice.oneIn(3);
      const ends = client ? fromClient() : fromServer();
      const ports: readonly [number, number] = client
        ? [choice.pick([1000, 1001]), choice.pick([2000, 2001])]
        : [choice.pick([2000, 2001, 53]), choice.pick([1000, 1001])];
      const packets = choice.oneIn(4)
        ? inFragments(choice, ends, ports, v6, choice.pick([7, 100 + i]))
        : [whole(choice, ends, ports, v6)];
      steps.push(...packets.map(client ? lan : wan));
    }
    const counters = [
      ...["PREROUTING", "POSTROUTING"].map((chain) => `${tool} -t mangle -A ${chain} -m physdev --physdev-is-in`),
      ...["p0", "p1", "p2"].flatMap((port) => [
        `${tool} -A FORWARD -m physdev --physdev-in ${port}`,
        `${tool} -A FORWARD -m physdev --physdev-out ${port}`,
      ]),
      `${tool} -A FORWARD -i br0 -m conntrack --ctstate NEW`,
      `${tool} -A FORWARD -i br0 -m conntrack --ctstate ESTABLISHED`,
      `${tool} -A INPUT -m physdev --physdev-is-in`,
    ];
    const outside = choice.oneIn(6) ? [] : [`${tool} -t raw -A PREROUTING ! -i br0 -j CT --notrack`];
    const mtu = choice.oneIn(4) ? [`ip link set p${choice.below(3)} mtu ${choice.pick([1280, 1400])}`] : [];
    const off = choice.oneIn(8) ? [`sysctl -w net.bridge.bridge-nf-call-${v6 ? "ip6tables" : "iptables"}=0`] : [];
    return {
      devices: family.devices,
      setup: [
        ...bridgeSetup(family, choice.oneIn(2)),
        ...mtu,
        loaded(tool, [...outside, ...counters, ...rules(choice, tool, family)]),
        ...off,
      ],
      steps,
      finally: [...closing(tool), "bridge fdb show br br0 | grep -v -e self -e permanent"],
    };
  },
};
